/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences: see text.h. Strings from certificates and tokens are not trusted; they only enter
 * sentences through tb_text_clean().
 */
#include "host/prompt/text.h"

#include <libintl.h>
#include <string.h>

#include <glib/gi18n.h>

#include "core/secret.h"
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
        return g_strdup(_("The PIN of this token is locked."));
    case TB_CHOICE_PROBLEM_PIN_NOT_SET:
        return g_strdup(_("This token has no PIN yet."));
    case TB_CHOICE_PROBLEM_PIN_TO_BE_CHANGED:
        return g_strdup(_("The PIN of this token must be changed before it can be used."));
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
    g_autofree char *problem = NULL;
    g_autofree char *day = NULL;

    if (choice->usable) {
        day = tb_text_day(choice->not_after);
        /* TRANSLATORS: read aloud: name, issuer, token, day. */
        return g_strdup_printf(_("%1$s, issued by %2$s, on the token %3$s, valid until %4$s"), name,
                               issuer, token, day);
    }
    problem = tb_text_choice_problem(choice);
    /* TRANSLATORS: read aloud: name, issuer, token, a sentence that says why not. */
    return g_strdup_printf(_("%1$s, issued by %2$s, on the token %3$s. Not usable: %4$s"), name,
                           issuer, token, problem);
}

char *
tb_text_pin_length(const TbPin *pin)
{
    g_autofree char *min = tb_text_number(pin->min);
    g_autofree char *max = tb_text_number(pin->max);

    if (pin->min == pin->max)
        return g_strdup_printf(
            ngettext("The PIN has %s character.", "The PIN has %s characters.", pin->max), max);
    if (pin->min > 1 && pin->max < TB_PIN_MAX)
        return g_strdup_printf(_("The PIN has %1$s to %2$s characters."), min, max);
    if (pin->min > 1)
        return g_strdup_printf(_("The PIN has at least %s characters."), min);
    if (pin->max < TB_PIN_MAX)
        return g_strdup_printf(_("The PIN has at most %s characters."), max);
    return NULL;
}

const char *
tb_text_pin_tries(TbPinState state)
{
    switch (state) {
    case TB_PIN_STATE_LOW:
        return _("A wrong PIN has been entered before. After a few more, the token locks its PIN.");
    case TB_PIN_STATE_FINAL_TRY:
        return _("This is the last try: if the PIN is wrong again, the token locks it.");
    case TB_PIN_STATE_LOCKED:
        return _("The token has locked its PIN. Whoever issued the token can unlock it.");
    case TB_PIN_STATE_TO_BE_CHANGED:
        return _("The PIN of this token must be changed before it can be used.");
    case TB_PIN_STATE_NOT_INITIALISED:
        return _("This token has no PIN yet.");
    case TB_PIN_STATE_OK:
        return NULL;
    }
    g_assert_not_reached();
}

const char *
tb_text_pin_last_try_consent(void)
{
    return _("I am sure of my PIN and want to use the last try");
}

const char *
tb_text_pin_failed(const TbPin *pin, gboolean repeated)
{
    if (repeated)
        return _("This PIN was wrong before, so it was not sent to the token again.");
    return pin->pad ? _("The PIN entered on the reader was wrong.") : _("The PIN was wrong.");
}

TbAdvice
tb_text_problem(TbProblem problem, TbOperation operation)
{
    switch (problem) {
    case TB_PROBLEM_NONE:
        return (TbAdvice){_("Looking for your token…"), NULL};
    case TB_PROBLEM_NO_MODULE:
        return (TbAdvice){_("The software for your token is missing"),
                          _("Ask your administrator to install the PKCS#11 module of your token, "
                            "for example the package “opensc-pkcs11”. Then try again.")};
    case TB_PROBLEM_NO_TOKEN:
        return (TbAdvice){_("Insert your token"),
                          _("Tokenbridge goes on by itself as soon as it is there.")};
    case TB_PROBLEM_NO_CERTIFICATE:
        if (operation == TB_OPERATION_AUTHENTICATE)
            return (TbAdvice){_("No certificate to sign in with"),
                              _("Your token is there, but none of its certificates can be used to "
                                "sign in here. Insert another token if you have one.")};
        return (TbAdvice){_("No certificate to sign with"),
                          _("Your token is there, but none of its certificates can be used for "
                            "this. Insert another token if you have one.")};
    case TB_PROBLEM_MODULE_FAILED:
        return (TbAdvice){_("Your token cannot be read"),
                          _("Take the token out and insert it again. If that does not help, ask "
                            "your administrator to check the token’s software.")};
    }
    g_assert_not_reached();
}

