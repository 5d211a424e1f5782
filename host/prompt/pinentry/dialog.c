/* SPDX-License-Identifier: Apache-2.0
 *
 * The course of one dialog; see the header.
 */
#include "host/prompt/pinentry/dialog.h"

#include <string.h>
#include <unistd.h>

#include <glib/gi18n.h>

#include "host/common/fault.h"
#include "host/prompt/advice.h"
#include "host/prompt/language.h"
#include "host/prompt/message.h"
#include "host/prompt/pin-text.h"
#include "host/prompt/pinentry/care.h"
#include "host/prompt/pinentry/texts.h"
#include "host/prompt/text.h"

/* Short waits show nothing: a window that flashes up and goes is worse than none. */
#define QUIET_US (G_USEC_PER_SEC)

typedef enum State {
    STATE_START,     /* before "show" */
    STATE_LOOKING,   /* before the first "certificates" */
    STATE_MISSING,   /* no usable certificate yet */
    STATE_CHOOSE,    /* asks whether to use current */
    STATE_LAST_TRY,  /* asks whether to risk the last try */
    STATE_PIN,       /* asks for the PIN */
    STATE_SUBMITTED, /* the host will send "pin", "working" or an end */
    STATE_WORKING,   /* the token signs, or the reader asks for the PIN */
    STATE_FAILED,
} State;

struct TbDialog {
    TbStage stage;
    TbCare *care; /* NULL unless it is about the care of a PIN */
    State state;
    TbMessage *show;    /* NULL before it came */
    GPtrArray *choices; /* TbChoice*, the host's order */
    char *preferred;
    TbProblem problem;
    char *current;            /* id of the certificate that is shown or was submitted */
    char *error;              /* shown on the next screen that asks */
    const char *note;         /* why it is the user's turn again; or NULL */
    gboolean last_try_risked; /* the user said yes to the last try */
    TbSecret *pin;            /* typed, not yet written to the pipe */
};

TbDialog *
tb_dialog_new(void)
{
    TbDialog *dialog = g_new0(TbDialog, 1);
    tb_stage_init(&dialog->stage);
    return dialog;
}

void
tb_dialog_free(TbDialog *dialog)
{
    if (dialog == NULL)
        return;
    tb_message_free(dialog->show);
    g_clear_pointer(&dialog->choices, g_ptr_array_unref);
    g_free(dialog->preferred);
    g_free(dialog->current);
    g_free(dialog->error);
    tb_secret_free(dialog->pin);
    tb_care_free(dialog->care);
    tb_stage_clear(&dialog->stage);
    g_free(dialog);
}

static void
forget_pin(TbDialog *dialog)
{
    g_clear_pointer(&dialog->pin, tb_secret_free);
}

static void
present_wait(TbDialog *dialog, const char *note)
{
    tb_stage_wait(&dialog->stage, tb_texts_request(dialog->show, NULL, 1, 1, note));
}

static void
finish(TbDialog *dialog, const char *type)
{
    forget_pin(dialog);
    tb_stage_finish(&dialog->stage, type);
}

/* Usable certificates, the preferred one first. Borrowed elements. */
static GPtrArray *
usable(const TbDialog *dialog)
{
    GPtrArray *list = g_ptr_array_new();
    for (guint i = 0; dialog->choices != NULL && i < dialog->choices->len; i++) {
        TbChoice *choice = g_ptr_array_index(dialog->choices, i);
        if (choice->usable)
            g_ptr_array_insert(
                list, g_strcmp0(choice->id, dialog->preferred) == 0 ? 0 : (gint)list->len, choice);
    }
    return list;
}

/* Position of the current certificate in list, or -1. */
static gint
find_current(const TbDialog *dialog, GPtrArray *list)
{
    for (guint i = 0; i < list->len; i++) {
        const TbChoice *choice = g_ptr_array_index(list, i);
        if (g_strcmp0(choice->id, dialog->current) == 0)
            return (gint)i;
    }
    return -1;
}

static gboolean
asks_token(const TbDialog *dialog, const TbChoice *choice)
{
    return choice->needs_pin && (dialog->show->operation != TB_OPERATION_CHOOSE || choice->hidden);
}

