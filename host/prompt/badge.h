/* SPDX-License-Identifier: Apache-2.0
 *
 * The small pictures of the dialog's states, drawn in the colour of the text: no icon theme has to
 * be there or be loaded. They are decoration; the sentence beside them says the same. GTK's thread.
 */
#pragma once

#include <gtk/gtk.h>

typedef enum TbBadge {
    TB_BADGE_TOKEN,   /* insert a token */
    TB_BADGE_KEYPAD,  /* use the reader's keypad */
    TB_BADGE_DONE,    /* a tick */
    TB_BADGE_WARNING, /* an exclamation mark */
    TB_BADGE_LAST = TB_BADGE_WARNING,
} TbBadge;

GtkWidget *tb_badge_new(int size);
void tb_badge_set(GtkWidget *badge, TbBadge picture);

/* A picture, small, with a sentence beside it. */
GtkWidget *tb_badge_new_sentence(TbBadge picture, const char *text);
