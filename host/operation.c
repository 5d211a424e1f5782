/* SPDX-License-Identifier: Apache-2.0
 *
 * One request's life.
 *
 *     start -> CHOOSING <-> SIGNING -> end
 *
 * CHOOSING: the dialog is open, tokens are listed again and again so that it follows insertion and
 * removal; the user chooses and types. SIGNING: the worker has the request and waits for the PIN,
 * which goes from the dialog to the worker without passing through here. A wrong PIN leads back to
 * CHOOSING, where only the user can try again (dialog.h counts).
 *
 * A token that hides its certificates is asked to reveal them with the PIN; then the one that fits
 * signs within the same login, or the user chooses.
 *
 * The dialog is trusted with the user's choice, but not with the choice of what may be chosen: what
 * it submits must be one of the certificates it was shown as usable. The worker's answers are not
 * trusted.
 */
#include "host/operation.h"

#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/dialog.h"
#include "host/failure.h"
#include "host/last-used.h"
#include "host/offer.h"
#include "host/outcome.h"
#include "host/policy.h"
#include "host/watch.h"

/* Which token: copies, because listings come and go. */
typedef struct Token {
    guint module;
    guint64 slot;
    char *serial;
    gboolean pin_pad;
} Token;

struct TbOperation {
    const TbOperationContext *context;
    TbRequest *request;
    TbOperationDone done;
    gpointer data;

    TbDialog *dialog;       /* in the user's turn while CHOOSING */
    TbWatch *watch;         /* paused while SIGNING */
    TbWorkersCall *signing; /* or revealing: under way, or NULL */
    TbOffer *offer;
    json_t *shown;    /* the last "certificates" message */
    TbChosen *chosen; /* the certificate; NULL before */
    Token token;      /* that was submitted */
};

static const char *const operation_words[] = {
    [TB_PURPOSE_AUTHENTICATE] = "authenticate",
    [TB_PURPOSE_CHOOSE] = "choose",
    [TB_PURPOSE_SIGN] = "sign",
};

static void
operation_free(TbOperation *operation)
{
    tb_watch_free(operation->watch);
    if (operation->signing)
        tb_workers_cancel(operation->context->workers, operation->signing);
    tb_offer_free(operation->offer);
    json_decref(operation->shown);
    tb_chosen_free(operation->chosen);
    g_free(operation->token.serial);
    tb_request_free(operation->request);
    g_free(operation);
}

/* Ends the operation with a result or an error. */
static void
end(TbOperation *operation, json_t *result, const GError *error)
{
    TbOperationDone done = operation->done;
    gpointer data = operation->data;
    const char *problem = tb_dialog_problem(operation->dialog);

    tb_dialog_finish(operation->dialog, error);
    operation_free(operation);
    done(result, error, problem, data);
}

static void
end_with_error(const GError *error, gpointer operation)
{
    end(operation, NULL, error);
}

static void G_GNUC_PRINTF(3, 4)
    fail(TbOperation *operation, TbReason reason, const char *format, ...)
{
    va_list args;
    GError *error;

    va_start(args, format);
    error = g_error_new_valist(TB_FAULT, (int)reason, format, args);
    va_end(args);
    end_with_error(error, operation);
    g_error_free(error);
}

static void
succeed(TbOperation *operation, json_t *result)
{
    g_autofree char *origin = g_strdup(operation->request->origin);
    g_autofree char *id = g_strdup(operation->chosen->id);

    end(operation, result, NULL);
    /* After the reply: writing a file safely waits for the disk. */
    tb_last_used_set(origin, id);
}

/* --- choosing --- */

/* Whether a "certificates" message says nothing: no certificate, and not yet why. */
static gboolean
says_nothing(json_t *message)
{
    return json_array_size(json_object_get(message, "certificates")) == 0 &&
           !json_object_get(message, "problem");
}

/* again: the dialog was at work, and gets the turn back with this. FALSE when the operation has
 * ended over it. */
static gboolean
show_certificates(TbOperation *operation, gboolean again)
{
    /* What was there once and has gone is told at once, whoever has not answered yet. */
    gboolean complete = operation->shown || tb_watch_is_complete(operation->watch);
    TbReason problem = 0;
    json_t *message = tb_offer_message(operation->offer, complete, &problem);

    if (!message)
        return TRUE;
    tb_dialog_set_problem(operation->dialog, problem);
    /* While it is not certain what has become of a card, what was said of it stays. */
    if (!again && operation->shown &&
        (json_equal(operation->shown, message) ||
         (says_nothing(message) &&
          json_array_size(json_object_get(operation->shown, "certificates")) == 0))) {
        json_decref(message);
        return TRUE;
    }
    json_decref(operation->shown);
    operation->shown = json_deep_copy(message);
    if (again)
        json_object_set_new(message, "again", json_true());
    return tb_dialog_tell(operation->dialog, message, -1);
}