static void
submit(TbDialog *dialog, gint64 now)
{
    tb_stage_hide(&dialog->stage);
    g_clear_pointer(&dialog->error, g_free);
    dialog->note = NULL;
    dialog->state = STATE_SUBMITTED;
    dialog->stage.deadline = now + QUIET_US;
    tb_stage_tell(&dialog->stage,
                  json_pack("{s:s,s:s}", "type", "submit", "certificate", dialog->current));
}

static void
ask_pin(TbDialog *dialog, const TbChoice *choice)
{
    const char *tries = tb_text_pin_tries(choice->pin.state);
    char *text = tb_texts_request(dialog->show, choice, 1, 1, tries != NULL ? tries : dialog->note);
    TbScreen *screen =
        tb_screen_new(TB_SCREEN_PIN, text, tb_text_operation_button(dialog->show->operation));
    screen->error = g_strdup(dialog->error);
    dialog->state = STATE_PIN;
    dialog->stage.deadline = -1;
    tb_stage_present(&dialog->stage, screen);
}

/* The user has agreed to this certificate, or it is the only one and the PIN is the agreement. */
static void
go_on_with(TbDialog *dialog, const TbChoice *choice, gint64 now)
{
    gboolean asks = asks_token(dialog, choice);

    if (asks && choice->pin.state == TB_PIN_STATE_FINAL_TRY && !dialog->last_try_risked) {
        char *text =
            tb_texts_request(dialog->show, choice, 1, 1, tb_text_pin_tries(choice->pin.state));
        TbScreen *screen = tb_screen_new(TB_SCREEN_CONFIRM, text, _("Use the last try"));
        screen->error = g_strdup(dialog->error);
        dialog->state = STATE_LAST_TRY;
        dialog->stage.deadline = -1;
        tb_stage_present(&dialog->stage, screen);
    } else if (asks && !choice->pin.pad) {
        ask_pin(dialog, choice);
    } else {
        submit(dialog, now);
    }
}

static void
ask_certificate(TbDialog *dialog, const TbChoice *choice, guint position, guint count)
{
    g_autofree char *unusable = tb_texts_unusable(dialog->choices);
    char *text = tb_texts_request(dialog->show, choice, position, count,
                                  dialog->note != NULL ? dialog->note : unusable);
    TbScreen *screen = tb_screen_new(TB_SCREEN_CONFIRM, text,
                                     count > 1 ? _("Use this")
                                               : tb_text_operation_button(dialog->show->operation));
    if (count > 1)
        screen->not_ok = g_strdup(_("Next"));
    screen->error = g_strdup(dialog->error);
    dialog->state = STATE_CHOOSE;
    dialog->stage.deadline = -1;
    tb_stage_present(&dialog->stage, screen);
}

static void
wait_for_token(TbDialog *dialog)
{
    TbOperation operation = dialog->show->operation;
    g_autofree char *unusable = tb_texts_unusable(dialog->choices);
    TbProblem problem = dialog->problem != TB_PROBLEM_NONE ? dialog->problem
                        : unusable != NULL                 ? TB_PROBLEM_NO_CERTIFICATE
                                                           : TB_PROBLEM_NO_TOKEN;
    g_autofree char *what = tb_texts_problem(problem, operation);
    g_autofree char *note =
        unusable != NULL ? g_strdup_printf("%s\n\n%s", what, unusable) : g_steal_pointer(&what);

    dialog->state = STATE_MISSING;
    dialog->stage.deadline = -1;
    g_clear_pointer(&dialog->current, g_free);
    present_wait(dialog, note);
}

