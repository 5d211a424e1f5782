/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: the C_* functions of the module, its slots and tokens (PKCS#11 2.40, 5.4 and 5.5).
 * Test code only.
 */
#include <string.h>

#include "tests/token/call.h"
#include "tests/token/functions.h"

#define EVENT_POLL_MS 20 /* how often a blocking C_WaitForSlotEvent looks at the script */

/* The one function that others see. */
__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    TtCall call;

    if (tt_call_begin(&call, "C_GetFunctionList")) {
        call.rv = list ? CKR_OK : CKR_ARGUMENTS_BAD;
        if (list)
            *list = tt_call_has_null_list(&call) ? NULL : tt_functions();
    }
    return tt_call_end(&call);
}

CK_RV
C_Initialize(void *args)
{
    TtCall call;

    if (tt_call_begin(&call, "C_Initialize"))
        call.rv = tt_module_initialise(call.module, args);
    return tt_call_end(&call);
}

CK_RV
C_Finalize(void *reserved)
{
    TtCall call;

    if (tt_call_begin(&call, "C_Finalize"))
        call.rv = tt_module_finalise(call.module, reserved);
    return tt_call_end(&call);
}

CK_RV
C_GetInfo(CK_INFO *info)
{
    TtCall call;

    if (tt_call_begin(&call, "C_GetInfo")) {
        call.rv = info ? CKR_OK : CKR_ARGUMENTS_BAD;
        if (info)
            *info = call.module->script->info;
    }
    return tt_call_end(&call);
}

static gboolean
is_present(TtModule *module, CK_SLOT_ID slot)
{
    TtToken *token = NULL;

    return tt_module_token(module, slot, &token) == CKR_OK;
}

static CK_RV
list_slots(TtModule *module, gboolean only_present, CK_SLOT_ID *list, CK_ULONG *inout_count)
{
    CK_ULONG room;
    CK_ULONG count = 0;

    if (!inout_count)
        return CKR_ARGUMENTS_BAD;
    room = *inout_count;
    for (guint i = 0; i < module->script->slots->len; i++) {
        const TtSlot *slot = g_ptr_array_index(module->script->slots, i);

        if (only_present && !is_present(module, slot->id))
            continue;
        if (list && count < room)
            list[count] = slot->id;
        count++;
    }
    *inout_count = count;
    return list && count > room ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

CK_RV
C_GetSlotList(CK_BBOOL token_present, CK_SLOT_ID *list, CK_ULONG *count)
{
    TtCall call;

    if (tt_call_begin(&call, "C_GetSlotList"))
        call.rv = list_slots(call.module, token_present != CK_FALSE, list, count);
    return tt_call_end_length(&call, count, NULL);
}

CK_RV
C_GetSlotInfo(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
    TtCall call;
    TtSlot *slot = NULL;

    if (tt_call_begin_slot(&call, "C_GetSlotInfo", id)) {
        call.rv = info ? tt_module_slot(call.module, id, &slot) : CKR_ARGUMENTS_BAD;
        if (call.rv == CKR_OK) {
            *info = slot->info;
            if (!is_present(call.module, id))
                info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
        }
    }
    return tt_call_end(&call);
}

CK_RV
C_GetTokenInfo(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
    TtCall call;
    TtToken *token = NULL;

    if (tt_call_begin_slot(&call, "C_GetTokenInfo", id)) {
        call.rv = info ? tt_module_token(call.module, id, &token) : CKR_ARGUMENTS_BAD;
        if (call.rv == CKR_OK) {
            *info = token->info;
            info->flags |= tt_pin_flags(&token->pins) | token->flags_on;
            info->flags &= ~token->flags_off;
            tt_session_counts(call.module, id, info);
        }
    }
    return tt_call_end(&call);
}

/* A slot with an event that was not told yet; its event is then told. */
static gboolean
take_event(TtModule *module, CK_SLOT_ID *out_slot)
{
    if (module->script->events == TT_EVENTS_INITIAL && !module->told_first &&
        module->script->slots->len > 0) {
        module->told_first = TRUE;
        *out_slot = ((TtSlot *)g_ptr_array_index(module->script->slots, 0))->id;
        return TRUE;
    }
    for (guint i = 0; i < module->presences->len; i++) {
        TtPresence *presence = g_ptr_array_index(module->presences, i);

        if (!presence->event)
            continue;
        presence->event = FALSE;
        *out_slot = presence->slot;
        return TRUE;
    }
    return FALSE;
}

static CK_RV
wait_for_event(TtModule *module, CK_FLAGS flags, CK_SLOT_ID *out_slot)
{
    gboolean block = !(flags & CKF_DONT_BLOCK);

    if (!out_slot)
        return CKR_ARGUMENTS_BAD;
    if (module->script->events == TT_EVENTS_NO ||
        (block && module->script->events == TT_EVENTS_POLL_ONLY))
        return CKR_FUNCTION_NOT_SUPPORTED;
    while (!take_event(module, out_slot)) {
        if (!block)
            return CKR_NO_EVENT;
        tt_module_pause(EVENT_POLL_MS);
        if (!module->initialised)
            return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    return CKR_OK;
}

CK_RV
C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
    TtCall call;

    if (tt_call_begin(&call, "C_WaitForSlotEvent"))
        call.rv = wait_for_event(call.module, flags, slot);
    return tt_call_end(&call);
}

static CK_RV
list_mechanisms(const TtToken *token, CK_MECHANISM_TYPE *list, CK_ULONG *inout_count)
{
    CK_ULONG room;

    if (!inout_count)
        return CKR_ARGUMENTS_BAD;
    room = *inout_count;
    *inout_count = token->mechanisms->len;
    if (!list)
        return CKR_OK;
    if (room < token->mechanisms->len)
        return CKR_BUFFER_TOO_SMALL;
    for (guint i = 0; i < token->mechanisms->len; i++)
        list[i] = g_array_index(token->mechanisms, CK_MECHANISM_TYPE, i);
    return CKR_OK;
}

CK_RV
C_GetMechanismList(CK_SLOT_ID id, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    TtCall call;
    TtToken *token = NULL;

    if (tt_call_begin_slot(&call, "C_GetMechanismList", id)) {
        call.rv = tt_module_token(call.module, id, &token);
        if (call.rv == CKR_OK)
            call.rv = list_mechanisms(token, list, count);
    }
    return tt_call_end_length(&call, count, NULL);
}

static CK_RV
describe_mechanism(const TtToken *token, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    if (!info)
        return CKR_ARGUMENTS_BAD;
    for (guint i = 0; i < token->mechanisms->len; i++) {
        if (g_array_index(token->mechanisms, CK_MECHANISM_TYPE, i) != type)
            continue;
        *info = (CK_MECHANISM_INFO){.ulMinKeySize = 256, .ulMaxKeySize = 4096, .flags = CKF_SIGN};
        return CKR_OK;
    }
    return CKR_MECHANISM_INVALID;
}

CK_RV
C_GetMechanismInfo(CK_SLOT_ID id, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    TtCall call;
    TtToken *token = NULL;

    if (tt_call_begin_slot(&call, "C_GetMechanismInfo", id)) {
        call.rv = tt_module_token(call.module, id, &token);
        if (call.rv == CKR_OK)
            call.rv = describe_mechanism(token, type, info);
    }
    return tt_call_end(&call);
}
