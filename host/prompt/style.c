/* SPDX-License-Identifier: Apache-2.0
 *
 * The dialog's style: see style.h. Static data. GTK's thread.
 */
#include "host/prompt/style.h"

static const char STYLE[] =
    ".tb-heading { font-size: 1.05em; }"
    ".tb-dim { color: alpha(@theme_fg_color, 0.75); }"
    ".tb-small { font-size: 0.92em; }"
    ".tb-site { font-size: 1.5em; }"
    ".tb-token { font-size: 1.25em; font-weight: bold; }"
    ".tb-site-long { font-size: 1.1em; }"
    ".tb-code { font-family: monospace; }"
    ".tb-card { background-color: alpha(@theme_fg_color, 0.05); border-radius: 10px;"
    "  padding: 12px 14px; }"
    ".tb-list { background-color: transparent; border-radius: 10px;"
    "  border: 1px solid alpha(@theme_fg_color, 0.15); }"
    ".tb-list row { padding: 9px 12px; color: @theme_fg_color;"
    "  border-bottom: 1px solid alpha(@theme_fg_color, 0.1); }"
    ".tb-list row:last-child { border-bottom: none; }"
    ".tb-list row:selected { background-color: alpha(@theme_selected_bg_color, 0.18);"
    "  box-shadow: inset 4px 0 @theme_selected_bg_color; color: @theme_fg_color; }"
    ".tb-list row:selected:dir(rtl) { box-shadow: inset -4px 0 @theme_selected_bg_color; }"
    ".tb-unusable { color: alpha(@theme_fg_color, 0.6); }"
    ".tb-problem { color: @theme_fg_color; }"
    ".tb-name { font-weight: bold; }"
    ".tb-pin { font-size: 1.25em; min-height: 40px; padding: 0 10px; }"
    ".tb-hint { color: alpha(@theme_fg_color, 0.75); padding: 2px 0; }"
    ".tb-hint-good { padding: 2px 0; }"
    ".tb-hint-bad { background-color: alpha(#e01b24, 0.13); border-radius: 6px; padding: 2px 8px; }"
    ".tb-note { background-color: alpha(@theme_selected_bg_color, 0.18); border-radius: 8px;"
    "  padding: 9px 12px; }"
    /* The theme's own ring is hardly seen on dark ground. */
    ".tb-pin:focus-within {"
    "  outline: 2px solid mix(@theme_selected_bg_color, @theme_fg_color, 0.35);"
    "  outline-offset: -2px; }"
    ".tb-alert { background-color: alpha(#e01b24, 0.13); border-radius: 8px; padding: 9px 12px; }"
    ".tb-caution { background-color: alpha(#e5a50a, 0.18); border-radius: 8px;"
    "  padding: 9px 12px; }"
    ".tb-state-title { font-size: 1.2em; font-weight: bold; }"
    ".tb-badge-done { color: #26a269; }"
    ".tb-badge-warning { color: #e0412f; }"
    ".tb-badge-token, .tb-badge-keypad { color: alpha(@theme_fg_color, 0.8); }"
    ".tb-buttons button { min-width: 110px; min-height: 26px; }";

void
tb_style_load(void)
{
    g_autoptr(GtkCssProvider) provider = gtk_css_provider_new();

    gtk_css_provider_load_from_data(provider, STYLE, -1);
    gtk_style_context_add_provider_for_display(gdk_display_get_default(),
                                               GTK_STYLE_PROVIDER(provider),
                                               GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

GtkWidget *
tb_style_label(const char *text, const char *css_class)
{
    GtkWidget *label = gtk_label_new(text);
    PangoAttrList *attributes = pango_attr_list_new();

    pango_attr_list_insert(attributes, pango_attr_insert_hyphens_new(FALSE));
    gtk_label_set_attributes(GTK_LABEL(label), attributes);
    pango_attr_list_unref(attributes);
    gtk_label_set_xalign(GTK_LABEL(label), 0);
    gtk_label_set_wrap(GTK_LABEL(label), TRUE);
    gtk_label_set_wrap_mode(GTK_LABEL(label), PANGO_WRAP_WORD_CHAR);
    gtk_label_set_max_width_chars(GTK_LABEL(label), 1); /* as wide as its place, not as its text */
    gtk_widget_set_hexpand(label, TRUE);
    gtk_widget_add_css_class(label, css_class);
    return label;
}

GtkWidget *
tb_style_small_label(const char *text, const char *css_class)
{
    GtkWidget *label = tb_style_label(text, css_class);

    gtk_widget_add_css_class(label, "tb-small");
    return label;
}

GtkWidget *
tb_style_announcer(GtkAccessibleRole role)
{
    return g_object_new(GTK_TYPE_BOX, "orientation", GTK_ORIENTATION_VERTICAL, "accessible-role",
                        role, NULL);
}

void
tb_style_announce(GtkWidget *announcer, const char *words)
{
    gtk_accessible_update_property(GTK_ACCESSIBLE(announcer), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                   words ? words : "", -1);
}

void
tb_style_follow_desktop(void)
{
    static const char *const schema_id = "org.gnome.desktop.interface";
    GSettingsSchemaSource *source = g_settings_schema_source_get_default();
    g_autoptr(GSettingsSchema) schema =
        source ? g_settings_schema_source_lookup(source, schema_id, TRUE) : NULL;
    g_autoptr(GSettings) settings = NULL;
    g_autofree char *scheme = NULL;

    /* GSettings ends the process over a missing schema or key, so both are looked up first. */
    if (!schema || !g_settings_schema_has_key(schema, "color-scheme"))
        return;
    settings = g_settings_new_full(schema, NULL, NULL);
    scheme = g_settings_get_string(settings, "color-scheme");
    if (g_strcmp0(scheme, "prefer-dark") == 0)
        g_object_set(gtk_settings_get_default(), "gtk-application-prefer-dark-theme", TRUE, NULL);
}
