/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: what the kinds of tokens need to set themselves up: folders, files, daemons.
 * Everything lies in the namespaces' own folder. Test code only; one thread.
 */
#pragma once

#include <glib.h>

/* The path of something in the namespaces' folder; it is not freed before the program ends. */
const char *tb_tools_path(const char *name);

/* The lab's file of a person: "certificate", "der", "private_key". */
const char *tb_tools_person(const char *user, const char *member);

/* The DER of the authority that issued everybody's certificate, and of the root. */
const char *tb_tools_intermediate(void);
const char *tb_tools_root(void);

void tb_tools_write(const char *path, const char *text);
void tb_tools_make_folder(const char *path);

/* Makes the folder to a copy of the other, whatever was in it. */
void tb_tools_copy(const char *from, const char *to);

/* Why not, when one of these files (up to a NULL) is not there; else NULL. */
const char *tb_tools_missing(const char *const *paths, const char *packages);

/* Starts a daemon that stays in the foreground; arguments up to a NULL. What it says goes to
 * NAME.log in the folder. */
GPid tb_tools_start(const char *name, const char *program, ...) G_GNUC_NULL_TERMINATED;

/* Ends it, by force if need be; or waits until it has gone into the background by itself. */
void tb_tools_stop(GPid *inout_pid);
void tb_tools_wait_background(GPid *inout_pid);

/* Waits until somebody listens at this path, or at this TCP port of 127.0.0.1; fails when that
 * takes long. The kernel is asked, not the daemon: pkcsslotd dies of a client that goes at once. */
void tb_tools_wait_socket(const char *path);
void tb_tools_wait_port(guint16 port);

/* Puts a person's certificate on a token so that it shows only after a login, with p11tool:
 * pkcs11-tool cannot do that to certificates. */
void tb_tools_put_private(const char *module, const char *label, const char *pin, const char *user,
                          const char *id);

/* What a program says on standard output; fails unless it exits 0. g_free it. */
char *tb_tools_output(const char *program, ...) G_GNUC_NULL_TERMINATED;