/* Starts the choice anew, keeping the current certificate when it is still there. */
static void
choose(TbDialog *dialog, gint64 now)
{
    g_autoptr(GPtrArray) list = usable(dialog);

    if (list->len == 0) {
        wait_for_token(dialog);
        return;
    }
    gint position = find_current(dialog, list);
    if (position < 0) {
        position = 0;
        dialog->last_try_risked = FALSE;
        g_clear_pointer(&dialog->error, g_free);
    }
    const TbChoice *choice = g_ptr_array_index(list, position);
    g_autofree char *id = g_strdup(choice->id);
    g_free(dialog->current);
    dialog->current = g_steal_pointer(&id);
    if (list->len == 1 && asks_token(dialog, choice) && !choice->pin.pad)
        go_on_with(dialog, choice, now);
    else
        ask_certificate(dialog, choice, (guint)position + 1, list->len);
}

static const TbChoice *
current_choice(const TbDialog *dialog)
{
    g_autoptr(GPtrArray) list = usable(dialog);
    gint position = find_current(dialog, list);
    return position >= 0 ? g_ptr_array_index(list, position) : NULL;
}

static gboolean
same_pin(const TbPin *a, const TbPin *b)
{
    return a->state == b->state && a->pad == b->pad && a->min == b->min && a->max == b->max;
}

/* The token of a hidden choice shows its certificates: the user's turn again. */
static void
take_turn(TbDialog *dialog)
{
    if (dialog->state != STATE_SUBMITTED && dialog->state != STATE_WORKING)
        return;
    forget_pin(dialog);
    tb_stage_hide(&dialog->stage);
    dialog->last_try_risked = FALSE;
    dialog->state = STATE_CHOOSE;
    dialog->note = tb_text_shown_now(dialog->show->operation, dialog->choices->len);
}

static void
on_certificates(TbDialog *dialog, TbMessage *message, gint64 now)
{
    const TbChoice *before = current_choice(dialog);
    TbPin pin_before = before != NULL ? before->pin : (TbPin){0};
    gboolean had = before != NULL;

    g_clear_pointer(&dialog->choices, g_ptr_array_unref);
    g_free(dialog->preferred);
    dialog->choices = g_steal_pointer(&message->choices);
    dialog->preferred = g_steal_pointer(&message->preferred);
    dialog->problem = message->problem;
    const TbChoice *after = current_choice(dialog);
    if (message->again)
        take_turn(dialog);
    gboolean stays = had && after != NULL && same_pin(&pin_before, &after->pin);

    switch (dialog->state) {
    case STATE_LAST_TRY:
    case STATE_PIN:
        /* Another token must not take the window away from someone who types a PIN. */
        if (!stays)
            choose(dialog, now);
        break;
    case STATE_LOOKING:
    case STATE_MISSING:
    case STATE_CHOOSE:
        choose(dialog, now);
        break;
    case STATE_SUBMITTED:
        if (after == NULL) {
            forget_pin(dialog);
            choose(dialog, now);
        }
        break;
    case STATE_START:
    case STATE_WORKING: /* the host says how it ends */
    case STATE_FAILED:
        break;
    }
}

static void
on_pin(TbDialog *dialog, int fd)
{
    /* When the token went after the submission there is no PIN: the end of the pipe tells the
     * worker. A reader that has gone shows in the worker's answer, not here. */
    if (dialog->pin != NULL)
        (void)tb_secret_write(dialog->pin, fd);
    forget_pin(dialog);
}

static void
on_working(TbDialog *dialog, const TbMessage *message, gint64 now)
{
    dialog->state = STATE_WORKING;
    dialog->stage.deadline = message->pad ? -1 : now + QUIET_US;
    if (message->pad)
        present_wait(dialog, _("Enter the PIN on the reader."));
}

static void
on_pin_failed(TbDialog *dialog, const TbMessage *message, gint64 now)
{
    forget_pin(dialog);
    tb_stage_hide(&dialog->stage);
    g_free(dialog->error);
    dialog->error =
        g_strdup(tb_text_pin_failed(TB_PIN_KIND_PIN, message->pin.pad, message->repeated));
    dialog->last_try_risked = FALSE;
    for (guint i = 0; i < dialog->choices->len; i++) {
        TbChoice *choice = g_ptr_array_index(dialog->choices, i);
        if (g_strcmp0(choice->id, dialog->current) == 0)
            choice->pin = message->pin;
    }
    const TbChoice *choice = current_choice(dialog);
    if (choice == NULL || choice->pin.pad)
        choose(dialog, now);
    else
        go_on_with(dialog, choice, now);
}

