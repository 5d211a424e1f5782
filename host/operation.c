/* SPDX-License-Identifier: Apache-2.0
 *
 * One request's life.
 *
 *     start -> CHOOSING <-> SIGNING -> end
 *
 * CHOOSING: the dialog is open, tokens are listed again and again so that it follows insertion and
 * removal; the user chooses and types. SIGNING: the worker has the request and waits for the PIN,
 * which goes from the dialog to the worker without passing through here. A wrong PIN leads back to
 * CHOOSING, where only the user can try again, MAX_WRONG_PINS times in all.
 *
 * The dialog is trusted with the user's choice, but not with the choice of what may be chosen: what
 * it submits must be one of the certificates it was shown as usable. The worker's answers are not
 * trusted.
 */
#include "host/operation.h"

#include <string.h>

#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/dialog-lock.h"
#include "host/last-used.h"
#include "host/offer.h"
#include "host/outcome.h"
#include "host/policy.h"

#define RELIST_MS 400 /* insertion and removal are seen within 500 ms */
#define MAX_WRONG_PINS 3

typedef enum State {
    STATE_CHOOSING,
    STATE_SIGNING,
} State;

struct TbOperation {
    const TbOperationContext *context;
    TbRequest *request;
    TbOperationDone done;
    gpointer data;

    State state;
    TbDialogLock *lock;
    TbPrompt *prompt;
    TbWorkersCall *listing; /* under way, or NULL */
    TbWorkersCall *signing; /* under way, or NULL */
    guint relist;           /* source */
    guint timeout;          /* source */
    gboolean overdue;       /* the user's time ended during SIGNING */
    gboolean listed_once;   /* every module has answered at least once */
    json_t *shown;          /* the last "certificates" message */
    TbReason problem;       /* what the dialog shows as missing, or 0 */
    TbChosen *chosen;
    guint wrong_pins;
};

static void relist_later(TbOperation *operation, guint delay);

static const char *const operation_words[] = {
    [TB_PURPOSE_AUTHENTICATE] = "authenticate",
    [TB_PURPOSE_CHOOSE] = "choose",
    [TB_PURPOSE_SIGN] = "sign",
};

static void
operation_free(TbOperation *operation)
{
    if (operation->listing)
        tb_workers_cancel(operation->context->workers, operation->listing);
    if (operation->signing)
        tb_workers_cancel(operation->context->workers, operation->signing);
    if (operation->relist)
        g_source_remove(operation->relist);
    if (operation->timeout)
        g_source_remove(operation->timeout);
    tb_dialog_lock_free(operation->lock);
    json_decref(operation->shown);
    tb_chosen_free(operation->chosen);
    tb_request_free(operation->request);
    g_free(operation);
}

/* Ends the operation. last: the dialog's last message (taken), or NULL to close it at once. */
static void
end(TbOperation *operation, json_t *result, const GError *error, json_t *last)
{
    TbOperationDone done = operation->done;
    gpointer data = operation->data;
    const char *problem = operation->problem ? tb_reason_word(operation->problem) : NULL;

    if (operation->prompt) {
        gboolean linger = last && operation->prompt->send(operation->prompt, last, -1, NULL);

        operation->prompt->release(operation->prompt, linger);
    }
    json_decref(last);
    operation_free(operation);
    done(result, error, problem, data);
}

static void
end_with_error(TbOperation *operation, const GError *error)
{
    /* A message may quote a path that is not UTF-8; JSON cannot. */
    g_autofree char *message = g_utf8_make_valid(error->message, -1);
    json_t *last = json_pack("{s:s, s:s, s:s}", "type", "failed", "reason",
                             tb_reason_word(tb_fault_reason(error)), "message", message);

    end(operation, NULL, error, last);
}

static void G_GNUC_PRINTF(3, 4)
    fail(TbOperation *operation, TbReason reason, const char *format, ...)
{
    va_list args;
    GError *error;

    va_start(args, format);
    error = g_error_new_valist(TB_FAULT, (int)reason, format, args);
    va_end(args);
    end_with_error(operation, error);
    g_error_free(error);
}

static void
succeed(TbOperation *operation, json_t *result)
{
    g_autofree char *origin = g_strdup(operation->request->origin);
    g_autofree char *id = g_strdup(operation->chosen->id);

    end(operation, result, NULL, json_pack("{s:s}", "type", "done"));
    /* After the reply: writing a file safely waits for the disk. */
    tb_last_used_set(origin, id);
}

