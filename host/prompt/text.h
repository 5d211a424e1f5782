/* SPDX-License-Identifier: Apache-2.0
 *
 * The sentences of the dialog, in the language set by language.h: whole sentences for gettext,
 * dates and digits as that language writes them, and names from certificates made fit for the
 * screen. No GTK. Main thread only, because of the locale.
 */
#pragma once

#include <glib.h>

#include "host/prompt/message.h"

/* For strings from outside: no control or direction characters, valid UTF-8, at most max characters
 * (then an ellipsis), inside bidirectional isolates so that it cannot rearrange what is around it.
 */
char *tb_text_clean(const char *string, gsize max);

/* A number in the digits of the language. */
char *tb_text_number(guint number);

/* A day in local time: "5 March 2027", or in Persian the day of the Solar Hijri calendar. */
char *tb_text_day(gint64 unix_seconds);

/* year, month (1 to 12) and day of the Solar Hijri calendar for a Gregorian date after 1600. */
void tb_text_solar_hijri(guint year, guint month, guint day, guint *out_year, guint *out_month,
                         guint *out_day);

/* A digest in groups of four digits, 8 groups a line. */
char *tb_text_hex_groups(const char *hex);

/* What is asked: the heading, and the button that does it. */
const char *tb_text_operation(TbOperation operation);
const char *tb_text_operation_button(TbOperation operation);

/* site is not looked at for the care of a PIN. */
char *tb_text_window_title(TbOperation operation, const char *site);

/* The sentence under a certificate that cannot be used. */
char *tb_text_choice_problem(const TbChoice *choice);

/* All that is known of a choice, for those who hear it. */
char *tb_text_choice_spoken(const TbChoice *choice);

/* Why it is the user's turn again after a hidden choice; count certificates are shown now. */
const char *tb_text_shown_now(TbOperation operation, guint count);
