/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: sessions: see sessions.h. Test code only.
 */
#include "tests/token/sessions.h"

#include <string.h>

#include "tests/token/sign.h"

#define INDEX_BITS 20 /* of an object's handle; the rest is the generation */

void
tt_session_free(TtSession *session)
{
    g_clear_pointer(&session->found, g_array_unref);
    tt_sign_clear(&session->signature);
    g_free(session);
}

static TtSession *
find_session(TtModule *module, CK_SESSION_HANDLE handle)
{
    for (guint i = 0; i < module->sessions->len; i++) {
        TtSession *session = g_ptr_array_index(module->sessions, i);

        if (session->handle == handle)
            return session;
    }
    return NULL;
}

CK_RV
tt_session_open(TtModule *module, CK_SLOT_ID slot, CK_FLAGS flags, CK_SESSION_HANDLE *out_handle)
{
    TtToken *token = NULL;
    TtPresence *presence;
    TtSession *session;
    CK_RV rv = tt_module_token(module, slot, &token);

    if (rv != CKR_OK)
        return rv;
    if (!out_handle)
        return CKR_ARGUMENTS_BAD;
    if (!(flags & CKF_SERIAL_SESSION))
        return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
    if (!(token->info.flags & CKF_TOKEN_INITIALIZED))
        return CKR_TOKEN_NOT_RECOGNIZED;
    presence = tt_module_presence(module, slot);
    if (presence->login == CKU_SO && !(flags & CKF_RW_SESSION))
        return CKR_SESSION_READ_WRITE_SO_EXISTS;
    session = g_new0(TtSession, 1);
    session->handle = ++module->last_session;
    session->slot = slot;
    session->generation = presence->generation;
    session->writable = (flags & CKF_RW_SESSION) != 0;
    g_ptr_array_add(module->sessions, session);
    *out_handle = session->handle;
    return CKR_OK;
}

/* The login ends with the last session (5.6.2). */
static void
forget_login(TtModule *module, CK_SLOT_ID slot)
{
    for (guint i = 0; i < module->sessions->len; i++) {
        if (((TtSession *)g_ptr_array_index(module->sessions, i))->slot == slot)
            return;
    }
    tt_module_presence(module, slot)->login = TT_NOBODY;
}

CK_RV
tt_session_close(TtModule *module, CK_SESSION_HANDLE handle)
{
    TtUse use;
    CK_RV rv = tt_session_use(module, handle, &use);
    TtSession *session = find_session(module, handle);
    CK_SLOT_ID slot;

    if (!session)
        return rv;
    slot = session->slot;
    g_ptr_array_remove_fast(module->sessions, session);
    forget_login(module, slot);
    return rv;
}

CK_RV
tt_session_close_all(TtModule *module, CK_SLOT_ID slot)
{
    TtToken *token = NULL;
    CK_RV rv = tt_module_token(module, slot, &token);

    for (guint i = module->sessions->len; i > 0; i--) {
        if (((TtSession *)g_ptr_array_index(module->sessions, i - 1))->slot == slot)
            g_ptr_array_remove_index_fast(module->sessions, i - 1);
    }
    if (rv == CKR_OK)
        forget_login(module, slot);
    return rv;
}

gboolean
tt_session_slot(TtModule *module, CK_SESSION_HANDLE handle, CK_SLOT_ID *out_slot)
{
    const TtSession *session = find_session(module, handle);

    if (session)
        *out_slot = session->slot;
    return session != NULL;
}

CK_RV
tt_session_use(TtModule *module, CK_SESSION_HANDLE handle, TtUse *out_use)
{
    TtSession *session = find_session(module, handle);
    TtSlot *slot = NULL;
    TtUse use = {.module = module, .session = session};

    if (!session || tt_module_slot(module, session->slot, &slot) != CKR_OK)
        return CKR_SESSION_HANDLE_INVALID;
    use.presence = tt_module_presence(module, session->slot);
    if (use.presence->generation != session->generation ||
        tt_module_token(module, session->slot, &use.token) != CKR_OK)
        return slot->removed;
    *out_use = use;
    return CKR_OK;
}

