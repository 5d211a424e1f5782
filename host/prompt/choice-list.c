/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of certificates: see choice-list.h. The names shown are whatever a token holds; text.h
 * makes them fit for the screen. GTK's thread.
 */
#include "host/prompt/choice-list.h"

#include <string.h>

#include <glib/gi18n.h>

#include "host/prompt/style.h"
#include "host/prompt/text.h"

#define NAME_MAX_CHARACTERS 120
#define SEVERAL 2
#define MANY 3          /* scrolled */
#define MANY_HEIGHT 264 /* pixels; a part of the third row shows that there are more */

struct TbChoiceList {
    GtkWidget *box;  /* weak */
    GtkWidget *list; /* the GtkListBox while several are shown, else NULL */
    GPtrArray *choices;
    char *selected; /* id, or NULL */
    gboolean filling;
    TbChoiceListEvents events;
    gpointer data;
};

static GtkWidget *
name_line(const char *text)
{
    GtkWidget *label = tb_style_label(text, "tb-name");

    gtk_label_set_lines(GTK_LABEL(label), 2);
    gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_END);
    return label;
}

static char *
where(const TbChoice *choice)
{
    g_autofree char *token = tb_text_clean(choice->token, NAME_MAX_CHARACTERS);
    g_autofree char *reader = tb_text_clean(choice->reader, NAME_MAX_CHARACTERS);

    if (choice->hidden)
        return *choice->reader ? g_strdup_printf(_("In the reader “%s”"), reader) : NULL;
    if (!*choice->reader)
        return g_strdup_printf(_("On the token “%s”"), token);
    return g_strdup_printf(_("On the token “%1$s” in the reader “%2$s”"), token, reader);
}

static char *
issuer(const TbChoice *choice)
{
    g_autofree char *name = tb_text_clean(choice->issuer_name, NAME_MAX_CHARACTERS);

    if (choice->hidden)
        return g_strdup(_("This token shows its certificates only after the PIN."));
    return g_strdup_printf(_("Issued by %s"), name);
}

static char *
validity(const TbChoice *choice)
{
    g_autofree char *day = NULL;

    if (!choice->usable)
        return tb_text_choice_problem(choice);
    if (choice->hidden)
        return NULL;
    day = tb_text_day(choice->not_after);
    return g_strdup_printf(_("Valid until %s"), day);
}

static void
append_line(GtkWidget *box, const char *text, const char *css_class)
{
    if (text)
        gtk_box_append(GTK_BOX(box), tb_style_small_label(text, css_class));
}

static GtkWidget *
describe(const TbChoice *choice)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 2);
    g_autofree char *name =
        tb_text_clean(choice->hidden ? choice->token : choice->name, NAME_MAX_CHARACTERS);
    g_autofree char *issued = issuer(choice);
    g_autofree char *place = where(choice);
    g_autofree char *valid = validity(choice);
    const char *shade = choice->usable ? "tb-dim" : "tb-unusable";

    gtk_box_append(GTK_BOX(box), name_line(name));
    append_line(box, issued, shade);
    append_line(box, place, shade);
    append_line(box, valid, choice->usable ? shade : "tb-problem");
    if (!choice->usable)
        gtk_widget_add_css_class(box, "tb-unusable");
    return box;
}

static const TbChoice *
find(const TbChoiceList *list, const char *id)
{
    for (guint i = 0; id && i < list->choices->len; i++) {
        const TbChoice *choice = g_ptr_array_index(list->choices, i);

        if (choice->usable && strcmp(choice->id, id) == 0)
            return choice;
    }
    return NULL;
}

static const TbChoice *
first_usable(const TbChoiceList *list)
{
    for (guint i = 0; i < list->choices->len; i++) {
        const TbChoice *choice = g_ptr_array_index(list->choices, i);

        if (choice->usable)
            return choice;
    }
    return NULL;
}

