/* SPDX-License-Identifier: Apache-2.0
 *
 * Secret bytes: the only type that may hold a PIN. They lie in the OpenSSL secure heap (locked, not
 * dumped), are of a fixed capacity, cannot be copied, and are cleansed when freed.
 * Not thread-safe: one secret belongs to one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TB_PIN_MAX 255 /* bytes */

typedef struct TbSecret TbSecret;

/* Sets up the secure heap; call once, early in main. False when there is none, or it could not be
 * locked into memory (*out_locked says which: NULL is allowed). Without it tb_secret_new fails. */
bool tb_secret_init(bool *out_locked);

/* An empty secret for up to capacity bytes; NULL when the secure heap is full or not set up. */
TbSecret *tb_secret_new(size_t capacity);

/* Cleanses and frees; NULL is allowed. */
void tb_secret_free(TbSecret *secret);

const unsigned char *
tb_secret_data(const TbSecret *secret); /* borrowed; NUL follows the last byte */
size_t tb_secret_length(const TbSecret *secret);

/* Inserts bytes at an offset; false, and nothing changed, when they do not fit or offset > length.
 */
bool tb_secret_insert(TbSecret *secret, size_t offset, const void *bytes, size_t length);

/* Removes bytes [offset, offset + length), cut to what is there; what is freed is cleansed. */
void tb_secret_erase(TbSecret *secret, size_t offset, size_t length);

void tb_secret_clear(TbSecret *secret);

/* Reads from fd until a newline (which is dropped), the end, or capacity bytes; straight into the
 * secure heap. Blocks for at most timeout_ms (-1: for ever). False on a read error, on a timeout,
 * or when more than capacity bytes come. */
bool tb_secret_read(TbSecret *secret, int fd, int timeout_ms);

/* Writes all bytes to fd; false on a write error. */
bool tb_secret_write(const TbSecret *secret, int fd);
