/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame of a dialog: see frame.h. Of what it shows only the host's sentence about a failure
 * comes from outside; the status page cleans it. GTK's thread.
 */
#include "host/prompt/frame.h"

#include <glib/gi18n.h>

#include "host/prompt/status-page.h"
#include "host/prompt/style.h"

#define WIDTH 460
#define MARGIN 22
#define SPACING 14
#define PAGE_MIN_HEIGHT 140

/* How long "done" is readable before the window goes. */
#define DONE_MS 1200

/* How long the button does nothing where nothing has to be typed. */
#define ARM_MS 600

struct TbFrame {
    GtkWidget *window;
    GtkWidget *content;
    GtkWidget *pages; /* GtkStack of status and page */
    GtkWidget *page;
    GtkWidget *buttons, *cancel, *submit;
    TbStatusPage *status;
    gboolean painted, armed, over;
    guint arm_timer, done_timer;
    gulong paint_handler;
    TbFrameEvents events;
    gpointer data;
};

static void
on_submit_clicked(GtkButton *button, gpointer data)
{
    TbFrame *frame = data;

    frame->events.pressed(frame->data);
}

static void
leave(TbFrame *frame)
{
    if (frame->over)
        frame->events.ended(frame->data);
    else
        frame->events.cancelled(frame->data);
}

static void
on_cancel_clicked(GtkButton *button, gpointer data)
{
    leave(data);
}

static gboolean
on_close_request(GtkWidget *widget, gpointer data)
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
    TbFrame *frame = data;

    frame->arm_timer = 0;
    frame->armed = TRUE;
    frame->events.armed(frame->data);
    if (gtk_widget_get_sensitive(frame->submit) && gtk_widget_has_focus(frame->cancel))
        gtk_widget_grab_focus(frame->submit);
    return G_SOURCE_REMOVE;
}

gboolean
tb_frame_is_armed(const TbFrame *frame)
{
    return frame->armed;
}

void
tb_frame_disarm(TbFrame *frame)
{
    frame->armed = FALSE;
    g_clear_handle_id(&frame->arm_timer, g_source_remove);
    if (frame->painted)
        frame->arm_timer = g_timeout_add(ARM_MS, on_armed, frame);
}

static void
on_after_paint(GdkFrameClock *clock, gpointer data)
{
    TbFrame *frame = data;

    g_clear_signal_handler(&frame->paint_handler, clock);
    frame->painted = TRUE;
    tb_frame_disarm(frame);
    frame->events.painted(frame->data);
}

static void
on_map(GtkWidget *widget, gpointer data)
{
    TbFrame *frame = data;
    GdkFrameClock *clock = gtk_widget_get_frame_clock(widget);

    if (!frame->paint_handler && !frame->painted)
        frame->paint_handler =
            g_signal_connect(clock, "after-paint", G_CALLBACK(on_after_paint), frame);
}

static GtkWidget *
make_buttons(TbFrame *frame, const char *label)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 10);

    frame->cancel = gtk_button_new_with_label(_("Cancel"));
    frame->submit = gtk_button_new_with_label(label);
    gtk_widget_add_css_class(frame->submit, "suggested-action");
    gtk_widget_add_css_class(box, "tb-buttons");
    gtk_widget_set_halign(box, GTK_ALIGN_END);
    gtk_box_append(GTK_BOX(box), frame->cancel);
    gtk_box_append(GTK_BOX(box), frame->submit);
    g_signal_connect(frame->cancel, "clicked", G_CALLBACK(on_cancel_clicked), frame);
    g_signal_connect(frame->submit, "clicked", G_CALLBACK(on_submit_clicked), frame);
    return box;
}

static void
add_escape(TbFrame *frame)
{
    GtkEventController *shortcuts = gtk_shortcut_controller_new();

    gtk_shortcut_controller_set_scope(GTK_SHORTCUT_CONTROLLER(shortcuts),
                                      GTK_SHORTCUT_SCOPE_GLOBAL);
    gtk_shortcut_controller_add_shortcut(
        GTK_SHORTCUT_CONTROLLER(shortcuts),
        gtk_shortcut_new(gtk_keyval_trigger_new(GDK_KEY_Escape, 0),
                         gtk_callback_action_new(on_escape, frame, NULL)));
    gtk_widget_add_controller(frame->window, shortcuts);
}

TbFrame *
tb_frame_new(const char *title, const char *heading, const char *button,
             const TbFrameEvents *events, gpointer data)
{
    TbFrame *frame = g_new0(TbFrame, 1);

    frame->events = *events;
    frame->data = data;
    frame->status = tb_status_page_new();
    frame->content = gtk_box_new(GTK_ORIENTATION_VERTICAL, SPACING);
    gtk_widget_set_margin_top(frame->content, MARGIN);
    gtk_widget_set_margin_bottom(frame->content, MARGIN);
    gtk_widget_set_margin_start(frame->content, MARGIN);
    gtk_widget_set_margin_end(frame->content, MARGIN);
    frame->buttons = make_buttons(frame, button);
    g_object_ref_sink(frame->buttons);
    frame->window = gtk_window_new();
    gtk_window_set_title(GTK_WINDOW(frame->window), title);
    gtk_window_set_resizable(GTK_WINDOW(frame->window), FALSE);
    gtk_window_set_modal(GTK_WINDOW(frame->window), TRUE);
    gtk_widget_set_size_request(frame->window, WIDTH, -1);
    gtk_window_set_child(GTK_WINDOW(frame->window), frame->content);
    add_escape(frame);
    g_signal_connect(frame->window, "close-request", G_CALLBACK(on_close_request), frame);
    g_signal_connect(frame->window, "map", G_CALLBACK(on_map), frame);
    tb_frame_append(frame, tb_style_label(heading, "tb-heading"));
    return frame;
}

