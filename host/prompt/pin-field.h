/* SPDX-License-Identifier: Apache-2.0
 *
 * One secret of several in a dialog: its label, the field, what was wrong with it, and how it
 * should be. What was wrong and the hint are told to screen readers when they change. GTK's thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "core/secret.h"

typedef struct TbPinField TbPinField;

typedef struct TbPinFieldEvents {
    void (*changed)(const TbPinField *field, gpointer data);
    void (*entered)(const TbPinField *field, gpointer data); /* Enter was pressed in it */
    void (*left)(const TbPinField *field, gpointer data);    /* the keyboard went elsewhere */
} TbPinFieldEvents;

/* NULL when there is no secure memory. */
TbPinField *tb_pin_field_new(const char *label, const TbPinFieldEvents *events, gpointer data);
void tb_pin_field_free(TbPinField *field); /* wipes the secret; the widget may be gone already */

GtkWidget *tb_pin_field_get_widget(TbPinField *field); /* borrowed */

void tb_pin_field_set_max(TbPinField *field, gsize max);

/* Why it is asked for again, or NULL; goes when something is typed here. */
void tb_pin_field_set_error(TbPinField *field, const char *text);

typedef enum TbPinFieldMood {
    TB_PIN_FIELD_NEUTRAL,
    TB_PIN_FIELD_GOOD, /* with a tick */
    TB_PIN_FIELD_BAD,
} TbPinFieldMood;

/* How it should be, or what is the matter with what is typed; NULL: nothing. */
void tb_pin_field_set_hint(TbPinField *field, TbPinFieldMood mood, const char *text);

const TbSecret *tb_pin_field_get_secret(const TbPinField *field); /* borrowed */
gsize tb_pin_field_get_length(const TbPinField *field);           /* bytes */
void tb_pin_field_clear(TbPinField *field);
void tb_pin_field_grab_focus(TbPinField *field);
