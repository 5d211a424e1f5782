/* SPDX-License-Identifier: Apache-2.0
 *
 * How a site's origin is put before a person: the host name readable, its registrable part
 * emphasised, and the ASCII form beside it wherever the two differ. Names that could be taken for
 * another site's show their ASCII form first. Pure functions of their input; no GTK.
 */
#pragma once

#include <glib.h>

typedef struct TbSite {
    char *markup;        /* Pango markup of the form shown large; the registrable part is bold */
    char *text;          /* the same without markup, with the bidirectional isolates it needs */
    char *title;         /* the same for a window's title: no isolates where all is ASCII */
    char *other;         /* the other form (ASCII or readable), or NULL when there is only one */
    gboolean look_alike; /* the readable form could pass for another site's: ASCII comes first */
    gboolean plain_http;
} TbSite;

/* origin has passed tb_origin_check(). */
TbSite *tb_site_new(const char *origin);
void tb_site_free(TbSite *site);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbSite, tb_site_free)

/* Whether a label of a host name (Unicode) mixes scripts in a way no language does, or, under a
 * Latin top-level domain, is written wholly in letters of another script that look like Latin ones.
 */
gboolean tb_site_label_misleads(const char *label, gboolean latin_around);