static void
on_row_selected(GtkListBox *box, GtkListBoxRow *row, gpointer data)
{
    TbChoiceList *list = data;
    const TbChoice *choice;

    if (list->filling || !row)
        return;
    choice = g_ptr_array_index(list->choices, (guint)gtk_list_box_row_get_index(row));
    if (!choice->usable)
        return;
    g_free(list->selected);
    list->selected = g_strdup(choice->id);
    list->events.selected(list->data);
}

static void
on_row_activated(GtkListBox *box, GtkListBoxRow *row, gpointer data)
{
    TbChoiceList *list = data;

    list->events.activated(list->data);
}

/* GTK 4.8's list takes Tab for "next row", and would select that row on the way out. Here the arrow
 * keys move in the list, and Tab leaves it. */
static gboolean
on_key(GtkEventControllerKey *controller, guint key, guint code, GdkModifierType state,
       gpointer data)
{
    TbChoiceList *list = data;

    if (key != GDK_KEY_Tab && key != GDK_KEY_ISO_Left_Tab && key != GDK_KEY_KP_Tab)
        return GDK_EVENT_PROPAGATE;
    list->events.left(key == GDK_KEY_ISO_Left_Tab || (state & GDK_SHIFT_MASK) ? GTK_DIR_TAB_BACKWARD
                                                                              : GTK_DIR_TAB_FORWARD,
                      list->data);
    return GDK_EVENT_STOP;
}

static void
add_row(TbChoiceList *list, const TbChoice *choice)
{
    GtkWidget *row = gtk_list_box_row_new();
    g_autofree char *spoken = tb_text_choice_spoken(choice);

    gtk_list_box_row_set_child(GTK_LIST_BOX_ROW(row), describe(choice));
    gtk_list_box_row_set_selectable(GTK_LIST_BOX_ROW(row), choice->usable);
    gtk_list_box_row_set_activatable(GTK_LIST_BOX_ROW(row), choice->usable);
    gtk_accessible_update_property(GTK_ACCESSIBLE(row), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
    if (!choice->usable)
        gtk_accessible_update_state(GTK_ACCESSIBLE(row), GTK_ACCESSIBLE_STATE_DISABLED, TRUE, -1);
    gtk_list_box_append(GTK_LIST_BOX(list->list), row);
    if (g_strcmp0(choice->id, list->selected) == 0 && choice->usable)
        gtk_list_box_select_row(GTK_LIST_BOX(list->list), GTK_LIST_BOX_ROW(row));
}

/* Rows have no place before they are laid out; then the selected one is brought into view. */
static gboolean
on_tick(GtkWidget *box, GdkFrameClock *clock, gpointer data)
{
    GtkWidget *row = GTK_WIDGET(gtk_list_box_get_selected_row(GTK_LIST_BOX(box)));
    double x, y;

    if (!row)
        return G_SOURCE_REMOVE;
    if (gtk_widget_get_height(row) == 0)
        return G_SOURCE_CONTINUE;
    if (gtk_widget_translate_coordinates(row, box, 0, 0, &x, &y))
        gtk_adjustment_clamp_page(gtk_list_box_get_adjustment(GTK_LIST_BOX(box)), y,
                                  y + gtk_widget_get_height(row));
    return G_SOURCE_REMOVE;
}

static GtkWidget *
scrolled(GtkWidget *child)
{
    GtkWidget *scroller = gtk_scrolled_window_new();

    gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(scroller), child);
    gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(scroller), GTK_POLICY_NEVER,
                                   GTK_POLICY_AUTOMATIC);
    gtk_scrolled_window_set_min_content_height(GTK_SCROLLED_WINDOW(scroller), MANY_HEIGHT);
    gtk_scrolled_window_set_overlay_scrolling(GTK_SCROLLED_WINDOW(scroller), FALSE);
    gtk_widget_add_tick_callback(child, on_tick, NULL, NULL);
    return scroller;
}

