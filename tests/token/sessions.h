/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: sessions, logins and searches, as PKCS#11 2.40, 5.6 and 5.7 have them. All under the
 * module's lock. Test code only.
 */
#pragma once

#include <glib.h>
#include <p11-kit/pkcs11.h>

#include "tests/token/module.h"

typedef struct TtSignature {
    gboolean active;
    gboolean needs_login; /* context-specific, before the signature */
    CK_MECHANISM_TYPE mechanism;
    CK_RSA_PKCS_PSS_PARAMS pss;
    EVP_PKEY *key;
    GByteArray *parts; /* from C_SignUpdate */
} TtSignature;

typedef struct TtSession {
    CK_SESSION_HANDLE handle;
    CK_SLOT_ID slot;
    guint generation; /* of the slot when it was opened */
    gboolean writable;
    GArray *found; /* CK_OBJECT_HANDLE; NULL: no search is active */
    guint found_next;
    TtSignature signature;
} TtSession;

/* A session with all that it stands on; valid until the lock is given up. */
typedef struct TtUse {
    TtModule *module;
    TtSession *session;
    TtPresence *presence;
    TtToken *token;
} TtUse;

void tt_session_free(TtSession *session);

CK_RV tt_session_open(TtModule *module, CK_SLOT_ID slot, CK_FLAGS flags,
                      CK_SESSION_HANDLE *out_handle);
CK_RV tt_session_close(TtModule *module, CK_SESSION_HANDLE handle);
CK_RV tt_session_close_all(TtModule *module, CK_SLOT_ID slot);

/* The slot of a session, even of one whose token has gone. */
gboolean tt_session_slot(TtModule *module, CK_SESSION_HANDLE handle, CK_SLOT_ID *out_slot);

/* CKR_SESSION_HANDLE_INVALID, or the slot's "removed" when the token has gone. */
CK_RV tt_session_use(TtModule *module, CK_SESSION_HANDLE handle, TtUse *out_use);

CK_RV tt_session_info(const TtUse *use, CK_SESSION_INFO *out_info);
void tt_session_counts(const TtModule *module, CK_SLOT_ID slot, CK_TOKEN_INFO *info);

/* pin NULL: the key pad, if there is one; the time it takes has passed. */
CK_RV tt_session_login(const TtUse *use, CK_USER_TYPE user, const void *pin, CK_ULONG length);
CK_RV tt_session_logout(const TtUse *use);
CK_RV tt_session_set_pin(const TtUse *use, const void *old_pin, CK_ULONG old_length,
                         const void *new_pin, CK_ULONG new_length);
CK_RV tt_session_init_pin(const TtUse *use, const void *pin, CK_ULONG length);

/* Whose PIN C_SetPIN changes now. */
CK_USER_TYPE tt_session_pin_owner(const TtUse *use);

/* CKR_OBJECT_HANDLE_INVALID for one that is not there, not visible, or of an earlier insertion. */
CK_RV tt_session_object(const TtUse *use, CK_OBJECT_HANDLE handle, const TtObject **out_object);

CK_RV tt_session_find_init(const TtUse *use, const CK_ATTRIBUTE *attributes, CK_ULONG count);
CK_RV tt_session_find(const TtUse *use, CK_OBJECT_HANDLE *handles, CK_ULONG max,
                      CK_ULONG *out_count);
CK_RV tt_session_find_final(const TtUse *use);
