/* SPDX-License-Identifier: Apache-2.0
 *
 * Which certificate was used last for an origin, so that the dialog can offer it first. Kept in the
 * user's state directory as two digests, which tell a reader of the file nothing by themselves.
 * Losing the file loses nothing but this comfort, so failures are logged and otherwise ignored.
 */
#pragma once

#include <glib.h>

/* The certificate's id (SHA-256 hex), or NULL. */
char *tb_last_used_get(const char *origin);

void tb_last_used_set(const char *origin, const char *certificate_id);

/* What keeps them; both words are SHA-256 in hex, key that of the origin. */
typedef struct TbLastUsedStore {
    char *(*get)(const char *key); /* NULL: unknown */
    void (*set)(const char *key, const char *certificate_id);
} TbLastUsedStore;

/* The user's file, as it is used in the beginning. */
extern const TbLastUsedStore tb_last_used_file;

/* What is used from now on: a process that may not touch files (the host in its sandbox) has
 * another do it. */
void tb_last_used_set_store(const TbLastUsedStore *other);

gboolean tb_last_used_is_digest(const char *word);
