/* SPDX-License-Identifier: Apache-2.0
 *
 * One dialog at a time for a user, across browsers: a lock on a file in the user's runtime
 * directory. The kernel drops it when the process ends, however it ends.
 */
#pragma once

#include <glib.h>

typedef struct TbDialogLock TbDialogLock;

/* The lock, or NULL with `busy` when another process (or this one) holds it. */
TbDialogLock *tb_dialog_lock_take(GError **error);

void tb_dialog_lock_free(TbDialogLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbDialogLock, tb_dialog_lock_free)
