/* SPDX-License-Identifier: Apache-2.0
 *
 * The dialog: see window.h. What it shows comes from the host's messages; where that is text from
 * a certificate, a token or a site it went through text.h or site.h. GTK's thread.
 */
#include "host/prompt/window.h"
#include "host/common/log.h"

#include <glib/gi18n.h>
#include <string.h>

#include "host/common/fault.h"
#include "host/prompt/advice.h"
#include "host/prompt/choice-list.h"
#include "host/prompt/pin-area.h"
#include "host/prompt/pin-text.h"
#include "host/prompt/site.h"
#include "host/prompt/status-page.h"
#include "host/prompt/style.h"
#include "host/prompt/text.h"

#define WIDTH 460
#define MARGIN 22
#define SPACING 14
#define LONG_SITE 34 /* characters */

/* How long "done" is readable before the window goes. */
#define DONE_MS 1200

/* For so long after there is something to agree to, the button does nothing where no PIN has to be
 * typed: nobody shall agree with a key that was meant for the page, or for Cancel. */
#define ARM_MS 600

typedef enum TbWindowState {
    STATE_WAITING,  /* nothing to choose from */
    STATE_CHOOSING, /* the user's turn */
    STATE_WORKING,  /* the host's turn */
    STATE_ENDED,    /* done or failed */
} TbWindowState;

struct TbWindow {
    GtkWidget *window;
    GtkWidget *pages; /* GtkStack of status and choosing */
    GtkWidget *choosing;
    GtkWidget *none_usable;
    GtkWidget *digest; /* of the document; NULL when there is none */
    GtkWidget *buttons, *cancel, *submit;
    TbStatusPage *status;
    TbChoiceList *choices_list;
    TbPinArea *pin_area;

    TbOperation operation;
    TbWindowState state;
    GPtrArray *choices;
    TbProblem problem;
    char *submitted; /* the id, while the host has not answered with pin or otherwise */
    gboolean painted, armed;
    guint arm_timer, done_timer;
    gulong paint_handler;
    TbWindowEvents events;
    gpointer data;
};

static gboolean
can_submit(const TbWindow *window)
{
    return window->state == STATE_CHOOSING && tb_choice_list_get_selected(window->choices_list) &&
           tb_pin_area_is_ready(window->pin_area) &&
           (window->armed || tb_pin_area_has_field(window->pin_area));
}

static void
update_button(TbWindow *window)
{
    gtk_widget_set_sensitive(window->submit, can_submit(window));
}

/* The PIN that a choice needs, typed or on the reader; NULL when none. */
static const TbPin *
pin_of(const TbWindow *window, const TbChoice *choice)
{
    if (!choice || !choice->needs_pin || window->operation == TB_OPERATION_CHOOSE)
        return NULL;
    return &choice->pin;
}

