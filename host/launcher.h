/* SPDX-License-Identifier: Apache-2.0
 *
 * The launcher: a process that does for the host what the host itself may not do once it is in its
 * sandbox. It starts and ends the host's child processes, opens the dialog lock's file, and keeps
 * the last used certificates. It is forked from the host before the host reads its first byte from
 * the browser, holds nothing of the browser's, and ends with the host, taking all that it started
 * along.
 *
 * The host is not trusted: it can only point at commands that were named before the fork.
 */
#pragma once

#include "host/process.h"

/* Before tb_launcher_fork(): that this command may be started. All is copied. */
void tb_launcher_allow(const TbCommand *command);

/* Forks the launcher. From then on tb_child_start(), the dialog lock and the last used certificates
 * go through it. To be called while there is one thread and before there is a main context. lost is
 * called, from the main context, when the launcher has gone; every child has been reported as gone
 * by then. */
gboolean tb_launcher_fork(void (*lost)(gpointer data), gpointer data, GError **error);
