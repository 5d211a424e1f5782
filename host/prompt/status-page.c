/* SPDX-License-Identifier: Apache-2.0
 *
 * States shown large: see status-page.h. Only detail comes from outside. GTK's thread.
 */
#include "host/prompt/status-page.h"

#include "host/prompt/text.h"

#define BADGE_SIZE 52
#define DETAIL_MAX_CHARACTERS 500

struct TbStatusPage {
    GtkWidget *box; /* weak */
    GtkWidget *badge;
    GtkWidget *spinner;
    GtkWidget *title;
    GtkWidget *text;
    GtkWidget *detail;
};

static GtkWidget *
centred_label(const char *css_class)
{
    GtkWidget *label = gtk_label_new(NULL);

    gtk_label_set_wrap(GTK_LABEL(label), TRUE);
    gtk_label_set_wrap_mode(GTK_LABEL(label), PANGO_WRAP_WORD_CHAR);
    gtk_label_set_justify(GTK_LABEL(label), GTK_JUSTIFY_CENTER);
    gtk_label_set_max_width_chars(GTK_LABEL(label), 1);
    gtk_widget_set_hexpand(label, TRUE);
    gtk_widget_add_css_class(label, css_class);
    return label;
}

TbStatusPage *
tb_status_page_new(void)
{
    TbStatusPage *page = g_new0(TbStatusPage, 1);

    page->box =
        g_object_new(GTK_TYPE_BOX, "orientation", GTK_ORIENTATION_VERTICAL, "spacing", 10, "valign",
                     GTK_ALIGN_CENTER, "accessible-role", GTK_ACCESSIBLE_ROLE_STATUS, NULL);
    g_object_add_weak_pointer(G_OBJECT(page->box), (gpointer *)&page->box);
    page->badge = tb_badge_new(BADGE_SIZE);
    page->spinner = gtk_spinner_new();
    gtk_widget_set_size_request(page->spinner, 36, 36);
    gtk_widget_set_halign(page->spinner, GTK_ALIGN_CENTER);
    page->title = centred_label("tb-state-title");
    page->text = centred_label("tb-state-text");
    page->detail = centred_label("tb-dim");
    gtk_widget_add_css_class(page->detail, "tb-small");
    gtk_label_set_selectable(GTK_LABEL(page->detail), TRUE);
    gtk_box_append(GTK_BOX(page->box), page->badge);
    gtk_box_append(GTK_BOX(page->box), page->spinner);
    gtk_box_append(GTK_BOX(page->box), page->title);
    gtk_box_append(GTK_BOX(page->box), page->text);
    gtk_box_append(GTK_BOX(page->box), page->detail);
    return page;
}

void
tb_status_page_free(TbStatusPage *page)
{
    if (!page)
        return;
    if (page->box)
        g_object_remove_weak_pointer(G_OBJECT(page->box), (gpointer *)&page->box);
    g_free(page);
}

GtkWidget *
tb_status_page_get_widget(TbStatusPage *page)
{
    return page->box;
}

/* GTK 4.8 has no call that makes a screen reader speak; the change of name of an object with the
 * role "status" is what it offers instead. */
static void
set_words(TbStatusPage *page, TbAdvice advice, const char *detail)
{
    g_autofree char *clean = detail ? tb_text_clean(detail, DETAIL_MAX_CHARACTERS) : NULL;
    g_autofree char *spoken =
        advice.text ? g_strdup_printf("%s\n%s", advice.title, advice.text) : g_strdup(advice.title);

    gtk_label_set_text(GTK_LABEL(page->title), advice.title);
    gtk_label_set_text(GTK_LABEL(page->text), advice.text ? advice.text : "");
    gtk_widget_set_visible(page->text, advice.text != NULL);
    gtk_label_set_text(GTK_LABEL(page->detail), clean ? clean : "");
    gtk_widget_set_visible(page->detail, clean != NULL);
    gtk_accessible_update_property(GTK_ACCESSIBLE(page->box), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken,
                                   -1);
}

static void
set_spinning(TbStatusPage *page, gboolean spinning)
{
    gtk_spinner_set_spinning(GTK_SPINNER(page->spinner), spinning);
    gtk_widget_set_visible(page->spinner, spinning);
    gtk_widget_set_visible(page->badge, !spinning);
    gtk_accessible_update_state(GTK_ACCESSIBLE(page->box), GTK_ACCESSIBLE_STATE_BUSY, spinning, -1);
}

void
tb_status_page_show(TbStatusPage *page, TbBadge badge, TbAdvice advice, const char *detail)
{
    tb_badge_set(page->badge, badge);
    set_spinning(page, FALSE);
    set_words(page, advice, detail);
}

void
tb_status_page_wait(TbStatusPage *page, TbAdvice advice)
{
    set_spinning(page, TRUE);
    set_words(page, advice, NULL);
}