static void
focus_first(TbWindow *window)
{
    if (tb_pin_area_has_field(window->pin_area))
        tb_pin_area_grab_focus(window->pin_area);
    else if (!gtk_widget_child_focus(tb_choice_list_get_widget(window->choices_list),
                                     GTK_DIR_TAB_FORWARD))
        gtk_widget_grab_focus(window->cancel);
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
show_status(TbWindow *window)
{
    gtk_stack_set_visible_child(GTK_STACK(window->pages),
                                tb_status_page_get_widget(window->status));
}

static void
submit(TbWindow *window)
{
    const TbChoice *choice = tb_choice_list_get_selected(window->choices_list);

    if (!can_submit(window))
        return;
    g_free(window->submitted);
    window->submitted = g_strdup(choice->id);
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
    gtk_widget_child_focus(window->buttons, direction);
}

static void
on_submit_clicked(GtkButton *button, gpointer data)
{
    submit(data);
}

static void
leave(TbWindow *window)
{
    if (window->state == STATE_ENDED)
        window->events.ended(window->data);
    else
        window->events.cancelled(window->data);
}

static void
on_cancel_clicked(GtkButton *button, gpointer data)
{
    leave(data);
}

static gboolean
on_close_request(GtkWindow *widget, gpointer data)
{
    leave(data);
    return TRUE; /* the session frees it */
}

static gboolean
on_escape(GtkWidget *widget, GVariant *arguments, gpointer data)
{
    leave(data);
    return TRUE;
}

static gboolean
on_armed(gpointer data)
{
    TbWindow *window = data;

    window->arm_timer = 0;
    window->armed = TRUE;
    update_button(window);
    if (can_submit(window) && gtk_widget_has_focus(window->cancel))
        gtk_widget_grab_focus(window->submit);
    return G_SOURCE_REMOVE;
}

static void
disarm(TbWindow *window)
{
    window->armed = FALSE;
    g_clear_handle_id(&window->arm_timer, g_source_remove);
    if (window->painted)
        window->arm_timer = g_timeout_add(ARM_MS, on_armed, window);
}

static void
on_after_paint(GdkFrameClock *clock, gpointer data)
{
    TbWindow *window = data;

    g_clear_signal_handler(&window->paint_handler, clock);
    window->painted = TRUE;
    disarm(window);
    window->events.painted(window->data);
}

static void
on_map(GtkWidget *widget, gpointer data)
{
    TbWindow *window = data;
    GdkFrameClock *clock = gtk_widget_get_frame_clock(widget);

    if (!window->paint_handler && !window->painted)
        window->paint_handler =
            g_signal_connect(clock, "after-paint", G_CALLBACK(on_after_paint), window);
}

static void
append_text(GtkWidget *box, const char *css_class, const char *text)
{
    GtkWidget *label = tb_style_label(text, css_class);

    gtk_widget_add_css_class(label, "tb-small");
    gtk_box_append(GTK_BOX(box), label);
}

/* The other spelling of a site's name. */
static void
append_other_form(GtkWidget *box, const TbSite *site)
{
    g_autofree char *text = NULL;

    if (!site->other)
        return;
    if (site->look_alike)
        text = g_strdup_printf(_("Careful: the letters of this name look like others. "
                                 "Do not take it for %s."),
                               site->other);
    else
        text = g_strdup_printf(_("Technical form of the name: %s"), site->other);
    append_text(box, site->look_alike ? "tb-caution" : "tb-dim", text);
}

static GtkWidget *
site_label(const TbSite *site)
{
    GtkWidget *label = tb_style_label(NULL, "tb-site");

    gtk_label_set_markup(GTK_LABEL(label), site->markup);
    if (g_utf8_strlen(site->text, -1) > LONG_SITE) {
        gtk_widget_remove_css_class(label, "tb-site");
        gtk_widget_add_css_class(label, "tb-site-long");
    }
    return label;
}

static GtkWidget *
make_site(const TbMessage *show, const TbSite *site)
{
    GtkWidget *card = g_object_new(GTK_TYPE_BOX, "orientation", GTK_ORIENTATION_VERTICAL, "spacing",
                                   4, "accessible-role", GTK_ACCESSIBLE_ROLE_GROUP, NULL);

    gtk_widget_add_css_class(card, "tb-card");
    gtk_accessible_update_property(GTK_ACCESSIBLE(card), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   tb_text_operation(show->operation), -1);
    gtk_box_append(GTK_BOX(card), site_label(site));
    append_other_form(card, site);
    if (site->plain_http)
        append_text(card, "tb-dim", _("This site is on your own computer."));
    if (show->top_origin) {
        g_autoptr(TbSite) top = tb_site_new(show->top_origin);
        g_autofree char *text =
            g_strdup_printf(_("It is shown inside a page of another site: %s"), top->text);

        append_text(card, "tb-caution", text);
        append_other_form(card, top);
    }
    return card;
}

static GtkWidget *
make_hash(TbWindow *window, const TbMessage *show)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 4);
    g_autofree char *text =
        g_strdup_printf(_("Fingerprint of the document (%s):"), show->hash_function);
    g_autofree char *groups = tb_text_hex_groups(show->hash_hex);
    GtkWidget *caption = tb_style_label(text, "tb-dim");
    GtkWidget *digest = tb_style_label(groups, "tb-code");

    gtk_label_set_selectable(GTK_LABEL(digest), TRUE);
    gtk_widget_set_direction(digest, GTK_TEXT_DIR_LTR);
    gtk_widget_add_css_class(caption, "tb-small");
    gtk_widget_add_css_class(digest, "tb-small");
    window->digest = digest;
    gtk_box_append(GTK_BOX(box), caption);
    gtk_box_append(GTK_BOX(box), digest);
    return box;
}

static GtkWidget *
make_choosing(TbWindow *window)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, SPACING);

    window->none_usable = tb_style_label(
        _("No certificate here can be used now. Insert another token if you have one."),
        "tb-caution");
    gtk_box_append(GTK_BOX(box), tb_choice_list_get_widget(window->choices_list));
    gtk_box_append(GTK_BOX(box), window->none_usable);
    gtk_box_append(GTK_BOX(box), tb_pin_area_get_widget(window->pin_area));
    if (window->operation == TB_OPERATION_CHOOSE)
        append_text(box, "tb-dim",
                    _("The site will see your name and all else that the certificate says."));
    return box;
}

