/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: around each function: see call.h. Test code only.
 */
#include "tests/token/call.h"

#include <string.h>

#include "tests/token/names.h"
#include "tests/token/record.h"

static void
write_record(const TtCall *call, const char *result)
{
    if (tt_record_wants(call->script, call->name))
        tt_record_write(call->script, call->name, call->has_slot, call->slot, result,
                        call->details);
}

static void
remove_token(const TtCall *call, const TtFault *fault)
{
    if (fault->on_slot || call->has_slot)
        tt_module_remove(call->module, fault->on_slot ? fault->slot : call->slot);
}

/* What happens before the call, in order. The lock is held on entry and on return, not while
 * something takes time. FALSE when a fault answers in place of the call. */
static gboolean
act_before(TtCall *call)
{
    for (guint i = 0; i < call->due->len; i++) {
        const TtFault *fault = g_ptr_array_index(call->due, i);

        if (fault->after)
            continue;
        if (fault->action == TT_ACTION_REMOVE)
            remove_token(call, fault);
        if (fault->action == TT_ACTION_RETURN) {
            call->rv = fault->rv;
            return FALSE;
        }
        if (tt_fault_is_final(fault))
            write_record(call, tt_fault_word(fault));
        tt_module_unlock();
        tt_fault_act(fault);
        call->module = tt_module_lock();
    }
    return TRUE;
}

/* With the lock held. The script of the call stays the one it began with, even when a new one comes
 * meanwhile: its faults are being acted on. */
static gboolean
enter(TtCall *call, const TtOccasion *occasion, gboolean needs_initialised)
{
    call->script = tt_script_ref(call->module->script);
    call->due = tt_faults_due(call->script->faults, occasion);
    call->entered = act_before(call);
    if (call->entered && needs_initialised && !call->module->initialised) {
        call->rv = CKR_CRYPTOKI_NOT_INITIALIZED;
        call->entered = FALSE;
    }
    if (!call->entered)
        tt_module_unlock();
    return call->entered;
}

static gboolean
needs_initialised(const char *name)
{
    return strcmp(name, "C_Initialize") != 0 && strcmp(name, "C_GetFunctionList") != 0;
}

static void
start(TtCall *call, const char *name)
{
    memset(call, 0, sizeof *call);
    call->name = name;
    call->module = tt_module_lock();
}

gboolean
tt_call_begin(TtCall *call, const char *name)
{
    const TtOccasion occasion = {.call = name};

    start(call, name);
    return enter(call, &occasion, needs_initialised(name));
}

gboolean
tt_call_begin_slot(TtCall *call, const char *name, CK_SLOT_ID slot)
{
    const TtOccasion occasion = {.call = name, .has_slot = TRUE, .slot = slot};

    start(call, name);
    call->has_slot = TRUE;
    call->slot = slot;
    return enter(call, &occasion, TRUE);
}

static gboolean
begin_session(TtCall *call, TtOccasion *occasion, CK_SESSION_HANDLE session)
{
    start(call, occasion->call);
    call->has_slot = tt_session_slot(call->module, session, &call->slot);
    occasion->has_slot = call->has_slot;
    occasion->slot = call->slot;
    if (!enter(call, occasion, TRUE))
        return FALSE;
    call->rv = tt_session_use(call->module, session, &call->use);
    if (call->rv == CKR_OK)
        return TRUE;
    tt_module_unlock();
    call->entered = FALSE;
    return FALSE;
}

gboolean
tt_call_begin_session(TtCall *call, const char *name, CK_SESSION_HANDLE session)
{
    TtOccasion occasion = {.call = name};

    return begin_session(call, &occasion, session);
}

gboolean
tt_call_begin_attributes(TtCall *call, CK_SESSION_HANDLE session, const CK_ATTRIBUTE *attributes,
                         CK_ULONG count)
{
    TtOccasion occasion = {
        .call = "C_GetAttributeValue", .attributes = attributes, .attribute_count = count};

    return begin_session(call, &occasion, session);
}

void
tt_call_detail(TtCall *call, const char *member, json_t *value)
{
    if (!call->details)
        call->details = json_object();
    json_object_set_new(call->details, member, value);
}

gboolean
tt_call_pause(TtCall *call, guint64 ms)
{
    CK_SESSION_HANDLE session = call->use.session->handle;

    tt_module_pause(ms);
    call->rv = tt_session_use(call->module, session, &call->use);
    return call->rv == CKR_OK;
}

static void
act_after(TtCall *call)
{
    for (guint i = 0; i < call->due->len; i++) {
        const TtFault *fault = g_ptr_array_index(call->due, i);

        if (!fault->after)
            continue;
        if (fault->action == TT_ACTION_RETURN)
            call->rv = fault->rv;
        if (fault->action == TT_ACTION_REMOVE) {
            call->module = tt_module_lock();
            remove_token(call, fault);
            tt_module_unlock();
        }
        if (tt_fault_is_final(fault))
            write_record(call, tt_fault_word(fault));
        tt_fault_act(fault);
    }
}

static void
finish(TtCall *call)
{
    g_autofree char *result = NULL;

    if (call->entered)
        tt_module_unlock();
    act_after(call);
    result = tt_names_name(TT_NAMES_RV, call->rv);
    write_record(call, result);
}

static void
clear(TtCall *call)
{
    g_clear_pointer(&call->due, g_ptr_array_unref);
    g_clear_pointer(&call->details, json_decref);
    g_clear_pointer(&call->script, tt_script_unref);
}

CK_RV
tt_call_end(TtCall *call)
{
    finish(call);
    clear(call);
    return call->rv;
}

CK_RV
tt_call_end_length(TtCall *call, CK_ULONG *count, CK_BYTE *bytes)
{
    CK_ULONG length = count ? *count : 0;

    finish(call);
    for (guint i = 0; i < call->due->len; i++) {
        const TtFault *fault = g_ptr_array_index(call->due, i);

        if (fault->action == TT_ACTION_WRONG_SIGNATURE && call->entered && call->rv == CKR_OK &&
            bytes && length > 0)
            bytes[length / 2] ^= 1;
        if (fault->action == TT_ACTION_LENGTH && count)
            *count = fault->value;
    }
    clear(call);
    return call->rv;
}

CK_RV
tt_call_end_attributes(TtCall *call, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    finish(call);
    for (guint i = 0; i < call->due->len; i++) {
        const TtFault *fault = g_ptr_array_index(call->due, i);

        for (CK_ULONG j = 0; fault->action == TT_ACTION_LENGTH && j < count; j++) {
            if (!fault->on_attribute || attributes[j].type == fault->attribute)
                attributes[j].ulValueLen = fault->value;
        }
    }
    clear(call);
    return call->rv;
}

gboolean
tt_call_has_null_list(const TtCall *call)
{
    for (guint i = 0; i < call->due->len; i++) {
        if (((TtFault *)g_ptr_array_index(call->due, i))->action == TT_ACTION_NULL_LIST)
            return TRUE;
    }
    return FALSE;
}