static void
on_failed(TbDialog *dialog, const TbMessage *message)
{
    forget_pin(dialog);
    dialog->state = STATE_FAILED;
    dialog->stage.deadline = -1;
    tb_stage_present(&dialog->stage,
                     tb_screen_new(TB_SCREEN_END,
                                   tb_texts_failure(message, dialog->show->operation), _("Close")));
}

/* Whether a message has its place in the present state. */
static gboolean
in_place(const TbDialog *dialog, const TbMessage *read)
{
    gboolean submitted = dialog->state == STATE_SUBMITTED || dialog->state == STATE_WORKING;

    switch (read->type) {
    case TB_MESSAGE_SHOW:
        return dialog->state == STATE_START;
    case TB_MESSAGE_CERTIFICATES:
    case TB_MESSAGE_PIN:
    case TB_MESSAGE_DONE:
    case TB_MESSAGE_FAILED:
        return dialog->state != STATE_START;
    case TB_MESSAGE_WORKING:
        return submitted;
    case TB_MESSAGE_PIN_FAILED:
        return submitted && read->what == TB_PIN_KIND_PIN;
    case TB_MESSAGE_CLOSE:
        return TRUE;
    case TB_MESSAGE_TOKEN:
        return FALSE;
    }
    return FALSE;
}

static void
on_show(TbDialog *dialog, TbMessage *show, gint64 now)
{
    dialog->show = show;
    dialog->state = STATE_LOOKING;
    tb_language_set(show->lang);
    if (tb_operation_is_pin_care(show->operation)) {
        dialog->care = tb_care_new(show->operation, &dialog->stage, now);
        return;
    }
    dialog->stage.title = tb_texts_title(show);
    dialog->stage.deadline = now + QUIET_US;
}

/* Takes the parts of message that it keeps. */
static void
dispatch(TbDialog *dialog, TbMessage **message, int fd, gint64 now)
{
    switch ((*message)->type) {
    case TB_MESSAGE_SHOW:
        on_show(dialog, g_steal_pointer(message), now);
        break;
    case TB_MESSAGE_TOKEN:
        break;
    case TB_MESSAGE_CERTIFICATES:
        on_certificates(dialog, *message, now);
        break;
    case TB_MESSAGE_PIN:
        on_pin(dialog, fd);
        break;
    case TB_MESSAGE_WORKING:
        on_working(dialog, *message, now);
        break;
    case TB_MESSAGE_PIN_FAILED:
        on_pin_failed(dialog, *message, now);
        break;
    case TB_MESSAGE_FAILED:
        on_failed(dialog, *message);
        break;
    case TB_MESSAGE_DONE:
    case TB_MESSAGE_CLOSE:
        finish(dialog, NULL);
        break;
    }
}

gboolean
tb_dialog_host(TbDialog *dialog, json_t *message, int fd, gint64 now, GError **error)
{
    g_autoptr(TbMessage) read = tb_message_parse(message, fd >= 0, error);
    gboolean good = read != NULL;

    if (good && !dialog->stage.over) {
        if (dialog->care != NULL)
            good = tb_care_host(dialog->care, read, fd, now);
        else if ((good = in_place(dialog, read)))
            dispatch(dialog, &read, fd, now);
        if (!good)
            tb_fault(error, TB_REASON_INVALID_REQUEST, "A message of the host came out of turn.");
    }
    if (fd >= 0)
        close(fd);
    return good;
}

/* The PIN as typed: good to submit, or asked for again with the reason. */
static void
take_pin(TbDialog *dialog, TbSecret *pin, gint64 now)
{
    const TbChoice *choice = current_choice(dialog);
    gsize length = pin != NULL ? tb_secret_length(pin) : 0;

    g_clear_pointer(&dialog->error, g_free);
    if (length == 0)
        dialog->error = g_strdup(_("Enter the PIN of your token."));
    else if (length < choice->pin.min)
        dialog->error = tb_text_too_short(TB_PIN_KIND_PIN, &choice->pin);
    else if (length > choice->pin.max)
        dialog->error = tb_text_too_long(TB_PIN_KIND_PIN, &choice->pin);
    else if (!tb_texts_pin_is_text(pin))
        dialog->error = g_strdup(_("The PIN has characters that no PIN can have."));
    if (dialog->error != NULL) {
        tb_secret_free(pin);
        ask_pin(dialog, choice);
        return;
    }
    forget_pin(dialog);
    dialog->pin = pin;
    submit(dialog, now);
}

