/* SPDX-License-Identifier: Apache-2.0
 *
 * A request's dialog: see dialog.h. What the prompt says is trusted as the user's word; what may be
 * chosen is checked by who gets "submitted". What a worker says of a wrong entry is made anew
 * before the prompt gets it.
 */
#include "host/dialog.h"

#include <string.h>

#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/dialog-lock.h"
#include "host/listing.h"

#define MAX_WRONG_ENTRIES 3

struct TbDialog {
    const TbDialogEvents *events;
    gpointer data;
    TbDialogLock *lock;
    TbPrompt *prompt;
    gboolean left;    /* the prompt has gone, goes by itself, or hears nothing */
    guint timeout;    /* source */
    gboolean working; /* not the user's turn */
    gboolean overdue; /* the user's time ended meanwhile */
    TbReason problem;
    guint wrong_entries;
};

static void G_GNUC_PRINTF(3, 4) fail(TbDialog *dialog, TbReason reason, const char *format, ...)
{
    va_list args;
    GError *error;

    va_start(args, format);
    error = g_error_new_valist(TB_FAULT, (int)reason, format, args);
    va_end(args);
    dialog->events->ended(error, dialog->data); /* frees the dialog */
    g_error_free(error);
}

/* --- the user's time --- */

static void
time_out(TbDialog *dialog)
{
    if (dialog->problem)
        fail(dialog, dialog->problem,
             "The time to answer is over, and nothing could be chosen until then.");
    else
        fail(dialog, TB_REASON_USER_TIMEOUT, "The time to answer the dialog is over.");
}

static gboolean
on_timeout(gpointer data)
{
    TbDialog *dialog = data;

    dialog->timeout = 0;
    if (dialog->working)
        dialog->overdue = TRUE; /* what the token does has a deadline of its own */
    else
        time_out(dialog);
    return G_SOURCE_REMOVE;
}

void
tb_dialog_work(TbDialog *dialog)
{
    dialog->working = TRUE;
}

gboolean
tb_dialog_ask(TbDialog *dialog)
{
    dialog->working = FALSE;
    if (!dialog->overdue)
        return TRUE;
    time_out(dialog);
    return FALSE;
}

gboolean
tb_dialog_asks(const TbDialog *dialog)
{
    return !dialog->working;
}

/* --- the prompt's messages --- */

static void
on_message(json_t *message, gpointer data)
{
    TbDialog *dialog = data;
    const char *type = json_string_value(json_object_get(message, "type"));
    const char *text = json_string_value(json_object_get(message, "message"));

    if (dialog->left)
        return;
    if (g_strcmp0(type, "submit") == 0) {
        if (dialog->working)
            tb_log(TB_LOG_WARNING, "prompt-out-of-turn", "type=submit");
        else
            dialog->events->submitted(message, dialog->data);
    } else if (g_strcmp0(type, "cancelled") == 0) {
        dialog->left = TRUE;
        fail(dialog, TB_REASON_USER_CANCELLED, "The user cancelled.");
    } else if (g_strcmp0(type, "failed") == 0) {
        dialog->left = TRUE;
        fail(dialog, TB_REASON_INTERNAL, "The dialog could not be shown: %s",
             text ? text : "it did not say why.");
    } else if (g_strcmp0(type, "ready") != 0) {
        tb_log(TB_LOG_WARNING, "prompt-unknown-message", "%s", "");
    }
}

static void
on_gone(const char *how, gpointer data)
{
    TbDialog *dialog = data;

    if (dialog->left)
        return;
    dialog->left = TRUE;
    fail(dialog, TB_REASON_INTERNAL, "The dialog %s before the user had answered.", how);
}

static const TbPromptEvents prompt_events = {on_message, on_gone};

gboolean
tb_dialog_tell(TbDialog *dialog, json_t *message, int fd)
{
    g_autoptr(GError) error = NULL;
    gboolean left = dialog->left;
    gboolean sent = !left && dialog->prompt->send(dialog->prompt, message, fd, &error);

    json_decref(message);
    if (sent || left)
        return sent;
    dialog->left = TRUE;
    tb_log(TB_LOG_ERROR, "prompt-lost", "error=\"%s\"", error->message);
    fail(dialog, TB_REASON_INTERNAL, "The dialog has stopped working.");
    return FALSE;
}

void
tb_dialog_set_problem(TbDialog *dialog, TbReason problem)
{
    dialog->problem = problem;
}