/* Sends to the dialog (takes message); false when the operation has ended over it. */
static gboolean
tell(TbOperation *operation, json_t *message, int fd)
{
    g_autoptr(GError) error = NULL;
    gboolean sent = operation->prompt->send(operation->prompt, message, fd, &error);

    json_decref(message);
    if (sent)
        return TRUE;
    tb_log(TB_LOG_ERROR, "prompt-lost", "error=\"%s\"", error->message);
    fail(operation, TB_REASON_INTERNAL, "The dialog has stopped working.");
    return FALSE;
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
show_certificates(TbOperation *operation)
{
    TbOffer offer = offer_for(operation);
    json_t *message = tb_offer_message(&offer, operation->listed_once, &operation->problem);

    if (!message)
        return;
    if (operation->shown && json_equal(operation->shown, message)) {
        json_decref(message);
        return;
    }
    json_decref(operation->shown);
    operation->shown = json_incref(message);
    (void)tell(operation, message, -1);
}

static void
on_listed(gboolean complete, gpointer data)
{
    TbOperation *operation = data;

    if (complete) {
        operation->listing = NULL;
        operation->listed_once = TRUE;
    }
    if (operation->state != STATE_CHOOSING)
        return;
    if (complete)
        relist_later(operation, RELIST_MS);
    show_certificates(operation);
}

static gboolean
on_relist(gpointer data)
{
    TbOperation *operation = data;

    operation->relist = 0;
    if (!operation->listing && operation->state == STATE_CHOOSING)
        operation->listing = tb_workers_list(operation->context->workers, on_listed, operation);
    return G_SOURCE_REMOVE;
}

static void
relist_later(TbOperation *operation, guint delay)
{
    if (operation->relist)
        g_source_remove(operation->relist);
    operation->relist = g_timeout_add(delay, on_relist, operation);
}

static void
time_out(TbOperation *operation)
{
    if (operation->problem)
        fail(operation, operation->problem,
             "The time to answer is over, and nothing could be chosen until then.");
    else
        fail(operation, TB_REASON_USER_TIMEOUT, "The time to answer the dialog is over.");
}

static gboolean
on_timeout(gpointer data)
{
    TbOperation *operation = data;

    operation->timeout = 0;
    if (operation->state == STATE_CHOOSING)
        time_out(operation);
    else
        operation->overdue = TRUE; /* a signature under way has a deadline of its own */
    return G_SOURCE_REMOVE;
}

/* --- signing --- */

static void
on_sign_started(int pin_fd, gpointer data)
{
    TbOperation *operation = data;

    if (pin_fd >= 0 && !tell(operation, json_pack("{s:s}", "type", "pin"), pin_fd))
        return;
    (void)tell(operation,
               json_pack("{s:s, s:b}", "type", "working", "pad", operation->chosen->pin_pad), -1);
}

static void
on_wrong_pin(TbOperation *operation, json_t *failure)
{
    gboolean repeated = json_is_true(json_object_get(failure, "repeated"));
    TbPinState state;
    gboolean pad;
    json_t *pin;

    if (++operation->wrong_pins >= MAX_WRONG_PINS) {
        fail(operation, TB_REASON_PIN_INCORRECT, "The PIN was wrong %d times.", MAX_WRONG_PINS);
        return;
    }
    operation->state = STATE_CHOOSING;
    if (operation->overdue) {
        time_out(operation);
        return;
    }
    pin = tb_listing_read_pin(json_object_get(failure, "pin"), &state, &pad, NULL);
    if (!pin) /* the token did not tell; the listing that follows may */
        pin = json_pack("{s:s, s:b}", "state", "ok", "pad", 0);
    if (!tell(operation,
              json_pack("{s:s, s:o, s:b}", "type", "pin_failed", "pin", pin, "repeated", repeated),
              -1))
        return;
    relist_later(operation, 0); /* the token's PIN state has changed */
}

/* What a worker may say: a module's process must not pass its faults off as the user's or the
 * page's. Only with the keys of a reader can the user cancel there. */
static gboolean
is_workers_word(TbReason reason, gboolean pin_pad)
{
    switch (reason) {
    case TB_REASON_TOKEN_MISSING:
    case TB_REASON_TOKEN_REMOVED:
    case TB_REASON_NO_CERTIFICATE:
    case TB_REASON_PIN_BLOCKED:
    case TB_REASON_PIN_INCORRECT:
    case TB_REASON_PIN_PAD_FAILED:
    case TB_REASON_PIN_INVALID:
    case TB_REASON_PUK_INCORRECT:
    case TB_REASON_PUK_BLOCKED:
    case TB_REASON_MODULE_FAILED:
    case TB_REASON_MODULE_TIMEOUT:
    case TB_REASON_UNSUPPORTED:
    case TB_REASON_INTERNAL:
        return TRUE;
    case TB_REASON_USER_CANCELLED:
        return pin_pad;
    case TB_REASON_USER_TIMEOUT:
    case TB_REASON_ORIGIN_REFUSED:
    case TB_REASON_BUSY:
    case TB_REASON_ABORTED:
    case TB_REASON_INVALID_REQUEST:
        break;
    }
    return FALSE;
}

static void
on_sign_failure(TbOperation *operation, json_t *failure)
{
    const char *word = json_string_value(json_object_get(failure, "reason"));
    const char *message = json_string_value(json_object_get(failure, "message"));
    TbReason reason;

    if (!word || !tb_reason_from_word(word, &reason) ||
        !is_workers_word(reason, operation->chosen->pin_pad))
        reason = TB_REASON_MODULE_FAILED;
    if (reason == TB_REASON_PIN_INCORRECT && !operation->chosen->pin_pad)
        on_wrong_pin(operation, failure);
    else
        fail(operation, reason, "%s", message ? message : "The token could not sign.");
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
        end_with_error(operation, error);
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
        end_with_error(operation, bad);
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
        end_with_error(operation, error);
        return;
    }
    operation->state = STATE_SIGNING;
    operation->signing = tb_workers_sign(operation->context->workers, chosen->module, message,
                                         chosen->pin_pad, &sign_events, operation);
    json_decref(message);
}

