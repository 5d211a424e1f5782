/* SPDX-License-Identifier: Apache-2.0
 *
 * The course of a new PIN; see the header.
 */
#include "host/prompt/pinentry/care.h"

#include <string.h>

#include <glib/gi18n.h>

#include "host/prompt/advice.h"
#include "host/prompt/pin-pair.h"
#include "host/prompt/pin-text.h"
#include "host/prompt/pinentry/texts.h"
#include "host/prompt/text.h"

/* Short waits show nothing: a window that flashes up and goes is worse than none. */
#define QUIET_US (G_USEC_PER_SEC)

typedef enum State {
    STATE_LOOKING,   /* before the first "token" */
    STATE_MISSING,   /* no token, or none that this can be done with */
    STATE_BEGIN,     /* asks whether to begin on the reader's keypad */
    STATE_LAST_TRY,  /* asks whether to risk the last try */
    STATE_OLD,       /* asks for the PIN that holds, or the PUK */
    STATE_NEW,       /* asks for the new PIN */
    STATE_AGAIN,     /* asks for it again */
    STATE_SUBMITTED, /* the host will send "pin", "working" or an end */
    STATE_WORKING,   /* the token works, or the reader asks */
    STATE_FAILED,
} State;

struct TbCare {
    TbStage *stage;
    TbOperation operation;
    State state;
    TbToken *token; /* NULL while there is none */
    TbProblem problem;
    char *error;                 /* shown on the next screen that asks */
    TbSecret *old_pin, *new_pin; /* typed, not yet written to the pipe */
};

TbCare *
tb_care_new(TbOperation operation, TbStage *stage, gint64 now)
{
    TbCare *care = g_new0(TbCare, 1);
    care->operation = operation;
    care->stage = stage;
    care->stage->title = tb_text_window_title(operation, NULL);
    care->stage->deadline = now + QUIET_US;
    return care;
}

static void
forget(TbCare *care)
{
    g_clear_pointer(&care->old_pin, tb_secret_free);
    g_clear_pointer(&care->new_pin, tb_secret_free);
}

void
tb_care_free(TbCare *care)
{
    if (care == NULL)
        return;
    forget(care);
    tb_token_free(care->token);
    g_free(care->error);
    g_free(care);
}

static TbPinKind
old_kind(const TbCare *care)
{
    return care->operation == TB_OPERATION_UNBLOCK_PIN ? TB_PIN_KIND_PUK : TB_PIN_KIND_PIN;
}

static const TbPin *
limits(const TbCare *care, TbPinKind kind)
{
    return kind == TB_PIN_KIND_PUK ? &care->token->puk : &care->token->pin;
}

static const char *
tries(const TbCare *care)
{
    TbPinKind kind = old_kind(care);
    TbPinState state = limits(care, kind)->state;

    if (state != TB_PIN_STATE_LOW && state != TB_PIN_STATE_FINAL_TRY)
        return NULL;
    return kind == TB_PIN_KIND_PUK ? tb_text_puk_tries(state) : tb_text_pin_tries(state);
}

/* Takes note (NULL: none). */
static void
wait(TbCare *care, char *note)
{
    tb_stage_wait(care->stage, tb_texts_care(care->operation, care->token, note, NULL));
    g_free(note);
}

static void
ask(TbCare *care, State state, TbScreen *screen)
{
    g_free(screen->error);
    screen->error = g_strdup(care->error);
    care->state = state;
    care->stage->deadline = -1;
    tb_stage_present(care->stage, screen);
}

static void
confirm(TbCare *care, State state, const char *question, const char *ok)
{
    char *text = tb_texts_care(care->operation, care->token, tries(care), question);
    ask(care, state, tb_screen_new(TB_SCREEN_CONFIRM, text, ok));
}

/* A screen that asks for a secret. */
static void
ask_secret(TbCare *care, State state, const char *note, const char *question, const char *prompt)
{
    char *text = tb_texts_care(care->operation, care->token, note, question);
    TbScreen *screen =
        tb_screen_new(TB_SCREEN_PIN, text,
                      state == STATE_AGAIN ? tb_text_operation_button(care->operation) : _("Next"));
    g_free(screen->prompt);
    screen->prompt = g_strdup(prompt);
    ask(care, state, screen);
}

static void
ask_old(TbCare *care)
{
    if (old_kind(care) == TB_PIN_KIND_PUK)
        ask_secret(care, STATE_OLD, tries(care), _("Enter the PUK of your token."), _("PUK:"));
    else
        ask_secret(care, STATE_OLD, tries(care), _("Enter the current PIN."), _("PIN:"));
}

static void
ask_new(TbCare *care)
{
    g_autofree char *rule = tb_text_pin_length(&care->token->pin);
    ask_secret(care, STATE_NEW, rule, _("Enter the new PIN."), _("New PIN:"));
}

