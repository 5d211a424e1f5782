/* SPDX-License-Identifier: Apache-2.0
 *
 * The course of one dialog: what the host says and what the user answers go in, the screen to show
 * and messages to the host come out. It knows neither processes nor descriptors' peers, so it can
 * be tested alone; the time comes in as an argument (microseconds of the monotonic clock).
 *
 * The care of a PIN has a course of its own (care.h), to which this one hands over.
 *
 * A pinentry can only ask one thing at a time, so a certificate is chosen by going through them,
 * then the PIN is asked for. No threads.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "core/secret.h"
#include "host/prompt/pinentry/stage.h"

typedef struct TbDialog TbDialog;

TbDialog *tb_dialog_new(void);
void tb_dialog_free(TbDialog *dialog);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbDialog, tb_dialog_free)

/* A message from the host (borrowed) and its descriptor (taken; -1: none). A message that has no
 * place here is invalid_request; the dialog is of no use then. */
gboolean tb_dialog_host(TbDialog *dialog, json_t *message, int fd, gint64 now, GError **error);

/* The user's answer to the screen that is shown. pin is taken; NULL except with OK on a PIN screen.
 */
void tb_dialog_answer(TbDialog *dialog, TbAnswer answer, TbSecret *pin, gint64 now);

/* To be called when the deadline has come. */
void tb_dialog_tick(TbDialog *dialog, gint64 now);

/* What is to be shown now; NULL: nothing. Borrowed, until the next call that changes the dialog. */
const TbScreen *tb_dialog_screen(const TbDialog *dialog);

/* When tick is to be called; -1: never. */
gint64 tb_dialog_deadline(const TbDialog *dialog);

/* The next message to the host, a new reference; NULL when there is none. */
json_t *tb_dialog_take_message(TbDialog *dialog);

/* Nothing more to do: send what is left and exit. */
gboolean tb_dialog_over(const TbDialog *dialog);
