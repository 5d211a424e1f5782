/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: the one state of the module: the script that holds now, what is in the slots, and the
 * sessions. All of it belongs to whoever holds the lock. Test code only.
 */
#pragma once

#include <glib.h>
#include <p11-kit/pkcs11.h>

#include "tests/token/script.h"

#define TT_NOBODY ((CK_USER_TYPE)-1) /* no CKU_... */

/* What the script does not say of a slot, because it changes with use. */
typedef struct TtPresence {
    CK_SLOT_ID slot;
    guint generation; /* another number is another insertion, or another token */
    gboolean removed; /* by a fault, until the script is read again */
    gboolean event;   /* not yet told by C_WaitForSlotEvent */
    CK_USER_TYPE login;
    gboolean so_was_right; /* setting "opensc_inits": not told at the login */
} TtPresence;

typedef struct TtModule {
    TtScript *script; /* NULL until it is first read */
    gboolean initialised;
    gboolean told_first; /* slot_events "initial" */
    guint generations;
    GPtrArray *presences; /* TtPresence, for each slot that was ever there */
    GPtrArray *sessions;  /* TtSession, see sessions.h */
    CK_SESSION_HANDLE last_session;
} TtModule;

/* Takes the lock, and reads the script if it is new. */
TtModule *tt_module_lock(void);
void tt_module_unlock(void);

/* Lets others in for a while. Pointers from before are not valid afterwards. */
void tt_module_pause(guint64 ms);

TtPresence *tt_module_presence(TtModule *module, CK_SLOT_ID slot);

/* CKR_SLOT_ID_INVALID when there is no such slot. */
CK_RV tt_module_slot(TtModule *module, CK_SLOT_ID id, TtSlot **out_slot);

/* As above; CKR_TOKEN_NOT_PRESENT when it is empty. */
CK_RV tt_module_token(TtModule *module, CK_SLOT_ID id, TtToken **out_token);

/* Takes the token out. */
void tt_module_remove(TtModule *module, CK_SLOT_ID slot);

/* C_Initialize, and C_Finalize. */
CK_RV tt_module_initialise(TtModule *module, const CK_C_INITIALIZE_ARGS *args);
CK_RV tt_module_finalise(TtModule *module, const void *reserved);
