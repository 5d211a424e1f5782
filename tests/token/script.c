/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: the script: see script.h. Test code only.
 */
#include "tests/token/script.h"

#include <string.h>

#include "tests/token/reader.h"

typedef struct Place {
    const char *folder;
    const char *state_path;
} Place;

static void
token_free(TtToken *token)
{
    if (!token)
        return;
    tt_pin_clear(&token->pins);
    g_array_unref(token->mechanisms);
    g_ptr_array_unref(token->objects);
    g_free(token);
}

static void
slot_free(gpointer data)
{
    TtSlot *slot = data;

    token_free(slot->token);
    g_free(slot);
}

static CK_FLAGS
read_flags(json_t *entry, const char *where, const char *member)
{
    json_t *list = tt_read_array(entry, where, member);
    CK_FLAGS flags = 0;
    json_t *name;
    gsize index;

    json_array_foreach (list, index, name) {
        CK_ULONG flag = 0;

        if (!json_is_string(name) ||
            !tt_names_number(TT_NAMES_FLAG, json_string_value(name), &flag))
            tt_fail(where, "\"%s\" has an entry that is no flag of a token", member);
        flags |= flag;
    }
    return flags;
}

static GArray *
read_mechanisms(json_t *entry, const char *where)
{
    static const CK_MECHANISM_TYPE usual[] = {CKM_RSA_PKCS, CKM_RSA_PKCS_PSS, CKM_ECDSA, CKM_EDDSA};
    GArray *mechanisms = g_array_new(FALSE, FALSE, sizeof(CK_MECHANISM_TYPE));
    json_t *list = tt_read_array(entry, where, "mechanisms");
    json_t *name;
    gsize index;

    if (!list)
        g_array_append_vals(mechanisms, usual, G_N_ELEMENTS(usual));
    json_array_foreach (list, index, name) {
        CK_ULONG type = 0;

        if (!json_is_string(name) ||
            !tt_names_number(TT_NAMES_MECHANISM, json_string_value(name), &type))
            tt_fail(where, "\"mechanisms\" has an entry that is no mechanism");
        g_array_append_val(mechanisms, type);
    }
    return mechanisms;
}

static void
read_pad(TtToken *token, json_t *entry, const char *where)
{
    static const char *const members[] = {"result", "ms", "rv", NULL};
    static const char *const results[] = {
        [TT_PAD_OK] = "ok",           [TT_PAD_WRONG] = "wrong",     [TT_PAD_CANCEL] = "cancel",
        [TT_PAD_TIMEOUT] = "timeout", [TT_PAD_FAILURE] = "failure", NULL,
    };
    json_t *pad = json_object_get(entry, "pin_pad");

    if (!pad || json_is_null(pad))
        return;
    tt_read_only(pad, where, members);
    token->has_pad = TRUE;
    token->pad_result = (TtPadResult)tt_read_choice(pad, where, "result", results);
    token->pad_ms = tt_read_integer(pad, where, "ms", 0);
    token->pad_rv = tt_read_number(pad, where, "rv", TT_NAMES_RV, CKR_OK);
}

static void
read_token_info(TtToken *token, json_t *entry, const char *where)
{
    CK_TOKEN_INFO *info = &token->info;

    tt_read_padded(entry, where, "label", "Token", info->label, sizeof info->label);
    tt_read_padded(entry, where, "serial", "1", info->serialNumber, sizeof info->serialNumber);
    tt_read_padded(entry, where, "manufacturer", "Tokenbridge tests", info->manufacturerID,
                   sizeof info->manufacturerID);
    tt_read_padded(entry, where, "model", "Test token", info->model, sizeof info->model);
    memset(info->utcTime, ' ', sizeof info->utcTime);
    info->ulMaxSessionCount = CK_EFFECTIVELY_INFINITE;
    info->ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
    info->ulTotalPublicMemory = info->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
    info->ulTotalPrivateMemory = info->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
    info->hardwareVersion = info->firmwareVersion = (CK_VERSION){1, 0};
    info->ulMinPinLen = token->pins.min;
    info->ulMaxPinLen = token->pins.max;
    if (tt_read_boolean(entry, where, "initialised", TRUE))
        info->flags |= CKF_TOKEN_INITIALIZED;
    if (tt_read_boolean(entry, where, "login_required", TRUE))
        info->flags |= CKF_LOGIN_REQUIRED;
    if (token->has_pad)
        info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
}

static TtToken *
read_token(json_t *entry, const char *where, const Place *place)
{
    static const char *const members[] = {"label",
                                          "serial",
                                          "manufacturer",
                                          "model",
                                          "insertion",
                                          "initialised",
                                          "flags_on",
                                          "flags_off",
                                          "pin",
                                          "so_pin",
                                          "context_pin",
                                          "pin_sha256",
                                          "so_pin_sha256",
                                          "context_pin_sha256",
                                          "pins",
                                          "tries",
                                          "so_tries",
                                          "pin_set",
                                          "to_be_changed",
                                          "min_pin",
                                          "max_pin",
                                          "digits_only",
                                          "setting",
                                          "state_key",
                                          "pin_pad",
                                          "login_required",
                                          "mechanisms",
                                          "objects",
                                          NULL};
    TtToken *token = g_new0(TtToken, 1);
    json_t *serial = json_object_get(entry, "serial");
    json_t *objects;
    json_t *object;
    gsize index;

    tt_read_only(entry, where, members);
    token->pins = tt_pin_parse(
        entry, where, json_is_string(serial) ? json_string_value(serial) : "1", place->state_path);
    read_pad(token, entry, where);
    read_token_info(token, entry, where);
    token->insertion = tt_read_integer(entry, where, "insertion", 0);
    token->flags_on = read_flags(entry, where, "flags_on");
    token->flags_off = read_flags(entry, where, "flags_off");
    token->mechanisms = read_mechanisms(entry, where);
    token->objects = tt_objects_new();
    objects = tt_read_array(entry, where, "objects");
    json_array_foreach (objects, index, object) {
        g_autofree char *at = g_strdup_printf("%s.objects[%" G_GSIZE_FORMAT "]", where, index);

        tt_objects_append(token->objects, object, at, place->folder);
    }
    return token;
}