static void
ask_again(TbCare *care)
{
    ask_secret(care, STATE_AGAIN, NULL, _("Type the new PIN once more."), _("Again:"));
}

static void
submit(TbCare *care, gint64 now)
{
    tb_stage_hide(care->stage);
    g_clear_pointer(&care->error, g_free);
    care->state = STATE_SUBMITTED;
    care->stage->deadline = now + QUIET_US;
    tb_stage_tell(care->stage, json_pack("{s:s}", "type", "submit"));
}

/* The last try is agreed to, where it is one. */
static void
go_on(TbCare *care, gint64 now)
{
    const TbPin *old = limits(care, old_kind(care));

    if (!old->pad)
        ask_old(care);
    else if (old->state == TB_PIN_STATE_FINAL_TRY)
        submit(care, now); /* the yes to the last try was the word to begin */
    else
        confirm(care, STATE_BEGIN, tb_advice_working(care->operation, TRUE).text,
                tb_text_operation_button(care->operation));
}

static void
show_missing(TbCare *care, TbAdvice advice)
{
    care->state = STATE_MISSING;
    care->stage->deadline = -1;
    g_clear_pointer(&care->error, g_free);
    wait(care, tb_texts_paragraphs(advice));
}

/* From the beginning, with the token as it is now. */
static void
start(TbCare *care, gint64 now)
{
    TbAdvice obstacle = {NULL, NULL};

    forget(care);
    if (care->token != NULL)
        obstacle = tb_advice_token(care->token, care->operation);
    if (care->token == NULL)
        show_missing(care, tb_advice_problem(care->problem, care->operation));
    else if (obstacle.title != NULL)
        show_missing(care, obstacle);
    else if (limits(care, old_kind(care))->state == TB_PIN_STATE_FINAL_TRY)
        confirm(care, STATE_LAST_TRY, NULL, _("Use the last try"));
    else
        go_on(care, now);
}

static gboolean
same_pin(const TbPin *a, const TbPin *b)
{
    return a->state == b->state && a->pad == b->pad && a->min == b->min && a->max == b->max;
}

static gboolean
same_token(const TbToken *a, const TbToken *b)
{
    return a != NULL && b != NULL && strcmp(a->label, b->label) == 0 &&
           strcmp(a->reader, b->reader) == 0 && same_pin(&a->pin, &b->pin) &&
           same_pin(&a->puk, &b->puk);
}

static void
on_token(TbCare *care, TbMessage *message, gint64 now)
{
    gboolean stays = same_token(care->token, message->token);
    gboolean asking = care->state >= STATE_BEGIN && care->state <= STATE_AGAIN;

    tb_token_free(care->token);
    care->token = g_steal_pointer(&message->token);
    care->problem = message->problem;
    /* While the token works it is the host that says how that ends. */
    if (care->state >= STATE_SUBMITTED || (asking && stays))
        return;
    g_clear_pointer(&care->error, g_free);
    start(care, now);
}

static void
on_working(TbCare *care, gboolean pad, gint64 now)
{
    care->state = STATE_WORKING;
    care->stage->deadline = pad ? -1 : now + QUIET_US;
    if (pad)
        wait(care, tb_texts_paragraphs(tb_advice_working(care->operation, TRUE)));
}

static void
on_pin_failed(TbCare *care, const TbMessage *message, gint64 now)
{
    forget(care);
    tb_stage_hide(care->stage);
    g_free(care->error);
    care->error = g_strdup(tb_text_pin_failed(message->what, message->pin.pad, message->repeated));
    if (care->token != NULL)
        *(message->what == TB_PIN_KIND_PUK ? &care->token->puk : &care->token->pin) = message->pin;
    start(care, now);
}

gboolean
tb_care_host(TbCare *care, TbMessage *message, int fd, gint64 now)
{
    switch (message->type) {
    case TB_MESSAGE_TOKEN:
        on_token(care, message, now);
        return TRUE;
    case TB_MESSAGE_PIN:
        /* Without the two the end of the pipe tells the worker. A reader that has gone shows in the
         * worker's answer, not here. */
        if (care->state == STATE_SUBMITTED && care->old_pin != NULL && care->new_pin != NULL)
            (void)tb_pin_pair_write(care->old_pin, care->new_pin, fd);
        forget(care);
        return TRUE;
    case TB_MESSAGE_WORKING:
    case TB_MESSAGE_PIN_FAILED:
        if (care->state != STATE_SUBMITTED && care->state != STATE_WORKING)
            return FALSE;
        if (message->type == TB_MESSAGE_WORKING)
            on_working(care, message->pad, now);
        else
            on_pin_failed(care, message, now);
        return TRUE;
    case TB_MESSAGE_FAILED:
        forget(care);
        care->state = STATE_FAILED;
        care->stage->deadline = -1;
        tb_stage_present(
            care->stage,
            tb_screen_new(TB_SCREEN_END, tb_texts_failure(message, care->operation), _("Close")));
        return TRUE;
    case TB_MESSAGE_DONE:
    case TB_MESSAGE_CLOSE:
        forget(care);
        tb_stage_finish(care->stage, NULL);
        return TRUE;
    case TB_MESSAGE_SHOW:
    case TB_MESSAGE_CERTIFICATES:
        return FALSE;
    }
    return FALSE;
}

