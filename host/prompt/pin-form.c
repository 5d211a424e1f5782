/* SPDX-License-Identifier: Apache-2.0
 *
 * The form for a new PIN: see pin-form.h. The token's limits come from the worker and were bounded
 * when the message was read. GTK's thread.
 */
#include "host/prompt/pin-form.h"

#include <glib/gi18n.h>

#include "host/prompt/badge.h"
#include "host/prompt/pin-field.h"
#include "host/prompt/pin-pair.h"
#include "host/prompt/pin-text.h"
#include "host/prompt/style.h"
#include "host/prompt/text.h"

#define SPACING 12

struct TbPinForm {
    GtkWidget *box;            /* weak */
    GtkWidget *alerts, *tries; /* the tries left, and for a keypad what was refused */
    GtkWidget *pad_error;
    GtkWidget *consent;
    GtkWidget *new_box; /* the two fields of the new PIN */
    GtkWidget *keypad_box;
    TbPinField *old_field, *new_field, *again_field;
    TbOperation operation;
    TbPin old_pin, new_pin; /* old: the PIN that holds, or the PUK */
    TbPinFormEvents events;
    gpointer data;
};

static TbPinKind
old_kind(const TbPinForm *form)
{
    return form->operation == TB_OPERATION_UNBLOCK_PIN ? TB_PIN_KIND_PUK : TB_PIN_KIND_PIN;
}

static gboolean
agreed(const TbPinForm *form)
{
    return form->old_pin.state != TB_PIN_STATE_FINAL_TRY ||
           gtk_check_button_get_active(GTK_CHECK_BUTTON(form->consent));
}

static gboolean
old_fits(const TbPinForm *form)
{
    return tb_pin_fits(&form->old_pin, tb_pin_field_get_length(form->old_field));
}

static gboolean
new_fits(const TbPinForm *form)
{
    return tb_pin_fits(&form->new_pin, tb_pin_field_get_length(form->new_field));
}

/* A change to the PIN that holds is none. */
static gboolean
new_is_old(const TbPinForm *form)
{
    return form->operation == TB_OPERATION_CHANGE_PIN &&
           tb_pin_field_get_length(form->new_field) > 0 &&
           tb_pin_pair_same(tb_pin_field_get_secret(form->new_field),
                            tb_pin_field_get_secret(form->old_field));
}

static gboolean
again_matches(const TbPinForm *form)
{
    return tb_pin_pair_same(tb_pin_field_get_secret(form->new_field),
                            tb_pin_field_get_secret(form->again_field));
}

/* What the new PIN should be, or what is the matter with it. over: the user has typed it to the
 * end, as far as one can tell. */
static void
judge_new(TbPinForm *form, gboolean over)
{
    g_autofree char *rule = tb_text_pin_length(&form->new_pin);
    gsize length = tb_pin_field_get_length(form->new_field);

    if (new_is_old(form) && new_fits(form)) {
        tb_pin_field_set_hint(form->new_field, TB_PIN_FIELD_BAD,
                              _("This is the current PIN. Choose another one."));
    } else if (length > 0 && !new_fits(form) && over) {
        g_autofree char *text = tb_text_too_short(TB_PIN_KIND_NEW, &form->new_pin);

        tb_pin_field_set_hint(form->new_field, TB_PIN_FIELD_BAD, text);
    } else {
        tb_pin_field_set_hint(form->new_field,
                              rule && new_fits(form) ? TB_PIN_FIELD_GOOD : TB_PIN_FIELD_NEUTRAL,
                              rule);
    }
}

/* Whether both are the same, said as soon as the second one is as long as the first. */
static void
judge_again(TbPinForm *form, gboolean over)
{
    gsize first = tb_pin_field_get_length(form->new_field);
    gsize second = tb_pin_field_get_length(form->again_field);
    gboolean filled = first > 0 && second > 0 && (over || second >= first);

    if (filled && !again_matches(form))
        tb_pin_field_set_hint(form->again_field, TB_PIN_FIELD_BAD,
                              _("The two new PINs are not the same."));
    else if (filled)
        tb_pin_field_set_hint(form->again_field, TB_PIN_FIELD_GOOD, _("Both are the same."));
    else
        tb_pin_field_set_hint(form->again_field, TB_PIN_FIELD_NEUTRAL,
                              _("Type the new PIN once more."));
}

static void
on_changed(const TbPinField *field, gpointer data)
{
    TbPinForm *form = data;

    judge_new(form, field == form->again_field);
    judge_again(form, FALSE);
    form->events.changed(form->data);
}

static void
on_left(const TbPinField *field, gpointer data)
{
    TbPinForm *form = data;

    if (field == form->new_field)
        judge_new(form, TRUE);
    if (field == form->again_field)
        judge_again(form, TRUE);
}