static TtSlot *
read_slot(json_t *entry, const char *where, const Place *place)
{
    static const char *const members[] = {"id", "reader", "token", "removed", NULL};
    TtSlot *slot = g_new0(TtSlot, 1);
    g_autofree char *reader = NULL;
    g_autofree char *at = g_strconcat(where, ".token", NULL);
    json_t *token;

    tt_read_only(entry, where, members);
    slot->id = tt_read_integer(entry, where, "id", 0);
    slot->removed =
        tt_read_number(entry, where, "removed", TT_NAMES_RV, CKR_SESSION_HANDLE_INVALID);
    reader = g_strdup_printf("Reader %lu", slot->id);
    tt_read_padded(entry, where, "reader", reader, slot->info.slotDescription,
                   sizeof slot->info.slotDescription);
    tt_read_padded(entry, where, "", "Tokenbridge tests", slot->info.manufacturerID,
                   sizeof slot->info.manufacturerID);
    slot->info.flags = CKF_REMOVABLE_DEVICE | CKF_HW_SLOT;
    token = json_object_get(entry, "token");
    if (token && !json_is_null(token)) {
        slot->token = read_token(token, at, place);
        slot->info.flags |= CKF_TOKEN_PRESENT;
    }
    return slot;
}

static void
read_lists(TtScript *script, json_t *root, const Place *place)
{
    json_t *slots = tt_read_array(root, "script", "slots");
    json_t *faults = tt_read_array(root, "script", "faults");
    json_t *entry;
    gsize index;

    script->slots = g_ptr_array_new_with_free_func(slot_free);
    json_array_foreach (slots, index, entry) {
        g_autofree char *where = g_strdup_printf("slots[%" G_GSIZE_FORMAT "]", index);

        g_ptr_array_add(script->slots, read_slot(entry, where, place));
    }
    script->faults = g_ptr_array_new_with_free_func((GDestroyNotify)tt_fault_free);
    json_array_foreach (faults, index, entry) {
        g_autofree char *where = g_strdup_printf("faults[%" G_GSIZE_FORMAT "]", index);

        g_ptr_array_add(script->faults, tt_fault_parse(entry, where));
    }
}

static char *
in_folder(const char *folder, const char *name)
{
    return g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(folder, name, NULL);
}

TtScript *
tt_script_read(const char *path)
{
    static const char *const members[] = {"log",          "log_all",     "state",
                                          "slots",        "faults",      "slot_events",
                                          "manufacturer", "description", NULL};
    static const char *const events[] = {
        [TT_EVENTS_YES] = "yes",
        [TT_EVENTS_INITIAL] = "initial",
        [TT_EVENTS_POLL_ONLY] = "poll_only",
        [TT_EVENTS_NO] = "no",
        NULL,
    };
    TtScript *script = g_atomic_rc_box_new0(TtScript);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *base = g_path_get_basename(path);
    g_autofree char *state = g_strconcat(base, ".state", NULL);
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    const char *log;
    Place place = {.folder = folder};

    if (!root)
        tt_fail(path, "line %d: %s", error.line, error.text);
    tt_read_only(root, "script", members);
    log = tt_read_string(root, "script", "log", NULL);
    script->log_path = log ? in_folder(folder, log) : NULL;
    script->log_all = tt_read_boolean(root, "script", "log_all", FALSE);
    script->state_path = in_folder(folder, tt_read_string(root, "script", "state", state));
    script->events = (TtEvents)tt_read_choice(root, "script", "slot_events", events);
    tt_read_padded(root, "script", "manufacturer", "Tokenbridge tests", script->info.manufacturerID,
                   sizeof script->info.manufacturerID);
    tt_read_padded(root, "script", "description", "Test token", script->info.libraryDescription,
                   sizeof script->info.libraryDescription);
    script->info.cryptokiVersion = (CK_VERSION){2, 40};
    script->info.libraryVersion = (CK_VERSION){1, 0};
    place.state_path = script->state_path;
    read_lists(script, root, &place);
    json_decref(root);
    return script;
}

TtScript *
tt_script_ref(TtScript *script)
{
    return g_atomic_rc_box_acquire(script);
}

static void
script_clear(gpointer data)
{
    TtScript *script = data;

    g_free(script->log_path);
    g_free(script->state_path);
    g_ptr_array_unref(script->slots);
    g_ptr_array_unref(script->faults);
}

void
tt_script_unref(TtScript *script)
{
    if (script)
        g_atomic_rc_box_release_full(script, script_clear);
}

TtSlot *
tt_script_slot(const TtScript *script, CK_SLOT_ID id)
{
    for (guint i = 0; i < script->slots->len; i++) {
        TtSlot *slot = g_ptr_array_index(script->slots, i);

        if (slot->id == id)
            return slot;
    }
    return NULL;
}

gboolean
tt_token_is_same(const TtToken *a, const TtToken *b)
{
    if (!a || !b)
        return a == b;
    return a->insertion == b->insertion &&
           memcmp(a->info.serialNumber, b->info.serialNumber, sizeof a->info.serialNumber) == 0 &&
           memcmp(a->info.label, b->info.label, sizeof a->info.label) == 0;
}
