/* SPDX-License-Identifier: Apache-2.0
 *
 * A labelled field for a secret: see pin-field.h. GTK's thread.
 */
#include "host/prompt/pin-field.h"

#include "host/prompt/pin-entry.h"
#include "host/prompt/style.h"

#define GAP 5

struct TbPinField {
    GtkWidget *box; /* weak */
    GtkWidget *alerts, *error;
    GtkWidget *hints, *hint;
    TbPinFieldMood mood;
    gboolean wrong; /* an error is shown */
    TbPinEntry *entry;
    GtkEventController *focus; /* the entry's */
    TbPinFieldEvents events;
    gpointer data;
};

static void
update_state(TbPinField *field)
{
    gboolean invalid = field->wrong || field->mood == TB_PIN_FIELD_BAD;

    gtk_accessible_update_state(
        GTK_ACCESSIBLE(tb_pin_entry_get_widget(field->entry)), GTK_ACCESSIBLE_STATE_INVALID,
        invalid ? GTK_ACCESSIBLE_INVALID_TRUE : GTK_ACCESSIBLE_INVALID_FALSE, -1);
}

static void
on_changed(TbPinEntry *entry, gpointer data)
{
    TbPinField *field = data;

    if (tb_pin_entry_get_length(entry) > 0)
        tb_pin_field_set_error(field, NULL);
    field->events.changed(field, field->data);
}

static void
on_activate(GtkPasswordEntry *widget, gpointer data)
{
    TbPinField *field = data;

    field->events.entered(field, field->data);
}

static void
on_leave(GtkEventControllerFocus *controller, gpointer data)
{
    TbPinField *field = data;

    field->events.left(field, field->data);
}

static void
connect_events(TbPinField *field)
{
    GtkWidget *widget = tb_pin_entry_get_widget(field->entry);

    field->focus = gtk_event_controller_focus_new();
    /* Enter goes to the next field, and to the button only when all are filled. */
    g_object_set(widget, "activates-default", FALSE, NULL);
    g_signal_connect(widget, "activate", G_CALLBACK(on_activate), field);
    g_signal_connect(field->focus, "leave", G_CALLBACK(on_leave), field);
    gtk_widget_add_controller(widget, field->focus);
}

static GtkWidget *
add_line(GtkWidget *announcer, const char *css_class)
{
    GtkWidget *label = tb_style_label(NULL, css_class);

    gtk_widget_set_visible(label, FALSE);
    gtk_widget_set_margin_top(label, GAP);
    gtk_box_append(GTK_BOX(announcer), label);
    return label;
}

TbPinField *
tb_pin_field_new(const char *label, const TbPinFieldEvents *events, gpointer data)
{
    TbPinField *field = g_new0(TbPinField, 1);
    GtkWidget *caption, *widget;

    field->entry = tb_pin_entry_new(on_changed, field);
    if (!field->entry) {
        g_free(field);
        return NULL;
    }
    field->events = *events;
    field->data = data;
    field->box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
    g_object_add_weak_pointer(G_OBJECT(field->box), (gpointer *)&field->box);
    caption = tb_style_label(label, "tb-name");
    gtk_widget_set_margin_bottom(caption, GAP);
    widget = tb_pin_entry_get_widget(field->entry);
    gtk_widget_add_css_class(widget, "tb-pin");
    gtk_label_set_mnemonic_widget(GTK_LABEL(caption), widget);
    field->alerts = tb_style_announcer(GTK_ACCESSIBLE_ROLE_ALERT);
    field->error = add_line(field->alerts, "tb-alert");
    field->hints = tb_style_announcer(GTK_ACCESSIBLE_ROLE_STATUS);
    field->hint = add_line(field->hints, "tb-small");
    gtk_accessible_update_relation(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_RELATION_LABELLED_BY,
                                   caption, NULL, GTK_ACCESSIBLE_RELATION_DESCRIBED_BY,
                                   field->alerts, field->hints, NULL, -1);
    gtk_accessible_update_property(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_PROPERTY_REQUIRED, TRUE,
                                   -1);
    gtk_box_append(GTK_BOX(field->box), caption);
    gtk_box_append(GTK_BOX(field->box), widget);
    gtk_box_append(GTK_BOX(field->box), field->alerts);
    gtk_box_append(GTK_BOX(field->box), field->hints);
    connect_events(field);
    return field;
}

void
tb_pin_field_free(TbPinField *field)
{
    if (!field)
        return;
    if (field->box) {
        GtkWidget *widget = tb_pin_entry_get_widget(field->entry);

        g_signal_handlers_disconnect_by_data(widget, field);
        gtk_widget_remove_controller(widget, field->focus);
        g_object_remove_weak_pointer(G_OBJECT(field->box), (gpointer *)&field->box);
    }
    tb_pin_entry_free(field->entry);
    g_free(field);
}

GtkWidget *
tb_pin_field_get_widget(TbPinField *field)
{
    return field->box;
}

void
tb_pin_field_set_max(TbPinField *field, gsize max)
{
    tb_pin_entry_set_max(field->entry, max);
}

static void
set_line(GtkWidget *label, GtkWidget *announcer, const char *text)
{
    gtk_label_set_text(GTK_LABEL(label), text ? text : "");
    gtk_widget_set_visible(label, text != NULL);
    tb_style_announce(announcer, text);
}

void
tb_pin_field_set_error(TbPinField *field, const char *text)
{
    if (!text && !field->wrong)
        return;
    field->wrong = text != NULL;
    set_line(field->error, field->alerts, text);
    update_state(field);
}

void
tb_pin_field_set_hint(TbPinField *field, TbPinFieldMood mood, const char *text)
{
    static const char *const classes[] = {"tb-hint", "tb-hint-good", "tb-hint-bad"};
    g_autofree char *ticked =
        mood == TB_PIN_FIELD_GOOD ? g_strdup_printf("✓ %s", text) : g_strdup(text);

    if (mood == field->mood && g_strcmp0(ticked, gtk_label_get_text(GTK_LABEL(field->hint))) == 0)
        return;
    field->mood = mood;
    for (guint i = 0; i < G_N_ELEMENTS(classes); i++)
        gtk_widget_remove_css_class(field->hint, classes[i]);
    gtk_widget_add_css_class(field->hint, classes[mood]);
    set_line(field->hint, field->hints, ticked);
    update_state(field);
}

const TbSecret *
tb_pin_field_get_secret(const TbPinField *field)
{
    return tb_pin_entry_get_secret(field->entry);
}

gsize
tb_pin_field_get_length(const TbPinField *field)
{
    return tb_pin_entry_get_length(field->entry);
}

void
tb_pin_field_clear(TbPinField *field)
{
    tb_pin_entry_clear(field->entry);
}

void
tb_pin_field_grab_focus(TbPinField *field)
{
    gtk_widget_grab_focus(tb_pin_entry_get_widget(field->entry));
}
