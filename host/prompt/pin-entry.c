/* SPDX-License-Identifier: Apache-2.0
 *
 * The field for the PIN: see pin-entry.h. GTK 4.8 tells every text change of its entries to the
 * accessibility bus in clear, password or not, from the "insert-text" signal; so the real
 * characters are taken out in a handler that runs before anything else sees the signal's argument.
 * Whoever may send key events to this window can type here; nobody can read back.
 */
#include "host/prompt/pin-entry.h"

#include <string.h>

#define BULLET "\xe2\x97\x8f" /* U+25CF */

struct TbPinEntry {
    GtkWidget *widget;
    GtkEditable *text; /* the delegate, which does the editing; weak, like widget */
    TbSecret *secret;
    gsize max;
    gulong insert_handler, delete_handler;
    TbPinEntryChanged changed;
    gpointer changed_data;
};

/* The byte at which a character of the secret begins. */
static gsize
byte_offset(const TbSecret *secret, int position)
{
    const unsigned char *bytes = tb_secret_data(secret);
    gsize length = tb_secret_length(secret);
    gsize offset = 0;

    for (int i = 0; i < position && offset < length; i++) {
        offset++;
        while (offset < length && (bytes[offset] & 0xc0) == 0x80)
            offset++;
    }
    return offset;
}

/* Takes one character; false when there is no room for it. */
static gboolean
take_character(TbPinEntry *entry, const char *character, gsize length, int *position)
{
    gsize offset = byte_offset(entry->secret, *position);

    if (tb_secret_length(entry->secret) + length > entry->max ||
        !tb_secret_insert(entry->secret, offset, character, length))
        return FALSE;
    g_signal_handler_block(entry->text, entry->insert_handler);
    gtk_editable_insert_text(entry->text, BULLET, (int)strlen(BULLET), position);
    g_signal_handler_unblock(entry->text, entry->insert_handler);
    return TRUE;
}

static void
on_insert_text(GtkEditable *text, const char *typed, int length, int *position, gpointer data)
{
    TbPinEntry *entry = data;
    const char *end = typed + (length < 0 ? strlen(typed) : (gsize)length);

    g_signal_stop_emission_by_name(text, "insert-text");
    for (const char *p = typed; p < end;) {
        gunichar c = g_utf8_get_char_validated(p, end - p);
        gsize size;

        if (c == (gunichar)-1 || c == (gunichar)-2)
            break;
        size = (gsize)g_utf8_skip[(guchar)*p];
        /* A newline ends a PIN on its pipe (docs/protocol.md, 4.3); no PIN has control characters.
         */
        if (!g_unichar_iscntrl(c) && !take_character(entry, p, size, position)) {
            gtk_widget_error_bell(entry->widget);
            break;
        }
        p += size;
    }
}

static void
on_delete_text(GtkEditable *text, int start, int end, gpointer data)
{
    TbPinEntry *entry = data;
    gsize first = byte_offset(entry->secret, start);
    gsize after = end < 0 ? tb_secret_length(entry->secret) : byte_offset(entry->secret, end);

    if (after > first)
        tb_secret_erase(entry->secret, first, after - first);
}

static void
on_changed(GtkEditable *text, gpointer data)
{
    TbPinEntry *entry = data;

    entry->changed(entry, entry->changed_data);
}

static void
refuse(GtkWidget *text, gpointer data)
{
    g_signal_stop_emission_by_name(text, data);
    gtk_widget_error_bell(text);
}

/* The menu of a text field offers the clipboard and emoji; neither is for a PIN. */
static void
on_secondary_click(GtkGestureClick *gesture, int presses, double x, double y, gpointer data)
{
    gtk_gesture_set_state(GTK_GESTURE(gesture), GTK_EVENT_SEQUENCE_CLAIMED);
}

static void
forbid_drops(GtkWidget *text)
{
    g_autoptr(GListModel) controllers = gtk_widget_observe_controllers(text);

    for (guint i = g_list_model_get_n_items(controllers); i > 0; i--) {
        g_autoptr(GtkEventController) controller = g_list_model_get_item(controllers, i - 1);

        if (GTK_IS_DROP_TARGET(controller) || GTK_IS_DROP_TARGET_ASYNC(controller))
            gtk_widget_remove_controller(text, controller);
    }
}

