/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: faults, the entries of "faults" in the script (script.h describes them). Choosing is
 * done under the module's lock, acting without it. Test code only.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <p11-kit/pkcs11.h>

typedef enum TtAction {
    TT_ACTION_RETURN,
    TT_ACTION_SLEEP,
    TT_ACTION_HANG,
    TT_ACTION_SEGV,
    TT_ACTION_ABORT,
    TT_ACTION_EXIT,
    TT_ACTION_PRINT,
    TT_ACTION_REMOVE,
    TT_ACTION_LENGTH,
    TT_ACTION_WRONG_SIGNATURE,
    TT_ACTION_NULL_LIST,
} TtAction;

typedef struct TtFault {
    char *call; /* "C_Sign", or "*" */
    gboolean on_slot;
    CK_SLOT_ID slot;
    gboolean on_attribute;
    CK_ATTRIBUTE_TYPE attribute;
    guint64 nth;  /* 0: not asked for */
    guint64 from; /* from this call on */
    gboolean after;
    TtAction action;
    CK_RV rv;
    guint64 ms;
    int status;
    char *text;
    CK_ULONG value;
    guint64 seen; /* calls that matched since the script was read */
} TtFault;

/* Calls that a fault matches or not. */
typedef struct TtOccasion {
    const char *call;
    gboolean has_slot;
    CK_SLOT_ID slot;
    const CK_ATTRIBUTE *attributes; /* of C_GetAttributeValue; else NULL */
    CK_ULONG attribute_count;
} TtOccasion;

TtFault *tt_fault_parse(json_t *entry, const char *where);
void tt_fault_free(TtFault *fault);

/* Counts the occasion, and returns those of the faults (TtFault) that are due; borrowed from
 * faults, in their order. */
GPtrArray *tt_faults_due(GPtrArray *faults, const TtOccasion *occasion);

/* Whether it happens in place of the call, and lets nobody come back. */
gboolean tt_fault_is_final(const TtFault *fault);

/* For the record: "hang", "segv" ... */
const char *tt_fault_word(const TtFault *fault);

/* Does what a fault does to the process: sleep, hang, segv, abort, exit, print. */
void tt_fault_act(const TtFault *fault);