CK_RV
tt_session_info(const TtUse *use, CK_SESSION_INFO *out_info)
{
    gboolean writable = use->session->writable;

    if (!out_info)
        return CKR_ARGUMENTS_BAD;
    memset(out_info, 0, sizeof *out_info);
    out_info->slotID = use->session->slot;
    out_info->flags = CKF_SERIAL_SESSION | (writable ? CKF_RW_SESSION : 0);
    if (use->presence->login == CKU_SO)
        out_info->state = CKS_RW_SO_FUNCTIONS;
    else if (use->presence->login == CKU_USER)
        out_info->state = writable ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
    else
        out_info->state = writable ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
    return CKR_OK;
}

void
tt_session_counts(const TtModule *module, CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    info->ulSessionCount = info->ulRwSessionCount = 0;
    for (guint i = 0; i < module->sessions->len; i++) {
        const TtSession *session = g_ptr_array_index(module->sessions, i);

        if (session->slot != slot)
            continue;
        info->ulSessionCount++;
        info->ulRwSessionCount += session->writable ? 1 : 0;
    }
}

/* One try with the PIN, or with what is entered on the key pad. */
static CK_RV
try_pin(const TtUse *use, CK_USER_TYPE user, const void *pin, CK_ULONG length)
{
    const TtToken *token = use->token;

    if (pin || !token->has_pad)
        return tt_pin_try(&token->pins, user, tt_pin_is_right(&token->pins, user, pin, length));
    if (token->pad_rv != CKR_OK)
        return token->pad_rv;
    switch (token->pad_result) {
    case TT_PAD_OK:
        return tt_pin_try(&token->pins, user, TRUE);
    case TT_PAD_WRONG:
        return tt_pin_try(&token->pins, user, FALSE);
    case TT_PAD_CANCEL:
        return CKR_FUNCTION_CANCELED;
    case TT_PAD_TIMEOUT:
        return CKR_FUNCTION_FAILED;
    case TT_PAD_FAILURE:
        break;
    }
    return CKR_DEVICE_ERROR;
}

static CK_RV
context_login(const TtUse *use, const void *pin, CK_ULONG length)
{
    TtSignature *signature = &use->session->signature;
    CK_RV rv;

    if (!signature->active || !signature->needs_login)
        return CKR_OPERATION_NOT_INITIALIZED;
    rv = try_pin(use, CKU_CONTEXT_SPECIFIC, pin, length);
    if (rv == CKR_OK)
        signature->needs_login = FALSE;
    return rv;
}