void
tb_frame_free(TbFrame *frame)
{
    if (!frame)
        return;
    g_clear_handle_id(&frame->arm_timer, g_source_remove);
    g_clear_handle_id(&frame->done_timer, g_source_remove);
    if (frame->paint_handler)
        g_signal_handler_disconnect(gtk_widget_get_frame_clock(frame->window),
                                    frame->paint_handler);
    tb_status_page_free(frame->status);
    gtk_window_destroy(GTK_WINDOW(frame->window));
    g_object_unref(frame->buttons);
    g_free(frame);
}

void
tb_frame_append(TbFrame *frame, GtkWidget *widget)
{
    gtk_box_append(GTK_BOX(frame->content), widget);
}

void
tb_frame_append_page(TbFrame *frame, GtkWidget *page)
{
    frame->page = page;
    frame->pages = gtk_stack_new();
    gtk_stack_set_vhomogeneous(GTK_STACK(frame->pages), TRUE);
    gtk_widget_set_size_request(frame->pages, -1, PAGE_MIN_HEIGHT);
    gtk_stack_add_child(GTK_STACK(frame->pages), tb_status_page_get_widget(frame->status));
    gtk_stack_add_child(GTK_STACK(frame->pages), page);
    tb_frame_append(frame, frame->pages);
}

void
tb_frame_open(TbFrame *frame)
{
    tb_frame_append(frame, frame->buttons);
    gtk_window_set_default_widget(GTK_WINDOW(frame->window), frame->submit);
    tb_frame_focus_cancel(frame);
    gtk_window_present(GTK_WINDOW(frame->window));
}

void
tb_frame_show_page(TbFrame *frame)
{
    gtk_stack_set_visible_child(GTK_STACK(frame->pages), frame->page);
}

static void
show_status(TbFrame *frame)
{
    tb_frame_focus_cancel(frame); /* before the field that has it is hidden */
    gtk_stack_set_visible_child(GTK_STACK(frame->pages), tb_status_page_get_widget(frame->status));
}

void
tb_frame_show_state(TbFrame *frame, TbBadge badge, TbAdvice advice)
{
    tb_status_page_show(frame->status, badge, advice, NULL);
    show_status(frame);
}

void
tb_frame_show_wait(TbFrame *frame, TbAdvice advice)
{
    tb_status_page_wait(frame->status, advice);
    show_status(frame);
}

void
tb_frame_show_problem(TbFrame *frame, TbProblem problem, TbOperation operation)
{
    TbAdvice advice = tb_advice_problem(problem, operation);
    gboolean insert = problem == TB_PROBLEM_NO_TOKEN || problem == TB_PROBLEM_NO_CARD ||
                      problem == TB_PROBLEM_NO_READER;

    if (problem == TB_PROBLEM_NONE)
        tb_frame_show_wait(frame, advice);
    else
        tb_frame_show_state(frame, insert ? TB_BADGE_TOKEN : TB_BADGE_WARNING, advice);
}

void
tb_frame_set_ready(TbFrame *frame, gboolean ready)
{
    gtk_widget_set_sensitive(frame->submit, ready);
}

void
tb_frame_focus_cancel(TbFrame *frame)
{
    gtk_widget_grab_focus(frame->cancel);
}

void
tb_frame_focus_buttons(TbFrame *frame, GtkDirectionType direction)
{
    gtk_widget_child_focus(frame->buttons, direction);
}

static gboolean
on_done_over(gpointer data)
{
    TbFrame *frame = data;

    frame->done_timer = 0;
    frame->events.ended(frame->data);
    return G_SOURCE_REMOVE;
}

static void
end(TbFrame *frame, TbBadge badge, TbAdvice advice, const char *detail)
{
    frame->over = TRUE;
    gtk_button_set_label(GTK_BUTTON(frame->cancel), _("Close"));
    gtk_window_set_default_widget(GTK_WINDOW(frame->window), frame->cancel);
    gtk_widget_grab_focus(frame->cancel);
    gtk_widget_set_visible(frame->submit, FALSE);
    tb_status_page_show(frame->status, badge, advice, detail);
    show_status(frame);
}

void
tb_frame_set_done(TbFrame *frame, TbOperation operation)
{
    end(frame, TB_BADGE_DONE, tb_advice_done(operation), NULL);
    frame->done_timer = g_timeout_add(DONE_MS, on_done_over, frame);
}

void
tb_frame_set_failed(TbFrame *frame, TbReason reason, TbOperation operation, const char *text)
{
    gboolean technical = reason == TB_REASON_INTERNAL || reason == TB_REASON_MODULE_FAILED ||
                         reason == TB_REASON_INVALID_REQUEST || reason == TB_REASON_UNSUPPORTED ||
                         reason == TB_REASON_ORIGIN_REFUSED;

    end(frame, TB_BADGE_WARNING, tb_advice_failure(reason, operation), technical ? text : NULL);
}

gboolean
tb_frame_is_over(const TbFrame *frame)
{
    return frame->over;
}