static GtkWidget *
make_buttons(TbWindow *window)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 10);

    window->cancel = gtk_button_new_with_label(_("Cancel"));
    window->submit = gtk_button_new_with_label(tb_text_operation_button(window->operation));
    gtk_widget_add_css_class(window->submit, "suggested-action");
    gtk_widget_add_css_class(box, "tb-buttons");
    gtk_widget_set_halign(box, GTK_ALIGN_END);
    gtk_box_append(GTK_BOX(box), window->cancel);
    gtk_box_append(GTK_BOX(box), window->submit);
    g_signal_connect(window->cancel, "clicked", G_CALLBACK(on_cancel_clicked), window);
    g_signal_connect(window->submit, "clicked", G_CALLBACK(on_submit_clicked), window);
    return box;
}

static GtkWidget *
make_content(TbWindow *window, const TbMessage *show, const TbSite *site)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, SPACING);
    GtkWidget *heading = tb_style_label(tb_text_operation(show->operation), "tb-heading");

    gtk_widget_set_margin_top(box, MARGIN);
    gtk_widget_set_margin_bottom(box, MARGIN);
    gtk_widget_set_margin_start(box, MARGIN);
    gtk_widget_set_margin_end(box, MARGIN);
    window->choosing = make_choosing(window);
    window->pages = gtk_stack_new();
    gtk_stack_set_vhomogeneous(GTK_STACK(window->pages), TRUE);
    gtk_widget_set_size_request(window->pages, -1, 140);
    gtk_stack_add_child(GTK_STACK(window->pages), tb_status_page_get_widget(window->status));
    gtk_stack_add_child(GTK_STACK(window->pages), window->choosing);

    gtk_box_append(GTK_BOX(box), heading);
    gtk_box_append(GTK_BOX(box), make_site(show, site));
    if (show->hash_hex)
        gtk_box_append(GTK_BOX(box), make_hash(window, show));
    gtk_box_append(GTK_BOX(box), window->pages);
    append_text(
        box, "tb-dim",
        _("Tokenbridge asks for your PIN only here. No site’s request ever needs your PUK."));
    window->buttons = make_buttons(window);
    gtk_box_append(GTK_BOX(box), window->buttons);
    return box;
}

static void
add_escape(TbWindow *window)
{
    GtkEventController *shortcuts = gtk_shortcut_controller_new();

    gtk_shortcut_controller_set_scope(GTK_SHORTCUT_CONTROLLER(shortcuts),
                                      GTK_SHORTCUT_SCOPE_GLOBAL);
    gtk_shortcut_controller_add_shortcut(
        GTK_SHORTCUT_CONTROLLER(shortcuts),
        gtk_shortcut_new(gtk_keyval_trigger_new(GDK_KEY_Escape, 0),
                         gtk_callback_action_new(on_escape, window, NULL)));
    gtk_widget_add_controller(window->window, shortcuts);
}

static void
open_window(TbWindow *window, const TbMessage *show)
{
    g_autoptr(TbSite) site = tb_site_new(show->origin);
    g_autofree char *title = tb_text_window_title(show->operation, site->title);

    window->window = gtk_window_new();
    gtk_window_set_title(GTK_WINDOW(window->window), title);
    gtk_window_set_resizable(GTK_WINDOW(window->window), FALSE);
    gtk_window_set_modal(GTK_WINDOW(window->window), TRUE);
    gtk_widget_set_size_request(window->window, WIDTH, -1);
    gtk_window_set_child(GTK_WINDOW(window->window), make_content(window, show, site));
    gtk_window_set_default_widget(GTK_WINDOW(window->window), window->submit);
    add_escape(window);
    on_choice_selected(window);
    tb_status_page_wait(window->status, tb_advice_problem(TB_PROBLEM_NONE, window->operation));
    show_status(window);
    gtk_widget_grab_focus(window->cancel);
    g_signal_connect(window->window, "close-request", G_CALLBACK(on_close_request), window);
    g_signal_connect(window->window, "map", G_CALLBACK(on_map), window);
    gtk_window_present(GTK_WINDOW(window->window));
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
    window->status = tb_status_page_new();
    window->choices_list = tb_choice_list_new(&list_events, window);
    open_window(window, show);
    return window;
}