static void
forbid_other_ways(TbPinEntry *entry)
{
    static const char *const signals[] = {"copy-clipboard", "cut-clipboard", "paste-clipboard",
                                          "insert-emoji"};
    static const char *const actions[] = {"clipboard.copy", "clipboard.cut", "clipboard.paste",
                                          "text.undo",      "text.redo",     "misc.insert-emoji",
                                          "menu.popup"};
    GtkWidget *text = GTK_WIDGET(entry->text);

    for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
        g_signal_connect(text, signals[i], G_CALLBACK(refuse), (gpointer)(guintptr)signals[i]);
    for (guint i = 0; i < G_N_ELEMENTS(actions); i++)
        gtk_widget_action_set_enabled(text, actions[i], FALSE);
    for (guint button = GDK_BUTTON_MIDDLE; button <= GDK_BUTTON_SECONDARY; button++) {
        GtkGesture *click = gtk_gesture_click_new();

        gtk_gesture_single_set_button(GTK_GESTURE_SINGLE(click), button);
        gtk_event_controller_set_propagation_phase(GTK_EVENT_CONTROLLER(click), GTK_PHASE_CAPTURE);
        g_signal_connect(click, "pressed", G_CALLBACK(on_secondary_click), NULL);
        gtk_widget_add_controller(entry->widget, GTK_EVENT_CONTROLLER(click));
    }
    forbid_drops(text);
    gtk_editable_set_enable_undo(entry->text, FALSE);
    /* No input method: it would get each character, and may run in another process. */
    g_object_set(text, "im-module", "gtk-im-context-simple", "input-purpose",
                 GTK_INPUT_PURPOSE_PASSWORD, "input-hints",
                 GTK_INPUT_HINT_NO_SPELLCHECK | GTK_INPUT_HINT_NO_EMOJI | GTK_INPUT_HINT_PRIVATE,
                 NULL);
}

TbPinEntry *
tb_pin_entry_new(TbPinEntryChanged changed, gpointer data)
{
    TbSecret *secret = tb_secret_new(TB_PIN_MAX);
    TbPinEntry *entry;

    if (!secret)
        return NULL;
    entry = g_new0(TbPinEntry, 1);
    entry->secret = secret;
    entry->max = TB_PIN_MAX;
    entry->changed = changed;
    entry->changed_data = data;
    entry->widget = gtk_password_entry_new();
    entry->text = gtk_editable_get_delegate(GTK_EDITABLE(entry->widget));
    g_object_add_weak_pointer(G_OBJECT(entry->widget), (gpointer *)&entry->widget);
    g_object_add_weak_pointer(G_OBJECT(entry->text), (gpointer *)&entry->text);
    /* First of all handlers: GTK's accessibility connects its own when the widget is realised. */
    entry->insert_handler =
        g_signal_connect(entry->text, "insert-text", G_CALLBACK(on_insert_text), entry);
    entry->delete_handler =
        g_signal_connect(entry->text, "delete-text", G_CALLBACK(on_delete_text), entry);
    g_signal_connect(entry->text, "changed", G_CALLBACK(on_changed), entry);
    g_object_set(entry->widget, "show-peek-icon", FALSE, "activates-default", TRUE, NULL);
    /* Bullets have no direction of their own; a PIN is typed from left to right everywhere. */
    gtk_widget_set_direction(entry->widget, GTK_TEXT_DIR_LTR);
    gtk_widget_set_direction(GTK_WIDGET(entry->text), GTK_TEXT_DIR_LTR);
    forbid_other_ways(entry);
    return entry;
}

void
tb_pin_entry_free(TbPinEntry *entry)
{
    if (!entry)
        return;
    tb_secret_free(entry->secret);
    if (entry->text) {
        g_signal_handlers_disconnect_by_data(entry->text, entry);
        g_object_remove_weak_pointer(G_OBJECT(entry->text), (gpointer *)&entry->text);
    }
    if (entry->widget)
        g_object_remove_weak_pointer(G_OBJECT(entry->widget), (gpointer *)&entry->widget);
    g_free(entry);
}

GtkWidget *
tb_pin_entry_get_widget(TbPinEntry *entry)
{
    return entry->widget;
}

void
tb_pin_entry_set_max(TbPinEntry *entry, gsize max)
{
    entry->max = MIN(max, TB_PIN_MAX);
}

gsize
tb_pin_entry_get_length(const TbPinEntry *entry)
{
    return tb_secret_length(entry->secret);
}

const TbSecret *
tb_pin_entry_get_secret(const TbPinEntry *entry)
{
    return entry->secret;
}

gboolean
tb_pin_entry_write(const TbPinEntry *entry, int fd)
{
    return tb_secret_length(entry->secret) > 0 && tb_secret_write(entry->secret, fd);
}

void
tb_pin_entry_clear(TbPinEntry *entry)
{
    if (tb_secret_length(entry->secret) == 0)
        return;
    tb_secret_clear(entry->secret);
    gtk_editable_delete_text(entry->text, 0, -1);
}
