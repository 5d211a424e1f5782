/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests core/base64.c: the vectors of RFC 4648, 10, round trips of all lengths, and strictness,
 * exhaustively over the last group: each byte string has exactly one accepted spelling.
 */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "core/base64.h"
#include "tests/support/assert.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void
test_vectors(void)
{
    static const struct {
        const char *bytes;
        const char *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
                {"\xfb\xff\xbf", "+/+/"}};

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        gsize size = strlen(rows[i].bytes);
        char *text = tb_base64_encode(rows[i].bytes, size);
        size_t length = 99;
        unsigned char *bytes = tb_base64_decode(rows[i].text, strlen(rows[i].text), &length);

        g_assert_cmpstr(text, ==, rows[i].text);
        g_assert_true(tb_base64_check(rows[i].text, strlen(rows[i].text)));
        g_assert_nonnull(bytes);
        tb_test_assert_bytes(bytes, length, rows[i].bytes, size);
        free(text);
        free(bytes);
    }
}

static void
test_round_trip(void)
{
    guint8 data[1024];

    for (gsize i = 0; i < sizeof data; i++)
        data[i] = (guint8)(i * 167 + i / 256 * 13 + 5); /* all values, in no simple order */
    for (gsize length = 0; length <= sizeof data; length++) {
        char *text = tb_base64_encode(data, length);
        g_autofree char *glibs = g_base64_encode(data, length);
        size_t back_length = 0;
        unsigned char *back;

        g_assert_cmpstr(text, ==, glibs);
        back = tb_base64_decode(text, strlen(text), &back_length);
        g_assert_nonnull(back);
        tb_test_assert_bytes(back, back_length, data, length);
        free(back);
        free(text);
    }
}

static void
assert_refused(const char *what, const char *text, gsize length)
{
    /* A block of just that size, so that reading past the end shows under ASan and valgrind. */
    g_autofree char *exact = g_memdup2(text, MAX(length, 1));
    size_t out_length = 12345;
    unsigned char *bytes = tb_base64_decode(exact, length, &out_length);

    if (bytes || out_length != 12345 || tb_base64_check(exact, length))
        tb_test_row_failed("accepted: %s", what);
    free(bytes);
}

static void
test_refused(void)
{
    static const struct {
        const char *what;
        const char *text;
        gsize length;
    } rows[] = {
#define ROW(what, text) {(what), (text), sizeof(text) - 1}
        ROW("one character", "Z"),
        ROW("no padding, two missing", "Zg"),
        ROW("one padding, one missing", "Zg="),
        ROW("no padding, one missing", "Zm8"),
        ROW("only padding, 1", "="),
        ROW("only padding, 2", "=="),
        ROW("only padding, 4", "===="),
        ROW("three paddings", "Z==="),
        ROW("four paddings after a group", "Zm9v===="),
        ROW("one padding too many", "Zm9v="),
        ROW("padding in the middle", "Zg==Zg=="),
        ROW("padding inside a group", "Zg=a"),
        ROW("padding at the second place", "Z=9v"),
        ROW("padding at the first place", "=m9v"),
        ROW("stray bits, two paddings", "Zh=="),
        ROW("stray bits, two paddings, all", "Z/=="),
        ROW("stray bits, one padding", "Zm9="),
        ROW("URL alphabet, minus", "Zm-v"),
        ROW("URL alphabet, underscore", "Zm_v"),
        ROW("leading blank", " Zm9v"),
        ROW("leading blank, whole groups", " m9v"),
        ROW("trailing blank", "Zm9v    "),
        ROW("trailing line feed", "Zm9v\n"),
        ROW("line feed, whole groups", "Zm9\n"),
        ROW("four line feeds", "\n\n\n\n"),
        ROW("CRLF between groups", "Zm9v\r\nZm9v\r\n"),
        ROW("tab", "Zm\t9"),
        ROW("NUL", "Zm\0v"),
        ROW("NUL before padding", "Z\0=="),
        ROW("non-ASCII", "Zm\xc3\xa4"),
        ROW("high byte", "Zm9\xff"),
        ROW("percent", "Zm9%"),
        ROW("OpenSSL's end of data", "Zm9v-EOF"),
#undef ROW
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_refused(rows[i].what, rows[i].text, rows[i].length);
}

static void
test_each_byte_at_each_place(void)
{
    for (gsize place = 0; place < 4; place++) {
        for (int c = 0; c < 256; c++) {
            char text[4] = {'A', 'A', 'A', 'A'};
            gboolean good = c != 0 && strchr(alphabet, c);

            text[place] = (char)c;
            if (place == 3 && c == '=')
                good = TRUE; /* "AAA=": two bytes of zero */
            if (tb_base64_check(text, 4) != good)
                tb_test_row_failed("byte %d at place %" G_GSIZE_FORMAT, c, place);
        }
    }
}

/* Of all 64 * 64 texts "xy==" just the 256 that stand for one byte are taken, and of all 64 * 64 *
 * 64 "xyz=" the 65536 that stand for two; and those decode to all different values. */
static void
test_one_spelling(void)
{
    guint8 seen[65536];
    guint accepted = 0;

    memset(seen, 0, sizeof seen);
    for (guint i = 0; i < 64 * 64; i++) {
        const char text[4] = {alphabet[i >> 6], alphabet[i & 63], '=', '='};
        size_t length = 0;
        unsigned char *bytes = tb_base64_decode(text, 4, &length);

        g_assert_true(tb_base64_check(text, 4) == (bytes != NULL));
        if (bytes) {
            g_assert_cmpuint(length, ==, 1);
            g_assert_cmpuint(seen[bytes[0]]++, ==, 0);
            accepted++;
        }
        free(bytes);
    }
    g_assert_cmpuint(accepted, ==, 256);

    memset(seen, 0, sizeof seen);
    accepted = 0;
    for (guint i = 0; i < 64 * 64 * 64; i++) {
        const char text[4] = {alphabet[i >> 12], alphabet[i >> 6 & 63], alphabet[i & 63], '='};
        size_t length = 0;
        unsigned char *bytes = tb_base64_decode(text, 4, &length);

        g_assert_true(tb_base64_check(text, 4) == (bytes != NULL));
        if (bytes) {
            g_assert_cmpuint(length, ==, 2);
            g_assert_cmpuint(seen[bytes[0] << 8 | bytes[1]]++, ==, 0);
            accepted++;
        }
        free(bytes);
    }
    g_assert_cmpuint(accepted, ==, 65536);
}

static void
test_too_large(void)
{
    /* OpenSSL's coder counts in int; the data is never looked at. */
    static const gsize sizes[] = {INT_MAX / 4 * 3u + 1u, INT_MAX, (gsize)INT_MAX + 1, SIZE_MAX - 2,
                                  SIZE_MAX};

    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++)
        g_assert_null(tb_base64_encode("", sizes[i]));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/base64/vectors", test_vectors);
    g_test_add_func("/core/base64/round-trip", test_round_trip);
    g_test_add_func("/core/base64/refused", test_refused);
    g_test_add_func("/core/base64/each-byte-at-each-place", test_each_byte_at_each_place);
    g_test_add_func("/core/base64/one-spelling", test_one_spelling);
    g_test_add_func("/core/base64/too-large", test_too_large);
    return g_test_run();
}
