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
