/* SPDX-License-Identifier: Apache-2.0
 *
 * The dialog for a site's request: see window.h. What it shows comes from the host's messages;
 * where that is text from a certificate, a token or a site it went through text.h or site.h. GTK's
 * thread.
 */
#include "host/prompt/window.h"
#include "host/common/log.h"

#include <glib/gi18n.h>
#include <string.h>

#include "host/common/fault.h"
#include "host/prompt/choice-list.h"
#include "host/prompt/frame.h"
#include "host/prompt/pin-area.h"
#include "host/prompt/pin-text.h"
#include "host/prompt/site-card.h"
#include "host/prompt/style.h"
#include "host/prompt/text.h"

#define SPACING 14

typedef enum TbWindowState {
    STATE_WAITING,  /* nothing to choose from */
    STATE_CHOOSING, /* the user's turn */
    STATE_WORKING,  /* the host's turn */
} TbWindowState;

struct TbWindow {
    TbFrame *frame;
    GtkWidget *choosing;
    GtkWidget *note; /* why it is the user's turn again */
    GtkWidget *none_usable;
    GtkWidget *digest; /* of the document; NULL when there is none */
    TbChoiceList *choices_list;
    TbPinArea *pin_area;

    TbOperation operation;
    TbWindowState state;
    GPtrArray *choices;
    TbProblem problem;
    char *submitted; /* the id, while the host has not answered with pin or otherwise */
    TbWindowEvents events;
    gpointer data;
};

static gboolean
can_submit(const TbWindow *window)
{
    return window->state == STATE_CHOOSING && tb_choice_list_get_selected(window->choices_list) &&
           tb_pin_area_is_ready(window->pin_area) &&
           (tb_frame_is_armed(window->frame) || tb_pin_area_has_field(window->pin_area));
}

static void
update_button(TbWindow *window)
{
    tb_frame_set_ready(window->frame, can_submit(window));
}

/* The PIN that a choice needs, typed or on the reader; NULL when none. */
static const TbPin *
pin_of(const TbWindow *window, const TbChoice *choice)
{
    if (!choice || !choice->needs_pin)
        return NULL;
    /* A certificate that is only chosen costs no PIN, but one that does not show yet does. */
    return window->operation != TB_OPERATION_CHOOSE || choice->hidden ? &choice->pin : NULL;
}

static void
focus_first(TbWindow *window)
{
    if (tb_pin_area_has_field(window->pin_area))
        tb_pin_area_grab_focus(window->pin_area);
    else if (!gtk_widget_child_focus(tb_choice_list_get_widget(window->choices_list),
                                     GTK_DIR_TAB_FORWARD))
        tb_frame_focus_cancel(window->frame);
}

static void
on_choice_selected(gpointer data)
{
    TbWindow *window = data;
    const TbChoice *choice = tb_choice_list_get_selected(window->choices_list);
    const TbPin *pin = pin_of(window, choice);

    tb_pin_area_set_token(window->pin_area, choice ? choice->token : NULL,
                          choice ? choice->reader : NULL, pin);
    gtk_widget_set_visible(window->none_usable, !choice);
    update_button(window);
}

static void
on_pin_changed(gpointer data)
{
    update_button(data);
}

static void
set_note(TbWindow *window, const char *text)
{
    gtk_label_set_text(GTK_LABEL(window->note), text ? text : "");
    gtk_widget_set_visible(window->note, text != NULL);
    tb_style_announce(gtk_widget_get_parent(window->note), text);
}

static void
submit(TbWindow *window)
{
    const TbChoice *choice = tb_choice_list_get_selected(window->choices_list);

    if (!can_submit(window))
        return;
    g_free(window->submitted);
    window->submitted = g_strdup(choice->id);
    set_note(window, NULL);
    tb_window_set_working(window, FALSE);
    window->events.submitted(window->submitted, window->data);
}

static void
on_choice_activated(gpointer data)
{
    TbWindow *window = data;

    if (can_submit(window))
        submit(window);
    else if (tb_pin_area_has_field(window->pin_area))
        tb_pin_area_grab_focus(window->pin_area);
}

static void
on_choices_left(GtkDirectionType direction, gpointer data)
{
    TbWindow *window = data;

    if (direction == GTK_DIR_TAB_FORWARD &&
        gtk_widget_child_focus(tb_pin_area_get_widget(window->pin_area), direction))
        return;
    if (direction == GTK_DIR_TAB_BACKWARD && window->digest) {
        gtk_widget_grab_focus(window->digest);
        return;
    }
    tb_frame_focus_buttons(window->frame, direction);
}