static gboolean
has_read_only_session(const TtUse *use)
{
    for (guint i = 0; i < use->module->sessions->len; i++) {
        const TtSession *session = g_ptr_array_index(use->module->sessions, i);

        if (session->slot == use->session->slot && !session->writable)
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_opensc(const TtUse *use)
{
    return use->token->pins.setting >= TT_PIN_SETTING_OPENSC;
}

CK_RV
tt_session_login(const TtUse *use, CK_USER_TYPE user, const void *pin, CK_ULONG length)
{
    CK_RV rv;

    if (user == CKU_CONTEXT_SPECIFIC)
        return context_login(use, pin, length);
    if (user != CKU_USER && user != CKU_SO)
        return CKR_USER_TYPE_INVALID;
    if (use->presence->login == user)
        return CKR_USER_ALREADY_LOGGED_IN;
    if (use->presence->login != TT_NOBODY)
        return CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
    if (user == CKU_SO && has_read_only_session(use))
        return CKR_SESSION_READ_ONLY_EXISTS;
    if (user == CKU_SO && is_opensc(use)) {
        if (use->token->pins.setting != TT_PIN_SETTING_OPENSC_INITS)
            return CKR_GENERAL_ERROR;
        use->presence->so_was_right = tt_pin_is_right(&use->token->pins, user, pin, length);
        use->presence->login = user;
        return CKR_OK;
    }
    rv = try_pin(use, user, pin, length);
    if (rv == CKR_OK)
        use->presence->login = user;
    return rv;
}

CK_RV
tt_session_logout(const TtUse *use)
{
    if (use->presence->login == TT_NOBODY)
        return CKR_USER_NOT_LOGGED_IN;
    use->presence->login = TT_NOBODY;
    return CKR_OK;
}

CK_USER_TYPE
tt_session_pin_owner(const TtUse *use)
{
    return use->presence->login == CKU_SO ? CKU_SO : CKU_USER;
}

/* On a key pad the new PIN is typed there too; the script gives none, so the old one stays. */
static CK_RV
set_new_pin(const TtUse *use, CK_USER_TYPE user, const void *pin, CK_ULONG length)
{
    if (!pin)
        return use->token->has_pad ? CKR_OK : CKR_ARGUMENTS_BAD;
    return tt_pin_set(&use->token->pins, user, pin, length);
}

/* Whose PIN C_SetPIN wants to see. */
static CK_USER_TYPE
shown_pin(const TtUse *use)
{
    if (use->presence->login == TT_NOBODY &&
        use->token->pins.setting == TT_PIN_SETTING_OPENSC_UNBLOCKS)
        return CKU_SO;
    return tt_session_pin_owner(use);
}

CK_RV
tt_session_set_pin(const TtUse *use, const void *old_pin, CK_ULONG old_length, const void *new_pin,
                   CK_ULONG new_length)
{
    CK_USER_TYPE user = tt_session_pin_owner(use);
    CK_RV rv;

    if (!use->session->writable)
        return CKR_SESSION_READ_ONLY;
    if (use->presence->login == TT_NOBODY && use->token->pins.setting == TT_PIN_SETTING_LOGGED_IN)
        return CKR_USER_NOT_LOGGED_IN;
    rv = try_pin(use, shown_pin(use), old_pin, old_length);
    return rv == CKR_OK ? set_new_pin(use, user, new_pin, new_length) : rv;
}

CK_RV
tt_session_init_pin(const TtUse *use, const void *pin, CK_ULONG length)
{
    if (!use->session->writable)
        return CKR_SESSION_READ_ONLY;
    if (use->presence->login != CKU_SO)
        return CKR_USER_NOT_LOGGED_IN;
    if (is_opensc(use)) {
        CK_RV rv = tt_pin_try(&use->token->pins, CKU_SO, use->presence->so_was_right);

        if (rv != CKR_OK)
            return rv;
    }
    return set_new_pin(use, CKU_USER, pin, length);
}

static gboolean
is_visible(const TtUse *use, const TtObject *object)
{
    return !object->is_private || use->presence->login == CKU_USER ||
           !(use->token->info.flags & CKF_LOGIN_REQUIRED);
}

CK_RV
tt_session_object(const TtUse *use, CK_OBJECT_HANDLE handle, const TtObject **out_object)
{
    CK_ULONG index = handle & ((1UL << INDEX_BITS) - 1);
    const TtObject *object;

    if (handle >> INDEX_BITS != use->presence->generation || index == 0 ||
        index > use->token->objects->len)
        return CKR_OBJECT_HANDLE_INVALID;
    object = g_ptr_array_index(use->token->objects, index - 1);
    if (!is_visible(use, object))
        return CKR_OBJECT_HANDLE_INVALID;
    *out_object = object;
    return CKR_OK;
}

CK_RV
tt_session_find_init(const TtUse *use, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    TtSession *session = use->session;

    if (session->found)
        return CKR_OPERATION_ACTIVE;
    if (!attributes && count > 0)
        return CKR_ARGUMENTS_BAD;
    session->found = g_array_new(FALSE, FALSE, sizeof(CK_OBJECT_HANDLE));
    session->found_next = 0;
    for (guint i = 0; i < use->token->objects->len; i++) {
        const TtObject *object = g_ptr_array_index(use->token->objects, i);
        CK_OBJECT_HANDLE handle =
            (CK_OBJECT_HANDLE)use->presence->generation << INDEX_BITS | (i + 1);

        if (is_visible(use, object) && tt_object_matches(object, attributes, count))
            g_array_append_val(session->found, handle);
    }
    return CKR_OK;
}

CK_RV
tt_session_find(const TtUse *use, CK_OBJECT_HANDLE *handles, CK_ULONG max, CK_ULONG *out_count)
{
    TtSession *session = use->session;
    CK_ULONG count = 0;

    if (!session->found)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (!out_count || (!handles && max > 0))
        return CKR_ARGUMENTS_BAD;
    while (count < max && session->found_next < session->found->len)
        handles[count++] = g_array_index(session->found, CK_OBJECT_HANDLE, session->found_next++);
    *out_count = count;
    return CKR_OK;
}

CK_RV
tt_session_find_final(const TtUse *use)
{
    if (!use->session->found)
        return CKR_OPERATION_NOT_INITIALIZED;
    g_clear_pointer(&use->session->found, g_array_unref);
    return CKR_OK;
}
