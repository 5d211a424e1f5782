/* SPDX-License-Identifier: Apache-2.0
 *
 * The guard around libp11: see libp11-guard.h. A module's functions have no context argument, so
 * what they forward to is static.
 */
#include "host/worker/libp11-guard.h"

#define DEAD_SESSION (CK_UNAVAILABLE_INFORMATION - 1) /* no module's handle */

static const CK_FUNCTION_LIST *module_functions;
static CK_FUNCTION_LIST guarded;

static CK_RV
open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
             CK_SESSION_HANDLE *session)
{
    if (module_functions->C_OpenSession(slot, flags, application, notify, session) != CKR_OK)
        *session = DEAD_SESSION;
    return CKR_OK;
}

/* The first that libp11 does in a session. */
static CK_RV
find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    if (session == DEAD_SESSION)
        return CKR_SESSION_HANDLE_INVALID;
    return module_functions->C_FindObjectsInit(session, attributes, count);
}

gboolean
tb_libp11_guard(PKCS11_CTX *context, CK_FUNCTION_LIST *functions)
{
    /* The private part of a context begins with the function list, in all versions so far; that the
     * list is there is the proof. */
    CK_FUNCTION_LIST **calls = context->_private;

    if (!calls || *calls != functions)
        return FALSE;
    guarded = *functions;
    guarded.C_OpenSession = open_session;
    guarded.C_FindObjectsInit = find_objects_init;
    module_functions = functions;
    *calls = &guarded;
    return TRUE;
}
