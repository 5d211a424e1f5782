/* SPDX-License-Identifier: Apache-2.0
 *
 * One dialog at a time for a user, across browsers: a lock on a file in the user's runtime
 * directory. The kernel drops it when the process ends, however it ends.
 */
#pragma once

#include <glib.h>

typedef struct TbDialogLock TbDialogLock;

/* Opens the lock's file, making it and its directory where they are missing; -1 and error. */
int tb_dialog_lock_open(GError **error);

/* Who opens it from now on; tb_dialog_lock_open() in the beginning. A process that may make no file
 * (the host in its sandbox) has it opened by another: a lock belongs to the open file, whoever
 * opened it. Opened when it is needed, not once at the start: the file may be taken away and made
 * anew meanwhile, and then two would each have a lock. */
void tb_dialog_lock_set_opener(int (*opener)(GError **error));

/* The lock, or NULL with `busy` when another process (or this one) holds it. */
TbDialogLock *tb_dialog_lock_take(GError **error);

void tb_dialog_lock_free(TbDialogLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbDialogLock, tb_dialog_lock_free)
