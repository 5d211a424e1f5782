/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences: see text.h. Strings from certificates and tokens are not trusted; they only enter
 * sentences through tb_text_clean().
 */
#include "host/prompt/text.h"

#include <string.h>

#include <glib/gi18n.h>

#include "host/prompt/language.h"

#define FIRST_STRONG_ISOLATE "\xe2\x81\xa8"
#define POP_ISOLATE "\xe2\x81\xa9"
#define NAME_MAX_CHARACTERS 120

static gboolean
speaks_persian(void)
{
    return strcmp(tb_language_get(), "fa") == 0;
}

char *
tb_text_clean(const char *string, gsize max)
{
    g_autofree char *valid = g_utf8_make_valid(string, -1);
    GString *clean = g_string_new(FIRST_STRONG_ISOLATE);
    gsize count = 0;

    for (const char *p = valid; *p; p += g_utf8_skip[(guchar)*p]) {
        gunichar c = g_utf8_get_char(p);
        GUnicodeType type = g_unichar_type(c);

        if (count == max) {
            g_string_append(clean, "…");
            break;
        }
        /* Direction marks and overrides are of type "format"; so is ZWNJ, which Persian spells
         * with. */
        if (type == G_UNICODE_FORMAT && c != 0x200c)
            continue;
        if (type == G_UNICODE_CONTROL || type == G_UNICODE_LINE_SEPARATOR ||
            type == G_UNICODE_PARAGRAPH_SEPARATOR)
            c = ' ';
        g_string_append_unichar(clean, c);
        count++;
    }
    g_string_append(clean, POP_ISOLATE);
    return g_string_free(clean, FALSE);
}

static char *
clean_name(const char *name)
{
    return tb_text_clean(name, NAME_MAX_CHARACTERS);
}

/* ASCII digits to those of the language; takes text. */
static char *
localise_digits(char *text)
{
    GString *result;

    if (!speaks_persian())
        return text;
    result = g_string_new(NULL);
    for (const char *p = text; *p; p++) {
        if (g_ascii_isdigit(*p))
            g_string_append_unichar(result, 0x6f0 + (gunichar)(*p - '0'));
        else
            g_string_append_c(result, *p);
    }
    g_free(text);
    return g_string_free(result, FALSE);
}

char *
tb_text_number(guint number)
{
    return localise_digits(g_strdup_printf("%u", number));
}

/* Days since 1 January 1600, a start of the Gregorian calendar's 400 years. */
static guint
gregorian_days(guint year, guint month, guint day)
{
    static const guint before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    guint y = year - 1600;
    gboolean leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return 365 * y + (y + 3) / 4 - (y + 99) / 100 + (y + 399) / 400 + before[month - 1] +
           (leap && month > 2 ? 1 : 0) + day - 1;
}

/* The arithmetical calendar of 33 years with 8 leap years: the same as the official one, which
 * follows the sun, for all years from 1799 to 2256. */
void
tb_text_solar_hijri(guint year, guint month, guint day, guint *out_year, guint *out_month,
                    guint *out_day)
{
    guint days = gregorian_days(year, month, day) - 79; /* since 1 Farvardin 979 */
    guint solar_year = 979 + 33 * (days / 12053);

    days %= 12053;
    solar_year += 4 * (days / 1461);
    days %= 1461;
    if (days >= 366) {
        solar_year += (days - 1) / 365;
        days = (days - 1) % 365;
    }
    *out_year = solar_year;
    if (days < 186) { /* six months of 31 days, then five of 30 */
        *out_month = 1 + days / 31;
        *out_day = 1 + days % 31;
    } else {
        *out_month = 7 + (days - 186) / 30;
        *out_day = 1 + (days - 186) % 30;
    }
}

static char *
persian_day(GDateTime *time)
{
    static const char *const months[] = {"فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور",
                                         "مهر",     "آبان",     "آذر",   "دی",  "بهمن",  "اسفند"};
    guint year, month, day;

    tb_text_solar_hijri((guint)g_date_time_get_year(time), (guint)g_date_time_get_month(time),
                        (guint)g_date_time_get_day_of_month(time), &year, &month, &day);
    return g_strdup_printf("%u %s %u", day, months[month - 1], year);
}

char *
tb_text_day(gint64 unix_seconds)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(unix_seconds);
    char *text = NULL;

    if (!time)
        return g_strdup("–"); /* beyond the year 9999 */
    if (speaks_persian() && g_date_time_get_year(time) >= 1800)
        text = persian_day(time);
    else
        /* TRANSLATORS: a day, as g_date_time_format() takes it: "5 March 2027". */
        text = g_date_time_format(time, _("%-d %B %Y"));
    return localise_digits(text ? text : g_strdup("–"));
}

char *
tb_text_hex_groups(const char *hex)
{
    GString *groups = g_string_new(NULL);

    for (gsize i = 0; hex[i]; i++) {
        if (i > 0 && i % 4 == 0)
            g_string_append_c(groups, i % 32 == 0 ? '\n' : ' ');
        g_string_append_c(groups, g_ascii_tolower(hex[i]));
    }
    return g_string_free(groups, FALSE);
}

