/* SPDX-License-Identifier: Apache-2.0
 *
 * Changing and unblocking a PIN: see pin-care.h. The names of the token and its reader come from
 * the token; text.h makes them fit for the screen. GTK's thread.
 */
#include "host/prompt/pin-care.h"

#include <glib/gi18n.h>
#include <string.h>

#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/prompt/frame.h"
#include "host/prompt/pin-form.h"
#include "host/prompt/pin-text.h"
#include "host/prompt/style.h"
#include "host/prompt/text.h"

#define NAME_MAX_CHARACTERS 120

typedef enum CareState {
    STATE_WAITING, /* no token, or none whose PIN can be changed */
    STATE_TYPING,  /* the user's turn */
    STATE_WORKING, /* the host's turn */
} CareState;

struct TbPinCare {
    TbFrame *frame;
    GtkWidget *card, *label, *reader; /* which token */
    TbPinForm *form;
    TbOperation operation;
    CareState state;
    TbToken *token; /* NULL while there is none */
    TbProblem problem;
    gboolean submitted; /* and the host has not answered with pin or otherwise */
    TbWindowEvents events;
    gpointer data;
};

static gboolean
can_submit(const TbPinCare *care)
{
    return care->state == STATE_TYPING && tb_pin_form_is_ready(care->form) &&
           (tb_frame_is_armed(care->frame) || tb_pin_form_has_fields(care->form));
}

static void
update_button(gpointer data)
{
    TbPinCare *care = data;

    tb_frame_set_ready(care->frame, can_submit(care));
}

static void
submit(gpointer data)
{
    TbPinCare *care = data;

    if (!can_submit(care))
        return;
    care->submitted = TRUE;
    tb_pin_care_set_working(care, FALSE);
    care->events.submitted(NULL, care->data);
}

static void
on_painted(gpointer data)
{
    TbPinCare *care = data;

    care->events.painted(care->data);
}

static void
on_cancelled(gpointer data)
{
    TbPinCare *care = data;

    care->events.cancelled(care->data);
}

static void
on_ended(gpointer data)
{
    TbPinCare *care = data;

    care->events.ended(care->data);
}

static GtkWidget *
make_card(TbPinCare *care)
{
    care->card = g_object_new(GTK_TYPE_BOX, "orientation", GTK_ORIENTATION_VERTICAL, "spacing", 4,
                              "accessible-role", GTK_ACCESSIBLE_ROLE_GROUP, NULL);
    care->label = tb_style_label(NULL, "tb-token");
    care->reader = tb_style_small_label(NULL, "tb-dim");
    gtk_widget_add_css_class(care->card, "tb-card");
    gtk_box_append(GTK_BOX(care->card), care->label);
    gtk_box_append(GTK_BOX(care->card), care->reader);
    gtk_widget_set_visible(care->card, FALSE);
    return care->card;
}

static void
fill_card(TbPinCare *care)
{
    gboolean in_reader = care->token && *care->token->reader;
    g_autofree char *label = NULL, *reader = NULL, *place = NULL;

    gtk_widget_set_visible(care->card, care->token != NULL);
    gtk_widget_set_visible(care->reader, in_reader);
    if (!care->token)
        return;
    label = tb_text_clean(care->token->label, NAME_MAX_CHARACTERS);
    reader = tb_text_clean(care->token->reader, NAME_MAX_CHARACTERS);
    place = g_strdup_printf(_("In the reader “%s”"), reader);
    gtk_label_set_text(GTK_LABEL(care->label), label);
    gtk_label_set_text(GTK_LABEL(care->reader), in_reader ? place : "");
    gtk_accessible_update_property(GTK_ACCESSIBLE(care->card), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   _("Token"), -1);
}

static const char *
promise(TbOperation operation)
{
    if (operation == TB_OPERATION_UNBLOCK_PIN)
        return _("No site can open this window. Tokenbridge asks for your PUK only here.");
    return _("No site can open this window. It never asks for your PUK.");
}

static void
open_window(TbPinCare *care)
{
    static const TbFrameEvents events = {on_painted, update_button, submit, on_cancelled, on_ended};
    g_autofree char *title = tb_text_window_title(care->operation, NULL);

    care->frame = tb_frame_new(title, tb_text_operation(care->operation),
                               tb_text_operation_button(care->operation), &events, care);
    tb_frame_append(care->frame, make_card(care));
    tb_frame_append_page(care->frame, tb_pin_form_get_widget(care->form));
    tb_frame_append(care->frame, tb_style_small_label(promise(care->operation), "tb-dim"));
    tb_frame_show_problem(care->frame, TB_PROBLEM_NONE, care->operation);
    update_button(care);
    tb_frame_open(care->frame);
}

