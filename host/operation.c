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

struct TbOperation {
    const TbOperationContext *context;
    TbRequest *request;
    TbOperationDone done;
    gpointer data;

    TbDialog *dialog;       /* in the user's turn while CHOOSING */
    TbWatch *watch;         /* paused while SIGNING */
    TbWorkersCall *signing; /* under way, or NULL */
    json_t *shown;          /* the last "certificates" message */
    TbChosen *chosen;
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
    json_decref(operation->shown);
    tb_chosen_free(operation->chosen);
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

static TbOffer
offer_for(const TbOperation *operation)
{
    return (TbOffer){
        .config = operation->context->config,
        .workers = operation->context->workers,
        .request = operation->request,
    };
}

static void
on_listed(gpointer data)
{
    TbOperation *operation = data;
    TbOffer offer = offer_for(operation);
    /* What was there once and has gone is told at once, whoever has not answered yet. */
    gboolean complete = operation->shown || tb_watch_is_complete(operation->watch);
    TbReason problem = 0;
    json_t *message;

    if (!tb_dialog_asks(operation->dialog))
        return;
    message = tb_offer_message(&offer, complete, &problem);
    if (!message)
        return;
    tb_dialog_set_problem(operation->dialog, problem);
    if (operation->shown && json_equal(operation->shown, message)) {
        json_decref(message);
        return;
    }
    json_decref(operation->shown);
    operation->shown = json_incref(message);
    (void)tb_dialog_tell(operation->dialog, message, -1);
}

/* --- signing --- */

static void
on_sign_started(int pin_fd, gpointer data)
{
    TbOperation *operation = data;

    if (pin_fd >= 0 &&
        !tb_dialog_tell(operation->dialog, json_pack("{s:s}", "type", "pin"), pin_fd))
        return;
    (void)tb_dialog_tell(
        operation->dialog,
        json_pack("{s:s, s:b}", "type", "working", "pad", operation->chosen->pin_pad), -1);
}

static void
on_sign_failure(TbOperation *operation, json_t *failure)
{
    TbReason reason = tb_failure_reason(failure, TB_TASK_SIGN, operation->chosen->pin_pad);

    if (reason != TB_REASON_PIN_INCORRECT || operation->chosen->pin_pad)
        fail(operation, reason, "%s", tb_failure_message(failure, "The token could not sign."));
    else if (tb_dialog_wrong_entry(operation->dialog, reason, failure))
        tb_watch_resume(operation->watch); /* the token's PIN state has changed */
}

static void
on_sign_answered(json_t *answer, const GError *error, gpointer data)
{
    TbOperation *operation = data;
    g_autoptr(GError) bad = NULL;
    json_t *failure = json_object_get(answer, "error");
    const char *signature = json_string_value(json_object_get(answer, "signature"));
    json_t *result;

    operation->signing = NULL;
    if (error) {
        end_with_error(error, operation);
        return;
    }
    if (failure) {
        on_sign_failure(operation, failure);
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

static const TbSignEvents sign_events = {on_sign_started, on_sign_answered};

static void
start_signing(TbOperation *operation)
{
    g_autoptr(GError) error = NULL;
    TbChosen *chosen = operation->chosen;
    json_t *message = tb_outcome_sign_request(operation->request, chosen, &error);

    if (!message) {
        end_with_error(error, operation);
        return;
    }
    tb_dialog_work(operation->dialog);
    tb_watch_pause(operation->watch);
    operation->signing = tb_workers_sign(operation->context->workers, chosen->module, message,
                                         chosen->pin_pad, &sign_events, operation);
    json_decref(message);
}

/* --- the dialog's messages --- */

static void
on_submitted(json_t *message, gpointer data)
{
    TbOperation *operation = data;
    const char *id = json_string_value(json_object_get(message, "certificate"));
    TbOffer offer = offer_for(operation);
    const TbCertificate *certificate;

    if (!id) {
        tb_log(TB_LOG_WARNING, "prompt-malformed", "type=submit");
        return;
    }
    certificate = tb_offer_find(&offer, id);
    if (!certificate) {
        /* It was shown, and has gone between the last listing and the button. */
        fail(operation, TB_REASON_TOKEN_REMOVED, "The token was removed. Insert it and try again.");
        return;
    }
    tb_chosen_free(operation->chosen);
    operation->chosen = tb_chosen_new(certificate, operation->request);
    if (operation->request->purpose == TB_PURPOSE_CHOOSE) {
        json_t *result = tb_outcome_certificate(operation->chosen);

        succeed(operation, result);
        json_decref(result);
    } else {
        start_signing(operation);
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