const char *
tb_text_operation(TbOperation operation)
{
    switch (operation) {
    case TB_OPERATION_AUTHENTICATE:
        return _("This site asks you to sign in");
    case TB_OPERATION_SIGN:
        return _("This site asks you to sign a document");
    case TB_OPERATION_CHOOSE:
        return _("This site asks for your certificate");
    case TB_OPERATION_CHANGE_PIN:
        return _("Change the PIN of your token");
    case TB_OPERATION_UNBLOCK_PIN:
        return _("Unblock the PIN of your token");
    }
    g_assert_not_reached();
}

const char *
tb_text_operation_button(TbOperation operation)
{
    switch (operation) {
    case TB_OPERATION_AUTHENTICATE:
        return _("Sign in");
    case TB_OPERATION_SIGN:
        return _("Sign");
    case TB_OPERATION_CHOOSE:
        return _("Use this certificate");
    case TB_OPERATION_CHANGE_PIN:
        return _("Change PIN");
    case TB_OPERATION_UNBLOCK_PIN:
        return _("Unblock PIN");
    }
    g_assert_not_reached();
}

char *
tb_text_window_title(TbOperation operation, const char *site)
{
    switch (operation) {
    case TB_OPERATION_AUTHENTICATE:
        /* TRANSLATORS: the title of the window; %s is a site, such as example.org. */
        return g_strdup_printf(_("Sign in — %s"), site);
    case TB_OPERATION_SIGN:
        return g_strdup_printf(_("Sign a document — %s"), site);
    case TB_OPERATION_CHOOSE:
        return g_strdup_printf(_("Choose a certificate — %s"), site);
    case TB_OPERATION_CHANGE_PIN:
        return g_strdup(_("Change PIN — Tokenbridge"));
    case TB_OPERATION_UNBLOCK_PIN:
        return g_strdup(_("Unblock PIN — Tokenbridge"));
    }
    g_assert_not_reached();
}

char *
tb_text_choice_problem(const TbChoice *choice)
{
    g_autofree char *day = NULL;

    switch (choice->problem) {
    case TB_CHOICE_PROBLEM_EXPIRED:
        day = tb_text_day(choice->not_after);
        return g_strdup_printf(_("Expired on %s."), day);
    case TB_CHOICE_PROBLEM_NOT_YET_VALID:
        day = tb_text_day(choice->not_before);
        return g_strdup_printf(_("Not valid before %s."), day);
    case TB_CHOICE_PROBLEM_PIN_LOCKED:
        return g_strdup(
            _("The PIN of this token is locked. If you have the PUK, choose “Unblock…” at "
              "Tokenbridge’s button in the browser, or run “tokenbridge pin unblock”."));
    case TB_CHOICE_PROBLEM_PIN_NOT_SET:
        return g_strdup(_("This token has no PIN yet."));
    case TB_CHOICE_PROBLEM_PIN_TO_BE_CHANGED:
        return g_strdup(_("The PIN of this token must be changed first: choose “Change PIN…” at "
                          "Tokenbridge’s button in the browser, or run “tokenbridge pin change”."));
    case TB_CHOICE_PROBLEM_NONE:
        return g_strdup(_("It cannot be used here."));
    }
    g_assert_not_reached();
}

char *
tb_text_choice_spoken(const TbChoice *choice)
{
    g_autofree char *name = clean_name(choice->name);
    g_autofree char *issuer = clean_name(choice->issuer_name);
    g_autofree char *token = clean_name(choice->token);
    g_autofree char *problem = choice->usable ? NULL : tb_text_choice_problem(choice);
    g_autofree char *day = NULL;

    if (choice->hidden && choice->usable)
        /* TRANSLATORS: read aloud; %s is a token. */
        return g_strdup_printf(_("The token %s. Its certificates show after the PIN"), token);
    if (choice->hidden)
        /* TRANSLATORS: read aloud: a token, a sentence that says why not. */
        return g_strdup_printf(_("The token %1$s. Not usable: %2$s"), token, problem);
    if (choice->usable) {
        day = tb_text_day(choice->not_after);
        /* TRANSLATORS: read aloud: name, issuer, token, day. */
        return g_strdup_printf(_("%1$s, issued by %2$s, on the token %3$s, valid until %4$s"), name,
                               issuer, token, day);
    }
    /* TRANSLATORS: read aloud: name, issuer, token, a sentence that says why not. */
    return g_strdup_printf(_("%1$s, issued by %2$s, on the token %3$s. Not usable: %4$s"), name,
                           issuer, token, problem);
}

const char *
tb_text_shown_now(TbOperation operation, guint count)
{
    if (operation == TB_OPERATION_CHOOSE)
        return count == 1 ? _("Your token shows its certificate now.")
                          : _("Your token shows its certificates now. Choose one.");
    return count == 1 ? _("Your token shows its certificate now. Enter the PIN again to use it.")
                      : _("Your token shows its certificates now. Choose one, and enter the PIN "
                          "again to use it.");
}
