/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: what happens around each C_* function: the script is looked at, faults come to pass,
 * the call is recorded. A function is written as
 *
 *     TtCall call;
 *     if (tt_call_begin_session(&call, "C_X", session))
 *         call.rv = ... call.use ...;         the lock is held here
 *     return tt_call_end(&call);
 *
 * Test code only.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <p11-kit/pkcs11.h>

#include "tests/token/sessions.h"

typedef struct TtCall {
    const char *name;
    TtModule *module; /* valid between begin and end, when begin said TRUE */
    TtScript *script;
    gboolean has_slot;
    CK_SLOT_ID slot;
    GPtrArray *due;  /* TtFault */
    json_t *details; /* for the record; NULL: none yet */
    TtUse use;       /* after tt_call_begin_session */
    gboolean entered;
    CK_RV rv;
} TtCall;

/* For functions without slot, for those of a slot, and for those of a session. FALSE: rv is the
 * answer already. All but C_Initialize and C_GetFunctionList need an initialised module. */
gboolean tt_call_begin(TtCall *call, const char *name);
gboolean tt_call_begin_slot(TtCall *call, const char *name, CK_SLOT_ID slot);
gboolean tt_call_begin_session(TtCall *call, const char *name, CK_SESSION_HANDLE session);

/* As tt_call_begin_session, for C_GetAttributeValue. */
gboolean tt_call_begin_attributes(TtCall *call, CK_SESSION_HANDLE session,
                                  const CK_ATTRIBUTE *attributes, CK_ULONG count);

/* Adds to the record; takes value. */
void tt_call_detail(TtCall *call, const char *member, json_t *value);

/* Gives up the lock for a while inside a call of a session; afterwards use is set anew. FALSE: the
 * session has gone meanwhile, and rv says so. */
gboolean tt_call_pause(TtCall *call, guint64 ms);

/* Gives the lock up, does what is to be done after the call, and returns the answer. */
CK_RV tt_call_end(TtCall *call);

/* As tt_call_end; then "length" faults change *count (may be NULL), and "wrong_signature" flips a
 * bit of bytes (may be NULL). */
CK_RV tt_call_end_length(TtCall *call, CK_ULONG *count, CK_BYTE *bytes);

/* As tt_call_end_length, for the lengths of all attributes, or of the fault's. */
CK_RV tt_call_end_attributes(TtCall *call, CK_ATTRIBUTE *attributes, CK_ULONG count);

/* Whether a "null_list" fault is due. */
gboolean tt_call_has_null_list(const TtCall *call);