static TbAdvice
token_failure(TbReason reason)
{
    if (reason == TB_REASON_TOKEN_MISSING)
        return (TbAdvice){_("The token is not there"),
                          _("Insert the token and start again on the site.")};
    if (reason == TB_REASON_TOKEN_REMOVED)
        return (TbAdvice){_("The token was taken out"),
                          _("Insert it again, leave it in until the end, and start again on the "
                            "site.")};
    return (TbAdvice){_("There is no certificate for this"),
                      _("Your token has no certificate that can be used here. Ask whoever issued "
                        "the token.")};
}

static TbAdvice
pin_failure(TbReason reason)
{
    if (reason == TB_REASON_PIN_BLOCKED)
        return (TbAdvice){_("The PIN is locked"),
                          _("The token has locked its PIN after too many wrong ones. Whoever "
                            "issued the token can unlock it.")};
    if (reason == TB_REASON_PIN_INCORRECT)
        return (TbAdvice){_("The PIN was wrong"),
                          _("Make sure of your PIN, then start again on the site.")};
    return (TbAdvice){_("The reader’s keypad reported a failure"),
                      _("Start again on the site, and enter the PIN on the reader without a long "
                        "pause.")};
}

static TbAdvice
pin_change_failure(TbReason reason)
{
    if (reason == TB_REASON_PUK_BLOCKED)
        return (TbAdvice){_("The PUK is locked"),
                          _("The token has locked its PUK after too many wrong ones. Ask whoever "
                            "issued the token.")};
    if (reason == TB_REASON_PUK_INCORRECT)
        return (TbAdvice){_("The PUK was wrong"),
                          _("The PUK is in the letter that came with the token. Make sure of it, "
                            "then start again.")};
    return (TbAdvice){_("The token does not accept the new PIN"),
                      _("Start again, and choose another PIN: of digits, and neither too short "
                        "nor too long for the token.")};
}

TbAdvice
tb_text_failure(TbReason reason)
{
    switch (reason) {
    case TB_REASON_TOKEN_MISSING:
    case TB_REASON_TOKEN_REMOVED:
    case TB_REASON_NO_CERTIFICATE:
        return token_failure(reason);
    case TB_REASON_PIN_BLOCKED:
    case TB_REASON_PIN_INCORRECT:
    case TB_REASON_PIN_PAD_FAILED:
        return pin_failure(reason);
    case TB_REASON_PIN_INVALID:
    case TB_REASON_PUK_INCORRECT:
    case TB_REASON_PUK_BLOCKED:
        return pin_change_failure(reason);
    case TB_REASON_USER_TIMEOUT:
        return (TbAdvice){_("The time is over"), _("Start again on the site when you are ready.")};
    case TB_REASON_USER_CANCELLED:
    case TB_REASON_ABORTED:
        return (TbAdvice){_("The request was taken back"),
                          _("If that was not you, start again on the site.")};
    case TB_REASON_MODULE_FAILED:
        return (TbAdvice){_("The token’s software has failed"),
                          _("Take the token out, insert it again and start again on the site. If "
                            "that does not help, ask your administrator.")};
    case TB_REASON_MODULE_TIMEOUT:
        return (TbAdvice){_("The token does not answer"),
                          _("Take the token out, insert it again and start again on the site.")};
    case TB_REASON_ORIGIN_REFUSED:
        return (TbAdvice){_("This site may not ask for this"),
                          _("Your administrator can allow it.")};
    case TB_REASON_BUSY:
        return (TbAdvice){_("Another request is open"),
                          _("Finish or cancel it first, then start again on the site.")};
    case TB_REASON_INVALID_REQUEST:
    case TB_REASON_UNSUPPORTED:
        return (TbAdvice){_("The site asked for something that does not exist"),
                          _("This is a fault of the site. Tell those who run it.")};
    case TB_REASON_INTERNAL:
        return (TbAdvice){_("Something went wrong in Tokenbridge"),
                          _("Start again on the site. If it happens again, show this message to "
                            "your administrator.")};
    }
    g_assert_not_reached();
}

TbAdvice
tb_text_done(TbOperation operation)
{
    switch (operation) {
    case TB_OPERATION_AUTHENTICATE:
        return (TbAdvice){_("Your token has signed"), _("The site is signing you in now.")};
    case TB_OPERATION_SIGN:
        return (TbAdvice){_("The document is signed"), _("The site has your signature now.")};
    case TB_OPERATION_CHOOSE:
        return (TbAdvice){_("Certificate chosen"), _("The site has your certificate now.")};
    }
    g_assert_not_reached();
}

const char *
tb_text_working(TbOperation operation)
{
    return operation == TB_OPERATION_CHOOSE ? _("One moment…") : _("Your token is signing…");
}
