/* SPDX-License-Identifier: Apache-2.0
 *
 * The card of a site: see site-card.h. Origins were checked when the message was read; site.h makes
 * them fit for the screen. GTK's thread.
 */
#include "host/prompt/site-card.h"

#include <glib/gi18n.h>

#include "host/prompt/style.h"
#include "host/prompt/text.h"

#define LONG_SITE 34 /* characters */

static void
append_text(GtkWidget *box, const char *css_class, const char *text)
{
    GtkWidget *label = tb_style_label(text, css_class);

    gtk_widget_add_css_class(label, "tb-small");
    gtk_box_append(GTK_BOX(box), label);
}

/* The other spelling of a site's name. */
static void
append_other_form(GtkWidget *box, const TbSite *site)
{
    g_autofree char *text = NULL;

    if (!site->other)
        return;
    if (site->look_alike)
        text = g_strdup_printf(_("Careful: the letters of this name look like others. "
                                 "Do not take it for %s."),
                               site->other);
    else
        text = g_strdup_printf(_("Technical form of the name: %s"), site->other);
    append_text(box, site->look_alike ? "tb-caution" : "tb-dim", text);
}

static GtkWidget *
site_label(const TbSite *site)
{
    GtkWidget *label = tb_style_label(NULL, "tb-site");

    gtk_label_set_markup(GTK_LABEL(label), site->markup);
    if (g_utf8_strlen(site->text, -1) > LONG_SITE) {
        gtk_widget_remove_css_class(label, "tb-site");
        gtk_widget_add_css_class(label, "tb-site-long");
    }
    return label;
}

GtkWidget *
tb_site_card_new(const TbMessage *show, const TbSite *site)
{
    GtkWidget *card = g_object_new(GTK_TYPE_BOX, "orientation", GTK_ORIENTATION_VERTICAL, "spacing",
                                   4, "accessible-role", GTK_ACCESSIBLE_ROLE_GROUP, NULL);

    gtk_widget_add_css_class(card, "tb-card");
    gtk_accessible_update_property(GTK_ACCESSIBLE(card), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   tb_text_operation(show->operation), -1);
    gtk_box_append(GTK_BOX(card), site_label(site));
    append_other_form(card, site);
    if (site->plain_http)
        append_text(card, "tb-dim", _("This site is on your own computer."));
    if (show->top_origin) {
        g_autoptr(TbSite) top = tb_site_new(show->top_origin);
        g_autofree char *text =
            g_strdup_printf(_("It is shown inside a page of another site: %s"), top->text);

        append_text(card, "tb-caution", text);
        append_other_form(card, top);
    }
    return card;
}

GtkWidget *
tb_site_card_new_hash(const TbMessage *show, GtkWidget **out_focus)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 4);
    g_autofree char *text =
        g_strdup_printf(_("Fingerprint of the document (%s):"), show->hash_function);
    g_autofree char *groups = tb_text_hex_groups(show->hash_hex);
    GtkWidget *caption = tb_style_label(text, "tb-dim");
    GtkWidget *digest = tb_style_label(groups, "tb-code");

    gtk_label_set_selectable(GTK_LABEL(digest), TRUE);
    gtk_widget_set_direction(digest, GTK_TEXT_DIR_LTR);
    gtk_widget_add_css_class(caption, "tb-small");
    gtk_widget_add_css_class(digest, "tb-small");
    *out_focus = digest;
    gtk_box_append(GTK_BOX(box), caption);
    gtk_box_append(GTK_BOX(box), digest);
    return box;
}
