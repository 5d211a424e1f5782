/* SPDX-License-Identifier: Apache-2.0
 *
 * A change of PIN, or its unblocking.
 *
 *     start -> ASKING <-> CHANGING -> end
 *
 * ASKING: the dialog is open and shows the named token, or that it is missing; the user types the
 * PIN (or PUK) and the new PIN. CHANGING: the worker has the request and waits for what was typed,
 * which goes from the dialog to the worker without passing through here. What was wrong leads back
 * to ASKING, where only the user can try again (dialog.h counts).
 *
 * Once the worker has what was typed, the token changes the PIN or does not, whatever becomes of
 * the dialog: then the worker's answer is waited for, so that nobody is told of a PIN that it is
 * the old one when it is the new. The worker's answers are not trusted.
 */
#include "host/pin-operation.h"

#include <string.h>

#include "host/common/fault.h"
#include "host/dialog.h"
#include "host/failure.h"
#include "host/listing.h"
#include "host/missing.h"
#include "host/watch.h"

struct TbPinOperation {
    const TbOperationContext *context;
    TbPinRequest *request;
    TbOperationDone done;
    gpointer data;

    TbDialog *dialog;        /* in the user's turn while ASKING */
    TbWatch *watch;          /* of the token's module; paused while CHANGING */
    TbWorkersCall *changing; /* under way, or NULL */
    json_t *shown;           /* the last "token" message */
    gboolean pin_pad;        /* of the token that was submitted */
    gboolean touched;        /* the token's PIN may not be as it was listed */
    GError *ended;           /* why the dialog has ended while CHANGING */
};

static const struct {
    const char *word; /* to the worker, and to the prompt */
    const char *failed;
} purposes[] = {
    [TB_PIN_CHANGE] = {"change_pin", "The token could not change its PIN."},
    [TB_PIN_UNBLOCK] = {"unblock_pin", "The token could not unblock its PIN."},
};

static void
operation_free(TbPinOperation *operation)
{
    tb_watch_free(operation->watch);
    if (operation->changing)
        tb_workers_cancel(operation->context->workers, operation->changing);
    json_decref(operation->shown);
    g_clear_error(&operation->ended);
    tb_pin_request_free(operation->request);
    g_free(operation);
}

static void
on_listed_afterwards(gboolean complete, gpointer data)
{
    /* It is in the module's state: who needs it looks there. */
}

static void
end(TbPinOperation *operation, json_t *result, const GError *error)
{
    const char *problem = tb_dialog_problem(operation->dialog);

    tb_dialog_finish(operation->dialog, error);
    if (operation->touched)
        (void)tb_workers_list_module(operation->context->workers, operation->request->module,
                                     on_listed_afterwards, NULL);
    operation->done(result, error, problem, operation->data);
    operation_free(operation); /* it may own the error */
}

static void G_GNUC_PRINTF(3, 4)
    fail(TbPinOperation *operation, TbReason reason, const char *format, ...)
{
    g_autoptr(GError) error = NULL;
    va_list args;

    va_start(args, format);
    error = g_error_new_valist(TB_FAULT, (int)reason, format, args);
    va_end(args);
    end(operation, NULL, error);
}

/* --- the token --- */

/* The token that is meant, or NULL. It may come back in another slot; where tokens have no serial
 * number, the slot is all there is to know them by. Borrowed from the listing. */
static const TbToken *
find_token(const TbPinOperation *operation)
{
    const TbPinRequest *request = operation->request;
    const GPtrArray *tokens =
        tb_workers_state(operation->context->workers, request->module)->tokens;
    const TbToken *found = NULL;

    for (guint i = 0; tokens && i < tokens->len; i++) {
        const TbToken *token = tokens->pdata[i];

        if (strcmp(token->serial, request->token) != 0)
            continue;
        if (token->slot == request->slot)
            return token;
        if (*token->serial)
            found = token;
    }
    return found;
}

/* What keeps this token's PIN from being set, or 0. */
static TbReason
find_obstacle(const TbPinOperation *operation, const TbToken *token)
{
    if (operation->request->purpose == TB_PIN_UNBLOCK)
        return token->puk_state == TB_PIN_LOCKED ? TB_REASON_PUK_BLOCKED : 0;
    return token->pin_state == TB_PIN_LOCKED ? TB_REASON_PIN_BLOCKED : 0;
}

static json_t *
token_message(const TbPinOperation *operation, TbReason *out_problem)
{
    const TbModuleState *state =
        tb_workers_state(operation->context->workers, operation->request->module);
    const TbToken *token = find_token(operation);
    const char *word;

    if (token) {
        *out_problem = find_obstacle(operation, token);
        return json_pack("{s:s, s:{s:s, s:s, s:O, s:O}}", "type", "token", "token", "label",
                         token->label, "reader", token->reader, "pin", token->pin, "puk",
                         token->puk);
    }
    if (state->error) {
        *out_problem = TB_REASON_MODULE_FAILED;
        word = "module_failed";
    } else {
        *out_problem = tb_missing_token(operation->context->workers, &word);
    }
    return json_pack("{s:s, s:s*}", "type", "token", "problem", word);
}