static void
take_choice(TbDialog *dialog, TbAnswer answer, gint64 now)
{
    g_autoptr(GPtrArray) list = usable(dialog);
    gint position = find_current(dialog, list);

    if (answer == TB_ANSWER_OK) {
        go_on_with(dialog, g_ptr_array_index(list, position), now);
        return;
    }
    guint next = ((guint)position + 1) % list->len;
    const TbChoice *choice = g_ptr_array_index(list, next);
    g_autofree char *id = g_strdup(choice->id);
    g_free(dialog->current);
    dialog->current = g_steal_pointer(&id);
    g_clear_pointer(&dialog->error, g_free);
    dialog->last_try_risked = FALSE;
    ask_certificate(dialog, choice, next + 1, list->len);
}

void
tb_dialog_answer(TbDialog *dialog, TbAnswer answer, TbSecret *pin, gint64 now)
{
    if (dialog->stage.screen == NULL) {
        tb_secret_free(pin);
        return;
    }
    if (dialog->care != NULL) {
        tb_care_answer(dialog->care, answer, pin, now);
        return;
    }
    if (dialog->stage.screen->kind == TB_SCREEN_PIN && answer == TB_ANSWER_OK) {
        tb_stage_hide(&dialog->stage);
        take_pin(dialog, pin, now);
        return;
    }
    tb_secret_free(pin);
    if (dialog->stage.screen->kind == TB_SCREEN_END) {
        finish(dialog, NULL);
        return;
    }
    if (answer == TB_ANSWER_TIMEOUT) {
        tb_stage_show_again(&dialog->stage);
        return;
    }
    gboolean next = answer == TB_ANSWER_NOT_OK && dialog->stage.screen->not_ok != NULL;
    tb_stage_hide(&dialog->stage);
    if (dialog->state == STATE_PIN && answer == TB_ANSWER_TOO_LONG) {
        const TbChoice *choice = current_choice(dialog);
        g_free(dialog->error);
        dialog->error = tb_text_too_long(TB_PIN_KIND_PIN, &choice->pin);
        ask_pin(dialog, choice);
    } else if (dialog->state == STATE_CHOOSE && (answer == TB_ANSWER_OK || next)) {
        take_choice(dialog, answer, now);
    } else if (dialog->state == STATE_LAST_TRY && answer == TB_ANSWER_OK) {
        dialog->last_try_risked = TRUE;
        go_on_with(dialog, current_choice(dialog), now);
    } else {
        finish(dialog, "cancelled");
    }
}

void
tb_dialog_tick(TbDialog *dialog, gint64 now)
{
    if (dialog->stage.deadline < 0 || now < dialog->stage.deadline)
        return;
    dialog->stage.deadline = -1;
    if (dialog->care != NULL) {
        tb_care_tick(dialog->care);
    } else if (dialog->state == STATE_LOOKING) {
        g_autofree char *looking = tb_texts_problem(TB_PROBLEM_NONE, dialog->show->operation);
        present_wait(dialog, looking);
    } else {
        present_wait(dialog, tb_advice_working(dialog->show->operation, FALSE).title);
    }
}

const TbScreen *
tb_dialog_screen(const TbDialog *dialog)
{
    return dialog->stage.screen;
}

gint64
tb_dialog_deadline(const TbDialog *dialog)
{
    return dialog->stage.deadline;
}

json_t *
tb_dialog_take_message(TbDialog *dialog)
{
    return g_queue_pop_head(&dialog->stage.messages);
}

gboolean
tb_dialog_over(const TbDialog *dialog)
{
    return dialog->stage.over;
}
