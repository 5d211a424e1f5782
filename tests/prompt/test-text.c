/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/prompt/text.c, pin-text.c, advice.c and language.c: sentences, dates and digits in
 * both languages, and names from outside made harmless.
 */
#include <locale.h>
#include <string.h>

#include "host/prompt/advice.h"
#include "host/prompt/language.h"
#include "host/prompt/pin-text.h"
#include "host/prompt/text.h"

#define FSI "\xe2\x81\xa8"
#define PDI "\xe2\x81\xa9"

static void
expect_clean(const char *name, gsize max, const char *expected)
{
    g_autofree char *clean = tb_text_clean(name, max);

    g_assert_cmpstr(clean, ==, expected);
}

static void
test_clean(void)
{
    expect_clean("Anna", 10, FSI "Anna" PDI);
    expect_clean("", 10, FSI PDI);
    expect_clean("a\nb\tc\x1b[1m", 10, FSI "a b c [1m" PDI);
    expect_clean("ab\xe2\x80\xae"
                 "cd\xe2\x81\xa6",
                 10, FSI "abcd" PDI); /* RLO, LRI */
    expect_clean("a\xe2\x80\xa8"
                 "b",
                 10, FSI "a b" PDI);                                    /* line separator */
    expect_clean("می‌خواهم", 20, FSI "می‌خواهم" PDI); /* ZWNJ stays */
    expect_clean("a\xff"
                 "b",
                 10,
                 FSI "a\xef\xbf\xbd"
                     "b" PDI);
    expect_clean("abcdef", 3, FSI "abc…" PDI);
    expect_clean("abc", 3, FSI "abc" PDI);
}

static void
test_match(void)
{
    static const char *const available[] = {"en", "fa", "pt_BR", NULL};

    g_assert_cmpstr(tb_language_match("fa", available), ==, "fa");
    g_assert_cmpstr(tb_language_match("FA-IR", available), ==, "fa");
    g_assert_cmpstr(tb_language_match("fa-Arab-IR-u-nu-latn", available), ==, "fa");
    g_assert_cmpstr(tb_language_match("en_GB.UTF-8", available), ==, "en");
    g_assert_cmpstr(tb_language_match("pt-br", available), ==, "pt_BR");
    g_assert_null(tb_language_match("pt", available));
    g_assert_null(tb_language_match("fas", available));
    g_assert_null(tb_language_match("de", available));
    g_assert_null(tb_language_match("", available));
    g_assert_null(tb_language_match("---", available));
    g_assert_null(tb_language_match("../../etc", available));
}

static void
test_languages(void)
{
    g_autofree char *english = NULL, *persian = NULL;

    g_assert_true(tb_language_set("fa-IR"));
    g_assert_cmpstr(tb_language_get(), ==, "fa");
    /* When this fails, look whether po/ was built: the catalogue is <build>/po/fa/LC_MESSAGES/. */
    g_assert_cmpstr(tb_text_operation_button(TB_OPERATION_AUTHENTICATE), ==, "ورود");
    persian = tb_text_number(1024);
    g_assert_cmpstr(persian, ==, "۱۰۲۴");

    g_assert_false(tb_language_set("en"));
    g_assert_cmpstr(tb_text_operation_button(TB_OPERATION_AUTHENTICATE), ==, "Sign in");
    english = tb_text_number(1024);
    g_assert_cmpstr(english, ==, "1024");

    /* A language that is not there: the user's own, which is "C" here, hence English. */
    g_assert_false(tb_language_set("tlh"));
    g_assert_cmpstr(tb_language_get(), ==, "en");
}

/* GTK's threads read the environment meanwhile, so it must not move. */
static void
test_language_in_place(void)
{
    const char *before;

    tb_language_init();
    before = g_getenv("LANGUAGE");
    tb_language_set("fa");
    g_assert_true(g_getenv("LANGUAGE") == before);
    g_assert_cmpstr(before, ==, "fa");
    tb_language_set("en");
    g_assert_true(g_getenv("LANGUAGE") == before);
    g_assert_cmpstr(before, ==, "en");
}

static void
solar(guint year, guint month, guint day, guint solar_year, guint solar_month, guint solar_day)
{
    guint y = 0, m = 0, d = 0;

    tb_text_solar_hijri(year, month, day, &y, &m, &d);
    g_assert_cmpuint(y, ==, solar_year);
    g_assert_cmpuint(m, ==, solar_month);
    g_assert_cmpuint(d, ==, solar_day);
}