static void
on_painted(gpointer data)
{
    TbWindow *window = data;

    window->events.painted(window->data);
}

static void
on_armed(gpointer data)
{
    update_button(data);
}

static void
on_pressed(gpointer data)
{
    submit(data);
}

static void
on_cancelled(gpointer data)
{
    TbWindow *window = data;

    window->events.cancelled(window->data);
}

static void
on_ended(gpointer data)
{
    TbWindow *window = data;

    window->events.ended(window->data);
}

static GtkWidget *
make_note(TbWindow *window)
{
    GtkWidget *box = tb_style_announcer(GTK_ACCESSIBLE_ROLE_STATUS);

    window->note = tb_style_label(NULL, "tb-note");
    gtk_widget_set_margin_bottom(window->note, SPACING);
    gtk_box_append(GTK_BOX(box), window->note);
    return box;
}

static GtkWidget *
make_choosing(TbWindow *window)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);

    window->none_usable = tb_style_label(
        _("No certificate here can be used now. Insert another token if you have one."),
        "tb-caution");
    gtk_widget_set_margin_top(window->none_usable, SPACING);
    gtk_widget_set_margin_top(tb_pin_area_get_widget(window->pin_area), SPACING);
    gtk_box_append(GTK_BOX(box), make_note(window));
    gtk_box_append(GTK_BOX(box), tb_choice_list_get_widget(window->choices_list));
    gtk_box_append(GTK_BOX(box), window->none_usable);
    gtk_box_append(GTK_BOX(box), tb_pin_area_get_widget(window->pin_area));
    if (window->operation == TB_OPERATION_CHOOSE) {
        GtkWidget *seen = tb_style_small_label(
            _("The site will see your name and all else that the certificate says."), "tb-dim");

        gtk_widget_set_margin_top(seen, SPACING);
        gtk_box_append(GTK_BOX(box), seen);
    }
    return box;
}

static void
open_window(TbWindow *window, const TbMessage *show)
{
    static const TbFrameEvents events = {on_painted, on_armed, on_pressed, on_cancelled, on_ended};
    g_autoptr(TbSite) site = tb_site_new(show->origin);
    g_autofree char *title = tb_text_window_title(show->operation, site->title);

    window->frame = tb_frame_new(title, tb_text_operation(show->operation),
                                 tb_text_operation_button(show->operation), &events, window);
    window->choosing = make_choosing(window);
    tb_frame_append(window->frame, tb_site_card_new(show, site));
    if (show->hash_hex)
        tb_frame_append(window->frame, tb_site_card_new_hash(show, &window->digest));
    tb_frame_append_page(window->frame, window->choosing);
    tb_frame_append(window->frame,
                    tb_style_small_label(_("Tokenbridge asks for your PIN only here. No site’s "
                                           "request ever needs your PUK."),
                                         "tb-dim"));
    set_note(window, NULL);
    on_choice_selected(window);
    tb_frame_show_problem(window->frame, TB_PROBLEM_NONE, window->operation);
    tb_frame_open(window->frame);
}

TbWindow *
tb_window_new(const TbMessage *show, const TbWindowEvents *events, gpointer data, GError **error)
{
    static const TbChoiceListEvents list_events = {on_choice_selected, on_choice_activated,
                                                   on_choices_left};
    TbWindow *window = g_new0(TbWindow, 1);

    window->pin_area = tb_pin_area_new(on_pin_changed, window);
    if (!window->pin_area) {
        g_free(window);
        tb_fault(error, TB_REASON_INTERNAL, "There is no secure memory for the PIN.");
        return NULL;
    }
    window->operation = show->operation;
    window->events = *events;
    window->data = data;
    window->choices = g_ptr_array_new();
    window->choices_list = tb_choice_list_new(&list_events, window);
    open_window(window, show);
    return window;
}

void
tb_window_free(TbWindow *window)
{
    if (!window)
        return;
    tb_pin_area_free(window->pin_area); /* first of all: the PIN */
    tb_choice_list_free(window->choices_list);
    tb_frame_free(window->frame);
    g_ptr_array_unref(window->choices);
    g_free(window->submitted);
    g_free(window);
}

