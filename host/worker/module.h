/* SPDX-License-Identifier: Apache-2.0
 *
 * One PKCS#11 module in this process, seen through both layers: libp11 (context, slots,
 * certificates) and bare Cryptoki (all else). This is the only unit that knows that there are two,
 * and in what order they must be used and freed. A module is a maker's code: what it answers is
 * checked, and what it does to the process is why the worker is a process of its own. One thread.
 */
#pragma once

#include <glib.h>
#include <p11-kit/pkcs11.h>

#include "host/worker/slot.h"

typedef struct TbModule TbModule;

/* path is absolute; init_args (may be NULL) is what the module gets as pReserved of C_Initialize.
 * Nothing is loaded yet. */
TbModule *tb_module_new(const char *path, const char *init_args);

/* Closes all sessions, finalises the module, frees. Every TbSlot must be gone before. */
void tb_module_free(TbModule *module);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbModule, tb_module_free)

/* Loads and initialises the module unless that is done. Tries again each time it is called after a
 * failure. Errors: module_failed with the loader's or the module's own reason. */
gboolean tb_module_load(TbModule *module, GError **error);

/* Finalises and initialises again: some modules (SoftHSM, some of OpenSC's readers) see a new token
 * only so. No session may be open. */
gboolean tb_module_reinitialise(TbModule *module, GError **error);

/* The module's functions; borrowed, NULL before it is loaded. */
const CK_FUNCTION_LIST *tb_module_functions(const TbModule *module);

/* C_GetInfo's answer; all zero before the module is loaded. */
const CK_INFO *tb_module_info(const TbModule *module);

/* A cheap look at what is there: slots, token infos, whether a session opens, how many
 * certificates. A slot that fails never fails the look. Errors: module_failed. */
gboolean tb_module_look(TbModule *module, GPtrArray **out_slots, GError **error);

/* Fills certificates, key_ids and mechanisms of each slot of a fresh look. A token that fails gets
 * its fault. */
void tb_module_read(TbModule *module, GPtrArray *slots);
