/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSC's module, whose PINs have ways of their own. As it comes, it cannot unblock a PIN with the
 * PUK on most cards: its configuration decides that. Only the worker's own process is configured.
 * One thread.
 */
#pragma once

#include <glib.h>

/* What a module is. */
typedef enum TbOpensc {
    TB_OPENSC_NOT,      /* another module */
    TB_OPENSC_UNKNOWN,  /* OpenSC's, configured by somebody else: C_SetPIN without a login changes
                           the  PIN, or unblocks it */
    TB_OPENSC_UNBLOCKS, /* OpenSC's, configured by us: it unblocks */
} TbOpensc;

/* To be called before the module is loaded and the sandbox entered. Does nothing for a module that
 * is not OpenSC's, or when somebody has configured its PKCS#11 side. */
void tb_opensc_configure(const char *module_path);

/* manufacturer: CK_INFO's, blank-padded, of the loaded module. */
TbOpensc tb_opensc_kind(const unsigned char *manufacturer);

/* The text of opensc.conf with what we need, or NULL when it must be left alone. */
char *tb_opensc_extend(const char *text);
