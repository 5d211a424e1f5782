/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures of states: see badge.h. Nothing here depends on input. GTK's thread.
 */
#include "host/prompt/badge.h"

#include "host/prompt/style.h"

#define SENTENCE_SIZE 36

#define KEY "tb-badge"
#define GRID 48.0 /* the pictures are drawn on a square of this size */

static const char *const CLASSES[] = {"tb-badge-token", "tb-badge-keypad", "tb-badge-done",
                                      "tb-badge-warning"};
G_STATIC_ASSERT(G_N_ELEMENTS(CLASSES) == TB_BADGE_LAST + 1);

static void
rounded(cairo_t *cr, double x, double y, double width, double height, double radius)
{
    cairo_new_sub_path(cr);
    cairo_arc(cr, x + width - radius, y + radius, radius, -G_PI_2, 0);
    cairo_arc(cr, x + width - radius, y + height - radius, radius, 0, G_PI_2);
    cairo_arc(cr, x + radius, y + height - radius, radius, G_PI_2, G_PI);
    cairo_arc(cr, x + radius, y + radius, radius, G_PI, 3 * G_PI_2);
    cairo_close_path(cr);
}

/* A USB token, plug upwards. */
static void
draw_token(cairo_t *cr)
{
    rounded(cr, 14, 18, 20, 26, 5);
    cairo_stroke(cr);
    rounded(cr, 18, 5, 12, 13, 1.5);
    cairo_stroke(cr);
    cairo_rectangle(cr, 21.2, 9, 1.8, 4);
    cairo_rectangle(cr, 25, 9, 1.8, 4);
    cairo_fill(cr);
    cairo_arc(cr, 24, 31, 3.5, 0, 2 * G_PI);
    cairo_fill(cr);
}

static void
draw_keypad(cairo_t *cr)
{
    rounded(cr, 10, 4, 28, 40, 5);
    cairo_stroke(cr);
    rounded(cr, 15, 9, 18, 8, 1.5);
    cairo_stroke(cr);
    for (int row = 0; row < 3; row++) {
        for (int column = 0; column < 3; column++) {
            cairo_arc(cr, 17.0 + 7.0 * column, 23.5 + 6.5 * row, 1.9, 0, 2 * G_PI);
            cairo_fill(cr);
        }
    }
}

static void
draw_done(cairo_t *cr)
{
    cairo_arc(cr, 24, 24, 20, 0, 2 * G_PI);
    cairo_stroke(cr);
    cairo_move_to(cr, 15, 24.5);
    cairo_line_to(cr, 21.5, 31);
    cairo_line_to(cr, 33.5, 18);
    cairo_stroke(cr);
}

static void
draw_warning(cairo_t *cr)
{
    cairo_arc(cr, 24, 24, 20, 0, 2 * G_PI);
    cairo_stroke(cr);
    cairo_move_to(cr, 24, 14);
    cairo_line_to(cr, 24, 26);
    cairo_stroke(cr);
    cairo_arc(cr, 24, 33, 2.2, 0, 2 * G_PI);
    cairo_fill(cr);
}

static void
draw(GtkDrawingArea *area, cairo_t *cr, int width, int height, gpointer data)
{
    TbBadge picture = (TbBadge)GPOINTER_TO_INT(g_object_get_data(G_OBJECT(area), KEY));
    GdkRGBA colour;

    gtk_style_context_get_color(gtk_widget_get_style_context(GTK_WIDGET(area)), &colour);
    gdk_cairo_set_source_rgba(cr, &colour);
    cairo_scale(cr, width / GRID, height / GRID);
    cairo_set_line_width(cr, 2.6);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    switch (picture) {
    case TB_BADGE_TOKEN:
        draw_token(cr);
        break;
    case TB_BADGE_KEYPAD:
        draw_keypad(cr);
        break;
    case TB_BADGE_DONE:
        draw_done(cr);
        break;
    case TB_BADGE_WARNING:
        draw_warning(cr);
        break;
    }
}

GtkWidget *
tb_badge_new(int size)
{
    GtkWidget *badge = g_object_new(GTK_TYPE_DRAWING_AREA, "accessible-role",
                                    GTK_ACCESSIBLE_ROLE_PRESENTATION, NULL);

    gtk_drawing_area_set_content_width(GTK_DRAWING_AREA(badge), size);
    gtk_drawing_area_set_content_height(GTK_DRAWING_AREA(badge), size);
    gtk_drawing_area_set_draw_func(GTK_DRAWING_AREA(badge), draw, NULL, NULL);
    gtk_widget_set_halign(badge, GTK_ALIGN_CENTER);
    gtk_widget_set_valign(badge, GTK_ALIGN_CENTER);
    return badge;
}

void
tb_badge_set(GtkWidget *badge, TbBadge picture)
{
    for (guint i = 0; i < G_N_ELEMENTS(CLASSES); i++)
        gtk_widget_remove_css_class(badge, CLASSES[i]);
    gtk_widget_add_css_class(badge, CLASSES[picture]);
    g_object_set_data(G_OBJECT(badge), KEY, GINT_TO_POINTER((int)picture));
    gtk_widget_queue_draw(badge);
}

/* A grid, because a horizontal box in GTK 4.8 cuts some Persian sentences instead of wrapping. */
GtkWidget *
tb_badge_new_sentence(TbBadge picture, const char *text)
{
    GtkWidget *grid = gtk_grid_new();
    GtkWidget *badge = tb_badge_new(SENTENCE_SIZE);

    tb_badge_set(badge, picture);
    gtk_grid_set_column_spacing(GTK_GRID(grid), 12);
    gtk_grid_attach(GTK_GRID(grid), badge, 0, 0, 1, 1);
    gtk_grid_attach(GTK_GRID(grid), tb_style_label(text, "tb-sentence"), 1, 0, 1, 1);
    return grid;
}
