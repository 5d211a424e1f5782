/* SPDX-License-Identifier: Apache-2.0
 *
 * Standard base64 with padding (RFC 4648, 4), strict: no white space, no URL alphabet, no missing
 * padding, no stray bits. One byte string has exactly one spelling.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* NUL-terminated text, allocated with malloc; NULL when memory is out. */
char *tb_base64_encode(const void *data, size_t length);

/* Decodes length characters. Returns bytes allocated with malloc (never NULL for an empty text) and
 * sets *out_length; NULL when text is not strict base64 or memory is out. */
unsigned char *tb_base64_decode(const char *text, size_t length, size_t *out_length);

/* Whether text is strict base64, without decoding it into memory. */
bool tb_base64_check(const char *text, size_t length);