/* What is the matter with what was typed; NULL when nothing is. */
static char *
judge(const TbCare *care, TbPinKind kind, const TbSecret *pin)
{
    const TbPin *rules = limits(care, kind);
    gsize length = pin != NULL ? tb_secret_length(pin) : 0;

    if (length > rules->max)
        return tb_text_too_long(kind, rules);
    if (!tb_pin_fits(rules, length))
        return tb_text_too_short(kind, rules);
    return tb_texts_pin_is_text(pin) ? NULL
                                     : g_strdup(_("The PIN has characters that no PIN can have."));
}

static void
take_old(TbCare *care, TbSecret *pin)
{
    care->error = judge(care, old_kind(care), pin);
    if (care->error != NULL) {
        tb_secret_free(pin);
        ask_old(care);
        return;
    }
    care->old_pin = pin;
    ask_new(care);
}

static void
take_new(TbCare *care, TbSecret *pin)
{
    care->error = judge(care, TB_PIN_KIND_NEW, pin);
    if (care->error == NULL && care->operation == TB_OPERATION_CHANGE_PIN &&
        tb_pin_pair_same(care->old_pin, pin))
        care->error = g_strdup(_("This is the current PIN. Choose another one."));
    if (care->error != NULL) {
        tb_secret_free(pin);
        ask_new(care);
        return;
    }
    care->new_pin = pin;
    ask_again(care);
}

static void
take_again(TbCare *care, TbSecret *pin, gint64 now)
{
    gboolean same = pin != NULL && tb_pin_pair_same(care->new_pin, pin);

    tb_secret_free(pin);
    if (same) {
        submit(care, now);
        return;
    }
    g_clear_pointer(&care->new_pin, tb_secret_free);
    care->error = g_strdup(_("The two new PINs are not the same."));
    ask_new(care);
}

/* Takes pin; NULL when nothing was typed. */
static void
take_secret(TbCare *care, TbSecret *pin, gint64 now)
{
    tb_stage_hide(care->stage);
    g_clear_pointer(&care->error, g_free);
    if (care->state == STATE_OLD)
        take_old(care, pin);
    else if (care->state == STATE_NEW)
        take_new(care, pin);
    else
        take_again(care, pin, now);
}

static void
ask_once_more(TbCare *care)
{
    TbPinKind kind = care->state == STATE_OLD ? old_kind(care) : TB_PIN_KIND_NEW;

    tb_stage_hide(care->stage);
    g_free(care->error);
    care->error = tb_text_too_long(kind, limits(care, kind));
    if (care->state == STATE_OLD) {
        ask_old(care);
        return;
    }
    g_clear_pointer(&care->new_pin, tb_secret_free);
    ask_new(care);
}

void
tb_care_answer(TbCare *care, TbAnswer answer, TbSecret *pin, gint64 now)
{
    gboolean typing = care->stage->screen->kind == TB_SCREEN_PIN;

    if (typing && answer == TB_ANSWER_OK) {
        take_secret(care, pin, now);
        return;
    }
    tb_secret_free(pin);
    if (care->state == STATE_FAILED) {
        tb_stage_finish(care->stage, NULL);
    } else if (answer == TB_ANSWER_TIMEOUT) {
        tb_stage_show_again(care->stage);
    } else if (typing && answer == TB_ANSWER_TOO_LONG) {
        ask_once_more(care);
    } else if (care->state == STATE_LAST_TRY && answer == TB_ANSWER_OK) {
        tb_stage_hide(care->stage);
        go_on(care, now);
    } else if (care->state == STATE_BEGIN && answer == TB_ANSWER_OK) {
        submit(care, now);
    } else {
        forget(care);
        tb_stage_finish(care->stage, "cancelled");
    }
}

void
tb_care_tick(TbCare *care)
{
    TbAdvice advice = care->state == STATE_LOOKING
                          ? tb_advice_problem(TB_PROBLEM_NONE, care->operation)
                          : tb_advice_working(care->operation, FALSE);

    wait(care, tb_texts_paragraphs(advice));
}
