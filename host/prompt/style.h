/* SPDX-License-Identifier: Apache-2.0
 *
 * The dialog's own style: sizes and spaces; colours come from the theme, so that light, dark and
 * high contrast all work. GTK's thread.
 */
#pragma once

#include <gtk/gtk.h>

/* Adds the style to the default display. */
void tb_style_load(void);

/* A label that wraps, begins at the start of the line, and never gets a hyphen where it wraps: in
 * the name of a site that would be another name. text may be NULL. */
GtkWidget *tb_style_label(const char *text, const char *css_class);

/* The same in small letters. */
GtkWidget *tb_style_small_label(const char *text, const char *css_class);

/* A vertical box for labels that come and go, and what tells screen readers of them. GTK 4.8
 * announces changes of what is visible all the time, and of no label that appears; so this box
 * stays, takes no room when they are hidden, and carries their words. role is alert or status;
 * words may be NULL. */
GtkWidget *tb_style_announcer(GtkAccessibleRole role);
void tb_style_announce(GtkWidget *announcer, const char *words);

/* Prefers the dark variant of the theme where the desktop says so in a setting that GTK 4.8 does
 * not look at by itself. */
void tb_style_follow_desktop(void);
