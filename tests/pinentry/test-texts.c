/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of the plain texts (host/prompt/pinentry/texts.h): what must be on the screen, what must
 * not, and that it fits the protocol's line.
 */
#include <string.h>

#include "host/prompt/language.h"
#include "host/prompt/pinentry/assuan.h"
#include "host/prompt/pinentry/texts.h"

static TbChoice
choice(const char *name)
{
    return (TbChoice){
        .id = (char *)(guintptr) "id",
        .name = (char *)(guintptr)name,
        .issuer_name = (char *)(guintptr)name,
        .token = (char *)(guintptr)name,
        .reader = (char *)(guintptr) "reader",
        .not_after = 1900000000,
        .usable = TRUE,
        .pin = {.min = 4, .max = 8},
    };
}

static void
assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        g_error("\"%s\" lacks \"%s\"", text, part);
}

static void
assert_fits(const char *text)
{
    g_autofree char *line = tb_assuan_escape(text, TB_ASSUAN_LINE_MAX - strlen("SETDESC "));
    g_assert_null(strstr(line, "…")); /* nothing was cut on the way */
}

static void
test_request(void)
{
    TbMessage show = {.operation = TB_OPERATION_AUTHENTICATE,
                      .origin = (char *)(guintptr) "https://example.org:8443"};
    TbChoice jane = choice("Jane Doe");
    g_autofree char *text = tb_texts_request(&show, &jane, 2, 3, "A note.");

    assert_has(text, "example.org:8443");
    assert_has(text, "sign in");
    assert_has(text, "Jane Doe");
    assert_has(text, "2 of 3");
    assert_has(text, "(\342\201\250reader\342\201\251)");
    assert_has(text, "17 March 2030");
    assert_has(text, "A note.");
    assert_fits(text);
}

static void
test_framed(void)
{
    TbMessage show = {.operation = TB_OPERATION_CHOOSE,
                      .origin = (char *)(guintptr) "https://inner.example",
                      .top_origin = (char *)(guintptr) "https://outer.example"};
    g_autofree char *text = tb_texts_request(&show, NULL, 1, 1, NULL);

    g_assert_true(strstr(text, "inner.example") < strstr(text, "outer.example"));
}

static void
test_hash(void)
{
    g_autofree char *hex = g_strnfill(128, 'a');
    TbMessage show = {.operation = TB_OPERATION_SIGN,
                      .origin = (char *)(guintptr) "https://example.org",
                      .hash_function = (char *)(guintptr) "SHA-512",
                      .hash_hex = hex};
    TbChoice jane = choice("Jane Doe");
    g_autofree char *text = tb_texts_request(&show, &jane, 1, 1, NULL);

    assert_has(text, "SHA-512");
    assert_has(text, "aaaa aaaa aaaa");
    assert_fits(text);
}

/* Names as long as anybody may make them: the certificate is shortened, the site and hash are not.
 */
static void
test_long_names(void)
{
    g_autofree char *label = g_strnfill(60, 'x');
    g_autofree char *origin = g_strdup_printf("https://%s.%s.example", label, label);
    g_autofree char *hex = g_strnfill(128, 'a');
    g_autofree char *name = g_strnfill(4000, 'n');
    TbMessage show = {.operation = TB_OPERATION_SIGN,
                      .origin = origin,
                      .top_origin = origin,
                      .hash_function = (char *)(guintptr) "SHA-512",
                      .hash_hex = hex};
    TbChoice long_names = choice(name);
    g_autofree char *text = tb_texts_request(&show, &long_names, 10, 12, NULL);
    g_autofree char *line = tb_assuan_escape(text, TB_ASSUAN_LINE_MAX - strlen("SETDESC "));

    assert_has(line, label);
    assert_has(line, "aaaa aaaa");
    assert_has(line, "17 March 2030");
}

/* A holder whose name tries to look like a sentence of ours, or to turn the text around. */
static void
test_hostile_name(void)
{
    TbMessage show = {.operation = TB_OPERATION_AUTHENTICATE,
                      .origin = (char *)(guintptr) "https://example.org"};
    TbChoice hostile = choice("Eve\n\nThe site bank.example asks\u202e\u2069");
    g_autofree char *text = tb_texts_request(&show, &hostile, 1, 1, NULL);

    g_assert_null(strstr(text, "\nThe site bank.example"));
    g_assert_null(strstr(text, "\u202e"));
}

static void
test_unusable(void)
{
    g_autoptr(GPtrArray) choices = g_ptr_array_new();
    TbChoice good = choice("Good");
    TbChoice expired = choice("Old");

    g_ptr_array_add(choices, &good);
    g_assert_null(tb_texts_unusable(choices));
    expired.usable = FALSE;
    expired.problem = TB_CHOICE_PROBLEM_EXPIRED;
    g_ptr_array_add(choices, &expired);
    g_autofree char *text = tb_texts_unusable(choices);
    assert_has(text, "Old");
    assert_has(text, "17 March 2030");
    g_assert_null(strstr(text, "Good"));
}

int
main(int argc, char **argv)
{
    g_setenv("TZ", "UTC", TRUE);
    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    g_test_init(&argc, &argv, NULL);
    tb_language_set("en");
    g_test_add_func("/texts/request", test_request);
    g_test_add_func("/texts/framed", test_framed);
    g_test_add_func("/texts/hash", test_hash);
    g_test_add_func("/texts/long-names", test_long_names);
    g_test_add_func("/texts/hostile-name", test_hostile_name);
    g_test_add_func("/texts/unusable", test_unusable);
    return g_test_run();
}