static void
on_listed(gpointer data)
{
    TbPinOperation *operation = data;
    TbReason problem = 0;
    json_t *message;

    if (!tb_dialog_asks(operation->dialog))
        return;
    message = token_message(operation, &problem);
    if (!json_object_get(message, "token") && !tb_watch_is_complete(operation->watch)) {
        json_decref(message); /* still looking */
        return;
    }
    tb_dialog_set_problem(operation->dialog, problem);
    /* While it is not certain what has become of a card, what was said of it stays. */
    if (operation->shown &&
        (json_equal(operation->shown, message) ||
         (json_object_size(message) == 1 && !json_object_get(operation->shown, "token")))) {
        json_decref(message);
        return;
    }
    json_decref(operation->shown);
    operation->shown = json_incref(message);
    (void)tb_dialog_tell(operation->dialog, message, -1);
}

/* --- changing --- */

static void
on_change_started(int pin_fd, gpointer data)
{
    TbPinOperation *operation = data;

    if (pin_fd >= 0 &&
        !tb_dialog_tell(operation->dialog, json_pack("{s:s}", "type", "pin"), pin_fd))
        return;
    (void)tb_dialog_tell(operation->dialog,
                         json_pack("{s:s, s:b}", "type", "working", "pad", operation->pin_pad), -1);
}

static void
on_failure(TbPinOperation *operation, json_t *failure)
{
    TbReason reason = tb_failure_reason(failure, TB_TASK_SET_PIN, operation->pin_pad);
    gboolean locked = reason == TB_REASON_PIN_BLOCKED || reason == TB_REASON_PUK_BLOCKED;

    if (operation->ended && !locked)
        end(operation, NULL, operation->ended); /* nothing was changed */
    else if (!tb_dialog_is_wrong_entry(reason) || operation->pin_pad)
        fail(operation, reason, "%s",
             tb_failure_message(failure, purposes[operation->request->purpose].failed));
    else if (tb_dialog_wrong_entry(operation->dialog, reason, failure))
        tb_watch_resume(operation->watch); /* the token's PIN state has changed */
}

static void
on_change_answered(json_t *answer, const GError *error, gpointer data)
{
    TbPinOperation *operation = data;
    json_t *failure = json_object_get(answer, "error");
    TbPinState state;
    gboolean pad;
    json_t *pin, *result;

    operation->changing = NULL;
    if (error) {
        end(operation, NULL, error);
        return;
    }
    if (failure) {
        on_failure(operation, failure);
        return;
    }
    pin = tb_listing_read_pin(json_object_get(answer, "pin"), &state, &pad, NULL);
    if (!pin) {
        fail(operation, TB_REASON_MODULE_FAILED,
             "The worker did not say how the PIN is now. Look at the token before you try again.");
        return;
    }
    result = json_pack("{s:o}", "pin", pin);
    end(operation, result, NULL);
    json_decref(result);
}

static const TbSignEvents change_events = {on_change_started, on_change_answered};

static void
on_submitted(json_t *message, gpointer data)
{
    TbPinOperation *operation = data;
    const TbPinRequest *request = operation->request;
    const TbToken *token = find_token(operation);
    json_t *order;

    if (!token) {
        /* It was shown, and has gone between the last listing and the button. */
        fail(operation, TB_REASON_TOKEN_REMOVED, "The token was removed. Insert it and try again.");
        return;
    }
    if (find_obstacle(operation, token)) {
        fail(operation, find_obstacle(operation, token), "The token has locked its %s.",
             request->purpose == TB_PIN_UNBLOCK ? "PUK" : "PIN");
        return;
    }
    order = json_pack("{s:s, s:I, s:s}", "op", purposes[request->purpose].word, "slot",
                      (json_int_t)token->slot, "token", token->serial);
    operation->pin_pad = token->pin_pad;
    operation->touched = TRUE;
    tb_dialog_work(operation->dialog);
    tb_watch_pause(operation->watch);
    operation->changing = tb_workers_sign(operation->context->workers, request->module, order,
                                          token->pin_pad, &change_events, operation);
    json_decref(order);
}

static void
on_dialog_ended(const GError *error, gpointer data)
{
    TbPinOperation *operation = data;

    /* What is typed on a reader's keys can still be given up. */
    if (!operation->changing || operation->pin_pad)
        end(operation, NULL, error);
    else if (!operation->ended)
        operation->ended = g_error_copy(error);
}

static const TbDialogEvents dialog_events = {on_submitted, on_dialog_ended};

TbPinOperation *
tb_pin_operation_start(const TbOperationContext *context, TbPinRequest *request,
                       TbOperationDone done, gpointer data, GError **error)
{
    TbPinOperation *operation = g_new0(TbPinOperation, 1);
    json_t *show = json_pack("{s:s, s:s, s:s*}", "type", "show", "operation",
                             purposes[request->purpose].word, "lang", request->lang);

    operation->context = context;
    operation->request = request;
    operation->done = done;
    operation->data = data;
    operation->dialog = tb_dialog_open(&context->prompter, show, request->timeout, &dialog_events,
                                       operation, error);
    json_decref(show);
    if (!operation->dialog) {
        operation_free(operation);
        return NULL;
    }
    operation->watch =
        tb_watch_new_module(context->workers, operation->request->module, on_listed, operation);
    return operation;
}

void
tb_pin_operation_abort(TbPinOperation *operation)
{
    tb_dialog_close(operation->dialog);
    operation_free(operation);
}
