/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: the names of PKCS#11's numbers, for the script and the record. Test code only; no
 * state.
 */
#pragma once

#include <glib.h>
#include <p11-kit/pkcs11.h>

typedef enum TtNames {
    TT_NAMES_RV,        /* CKR_... */
    TT_NAMES_MECHANISM, /* CKM_... */
    TT_NAMES_ATTRIBUTE, /* CKA_... */
    TT_NAMES_FLAG,      /* CKF_... of CK_TOKEN_INFO */
} TtNames;

/* The number of a name, or of "0x80000001" (a maker's own); FALSE when it is neither. */
gboolean tt_names_number(TtNames table, const char *name, CK_ULONG *out_number);

/* The name of a number, or its hexadecimal; free with g_free. */
char *tt_names_name(TtNames table, CK_ULONG number);