static void
test_solar_hijri(void)
{
    solar(1979, 2, 11, 1357, 11, 22); /* 22 Bahman */
    solar(2000, 3, 20, 1379, 1, 1);
    solar(2021, 3, 20, 1399, 12, 30); /* the last day of a leap year */
    solar(2021, 3, 21, 1400, 1, 1);
    solar(2024, 2, 29, 1402, 12, 10);
    solar(2024, 3, 20, 1403, 1, 1);
    solar(2025, 3, 20, 1403, 12, 30);
    solar(2025, 3, 21, 1404, 1, 1);
    solar(2026, 9, 22, 1405, 6, 31);
    solar(2026, 9, 23, 1405, 7, 1);
    solar(2030, 3, 20, 1408, 12, 30);
    solar(2030, 3, 21, 1409, 1, 1);
}

static void
test_days(void)
{
    g_autofree char *english = NULL, *persian = NULL, *never = NULL;

    tb_language_set("en");
    english = tb_text_day(1900000000); /* 2030-03-17T17:46:40Z */
    never = tb_text_day(G_MAXINT64);
    g_assert_cmpstr(english, ==, "17 March 2030");
    g_assert_cmpstr(never, ==, "–");
    tb_language_set("fa");
    persian = tb_text_day(1900000000);
    g_assert_cmpstr(persian, ==, "۲۷ اسفند ۱۴۰۸");
}

static void
expect_length(guint min, guint max, const char *expected)
{
    const TbPin pin = {.min = min, .max = max};
    g_autofree char *text = tb_text_pin_length(&pin);

    g_assert_cmpstr(text, ==, expected);
}

static void
test_pin_length(void)
{
    tb_language_set("en");
    expect_length(4, 8, "The PIN has 4 to 8 characters.");
    expect_length(6, 6, "The PIN has 6 characters.");
    expect_length(1, 1, "The PIN has 1 character.");
    expect_length(4, 255, "The PIN has at least 4 characters.");
    expect_length(0, 12, "The PIN has at most 12 characters.");
    expect_length(0, 255, NULL);
}

static void
test_hex(void)
{
    g_autofree char *groups = tb_text_hex_groups("00112233445566778899AABBCCDDEEFF0123");

    g_assert_cmpstr(groups, ==, "0011 2233 4455 6677 8899 aabb ccdd eeff\n0123");
}

static void
expect_puk_length(guint min, guint max, const char *expected)
{
    const TbPin puk = {.min = min, .max = max};
    g_autofree char *text = tb_text_puk_length(&puk);

    g_assert_cmpstr(text, ==, expected);
}

static void
test_puk_length(void)
{
    tb_language_set("en");
    expect_puk_length(8, 8, "The PUK has 8 characters.");
    expect_puk_length(1, 1, "The PUK has 1 character.");
    expect_puk_length(4, 8, "The PUK has 4 to 8 characters.");
    expect_puk_length(4, 255, "The PUK has at least 4 characters.");
    expect_puk_length(0, 12, "The PUK has at most 12 characters.");
    expect_puk_length(0, 255, NULL);
}

static void
expect_fault(char *(*sentence)(TbPinKind, const TbPin *), TbPinKind kind, guint min,
             const char *expected)
{
    const TbPin pin = {.min = min, .max = min ? 8 : 255};
    g_autofree char *text = sentence(kind, &pin);

    g_assert_cmpstr(text, ==, expected);
}

static void
test_wrong_length(void)
{
    tb_language_set("en");
    expect_fault(tb_text_too_short, TB_PIN_KIND_PIN, 4,
                 "That was too short. The PIN has 4 to 8 characters.");
    expect_fault(tb_text_too_short, TB_PIN_KIND_PUK, 8,
                 "That was too short. The PUK has 8 characters.");
    expect_fault(tb_text_too_short, TB_PIN_KIND_NEW, 4,
                 "That was too short. The PIN has 4 to 8 characters.");
    expect_fault(tb_text_too_short, TB_PIN_KIND_PIN, 0, "Enter the PIN of your token.");
    expect_fault(tb_text_too_short, TB_PIN_KIND_PUK, 0, "Enter the PUK of your token.");
    expect_fault(tb_text_too_short, TB_PIN_KIND_NEW, 0, "Enter the new PIN.");
    expect_fault(tb_text_too_long, TB_PIN_KIND_PUK, 8,
                 "That was too long. The PUK has 8 characters.");
    expect_fault(tb_text_too_long, TB_PIN_KIND_NEW, 0, "That was too long.");
}

typedef const char *(*Sentence)(guint first, guint second);

/* Both languages have it, and not the same; NULL is NULL in both. Returns the English one. */
static const char *
translated(Sentence sentence, guint first, guint second)
{
    const char *english, *persian;

    tb_language_set("en");
    english = sentence(first, second);
    tb_language_set("fa");
    persian = sentence(first, second);
    if (english || persian)
        g_assert_cmpstr(english, !=, persian);
    return english;
}

static const char *
failure_title(guint reason, guint operation)
{
    return tb_advice_failure((TbReason)reason, (TbOperation)operation).title;
}

