/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything about the PIN in the dialog: the field with its label and length, or the reader's
 * keypad; what was wrong last time; how many tries are left; the consent to the last one.
 * GTK's thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "host/prompt/message.h"

typedef struct TbPinArea TbPinArea;

typedef void (*TbPinAreaChanged)(gpointer data); /* what is_ready says may be another now */

/* NULL when there is no secure memory. */
TbPinArea *tb_pin_area_new(TbPinAreaChanged changed, gpointer data);
void tb_pin_area_free(TbPinArea *area); /* wipes the PIN; the widget may be gone already */

GtkWidget *tb_pin_area_get_widget(TbPinArea *area); /* borrowed */

/* For which token: pin is NULL when no PIN is asked for. Wipes what was typed for another token;
 * token and reader tell them apart. */
void tb_pin_area_set_token(TbPinArea *area, const char *token, const char *reader,
                           const TbPin *pin);

/* Says why the PIN is asked for again, or stops saying so (NULL). Static text. */
void tb_pin_area_set_error(TbPinArea *area, const char *text);

/* Whether the PIN has an allowed length and the last try, if it is one, was agreed to. */
gboolean tb_pin_area_is_ready(const TbPinArea *area);

void tb_pin_area_grab_focus(TbPinArea *area);

/* Whether it has something to focus. */
gboolean tb_pin_area_has_field(const TbPinArea *area);

/* Writes the PIN to fd and wipes it. */
gboolean tb_pin_area_write(TbPinArea *area, int fd);
void tb_pin_area_clear(TbPinArea *area);