static void
on_listed(gpointer data)
{
    TbOperation *operation = data;

    if (tb_dialog_asks(operation->dialog))
        (void)show_certificates(operation, FALSE);
}

/* The user is to choose, or to type the PIN, once more. */
static void
ask_again(TbOperation *operation)
{
    if (tb_dialog_ask(operation->dialog) && show_certificates(operation, TRUE))
        tb_watch_resume(operation->watch);
}

/* --- signing --- */

static void
work(TbOperation *operation)
{
    tb_dialog_work(operation->dialog);
    tb_watch_pause(operation->watch);
}

static void
on_pin_wanted(int pin_fd, gpointer data)
{
    TbOperation *operation = data;

    if (pin_fd >= 0 &&
        !tb_dialog_tell(operation->dialog, json_pack("{s:s}", "type", "pin"), pin_fd))
        return;
    (void)tb_dialog_tell(
        operation->dialog,
        json_pack("{s:s, s:b}", "type", "working", "pad", operation->token.pin_pad), -1);
}

static void
on_failure(TbOperation *operation, json_t *failure, const char *otherwise)
{
    TbReason reason = tb_failure_reason(failure, TB_TASK_SIGN, operation->token.pin_pad);

    if (reason != TB_REASON_PIN_INCORRECT || operation->token.pin_pad)
        fail(operation, reason, "%s", tb_failure_message(failure, otherwise));
    else if (tb_dialog_wrong_entry(operation->dialog, reason, failure))
        tb_watch_resume(operation->watch); /* the token's PIN state has changed */
}

/* The worker's answer to "sign". */
static void
take_signature(TbOperation *operation, json_t *answer)
{
    json_t *failure = json_object_get(answer, "error");
    const char *signature = json_string_value(json_object_get(answer, "signature"));
    g_autoptr(GError) bad = NULL;
    json_t *result;

    if (failure) {
        on_failure(operation, failure, "The token could not sign.");
        return;
    }
    if (!signature) {
        fail(operation, TB_REASON_MODULE_FAILED, "The worker gave neither signature nor error.");
        return;
    }
    result = tb_outcome_signed(operation->request, operation->chosen, signature, &bad);
    if (result)
        succeed(operation, result);
    else
        end_with_error(bad, operation);
    json_decref(result);
}

static void
on_sign_answered(json_t *answer, const GError *error, gpointer data)
{
    TbOperation *operation = data;

    operation->signing = NULL;
    if (error)
        end_with_error(error, operation);
    else
        take_signature(operation, answer);
}

static const TbSignEvents sign_events = {on_pin_wanted, on_sign_answered};

static void
on_held_started(int pin_fd, gpointer data)
{
    /* The dialog goes on showing that the token works. */
}

static void
on_held_answered(json_t *answer, const GError *error, gpointer data)
{
    TbOperation *operation = data;
    const char *word =
        json_string_value(json_object_get(json_object_get(answer, "error"), "reason"));

    /* The login is over, or the key wants the PIN for each signature: the user is to type it. */
    if (!error && g_strcmp0(word, tb_reason_word(TB_REASON_INVALID_REQUEST)) == 0) {
        operation->signing = NULL;
        ask_again(operation);
    } else {
        on_sign_answered(answer, error, data);
    }
}

static const TbSignEvents held_events = {on_held_started, on_held_answered};

static void
choose(TbOperation *operation, const TbCertificate *certificate)
{
    tb_chosen_free(operation->chosen);
    operation->chosen = tb_chosen_new(certificate, operation->request);
}

/* held: the worker has logged in already. */
static void
start_signing(TbOperation *operation, gboolean held)
{
    TbWorkers *workers = operation->context->workers;
    g_autoptr(GError) error = NULL;
    const TbChosen *chosen = operation->chosen;
    json_t *message = tb_outcome_sign_request(operation->request, chosen, &error);

    if (!message) {
        end_with_error(error, operation);
        return;
    }
    work(operation);
    if (held) {
        json_object_set_new(message, "held", json_true());
        operation->signing =
            tb_workers_sign_held(workers, chosen->module, message, &held_events, operation);
    } else {
        operation->signing = tb_workers_sign(workers, chosen->module, message, chosen->pin_pad,
                                             &sign_events, operation);
    }
    json_decref(message);
}

/* --- certificates that show only after login --- */