static const char *
failure_text(guint reason, guint operation)
{
    return tb_advice_failure((TbReason)reason, (TbOperation)operation).text;
}

static const char *
problem_title(guint problem, guint operation)
{
    return tb_advice_problem((TbProblem)problem, (TbOperation)operation).title;
}

static const char *
problem_text(guint problem, guint operation)
{
    return tb_advice_problem((TbProblem)problem, (TbOperation)operation).text;
}

static const char *
done_title(guint operation, guint unused)
{
    return tb_advice_done((TbOperation)operation).title;
}

static const char *
working_title(guint operation, guint pad)
{
    return tb_advice_working((TbOperation)operation, pad != 0).title;
}

static const char *
heading(guint operation, guint unused)
{
    return tb_text_operation((TbOperation)operation);
}

static const char *
button(guint operation, guint unused)
{
    return tb_text_operation_button((TbOperation)operation);
}

/* Every word has its own sentences, in both languages; a missing translation would be English. */
static void
test_complete(void)
{
    for (guint operation = 0; operation <= TB_OPERATION_LAST; operation++) {
        for (guint reason = 1; reason <= TB_REASON_LAST; reason++) {
            g_assert_nonnull(translated(failure_title, reason, operation));
            g_assert_nonnull(translated(failure_text, reason, operation));
        }
        for (guint problem = 0; problem <= TB_PROBLEM_LAST; problem++) {
            g_assert_nonnull(translated(problem_title, problem, operation));
            if (problem != TB_PROBLEM_NONE)
                g_assert_nonnull(translated(problem_text, problem, operation));
        }
        g_assert_nonnull(translated(done_title, operation, 0));
        g_assert_nonnull(translated(working_title, operation, FALSE));
        g_assert_nonnull(translated(working_title, operation, TRUE));
        g_assert_nonnull(translated(heading, operation, 0));
        g_assert_nonnull(translated(button, operation, 0));
    }
}

/* No two problems look the same to the user, and no site is named where none asks. */
static void
test_told_apart(void)
{
    tb_language_set("en");
    for (guint a = 0; a <= TB_PROBLEM_LAST; a++)
        for (guint b = 0; b < a; b++)
            g_assert_cmpstr(problem_title(a, TB_OPERATION_SIGN), !=,
                            problem_title(b, TB_OPERATION_SIGN));
    for (guint reason = 1; reason <= TB_REASON_LAST; reason++) {
        g_assert_null(strstr(failure_title(reason, TB_OPERATION_CHANGE_PIN), "site"));
        g_assert_null(strstr(failure_text(reason, TB_OPERATION_CHANGE_PIN), "site"));
    }
}

static const char *
tries(guint state, guint puk)
{
    return puk ? tb_text_puk_tries((TbPinState)state) : tb_text_pin_tries((TbPinState)state);
}

static const char *
consent(guint kind, guint unused)
{
    return tb_text_last_try_consent((TbPinKind)kind);
}

static const char *
shown_now(guint operation, guint count)
{
    return tb_text_shown_now((TbOperation)operation, count);
}

static const char *
failed(guint kind, guint how)
{
    return tb_text_pin_failed((TbPinKind)kind, how == 1, how == 2);
}

static void
test_pins_and_puks(void)
{
    for (guint state = 0; state <= TB_PIN_STATE_LAST; state++) {
        translated(tries, state, FALSE);
        translated(tries, state, TRUE);
    }
    g_assert_nonnull(strstr(translated(tries, TB_PIN_STATE_FINAL_TRY, FALSE), "PIN"));
    g_assert_nonnull(strstr(translated(tries, TB_PIN_STATE_FINAL_TRY, TRUE), "PUK"));
    g_assert_nonnull(strstr(translated(consent, TB_PIN_KIND_PIN, 0), "PIN"));
    g_assert_nonnull(strstr(translated(consent, TB_PIN_KIND_PUK, 0), "PUK"));
    g_assert_nonnull(strstr(translated(shown_now, TB_OPERATION_SIGN, 1), "PIN"));
    g_assert_nonnull(strstr(translated(shown_now, TB_OPERATION_SIGN, 2), "Choose one"));
    g_assert_null(strstr(translated(shown_now, TB_OPERATION_CHOOSE, 1), "PIN"));
    g_assert_nonnull(strstr(translated(shown_now, TB_OPERATION_CHOOSE, 2), "Choose one"));
    for (guint how = 0; how < 3; how++) {
        g_assert_nonnull(strstr(translated(failed, TB_PIN_KIND_PIN, how), "PIN"));
        g_assert_nonnull(strstr(translated(failed, TB_PIN_KIND_PUK, how), "PUK"));
        g_assert_nonnull(strstr(translated(failed, TB_PIN_KIND_NEW, how), "new PIN"));
    }
}

