/* SPDX-License-Identifier: Apache-2.0
 *
 * The form for a new PIN: the PIN that holds or the PUK, the new PIN, and the new PIN again, with
 * the token's rules; or the reader's keypad in their place; the tries left, and the consent to the
 * last one. GTK's thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "host/prompt/message.h"

typedef struct TbPinForm TbPinForm;

typedef struct TbPinFormEvents {
    void (*changed)(gpointer data); /* what is_ready says may be another now */
    void (*entered)(gpointer data); /* Enter, and all is filled as it should be */
} TbPinFormEvents;

/* For TB_OPERATION_CHANGE_PIN or TB_OPERATION_UNBLOCK_PIN. NULL when there is no secure memory. */
TbPinForm *tb_pin_form_new(TbOperation operation, const TbPinFormEvents *events, gpointer data);
void tb_pin_form_free(TbPinForm *form); /* wipes the secrets; the widget may be gone already */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbPinForm, tb_pin_form_free)

GtkWidget *tb_pin_form_get_widget(TbPinForm *form); /* borrowed */

/* The limits and tries of the token. What was typed and the consent are wiped where fresh. */
void tb_pin_form_set_token(TbPinForm *form, const TbToken *token, gboolean fresh);

/* Says which secret was refused and why. Static text. */
void tb_pin_form_set_error(TbPinForm *form, TbPinKind kind, const char *text);

/* Whether all three follow the rules and the last try, if it is one, was agreed to. */
gboolean tb_pin_form_is_ready(const TbPinForm *form);

gboolean tb_pin_form_has_fields(const TbPinForm *form);
void tb_pin_form_grab_focus(TbPinForm *form);

/* Writes the PIN or PUK and the new PIN to fd, and wipes all three. */
gboolean tb_pin_form_write(TbPinForm *form, int fd);
void tb_pin_form_clear(TbPinForm *form);
