/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: the C_* functions of sessions, PINs, objects and signatures (PKCS#11 2.40, 5.5 to
 * 5.7 and 5.11). Test code only.
 */
#include <string.h>

#include "tests/token/call.h"
#include "tests/token/functions.h"
#include "tests/token/names.h"
#include "tests/token/record.h"
#include "tests/token/sign.h"

CK_RV
C_OpenSession(CK_SLOT_ID id, CK_FLAGS flags, void *application, CK_NOTIFY notify,
              CK_SESSION_HANDLE *session)
{
    TtCall call;

    if (tt_call_begin_slot(&call, "C_OpenSession", id))
        call.rv = tt_session_open(call.module, id, flags, session);
    return tt_call_end(&call);
}

/* Also of a session whose token has gone: what is left of it goes too. */
CK_RV
C_CloseSession(CK_SESSION_HANDLE session)
{
    TtCall call;
    TtModule *module = tt_module_lock();
    CK_SLOT_ID slot = 0;
    gboolean known = tt_session_slot(module, session, &slot);

    tt_module_unlock();
    if (known ? tt_call_begin_slot(&call, "C_CloseSession", slot)
              : tt_call_begin(&call, "C_CloseSession"))
        call.rv = tt_session_close(call.module, session);
    return tt_call_end(&call);
}

CK_RV
C_CloseAllSessions(CK_SLOT_ID id)
{
    TtCall call;

    if (tt_call_begin_slot(&call, "C_CloseAllSessions", id))
        call.rv = tt_session_close_all(call.module, id);
    return tt_call_end(&call);
}

CK_RV
C_GetSessionInfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
    TtCall call;

    if (tt_call_begin_session(&call, "C_GetSessionInfo", session))
        call.rv = tt_session_info(&call.use, info);
    return tt_call_end(&call);
}

/* Before the try, which may change the PIN. */
static void
detail_pin(TtCall *call, CK_USER_TYPE user, const void *pin, CK_ULONG length)
{
    static const char *const names[] = {
        [CKU_SO] = "so", [CKU_USER] = "user", [CKU_CONTEXT_SPECIFIC] = "context"};

    if (user < G_N_ELEMENTS(names))
        tt_call_detail(call, "user", json_string(names[user]));
    if (!pin) {
        tt_call_detail(call, "pad", json_boolean(call->use.token->has_pad));
        return;
    }
    tt_call_detail(call, "pin_length", json_integer((json_int_t)length));
    tt_call_detail(call, "right",
                   json_boolean(tt_pin_is_right(&call->use.token->pins, user, pin, length)));
    tt_call_detail(call, "pin_number", json_integer(tt_record_pin_number(pin, length)));
}

/* The time that somebody takes at the key pad. */
static gboolean
use_pad(TtCall *call, const void *pin)
{
    return pin || !call->use.token->has_pad || tt_call_pause(call, call->use.token->pad_ms);
}

CK_RV
C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG length)
{
    TtCall call;

    if (tt_call_begin_session(&call, "C_Login", session)) {
        detail_pin(&call, user, pin, length);
        if (use_pad(&call, pin))
            call.rv = tt_session_login(&call.use, user, pin, length);
    }
    return tt_call_end(&call);
}

CK_RV
C_Logout(CK_SESSION_HANDLE session)
{
    TtCall call;

    if (tt_call_begin_session(&call, "C_Logout", session))
        call.rv = tt_session_logout(&call.use);
    return tt_call_end(&call);
}

CK_RV
C_SetPIN(CK_SESSION_HANDLE session, CK_UTF8CHAR *old_pin, CK_ULONG old_length, CK_UTF8CHAR *new_pin,
         CK_ULONG new_length)
{
    TtCall call;

    if (tt_call_begin_session(&call, "C_SetPIN", session)) {
        detail_pin(&call, tt_session_pin_owner(&call.use), old_pin, old_length);
        if (new_pin)
            tt_call_detail(&call, "new_length", json_integer((json_int_t)new_length));
        if (use_pad(&call, old_pin))
            call.rv = tt_session_set_pin(&call.use, old_pin, old_length, new_pin, new_length);
    }
    return tt_call_end(&call);
}

CK_RV
C_InitPIN(CK_SESSION_HANDLE session, CK_UTF8CHAR *pin, CK_ULONG length)
{
    TtCall call;

    if (tt_call_begin_session(&call, "C_InitPIN", session)) {
        if (pin)
            tt_call_detail(&call, "new_length", json_integer((json_int_t)length));
        if (use_pad(&call, pin))
            call.rv = tt_session_init_pin(&call.use, pin, length);
    }
    return tt_call_end(&call);
}

CK_RV
C_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE *attributes,
                    CK_ULONG count)
{
    TtCall call;
    const TtObject *object = NULL;

    if (tt_call_begin_attributes(&call, session, attributes, count)) {
        call.rv = tt_session_object(&call.use, handle, &object);
        if (call.rv == CKR_OK)
            call.rv = tt_object_get(object, attributes, count);
    }
    return tt_call_end_attributes(&call, attributes, count);
}

CK_RV
C_FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    TtCall call;

    if (tt_call_begin_session(&call, "C_FindObjectsInit", session))
        call.rv = tt_session_find_init(&call.use, attributes, count);
    return tt_call_end(&call);
}

CK_RV
C_FindObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *handles, CK_ULONG max, CK_ULONG *count)
{
    TtCall call;

    if (tt_call_begin_session(&call, "C_FindObjects", session))
        call.rv = tt_session_find(&call.use, handles, max, count);
    return tt_call_end_length(&call, count, NULL);
}

CK_RV
C_FindObjectsFinal(CK_SESSION_HANDLE session)
{
    TtCall call;

    if (tt_call_begin_session(&call, "C_FindObjectsFinal", session))
        call.rv = tt_session_find_final(&call.use);
    return tt_call_end(&call);
}

CK_RV
C_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    TtCall call;

    if (tt_call_begin_session(&call, "C_SignInit", session)) {
        g_autofree char *name =
            mechanism ? tt_names_name(TT_NAMES_MECHANISM, mechanism->mechanism) : NULL;

        tt_call_detail(&call, "mechanism", name ? json_string(name) : json_null());
        call.rv = tt_sign_init(&call.use, mechanism, key);
    }
    return tt_call_end(&call);
}

CK_RV
C_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_length, CK_BYTE *signature,
       CK_ULONG *length)
{
    TtCall call;

    if (tt_call_begin_session(&call, "C_Sign", session))
        call.rv = tt_sign(&call.use.session->signature, data, data_length, signature, length);
    return tt_call_end_length(&call, length, signature);
}

CK_RV
C_SignUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG length)
{
    TtCall call;

    if (tt_call_begin_session(&call, "C_SignUpdate", session))
        call.rv = tt_sign_update(&call.use.session->signature, part, length);
    return tt_call_end(&call);
}

CK_RV
C_SignFinal(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG *length)
{
    TtCall call;

    if (tt_call_begin_session(&call, "C_SignFinal", session))
        call.rv = tt_sign(&call.use.session->signature, NULL, 0, signature, length);
    return tt_call_end_length(&call, length, signature);
}