/* What a token's state forbids is said before the user types anything. */
static void
test_token(void)
{
    TbToken token = {.pin.state = TB_PIN_STATE_LOCKED};

    tb_language_set("en");
    g_assert_cmpstr(tb_advice_token(&token, TB_OPERATION_CHANGE_PIN).title, ==,
                    "The PIN is locked");
    g_assert_null(tb_advice_token(&token, TB_OPERATION_UNBLOCK_PIN).title);
    token.puk.state = TB_PIN_STATE_LOCKED;
    token.pin.state = TB_PIN_STATE_TO_BE_CHANGED;
    g_assert_null(tb_advice_token(&token, TB_OPERATION_CHANGE_PIN).title);
    g_assert_cmpstr(tb_advice_token(&token, TB_OPERATION_UNBLOCK_PIN).title, ==,
                    "The PUK is locked");
    token.pin.state = TB_PIN_STATE_NOT_INITIALISED;
    g_assert_cmpstr(tb_advice_token(&token, TB_OPERATION_CHANGE_PIN).title, ==,
                    "This token has no PIN yet");
}

static void
test_titles(void)
{
    g_autofree char *sign_in = NULL, *change = NULL;

    tb_language_set("en");
    sign_in = tb_text_window_title(TB_OPERATION_AUTHENTICATE, "example.org");
    change = tb_text_window_title(TB_OPERATION_CHANGE_PIN, NULL);
    g_assert_cmpstr(sign_in, ==, "Sign in — example.org");
    g_assert_cmpstr(change, ==, "Change PIN — Tokenbridge");
}

static void
test_spoken(void)
{
    char name[] = "Anna", issuer[] = "CA", token[] = "T", reader[] = "R", id[] = "ab";
    TbChoice choice = {.id = id,
                       .name = name,
                       .issuer_name = issuer,
                       .token = token,
                       .reader = reader,
                       .not_after = 1900000000,
                       .usable = TRUE};
    g_autofree char *usable = NULL, *expired = NULL;

    tb_language_set("en");
    usable = tb_text_choice_spoken(&choice);
    g_assert_cmpstr(usable, ==,
                    FSI "Anna" PDI ", issued by " FSI "CA" PDI ", on the token " FSI "T" PDI
                        ", valid until 17 March 2030");
    choice.usable = FALSE;
    choice.problem = TB_CHOICE_PROBLEM_EXPIRED;
    expired = tb_text_choice_spoken(&choice);
    g_assert_nonnull(strstr(expired, "Not usable: Expired on 17 March 2030."));
}

static void
test_hidden(void)
{
    char none[] = "", token[] = "T", reader[] = "R", id[] = "ab";
    TbChoice choice = {.id = id,
                       .name = none,
                       .issuer_name = none,
                       .token = token,
                       .reader = reader,
                       .usable = TRUE,
                       .hidden = TRUE};
    g_autofree char *usable = NULL, *to_be_changed = NULL;

    tb_language_set("en");
    usable = tb_text_choice_spoken(&choice);
    g_assert_cmpstr(usable, ==, "The token " FSI "T" PDI ". Its certificates show after the PIN");
    choice.usable = FALSE;
    choice.problem = TB_CHOICE_PROBLEM_PIN_TO_BE_CHANGED;
    to_be_changed = tb_text_choice_spoken(&choice);
    g_assert_nonnull(strstr(to_be_changed, "must be changed first"));
    g_assert_nonnull(strstr(to_be_changed, "tokenbridge pin change"));
}

int
main(int argc, char **argv)
{
    g_setenv("TZ", "UTC", TRUE);
    g_unsetenv("LC_ALL");
    g_setenv("LANG", "C", TRUE);
    g_setenv("LANGUAGE", "", TRUE);
    (void)setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text/clean", test_clean);
    g_test_add_func("/text/hex", test_hex);
    g_test_add_func("/text/solar-hijri", test_solar_hijri);
    g_test_add_func("/text/days", test_days);
    g_test_add_func("/text/pin-length", test_pin_length);
    g_test_add_func("/text/puk-length", test_puk_length);
    g_test_add_func("/text/wrong-length", test_wrong_length);
    g_test_add_func("/text/spoken", test_spoken);
    g_test_add_func("/text/hidden", test_hidden);
    g_test_add_func("/text/titles", test_titles);
    g_test_add_func("/text/pins-and-puks", test_pins_and_puks);
    g_test_add_func("/advice/complete", test_complete);
    g_test_add_func("/advice/told-apart", test_told_apart);
    g_test_add_func("/advice/token", test_token);
    g_test_add_func("/language/match", test_match);
    g_test_add_func("/language/set", test_languages);
    g_test_add_func("/language/in-place", test_language_in_place);
    return g_test_run();
}