/* Shows the choices, or what is missing; for WAITING and CHOOSING. */
static void
show_choices(TbWindow *window)
{
    gboolean was_choosing = window->state == STATE_CHOOSING;

    window->state = window->choices->len > 0 ? STATE_CHOOSING : STATE_WAITING;
    if (!was_choosing)
        tb_frame_disarm(window->frame);
    update_button(window);
    if (window->state == STATE_WAITING) {
        tb_frame_show_problem(window->frame, window->problem, window->operation);
        return;
    }
    tb_frame_show_page(window->frame);
    if (!was_choosing)
        focus_first(window);
}

/* The token of a hidden choice shows its certificates: the user's turn again. */
static void
take_turn(TbWindow *window)
{
    g_clear_pointer(&window->submitted, g_free);
    tb_pin_area_clear(window->pin_area);
    window->state = STATE_WAITING; /* so that show_choices takes the focus to the field */
    set_note(window, tb_text_shown_now(window->operation, window->choices->len));
}

void
tb_window_set_certificates(TbWindow *window, const TbMessage *message)
{
    const TbChoice *before, *now;
    g_autofree char *id = NULL;

    g_ptr_array_unref(window->choices);
    window->choices = g_ptr_array_ref(message->choices);
    window->problem = message->problem;
    if (tb_frame_is_over(window->frame))
        return;
    if (window->state == STATE_WORKING) {
        /* What was submitted stays as it is while the token works; the list is for another try. */
        if (!message->again)
            return;
        take_turn(window);
    }
    before = tb_choice_list_get_selected(window->choices_list);
    id = g_strdup(before ? before->id : "");
    tb_choice_list_set(window->choices_list, window->choices, message->preferred);
    now = tb_choice_list_get_selected(window->choices_list);
    if (!now || strcmp(now->id, id) != 0) { /* the user has not seen this one */
        tb_frame_disarm(window->frame);
        tb_pin_area_clear(window->pin_area);
    }
    show_choices(window);
}

gboolean
tb_window_write_pin(TbWindow *window, int fd)
{
    gboolean asked_for =
        !tb_frame_is_over(window->frame) && window->state == STATE_WORKING && window->submitted;

    g_clear_pointer(&window->submitted, g_free);
    /* A worker that refuses before it reads the PIN has closed the pipe; the host tells why. */
    if (asked_for && !tb_pin_area_write(window->pin_area, fd))
        tb_log(TB_LOG_INFO, "pin-not-taken", "%s", "");
    return asked_for;
}

void
tb_window_set_working(TbWindow *window, gboolean pad)
{
    TbAdvice advice = tb_advice_working(window->operation, pad);

    if (tb_frame_is_over(window->frame))
        return;
    window->state = STATE_WORKING;
    update_button(window);
    if (pad)
        tb_frame_show_state(window->frame, TB_BADGE_KEYPAD, advice);
    else
        tb_frame_show_wait(window->frame, advice);
}

static gboolean
on_same_token(const TbChoice *a, const TbChoice *b)
{
    return strcmp(a->token, b->token) == 0 && strcmp(a->reader, b->reader) == 0;
}

void
tb_window_set_pin_failed(TbWindow *window, const TbPin *pin, gboolean repeated)
{
    const TbChoice *tried = tb_choice_list_get_selected(window->choices_list);
    gboolean still_there = FALSE;

    if (tb_frame_is_over(window->frame))
        return;
    window->state = STATE_WAITING; /* so that show_choices takes the focus to the field */
    /* The PIN is the token's: all its certificates share what the token says now. */
    for (guint i = 0; tried && i < window->choices->len; i++) {
        TbChoice *choice = g_ptr_array_index(window->choices, i);

        if (!on_same_token(choice, tried))
            continue;
        still_there = TRUE;
        choice->pin = *pin;
        if (pin->state == TB_PIN_STATE_LOCKED) {
            choice->usable = FALSE;
            choice->problem = TB_CHOICE_PROBLEM_PIN_LOCKED;
        }
    }
    tb_pin_area_clear(window->pin_area);
    tb_choice_list_set(window->choices_list, window->choices, NULL);
    show_choices(window);
    if (still_there)
        tb_pin_area_set_error(window->pin_area,
                              tb_text_pin_failed(TB_PIN_KIND_PIN, pin->pad, repeated));
}

void
tb_window_set_done(TbWindow *window)
{
    if (tb_frame_is_over(window->frame))
        return;
    tb_pin_area_clear(window->pin_area);
    tb_frame_set_done(window->frame, window->operation);
}

void
tb_window_set_failed(TbWindow *window, TbReason reason, const char *text)
{
    if (tb_frame_is_over(window->frame))
        return;
    tb_pin_area_clear(window->pin_area);
    tb_frame_set_failed(window->frame, reason, window->operation, text);
}
