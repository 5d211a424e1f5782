/* SPDX-License-Identifier: Apache-2.0
 *
 * The PIN part of the dialog: see pin-area.h. The token's limits come from the worker and were
 * bounded when the message was read. GTK's thread.
 */
#include "host/prompt/pin-area.h"

#include <glib/gi18n.h>

#include "host/prompt/badge.h"
#include "host/prompt/pin-entry.h"
#include "host/prompt/pin-text.h"
#include "host/prompt/style.h"
#include "host/prompt/text.h"

#define SPACING 10

struct TbPinArea {
    GtkWidget *box;    /* weak */
    GtkWidget *alerts; /* holds error and tries, and is what screen readers hear */
    GtkWidget *error, *tries, *consent;
    GtkWidget *field_box, *label, *hint;
    GtkWidget *keypad_box;
    TbPinEntry *entry;
    char *token, *reader;
    gboolean wanted; /* a PIN is asked for, here or on the reader */
    TbPin pin;       /* only when wanted */
    TbPinAreaChanged changed;
    gpointer data;
};

static void
on_entry_changed(TbPinEntry *entry, gpointer data)
{
    TbPinArea *area = data;

    if (tb_pin_entry_get_length(entry) > 0)
        tb_pin_area_set_error(area, NULL);
    area->changed(area->data);
}

static void
on_consent(GtkCheckButton *consent, gpointer data)
{
    TbPinArea *area = data;

    area->changed(area->data);
}

static GtkWidget *
hidden_label(const char *css_class)
{
    GtkWidget *label = tb_style_label(NULL, css_class);

    gtk_widget_set_visible(label, FALSE);
    return label;
}

static void
set_label(GtkWidget *label, const char *text)
{
    gtk_label_set_text(GTK_LABEL(label), text ? text : "");
    gtk_widget_set_visible(label, text != NULL);
}

static void
announce(TbPinArea *area)
{
    const char *error = gtk_label_get_text(GTK_LABEL(area->error));
    const char *tries = gtk_label_get_text(GTK_LABEL(area->tries));
    g_autofree char *words = g_strdup_printf("%s%s%s", error, *error && *tries ? "\n" : "", tries);

    tb_style_announce(area->alerts, words);
}

static GtkWidget *
alert_label(TbPinArea *area, const char *css_class)
{
    GtkWidget *label = hidden_label(css_class);

    gtk_widget_set_margin_bottom(label, SPACING);
    gtk_box_append(GTK_BOX(area->alerts), label);
    return label;
}

static GtkWidget *
make_field(TbPinArea *area)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
    GtkWidget *field = tb_pin_entry_get_widget(area->entry);

    area->label = hidden_label("tb-name");
    gtk_widget_set_visible(area->label, TRUE);
    area->hint = hidden_label("tb-dim");
    gtk_widget_add_css_class(area->hint, "tb-small");
    gtk_widget_add_css_class(field, "tb-pin");
    gtk_label_set_mnemonic_widget(GTK_LABEL(area->label), field);
    gtk_accessible_update_relation(GTK_ACCESSIBLE(field), GTK_ACCESSIBLE_RELATION_LABELLED_BY,
                                   area->label, NULL, GTK_ACCESSIBLE_RELATION_DESCRIBED_BY,
                                   area->alerts, area->hint, NULL, -1);
    gtk_accessible_update_property(GTK_ACCESSIBLE(field), GTK_ACCESSIBLE_PROPERTY_REQUIRED, TRUE,
                                   -1);
    gtk_box_append(GTK_BOX(box), area->label);
    gtk_box_append(GTK_BOX(box), field);
    gtk_box_append(GTK_BOX(box), area->hint);
    return box;
}

TbPinArea *
tb_pin_area_new(TbPinAreaChanged changed, gpointer data)
{
    TbPinArea *area = g_new0(TbPinArea, 1);

    area->changed = changed;
    area->data = data;
    area->entry = tb_pin_entry_new(on_entry_changed, area);
    if (!area->entry) {
        g_free(area);
        return NULL;
    }
    area->box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
    g_object_add_weak_pointer(G_OBJECT(area->box), (gpointer *)&area->box);
    area->alerts = tb_style_announcer(GTK_ACCESSIBLE_ROLE_ALERT);
    area->error = alert_label(area, "tb-alert");
    area->tries = alert_label(area, "tb-caution");
    area->field_box = make_field(area);
    area->keypad_box = tb_badge_new_sentence(
        TB_BADGE_KEYPAD, _("You will enter the PIN on the reader’s own keypad, not here."));
    area->consent = gtk_check_button_new_with_label(tb_text_last_try_consent(TB_PIN_KIND_PIN));
    g_signal_connect(area->consent, "toggled", G_CALLBACK(on_consent), area);
    gtk_widget_set_margin_top(area->consent, SPACING);
    gtk_box_append(GTK_BOX(area->box), area->alerts);
    gtk_box_append(GTK_BOX(area->box), area->field_box);
    gtk_box_append(GTK_BOX(area->box), area->keypad_box);
    gtk_box_append(GTK_BOX(area->box), area->consent);
    tb_pin_area_set_token(area, NULL, NULL, NULL);
    return area;
}

