/* SPDX-License-Identifier: Apache-2.0
 *
 * The dialog: one window, which says who asks for what, lets the user choose a certificate and type
 * the PIN, and shows how it goes on. It knows nothing of the channel; the session tells it what to
 * show and hears what the user does. GTK's thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "host/prompt/message.h"

typedef struct TbWindow TbWindow;

/* What the window reports. It may be freed in none of these but ended. */
typedef struct TbWindowEvents {
    void (*painted)(gpointer data);                   /* once, when it is first on the screen */
    void (*submitted)(const char *id, gpointer data); /* the user chose this certificate */
    void (*cancelled)(gpointer data);                 /* the user does not want to */
    void (*ended)(gpointer data);                     /* an end state was shown and is over */
} TbWindowEvents;

/* show is a message of that type and is borrowed; the language is set already. Returns NULL with
 * internal when there is no secure memory for the PIN. */
TbWindow *tb_window_new(const TbMessage *show, const TbWindowEvents *events, gpointer data,
                        GError **error);

/* Wipes the PIN and closes the window. */
void tb_window_free(TbWindow *window);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbWindow, tb_window_free)

/* message is of type certificates, and borrowed. */
void tb_window_set_certificates(TbWindow *window, const TbMessage *message);

/* Writes the PIN to fd and wipes it, also when fd does not take it. False when nothing was
 * submitted. */
gboolean tb_window_write_pin(TbWindow *window, int fd);

void tb_window_set_working(TbWindow *window, gboolean pad);
void tb_window_set_pin_failed(TbWindow *window, const TbPin *pin, gboolean repeated);
void tb_window_set_done(TbWindow *window);

/* text is the host's own English sentence about the failure. */
void tb_window_set_failed(TbWindow *window, TbReason reason, const char *text);