TbPinCare *
tb_pin_care_new(const TbMessage *show, const TbWindowEvents *events, gpointer data, GError **error)
{
    static const TbPinFormEvents form_events = {update_button, submit};
    TbPinCare *care = g_new0(TbPinCare, 1);

    care->form = tb_pin_form_new(show->operation, &form_events, care);
    if (!care->form) {
        g_free(care);
        tb_fault(error, TB_REASON_INTERNAL, "There is no secure memory for the PIN.");
        return NULL;
    }
    care->operation = show->operation;
    care->events = *events;
    care->data = data;
    open_window(care);
    return care;
}

void
tb_pin_care_free(TbPinCare *care)
{
    if (!care)
        return;
    tb_pin_form_free(care->form); /* first of all: the PINs */
    tb_frame_free(care->frame);
    tb_token_free(care->token);
    g_free(care);
}

/* Shows the form, or what is missing; fresh: nothing that was typed or agreed to holds any more. */
static void
show_token(TbPinCare *care, gboolean fresh)
{
    TbAdvice obstacle = {NULL, NULL};
    gboolean was_typing = care->state == STATE_TYPING;

    fill_card(care);
    if (care->token)
        obstacle = tb_advice_token(care->token, care->operation);
    care->state = care->token && !obstacle.title ? STATE_TYPING : STATE_WAITING;
    if (!was_typing || fresh)
        tb_frame_disarm(care->frame);
    if (care->state == STATE_TYPING) {
        tb_pin_form_set_token(care->form, care->token, fresh);
        tb_frame_show_page(care->frame);
        if ((!was_typing || fresh) && tb_pin_form_has_fields(care->form))
            tb_pin_form_grab_focus(care->form);
    } else {
        tb_pin_form_clear(care->form);
        if (obstacle.title)
            tb_frame_show_state(care->frame, TB_BADGE_WARNING, obstacle);
        else
            tb_frame_show_problem(care->frame, care->problem, care->operation);
    }
    update_button(care);
}

static gboolean
is_same_token(const TbToken *a, const TbToken *b)
{
    return a && b && strcmp(a->label, b->label) == 0 && strcmp(a->reader, b->reader) == 0 &&
           a->pin.pad == b->pin.pad && a->puk.pad == b->puk.pad;
}

void
tb_pin_care_set_token(TbPinCare *care, TbMessage *message)
{
    gboolean same = is_same_token(care->token, message->token);

    tb_token_free(care->token);
    care->token = g_steal_pointer(&message->token);
    care->problem = message->problem;
    /* While the token works it is the host that says how that ends. */
    if (!tb_frame_is_over(care->frame) && care->state != STATE_WORKING)
        show_token(care, !same);
}

gboolean
tb_pin_care_write_pins(TbPinCare *care, int fd)
{
    gboolean asked_for =
        !tb_frame_is_over(care->frame) && care->state == STATE_WORKING && care->submitted;

    care->submitted = FALSE;
    /* A worker that refuses before it reads the PINs has closed the pipe; the host tells why. */
    if (asked_for && !tb_pin_form_write(care->form, fd))
        tb_log(TB_LOG_INFO, "pin-not-taken", "%s", "");
    return asked_for;
}

void
tb_pin_care_set_working(TbPinCare *care, gboolean pad)
{
    TbAdvice advice = tb_advice_working(care->operation, pad);

    if (tb_frame_is_over(care->frame))
        return;
    care->state = STATE_WORKING;
    update_button(care);
    if (pad)
        tb_frame_show_state(care->frame, TB_BADGE_KEYPAD, advice);
    else
        tb_frame_show_wait(care->frame, advice);
}

void
tb_pin_care_set_failed_pin(TbPinCare *care, const TbMessage *message)
{
    if (tb_frame_is_over(care->frame))
        return;
    care->submitted = FALSE;
    if (care->token)
        *(message->what == TB_PIN_KIND_PUK ? &care->token->puk : &care->token->pin) = message->pin;
    show_token(care, TRUE);
    if (care->state == STATE_TYPING)
        tb_pin_form_set_error(
            care->form, message->what,
            tb_text_pin_failed(message->what, message->pin.pad, message->repeated));
}

void
tb_pin_care_set_done(TbPinCare *care)
{
    if (tb_frame_is_over(care->frame))
        return;
    tb_pin_form_clear(care->form);
    tb_frame_set_done(care->frame, care->operation);
}

void
tb_pin_care_set_failed(TbPinCare *care, TbReason reason, const char *text)
{
    if (tb_frame_is_over(care->frame))
        return;
    tb_pin_form_clear(care->form);
    tb_frame_set_failed(care->frame, reason, care->operation, text);
}