static void
take_revealed(TbOperation *operation, json_t *answer)
{
    const Token *token = &operation->token;
    json_t *revealed = json_object_get(answer, "token");
    json_t *failure = json_object_get(answer, "error");
    g_autoptr(GError) error = NULL;
    const TbCertificate *only = NULL;

    if (failure) {
        on_failure(operation, failure, "The token could not show its certificates.");
        return;
    }
    if (!json_is_object(revealed) ||
        (guint64)json_integer_value(json_object_get(revealed, "slot")) != token->slot ||
        g_strcmp0(json_string_value(json_object_get(revealed, "serial")), token->serial) != 0) {
        fail(operation, TB_REASON_MODULE_FAILED,
             "The worker did not show the token that it was "
             "asked for.");
        return;
    }
    if (!tb_workers_put_token(operation->context->workers, token->module, revealed, &error)) {
        end_with_error(error, operation);
        return;
    }
    /* Nobody gives away a certificate that they have not seen. */
    if (operation->request->purpose != TB_PURPOSE_CHOOSE)
        only = tb_offer_only(operation->offer, token->module, token->slot, token->serial);
    if (only) {
        choose(operation, only);
        start_signing(operation, TRUE);
    } else {
        ask_again(operation);
    }
}

static void
on_reveal_answered(json_t *answer, const GError *error, gpointer data)
{
    TbOperation *operation = data;

    operation->signing = NULL;
    if (error)
        end_with_error(error, operation);
    else
        take_revealed(operation, answer);
}

static const TbSignEvents reveal_events = {on_pin_wanted, on_reveal_answered};

static void
start_revealing(TbOperation *operation)
{
    const Token *token = &operation->token;
    json_t *message = json_pack("{s:s, s:I, s:s}", "op", "reveal", "slot", (json_int_t)token->slot,
                                "token", token->serial);

    work(operation);
    operation->signing = tb_workers_sign(operation->context->workers, token->module, message,
                                         token->pin_pad, &reveal_events, operation);
    json_decref(message);
}

/* --- the dialog's messages --- */

static void
take_row(TbOperation *operation, const TbRow *row)
{
    const TbToken *token = row->token;

    g_free(operation->token.serial);
    operation->token = (Token){.module = token->module,
                               .slot = token->slot,
                               .serial = g_strdup(token->serial),
                               .pin_pad = token->pin_pad};
    if (row->certificate)
        choose(operation, row->certificate);
}

static void
on_submitted(json_t *message, gpointer data)
{
    TbOperation *operation = data;
    const char *id = json_string_value(json_object_get(message, "certificate"));
    g_autoptr(TbRow) row = NULL;

    if (!id) {
        tb_log(TB_LOG_WARNING, "prompt-malformed", "type=submit");
        return;
    }
    row = tb_offer_find(operation->offer, id);
    if (!row) {
        /* It was shown, and has gone between the last listing and the button. */
        fail(operation, TB_REASON_TOKEN_REMOVED, "The token was removed. Insert it and try again.");
        return;
    }
    take_row(operation, row);
    if (!row->certificate) {
        start_revealing(operation);
    } else if (operation->request->purpose == TB_PURPOSE_CHOOSE) {
        json_t *result = tb_outcome_certificate(operation->chosen);

        succeed(operation, result);
        json_decref(result);
    } else {
        start_signing(operation, FALSE);
    }
}

static const TbDialogEvents dialog_events = {on_submitted, end_with_error};

static json_t *
show_message(const TbRequest *request)
{
    json_t *message = json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "type", "show", "operation",
                                operation_words[request->purpose], "origin", request->origin,
                                "top_origin", request->top_origin, "lang", request->lang);

    if (request->hash_hex)
        json_object_set_new(
            message, "hash",
            json_pack("{s:s, s:s}", "function", request->hash_name, "hex", request->hash_hex));
    return message;
}

/* The dialog and the workers start at the same time, so that a person never waits for both. */
static gboolean
begin(TbOperation *operation, GError **error)
{
    const TbOperationContext *context = operation->context;
    const TbRequest *request = operation->request;
    json_t *show;

    if (!tb_policy_check(context->config, request->origin, request->top_origin, error))
        return FALSE;
    show = show_message(request);
    operation->dialog = tb_dialog_open(&context->prompter, show, request->timeout, &dialog_events,
                                       operation, error);
    json_decref(show);
    if (!operation->dialog)
        return FALSE;
    operation->offer = tb_offer_new(context->config, context->workers, request);
    operation->watch = tb_watch_new(context->workers, on_listed, operation);
    return TRUE;
}

TbOperation *
tb_operation_start(const TbOperationContext *context, TbRequest *request, TbOperationDone done,
                   gpointer data, GError **error)
{
    TbOperation *operation = g_new0(TbOperation, 1);

    operation->context = context;
    operation->request = request;
    operation->done = done;
    operation->data = data;
    if (!begin(operation, error)) {
        operation_free(operation);
        return NULL;
    }
    return operation;
}

void
tb_operation_abort(TbOperation *operation)
{
    tb_dialog_close(operation->dialog);
    operation_free(operation);
}