static GtkWidget *
several(TbChoiceList *list)
{
    GtkEventController *keys = gtk_event_controller_key_new();
    GtkWidget *outer;

    list->list = gtk_list_box_new();
    gtk_list_box_set_selection_mode(GTK_LIST_BOX(list->list), GTK_SELECTION_BROWSE);
    gtk_list_box_set_activate_on_single_click(GTK_LIST_BOX(list->list), FALSE);
    gtk_accessible_update_property(GTK_ACCESSIBLE(list->list), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   _("Certificates"), -1);
    for (guint i = 0; i < list->choices->len; i++)
        add_row(list, g_ptr_array_index(list->choices, i));
    g_signal_connect(list->list, "row-selected", G_CALLBACK(on_row_selected), list);
    g_signal_connect(list->list, "row-activated", G_CALLBACK(on_row_activated), list);
    g_signal_connect(keys, "key-pressed", G_CALLBACK(on_key), list);
    gtk_widget_add_controller(list->list, keys);
    outer = list->choices->len >= MANY ? scrolled(list->list) : list->list;
    gtk_widget_add_css_class(outer, "tb-list");
    gtk_widget_set_overflow(outer, GTK_OVERFLOW_HIDDEN);
    return outer;
}

static GtkWidget *
single(const TbChoice *choice)
{
    GtkWidget *card =
        g_object_new(GTK_TYPE_BOX, "accessible-role", GTK_ACCESSIBLE_ROLE_GROUP, NULL);
    g_autofree char *spoken = tb_text_choice_spoken(choice);

    gtk_box_append(GTK_BOX(card), describe(choice));
    gtk_widget_add_css_class(card, "tb-card");
    gtk_accessible_update_property(GTK_ACCESSIBLE(card), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
    return card;
}

void
tb_choice_list_set(TbChoiceList *list, GPtrArray *choices, const char *preferred)
{
    const TbChoice *choice;
    GtkWidget *old = gtk_widget_get_first_child(list->box);
    gboolean had_focus = old && gtk_widget_get_focus_child(list->box);

    g_ptr_array_ref(choices);
    g_ptr_array_unref(list->choices);
    list->choices = choices;
    choice = find(list, list->selected);
    if (!choice)
        choice = find(list, preferred);
    if (!choice)
        choice = first_usable(list);
    g_free(list->selected);
    list->selected = choice ? g_strdup(choice->id) : NULL;

    list->filling = TRUE;
    list->list = NULL;
    if (old)
        gtk_box_remove(GTK_BOX(list->box), old);
    if (choices->len >= SEVERAL)
        gtk_box_append(GTK_BOX(list->box), several(list));
    else if (choices->len == 1)
        gtk_box_append(GTK_BOX(list->box), single(g_ptr_array_index(choices, 0)));
    list->filling = FALSE;
    if (had_focus && list->list && list->selected)
        gtk_widget_grab_focus(GTK_WIDGET(gtk_list_box_get_selected_row(GTK_LIST_BOX(list->list))));
    list->events.selected(list->data);
}

const TbChoice *
tb_choice_list_get_selected(const TbChoiceList *list)
{
    return find(list, list->selected);
}

TbChoiceList *
tb_choice_list_new(const TbChoiceListEvents *events, gpointer data)
{
    TbChoiceList *list = g_new0(TbChoiceList, 1);

    list->box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
    g_object_add_weak_pointer(G_OBJECT(list->box), (gpointer *)&list->box);
    list->choices = g_ptr_array_new();
    list->events = *events;
    list->data = data;
    return list;
}

void
tb_choice_list_free(TbChoiceList *list)
{
    if (!list)
        return;
    if (list->list && list->box)
        g_signal_handlers_disconnect_by_data(list->list, list);
    if (list->box)
        g_object_remove_weak_pointer(G_OBJECT(list->box), (gpointer *)&list->box);
    g_ptr_array_unref(list->choices);
    g_free(list->selected);
    g_free(list);
}

GtkWidget *
tb_choice_list_get_widget(TbChoiceList *list)
{
    return list->box;
}
