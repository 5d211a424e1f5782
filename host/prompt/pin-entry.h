/* SPDX-License-Identifier: Apache-2.0
 *
 * The field for the PIN: a GtkPasswordEntry that never holds the PIN. What is typed goes into a
 * TbSecret; the field gets a bullet for each character, and so does whoever reads the field over
 * the accessibility bus or the clipboard. GTK's thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "core/secret.h"

typedef struct TbPinEntry TbPinEntry;

typedef void (*TbPinEntryChanged)(TbPinEntry *entry, gpointer data);

/* NULL when the secure heap gives no memory. changed is called after each change. */
TbPinEntry *tb_pin_entry_new(TbPinEntryChanged changed, gpointer data);

/* Wipes the PIN. The widget may live on, or be gone already. */
void tb_pin_entry_free(TbPinEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbPinEntry, tb_pin_entry_free)

GtkWidget *tb_pin_entry_get_widget(TbPinEntry *entry); /* borrowed */

/* How many bytes it takes, at most TB_PIN_MAX; what is too long already stays. */
void tb_pin_entry_set_max(TbPinEntry *entry, gsize max);

gsize tb_pin_entry_get_length(const TbPinEntry *entry); /* bytes */

const TbSecret *tb_pin_entry_get_secret(const TbPinEntry *entry); /* borrowed */

/* Writes the PIN to fd; false on a write error, or when the PIN is empty. */
gboolean tb_pin_entry_write(const TbPinEntry *entry, int fd);

void tb_pin_entry_clear(TbPinEntry *entry);
