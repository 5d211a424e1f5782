/* SPDX-License-Identifier: Apache-2.0
 *
 * A request's dialog, whatever the request is about: the lock that keeps it the only one, the
 * window, whose turn it is, the user's time, and the wrong entries. Lives in the default main
 * context.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/prompt.h"
#include "tokenbridge/reason.h"

typedef struct TbDialog TbDialog;

typedef struct TbDialogEvents {
    /* The user pressed the button; borrowed. Comes in the user's turn only. */
    void (*submitted)(json_t *message, gpointer data);
    /* The request is over: the user cancelled or their time ended, too many entries were wrong, or
     * the dialog failed. It is to be finished with this error (borrowed), at once, or once a token
     * has done what it is about. */
    void (*ended)(const GError *error, gpointer data);
} TbDialogEvents;

/* Opens it with a "show" message (borrowed), in the user's turn; timeout in ms. NULL with busy or
 * internal. */
TbDialog *tb_dialog_open(const TbPrompter *prompter, json_t *show, guint timeout,
                         const TbDialogEvents *events, gpointer data, GError **error);

/* Sends to it (takes message). FALSE when it has gone: then `ended` has been called. */
gboolean tb_dialog_tell(TbDialog *dialog, json_t *message, int fd);

/* What it shows as missing, 0 for nothing: the request fails with it when the user's time ends, and
 * it is told beside a cancel. */
void tb_dialog_set_problem(TbDialog *dialog, TbReason problem);
const char *tb_dialog_problem(const TbDialog *dialog); /* as a word, or NULL */

/* The user's turn is over: a token works now, under a deadline of its own. */
void tb_dialog_work(TbDialog *dialog);

/* It is the user's turn again. FALSE when their time is over: then `ended` has been called. */
gboolean tb_dialog_ask(TbDialog *dialog);

gboolean tb_dialog_asks(const TbDialog *dialog);

/* Whether it is for such a reason that the user may try again: what they typed was wrong. */
gboolean tb_dialog_is_wrong_entry(TbReason reason);

/* What the user typed was wrong: counts it, and lets the user try again. failure is the worker's
 * and not trusted. FALSE when they may not: then `ended` has been called. */
gboolean tb_dialog_wrong_entry(TbDialog *dialog, TbReason reason, json_t *failure);

/* The dialog says how it ended (error NULL: well), and may stay to be read. Frees. */
void tb_dialog_finish(TbDialog *dialog, const GError *error);

/* It goes at once. Frees. */
void tb_dialog_close(TbDialog *dialog);
