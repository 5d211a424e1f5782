/* SPDX-License-Identifier: Apache-2.0
 *
 * What every dialog of the prompt is made of: one window with a heading, what the dialog puts below
 * it, a page that gives way to a state shown large, and two buttons. Escape, Enter, the button that
 * does nothing at first, and the end are here; what is asked is not. GTK's thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "host/prompt/advice.h"
#include "host/prompt/badge.h"

typedef struct TbFrame TbFrame;

/* What the frame reports. It may be freed in none of these but ended. */
typedef struct TbFrameEvents {
    void (*painted)(gpointer data);   /* once, when it is first on the screen */
    void (*armed)(gpointer data);     /* see tb_frame_is_armed */
    void (*pressed)(gpointer data);   /* the button that goes on; only while it is ready */
    void (*cancelled)(gpointer data); /* Cancel, Escape, or the window was closed */
    void (*ended)(gpointer data);     /* an end state was shown and is over */
} TbFrameEvents;

/* A window that is not shown yet. button is the one that goes on. Strings are copied. */
TbFrame *tb_frame_new(const char *title, const char *heading, const char *button,
                      const TbFrameEvents *events, gpointer data);
void tb_frame_free(TbFrame *frame); /* closes the window */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbFrame, tb_frame_free)

/* Builds the window from the top down; the widget becomes the frame's. */
void tb_frame_append(TbFrame *frame, GtkWidget *widget);

/* The place of the page, once. */
void tb_frame_append_page(TbFrame *frame, GtkWidget *page);

/* Adds the buttons and shows the window, in the state that was set last, with the keyboard on
 * Cancel. */
void tb_frame_open(TbFrame *frame);

/* Shows the page; or a state in its place, the keyboard being on Cancel then. */
void tb_frame_show_page(TbFrame *frame);
void tb_frame_show_state(TbFrame *frame, TbBadge badge, TbAdvice advice);
void tb_frame_show_wait(TbFrame *frame, TbAdvice advice);

/* What is missing before anything can be asked. */
void tb_frame_show_problem(TbFrame *frame, TbProblem problem, TbOperation operation);

/* Whether the button that goes on can be pressed. */
void tb_frame_set_ready(TbFrame *frame, gboolean ready);

/* For a moment after disarm, and after the window first appears, it is not armed: where nothing has
 * to be typed the button shall not be ready then, so that nobody agrees with a key that was meant
 * for the page, or for Cancel. */
gboolean tb_frame_is_armed(const TbFrame *frame);
void tb_frame_disarm(TbFrame *frame);

void tb_frame_focus_cancel(TbFrame *frame);
void tb_frame_focus_buttons(TbFrame *frame, GtkDirectionType direction);

/* The end states: done closes by itself after a moment, failed waits for the user. text is the
 * host's own English sentence about the failure. Nothing is shown after them. */
void tb_frame_set_done(TbFrame *frame, TbOperation operation);
void tb_frame_set_failed(TbFrame *frame, TbReason reason, TbOperation operation, const char *text);
gboolean tb_frame_is_over(const TbFrame *frame);
