/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificates a person can choose from: one is shown as a card, several as a list. Those that
 * cannot be used are shown with the reason and cannot be chosen. GTK's thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "host/prompt/message.h"

typedef struct TbChoiceList TbChoiceList;

typedef struct TbChoiceListEvents {
    void (*selected)(gpointer data);  /* another certificate, or none, is selected now */
    void (*activated)(gpointer data); /* Enter or a double click on a certificate */
    void (*left)(GtkDirectionType direction, gpointer data); /* Tab: the focus is to go on */
} TbChoiceListEvents;

TbChoiceList *tb_choice_list_new(const TbChoiceListEvents *events, gpointer data);
void tb_choice_list_free(TbChoiceList *list); /* the widget may be gone already */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbChoiceList, tb_choice_list_free)

GtkWidget *tb_choice_list_get_widget(TbChoiceList *list); /* borrowed */

/* Shows these choices (of TbChoice, referenced). What was selected stays selected when it is still
 * there and usable; else preferred, which may be NULL, or the first usable one is. */
void tb_choice_list_set(TbChoiceList *list, GPtrArray *choices, const char *preferred);

/* NULL when nothing usable is there; borrowed until the next set. */
const TbChoice *tb_choice_list_get_selected(const TbChoiceList *list);
