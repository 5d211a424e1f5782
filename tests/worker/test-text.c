/* SPDX-License-Identifier: Apache-2.0
 *
 * Text from tokens: whatever the bytes, the result is UTF-8 without controls, and bounded.
 */
#include "host/worker/text.h"

#include <string.h>

#define BAD "\xef\xbf\xbd" /* U+FFFD */

static void
test_clean(void)
{
    static const struct {
        const char *bytes;
        gsize length;
        const char *expected;
    } rows[] = {
        {"", 0, ""},
        {"Sara Mohebbi", 12, "Sara Mohebbi"},
        {"سارا احمدی", sizeof "سارا احمدی" - 1, "سارا احمدی"},
        {"a\xe2\x80\x8c"
         "b",
         5,
         "a\xe2\x80\x8c"
         "b"}, /* the joiner that Persian needs */
        {"a\0b", 3, "a" BAD "b"},
        {"a\nb\x1b[2J", 7, "a" BAD "b" BAD "[2J"},
        {"\xff\xfe", 2, BAD BAD},
        {"a\xc3", 2, "a" BAD},            /* cut off */
        {"\xc0\x80", 2, BAD BAD},         /* overlong NUL */
        {"\xed\xa0\x80", 3, BAD BAD BAD}, /* a surrogate */
        {"\xef\xbf\xbf", 3, BAD},         /* U+FFFF */
        {"\xc2\x85", 2, BAD},             /* a control beyond ASCII */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = tb_text_clean(rows[i].bytes, rows[i].length);

        g_assert_cmpstr(text, ==, rows[i].expected);
        g_assert_true(g_utf8_validate(text, -1, NULL));
    }
}

static void
test_clean_cuts_long_text_at_a_character(void)
{
    g_autoptr(GString) bytes = g_string_new(NULL);
    g_autofree char *text = NULL;

    for (int i = 0; i < 2000; i++)
        g_string_append(bytes, "\xe2\x82\xac");
    text = tb_text_clean(bytes->str, bytes->len);
    g_assert_cmpuint(strlen(text), <=, TB_TEXT_MAX);
    g_assert_cmpuint(strlen(text), >, TB_TEXT_MAX - 8);
    g_assert_true(g_utf8_validate(text, -1, NULL));
}

static void
test_every_byte_pair_becomes_utf8(void)
{
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            const char bytes[] = {(char)first, (char)second, 'x'};
            g_autofree char *text = tb_text_clean(bytes, sizeof bytes);

            g_assert_true(g_utf8_validate(text, -1, NULL));
            g_assert_true(g_str_has_suffix(text, "x"));
        }
    }
}

static void
test_padded(void)
{
    static const unsigned char label[16] = "Staff card      ";
    static const unsigned char ended[16] = "Staff card\0garb";
    static const unsigned char blank[16] = "                ";
    static const unsigned char full[4] = {'a', 'b', 'c', 'd'};
    g_autofree char *one = tb_text_from_padded(label, sizeof label);
    g_autofree char *two = tb_text_from_padded(ended, sizeof ended);
    g_autofree char *three = tb_text_from_padded(blank, sizeof blank);
    g_autofree char *four = tb_text_from_padded(full, sizeof full);

    g_assert_cmpstr(one, ==, "Staff card");
    g_assert_cmpstr(two, ==, "Staff card");
    g_assert_cmpstr(three, ==, "");
    g_assert_cmpstr(four, ==, "abcd");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/text/clean", test_clean);
    g_test_add_func("/worker/text/clean-long", test_clean_cuts_long_text_at_a_character);
    g_test_add_func("/worker/text/every-byte-pair", test_every_byte_pair_becomes_utf8);
    g_test_add_func("/worker/text/padded", test_padded);
    return g_test_run();
}
