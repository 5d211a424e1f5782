/* SPDX-License-Identifier: Apache-2.0
 *
 * The sandboxes of our own processes (the worker's, around a maker's module, is in sandbox.h). Each
 * is entered for good, for all threads and children to come, before the process reads anything from
 * its peers; what the kernel does not offer is logged and gone without.
 */
#pragma once

#include <glib.h>

/* The host: no program, process or thread started, no socket made, no other process looked into or
 * sent a signal, no file written, made or removed, none read but the system's, no code loaded.
 * Before any thread. */
void tb_sandbox_enter_host(void);

/* tokenbridge-readers: no program started, no file written, made or removed, no socket but of this
 * machine (AF_UNIX). Before any thread. */
void tb_sandbox_enter_readers(void);

/* A prompt: nothing that looks into other processes, none of the user's files written but caches.
 * Programs may be started: pinentry is one. Before any thread. */
void tb_sandbox_enter_prompt(void);

/* From now on no program is started, by any thread. */
void tb_sandbox_forbid_programs(void);