const char *
tb_dialog_problem(const TbDialog *dialog)
{
    return dialog->problem ? tb_reason_word(dialog->problem) : NULL;
}

/* What was wrong, as the prompt is told (it takes it for the PIN when it is not), and the member of
 * a failure that describes it. */
static const struct {
    TbReason reason;
    const char *what;
    const char *member;
    const char *sentence;
} wrong_entries[] = {
    {TB_REASON_PIN_INCORRECT, NULL, "pin", "the PIN was wrong"},
    {TB_REASON_PUK_INCORRECT, "puk", "puk", "the PUK was wrong"},
    {TB_REASON_PIN_INVALID, "new", "pin", "the token does not accept the new PIN"},
};

gboolean
tb_dialog_is_wrong_entry(TbReason reason)
{
    for (guint i = 0; i < G_N_ELEMENTS(wrong_entries); i++) {
        if (wrong_entries[i].reason == reason)
            return TRUE;
    }
    return FALSE;
}

gboolean
tb_dialog_wrong_entry(TbDialog *dialog, TbReason reason, json_t *failure)
{
    gboolean repeated = json_is_true(json_object_get(failure, "repeated"));
    TbPinState state;
    gboolean pad;
    json_t *pin;
    guint kind = 0;

    while (kind < G_N_ELEMENTS(wrong_entries) - 1 && wrong_entries[kind].reason != reason)
        kind++;
    if (++dialog->wrong_entries >= MAX_WRONG_ENTRIES) {
        fail(dialog, reason, "The token refused %d entries, the last one because %s.",
             MAX_WRONG_ENTRIES, wrong_entries[kind].sentence);
        return FALSE;
    }
    if (!tb_dialog_ask(dialog))
        return FALSE;
    pin = tb_listing_read_pin(json_object_get(failure, wrong_entries[kind].member), &state, &pad,
                              NULL);
    if (!pin) /* the token did not tell; the listing that follows may */
        pin = json_pack("{s:s, s:b}", "state", "ok", "pad", 0);
    return tb_dialog_tell(dialog,
                          json_pack("{s:s, s:s*, s:o, s:b}", "type", "pin_failed", "what",
                                    wrong_entries[kind].what, "pin", pin, "repeated", repeated),
                          -1);
}

/* --- beginning and end --- */

static void
release(TbDialog *dialog, gboolean linger)
{
    if (dialog->prompt)
        dialog->prompt->release(dialog->prompt, linger);
    if (dialog->timeout)
        g_source_remove(dialog->timeout);
    tb_dialog_lock_free(dialog->lock);
    g_free(dialog);
}

static gboolean
begin(TbDialog *dialog, const TbPrompter *prompter, json_t *show, GError **error)
{
    dialog->lock = tb_dialog_lock_take(error);
    if (!dialog->lock)
        return FALSE;
    dialog->prompt = prompter->open(prompter->context, &prompt_events, dialog, error);
    return dialog->prompt && dialog->prompt->send(dialog->prompt, show, -1, error);
}

TbDialog *
tb_dialog_open(const TbPrompter *prompter, json_t *show, guint timeout,
               const TbDialogEvents *events, gpointer data, GError **error)
{
    TbDialog *dialog = g_new0(TbDialog, 1);

    dialog->events = events;
    dialog->data = data;
    if (!begin(dialog, prompter, show, error)) {
        release(dialog, FALSE);
        return NULL;
    }
    dialog->timeout = g_timeout_add(timeout, on_timeout, dialog);
    return dialog;
}

static json_t *
last_message(const GError *error)
{
    g_autofree char *message = NULL;

    if (!error)
        return json_pack("{s:s}", "type", "done");
    /* A message may quote a path that is not UTF-8; JSON cannot. */
    message = g_utf8_make_valid(error->message, -1);
    return json_pack("{s:s, s:s, s:s}", "type", "failed", "reason",
                     tb_reason_word(tb_fault_reason(error)), "message", message);
}

void
tb_dialog_finish(TbDialog *dialog, const GError *error)
{
    json_t *last = dialog->left ? NULL : last_message(error);

    release(dialog, last && dialog->prompt->send(dialog->prompt, last, -1, NULL));
    json_decref(last);
}

void
tb_dialog_close(TbDialog *dialog)
{
    release(dialog, FALSE);
}