void
tb_pin_area_free(TbPinArea *area)
{
    if (!area)
        return;
    tb_pin_entry_free(area->entry);
    if (area->box)
        g_object_remove_weak_pointer(G_OBJECT(area->box), (gpointer *)&area->box);
    g_free(area->token);
    g_free(area->reader);
    g_free(area);
}

GtkWidget *
tb_pin_area_get_widget(TbPinArea *area)
{
    return area->box;
}

void
tb_pin_area_set_token(TbPinArea *area, const char *token, const char *reader, const TbPin *pin)
{
    const TbPin none = {.state = TB_PIN_STATE_OK};
    gboolean same = g_strcmp0(token, area->token) == 0 && g_strcmp0(reader, area->reader) == 0;
    gboolean final_try = pin && pin->state == TB_PIN_STATE_FINAL_TRY;
    g_autofree char *hint = pin ? tb_text_pin_length(pin) : NULL;

    if (!same || !pin) {
        tb_pin_entry_clear(area->entry);
        tb_pin_area_set_error(area, NULL);
        g_free(area->token);
        g_free(area->reader);
        area->token = g_strdup(token);
        area->reader = g_strdup(reader);
    }
    /* Consent is to one last try of one token. */
    if (!same || !final_try)
        gtk_check_button_set_active(GTK_CHECK_BUTTON(area->consent), FALSE);
    area->wanted = pin != NULL;
    area->pin = pin ? *pin : none;
    gtk_widget_set_visible(area->box, pin != NULL);
    gtk_widget_set_visible(area->field_box, pin && !pin->pad);
    gtk_widget_set_visible(area->keypad_box, pin && pin->pad);
    gtk_widget_set_visible(area->consent, final_try);
    if (!pin)
        return;
    if (!pin->pad) {
        g_autofree char *name = tb_text_clean(token, 60);
        g_autofree char *label = g_strdup_printf(_("PIN of the token “%s”"), name);

        set_label(area->label, label);
        set_label(area->hint, hint);
        tb_pin_entry_set_max(area->entry, pin->max);
    }
    set_label(area->tries, tb_text_pin_tries(pin->state));
    announce(area);
}

void
tb_pin_area_set_error(TbPinArea *area, const char *text)
{
    set_label(area->error, text);
    announce(area);
    gtk_accessible_update_state(
        GTK_ACCESSIBLE(tb_pin_entry_get_widget(area->entry)), GTK_ACCESSIBLE_STATE_INVALID,
        text ? GTK_ACCESSIBLE_INVALID_TRUE : GTK_ACCESSIBLE_INVALID_FALSE, -1);
}

gboolean
tb_pin_area_is_ready(const TbPinArea *area)
{
    gsize length = tb_pin_entry_get_length(area->entry);

    if (!area->wanted)
        return TRUE;
    if (area->pin.state == TB_PIN_STATE_FINAL_TRY &&
        !gtk_check_button_get_active(GTK_CHECK_BUTTON(area->consent)))
        return FALSE;
    return area->pin.pad || (length >= MAX(area->pin.min, 1) && length <= area->pin.max);
}

void
tb_pin_area_grab_focus(TbPinArea *area)
{
    gtk_widget_grab_focus(tb_pin_entry_get_widget(area->entry));
}

gboolean
tb_pin_area_has_field(const TbPinArea *area)
{
    return area->wanted && !area->pin.pad;
}

gboolean
tb_pin_area_write(TbPinArea *area, int fd)
{
    gboolean written = tb_pin_entry_write(area->entry, fd);

    tb_pin_entry_clear(area->entry);
    return written;
}

void
tb_pin_area_clear(TbPinArea *area)
{
    tb_pin_entry_clear(area->entry);
}