void
tb_window_free(TbWindow *window)
{
    if (!window)
        return;
    g_clear_handle_id(&window->arm_timer, g_source_remove);
    g_clear_handle_id(&window->done_timer, g_source_remove);
    tb_pin_area_free(window->pin_area); /* first of all: the PIN */
    if (window->paint_handler)
        g_signal_handler_disconnect(gtk_widget_get_frame_clock(window->window),
                                    window->paint_handler);
    tb_choice_list_free(window->choices_list);
    tb_status_page_free(window->status);
    gtk_window_destroy(GTK_WINDOW(window->window));
    g_ptr_array_unref(window->choices);
    g_free(window->submitted);
    g_free(window);
}

/* Shows the choices, or what is missing; for WAITING and CHOOSING. */
static void
show_choices(TbWindow *window)
{
    gboolean was_choosing = window->state == STATE_CHOOSING;
    TbAdvice advice = tb_advice_problem(window->problem, window->operation);

    window->state = window->choices->len > 0 ? STATE_CHOOSING : STATE_WAITING;
    if (!was_choosing)
        disarm(window);
    update_button(window);
    if (window->state == STATE_CHOOSING) {
        gtk_stack_set_visible_child(GTK_STACK(window->pages), window->choosing);
        if (!was_choosing)
            focus_first(window);
        return;
    }
    if (window->problem == TB_PROBLEM_NONE)
        tb_status_page_wait(window->status, advice);
    else
        tb_status_page_show(window->status,
                            window->problem == TB_PROBLEM_NO_TOKEN ? TB_BADGE_TOKEN
                                                                   : TB_BADGE_WARNING,
                            advice, NULL);
    gtk_widget_grab_focus(window->cancel); /* before the field that has it is hidden */
    show_status(window);
}

void
tb_window_set_certificates(TbWindow *window, const TbMessage *message)
{
    const TbChoice *before, *now;
    g_autofree char *id = NULL;

    g_ptr_array_unref(window->choices);
    window->choices = g_ptr_array_ref(message->choices);
    window->problem = message->problem;
    /* What was submitted stays as it is while the token works; the list is for another try. */
    if (window->state == STATE_ENDED || window->state == STATE_WORKING)
        return;
    before = tb_choice_list_get_selected(window->choices_list);
    id = g_strdup(before ? before->id : "");
    tb_choice_list_set(window->choices_list, window->choices, message->preferred);
    now = tb_choice_list_get_selected(window->choices_list);
    if (!now || strcmp(now->id, id) != 0) { /* the user has not seen this one */
        disarm(window);
        tb_pin_area_clear(window->pin_area);
    }
    show_choices(window);
}

gboolean
tb_window_write_pin(TbWindow *window, int fd)
{
    gboolean asked_for = window->state == STATE_WORKING && window->submitted;

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

    if (window->state == STATE_ENDED)
        return;
    window->state = STATE_WORKING;
    update_button(window);
    if (pad)
        tb_status_page_show(window->status, TB_BADGE_KEYPAD, advice, NULL);
    else
        tb_status_page_wait(window->status, advice);
    gtk_widget_grab_focus(window->cancel); /* before the field that has it is hidden */
    show_status(window);
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

    if (window->state == STATE_ENDED)
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

static gboolean
on_done_over(gpointer data)
{
    TbWindow *window = data;

    window->done_timer = 0;
    window->events.ended(window->data);
    return G_SOURCE_REMOVE;
}

static void
end(TbWindow *window, TbBadge badge, TbAdvice advice, const char *detail)
{
    window->state = STATE_ENDED;
    tb_pin_area_clear(window->pin_area);
    gtk_button_set_label(GTK_BUTTON(window->cancel), _("Close"));
    gtk_window_set_default_widget(GTK_WINDOW(window->window), window->cancel);
    gtk_widget_grab_focus(window->cancel);
    gtk_widget_set_visible(window->submit, FALSE);
    tb_status_page_show(window->status, badge, advice, detail);
    show_status(window);
}

void
tb_window_set_done(TbWindow *window)
{
    if (window->state == STATE_ENDED)
        return;
    end(window, TB_BADGE_DONE, tb_advice_done(window->operation), NULL);
    window->done_timer = g_timeout_add(DONE_MS, on_done_over, window);
}

void
tb_window_set_failed(TbWindow *window, TbReason reason, const char *text)
{
    gboolean technical = reason == TB_REASON_INTERNAL || reason == TB_REASON_MODULE_FAILED ||
                         reason == TB_REASON_INVALID_REQUEST || reason == TB_REASON_UNSUPPORTED ||
                         reason == TB_REASON_ORIGIN_REFUSED;

    if (window->state == STATE_ENDED)
        return;
    end(window, TB_BADGE_WARNING, tb_advice_failure(reason, window->operation),
        technical ? text : NULL);
}