/* The first of what is not yet as it should be; NULL when all is. */
static GtkWidget *
first_open(TbPinForm *form, TbPinField **out_field)
{
    *out_field = NULL;
    if (!old_fits(form))
        *out_field = form->old_field;
    else if (!agreed(form))
        return form->consent;
    else if (!new_fits(form) || new_is_old(form))
        *out_field = form->new_field;
    else if (!again_matches(form))
        *out_field = form->again_field;
    return *out_field ? tb_pin_field_get_widget(*out_field) : NULL;
}

static void
on_entered(const TbPinField *field, gpointer data)
{
    TbPinForm *form = data;
    TbPinField *open_field = NULL;
    GtkWidget *open = first_open(form, &open_field);

    on_left(field, form);
    if (!open) {
        form->events.entered(form->data);
        return;
    }
    if (!open_field)
        gtk_widget_grab_focus(open);
    else if (open_field == field)
        gtk_widget_error_bell(open);
    else
        tb_pin_field_grab_focus(open_field);
}

static void
on_consent(GtkCheckButton *consent, gpointer data)
{
    TbPinForm *form = data;

    form->events.changed(form->data);
}

static GtkWidget *
make_keypad(const TbPinForm *form)
{
    return tb_badge_new_sentence(
        TB_BADGE_KEYPAD,
        form->operation == TB_OPERATION_UNBLOCK_PIN
            ? _("You will enter the PUK and then the new PIN, twice, on the reader’s own keypad, "
                "not here. Press “Unblock PIN” to begin.")
            : _("You will enter the current PIN and then the new one, twice, on the reader’s own "
                "keypad, not here. Press “Change PIN” to begin."));
}

static GtkWidget *
hidden_line(GtkWidget *box, const char *css_class)
{
    GtkWidget *label = tb_style_label(NULL, css_class);

    gtk_widget_set_visible(label, FALSE);
    gtk_widget_set_margin_bottom(label, SPACING);
    gtk_box_append(GTK_BOX(box), label);
    return label;
}

static void
build(TbPinForm *form)
{
    form->box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
    g_object_add_weak_pointer(G_OBJECT(form->box), (gpointer *)&form->box);
    form->alerts = tb_style_announcer(GTK_ACCESSIBLE_ROLE_ALERT);
    form->pad_error = hidden_line(form->alerts, "tb-alert");
    form->tries = hidden_line(form->alerts, "tb-caution");
    form->consent = gtk_check_button_new_with_label(tb_text_last_try_consent(old_kind(form)));
    g_signal_connect(form->consent, "toggled", G_CALLBACK(on_consent), form);
    gtk_widget_set_margin_top(form->consent, SPACING);
    form->new_box = gtk_box_new(GTK_ORIENTATION_VERTICAL, SPACING);
    gtk_widget_set_margin_top(form->new_box, SPACING);
    gtk_box_append(GTK_BOX(form->new_box), tb_pin_field_get_widget(form->new_field));
    gtk_box_append(GTK_BOX(form->new_box), tb_pin_field_get_widget(form->again_field));
    form->keypad_box = make_keypad(form);
    gtk_box_append(GTK_BOX(form->box), form->alerts);
    gtk_box_append(GTK_BOX(form->box), tb_pin_field_get_widget(form->old_field));
    gtk_box_append(GTK_BOX(form->box), form->keypad_box);
    gtk_box_append(GTK_BOX(form->box), form->consent);
    gtk_box_append(GTK_BOX(form->box), form->new_box);
}

TbPinForm *
tb_pin_form_new(TbOperation operation, const TbPinFormEvents *events, gpointer data)
{
    static const TbPinFieldEvents field_events = {on_changed, on_entered, on_left};
    TbPinForm *form = g_new0(TbPinForm, 1);
    gboolean unblock = operation == TB_OPERATION_UNBLOCK_PIN;

    form->operation = operation;
    form->events = *events;
    form->data = data;
    form->old_field = tb_pin_field_new(unblock ? _("PUK") : _("Current PIN"), &field_events, form);
    form->new_field = tb_pin_field_new(_("New PIN"), &field_events, form);
    form->again_field = tb_pin_field_new(_("New PIN again"), &field_events, form);
    if (!form->old_field || !form->new_field || !form->again_field) {
        tb_pin_form_free(form);
        return NULL;
    }
    build(form);
    return form;
}

void
tb_pin_form_free(TbPinForm *form)
{
    if (!form)
        return;
    tb_pin_field_free(form->old_field);
    tb_pin_field_free(form->new_field);
    tb_pin_field_free(form->again_field);
    if (form->box) {
        g_signal_handlers_disconnect_by_data(form->consent, form);
        g_object_remove_weak_pointer(G_OBJECT(form->box), (gpointer *)&form->box);
    }
    g_free(form);
}