/* --- the dialog's messages --- */

static void
on_submit(TbOperation *operation, const char *id)
{
    TbOffer offer = offer_for(operation);
    const TbCertificate *certificate;

    if (operation->state != STATE_CHOOSING || !id) {
        tb_log(TB_LOG_WARNING, "prompt-out-of-turn", "type=submit");
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

static void
on_cancelled(TbOperation *operation)
{
    g_autoptr(GError) error =
        g_error_new(TB_FAULT, TB_REASON_USER_CANCELLED, "The user cancelled.");

    end(operation, NULL, error, NULL);
}

static void
on_prompt_message(json_t *message, gpointer data)
{
    TbOperation *operation = data;
    const char *type = json_string_value(json_object_get(message, "type"));

    if (g_strcmp0(type, "submit") == 0)
        on_submit(operation, json_string_value(json_object_get(message, "certificate")));
    else if (g_strcmp0(type, "cancelled") == 0)
        on_cancelled(operation);
    else if (g_strcmp0(type, "failed") == 0)
        fail(operation, TB_REASON_INTERNAL, "The dialog could not be shown: %s",
             json_is_string(json_object_get(message, "message"))
                 ? json_string_value(json_object_get(message, "message"))
                 : "it did not say why.");
    else if (g_strcmp0(type, "ready") != 0)
        tb_log(TB_LOG_WARNING, "prompt-unknown-message", "%s", "");
}

static void
on_prompt_gone(const char *how, gpointer data)
{
    TbOperation *operation = data;

    fail(operation, TB_REASON_INTERNAL, "The dialog %s before the user had answered.", how);
}

static const TbPromptEvents prompt_events = {on_prompt_message, on_prompt_gone};

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
    gboolean sent;

    if (!tb_policy_check(context->config, request->origin, request->top_origin, error))
        return FALSE;
    operation->lock = tb_dialog_lock_take(error);
    if (!operation->lock)
        return FALSE;
    operation->prompt =
        context->prompter.open(context->prompter.context, &prompt_events, operation, error);
    if (!operation->prompt)
        return FALSE;
    show = show_message(request);
    sent = operation->prompt->send(operation->prompt, show, -1, error);
    json_decref(show);
    if (!sent) {
        operation->prompt->release(operation->prompt, FALSE);
        return FALSE;
    }
    operation->timeout = g_timeout_add(request->timeout, on_timeout, operation);
    operation->listing = tb_workers_list(context->workers, on_listed, operation);
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
    operation->state = STATE_CHOOSING;
    if (!begin(operation, error)) {
        operation_free(operation);
        return NULL;
    }
    return operation;
}

void
tb_operation_abort(TbOperation *operation)
{
    operation->prompt->release(operation->prompt, FALSE);
    operation_free(operation);
}
