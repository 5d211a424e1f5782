/* SPDX-License-Identifier: Apache-2.0
 *
 * The language of the dialog: the page's wish (a BCP 47 tag, not trusted) when there is a
 * translation near it, else the user's own, else English. Process-wide, main thread only.
 */
#pragma once

#include <glib.h>

/* The nearest of available (such as "fa", "pt_BR", "en") to a BCP 47 tag or a locale's name; NULL
 * when none is near. available ends in NULL; the result is one of its strings. */
const char *tb_language_match(const char *wanted, const char *const *available);

/* Makes room for the language in the environment; to be called before there are other threads. */
void tb_language_init(void);

/* Chooses the language and makes gettext, dates and digits use it; wanted may be NULL. Returns
 * whether the language is written from right to left. */
gboolean tb_language_set(const char *wanted);

/* The language set, for example "fa"; "en" before tb_language_set(). Static. */
const char *tb_language_get(void);