GtkWidget *
tb_pin_form_get_widget(TbPinForm *form)
{
    return form->box;
}

static void
set_line(GtkWidget *label, const char *text)
{
    gtk_label_set_text(GTK_LABEL(label), text ? text : "");
    gtk_widget_set_visible(label, text != NULL);
}

static void
announce(TbPinForm *form)
{
    const char *error = gtk_label_get_text(GTK_LABEL(form->pad_error));
    const char *tries = gtk_label_get_text(GTK_LABEL(form->tries));
    g_autofree char *words = g_strdup_printf("%s%s%s", error, *error && *tries ? "\n" : "", tries);

    tb_style_announce(form->alerts, words);
}

/* What helps to find the PUK. */
static void
show_puk_hint(TbPinForm *form)
{
    g_autofree char *length = tb_text_puk_length(&form->old_pin);
    const char *where = _("The PUK came with your token, often in a letter.");
    g_autofree char *hint = length ? g_strdup_printf("%s %s", where, length) : g_strdup(where);

    tb_pin_field_set_hint(form->old_field, TB_PIN_FIELD_NEUTRAL, hint);
}

static void
set_old_state(TbPinForm *form)
{
    gboolean puk = old_kind(form) == TB_PIN_KIND_PUK;
    gboolean warned =
        form->old_pin.state == TB_PIN_STATE_LOW || form->old_pin.state == TB_PIN_STATE_FINAL_TRY;

    /* That a PIN must be changed need not be said to someone who is doing it. */
    set_line(form->tries, !warned ? NULL
                          : puk   ? tb_text_puk_tries(form->old_pin.state)
                                  : tb_text_pin_tries(form->old_pin.state));
    announce(form);
    gtk_widget_set_visible(form->consent, form->old_pin.state == TB_PIN_STATE_FINAL_TRY);
    if (puk)
        show_puk_hint(form);
}

void
tb_pin_form_set_token(TbPinForm *form, const TbToken *token, gboolean fresh)
{
    gboolean pad;

    form->old_pin = old_kind(form) == TB_PIN_KIND_PUK ? token->puk : token->pin;
    form->new_pin = token->pin;
    pad = form->old_pin.pad;
    if (fresh)
        tb_pin_form_clear(form);
    if (fresh || form->old_pin.state != TB_PIN_STATE_FINAL_TRY) /* consent is to one last try */
        gtk_check_button_set_active(GTK_CHECK_BUTTON(form->consent), FALSE);
    tb_pin_field_set_max(form->old_field, form->old_pin.max);
    tb_pin_field_set_max(form->new_field, form->new_pin.max);
    tb_pin_field_set_max(form->again_field, form->new_pin.max);
    gtk_widget_set_visible(tb_pin_field_get_widget(form->old_field), !pad);
    gtk_widget_set_visible(form->new_box, !pad);
    gtk_widget_set_visible(form->keypad_box, pad);
    set_old_state(form);
    judge_new(form, FALSE);
    judge_again(form, FALSE);
}

void
tb_pin_form_set_error(TbPinForm *form, TbPinKind kind, const char *text)
{
    if (form->old_pin.pad) {
        set_line(form->pad_error, text);
        announce(form);
        return;
    }
    tb_pin_field_set_error(kind == TB_PIN_KIND_NEW ? form->new_field : form->old_field, text);
}

gboolean
tb_pin_form_is_ready(const TbPinForm *form)
{
    return agreed(form) && (form->old_pin.pad || (old_fits(form) && new_fits(form) &&
                                                  again_matches(form) && !new_is_old(form)));
}

gboolean
tb_pin_form_has_fields(const TbPinForm *form)
{
    return !form->old_pin.pad;
}

void
tb_pin_form_grab_focus(TbPinForm *form)
{
    tb_pin_field_grab_focus(form->old_field);
}

gboolean
tb_pin_form_write(TbPinForm *form, int fd)
{
    gboolean written = tb_pin_pair_write(tb_pin_field_get_secret(form->old_field),
                                         tb_pin_field_get_secret(form->new_field), fd);

    tb_pin_form_clear(form);
    return written;
}

void
tb_pin_form_clear(TbPinForm *form)
{
    tb_pin_field_clear(form->old_field);
    tb_pin_field_clear(form->new_field);
    tb_pin_field_clear(form->again_field);
    tb_pin_field_set_error(form->old_field, NULL);
    tb_pin_field_set_error(form->new_field, NULL);
    set_line(form->pad_error, NULL);
    announce(form);
}
