/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests core/origin.c: which strings are origins in the one form in which a browser serialises
 * them (WHATWG URL, 3.5 and 4.5; RFC 6454, 6.2), and which kind of error the others get.
 */
#include <string.h>

#include <glib.h>

#include "tests/support/assert.h"
#include "tokenbridge/origin.h"

#define LABEL_63 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc"

static const struct {
    const char *origin;
    TbStatus status;
} rows[] = {
    {"https://example.org", TB_OK},
    {"https://www.ria.ee", TB_OK},
    {"https://a.b.c.d.e.f.g", TB_OK},
    {"https://localhost", TB_OK},
    {"https://intranet", TB_OK},
    {"https://my_host.example.org", TB_OK},
    {"https://a-b.example.org", TB_OK},
    {"https://1a.example.org", TB_OK},
    {"https://example.123abc", TB_OK},
    {"https://0xg.example", TB_OK},
    {"https://example.0xg", TB_OK},
    {"https://xn--pike-loa.ee", TB_OK},
    {"https://xn--mgba3a4f16a.xn--mgba3a4f16a", TB_OK},
    {"https://" LABEL_63 ".example", TB_OK},
    {"https://example.org:8443", TB_OK},
    {"https://example.org:1", TB_OK},
    {"https://example.org:80", TB_OK},
    {"https://example.org:65535", TB_OK},
    {"https://192.0.2.1", TB_OK},
    {"https://192.0.2.1:8443", TB_OK},
    {"https://0.0.0.0", TB_OK},
    {"https://255.255.255.255", TB_OK},
    {"https://[::1]", TB_OK},
    {"https://[::]", TB_OK},
    {"https://[2001:db8::1]", TB_OK},
    {"https://[2001:db8::1]:8443", TB_OK},
    {"https://[2001:db8::]", TB_OK},
    {"https://[1:2:3:4:5:6:7:8]", TB_OK},
    {"https://[2001:db8::1:0:0:1]", TB_OK},
    {"https://[2001:db8:0:1:1:1:1:1]", TB_OK},
    {"https://[1:0:2:3:4:5:6:0]", TB_OK},
    {"https://[::ffff:c000:201]", TB_OK},
    {"https://[::7f00:1]", TB_OK},
    {"http://localhost", TB_OK},
    {"http://localhost:8080", TB_OK},
    {"http://localhost:443", TB_OK},
    {"http://app.localhost", TB_OK},
    {"http://a.b.localhost:3000", TB_OK},
    {"http://127.0.0.1", TB_OK},
    {"http://127.0.0.1:8080", TB_OK},
    {"http://[::1]", TB_OK},
    {"http://[::1]:8080", TB_OK},

    /* another scheme, or plain http elsewhere */
    {"http://example.org", TB_ERROR_REFUSED},
    {"http://example.org:8080", TB_ERROR_REFUSED},
    {"http://localhost.example.org", TB_ERROR_REFUSED},
    {"http://notlocalhost", TB_ERROR_REFUSED},
    {"http://127.0.0.2", TB_ERROR_REFUSED},
    {"http://192.0.2.1", TB_ERROR_REFUSED},
    {"http://[::2]", TB_ERROR_REFUSED},
    {"http://[::ffff:7f00:1]", TB_ERROR_REFUSED},
    {"wss://example.org", TB_ERROR_REFUSED},
    {"ws://localhost", TB_ERROR_REFUSED},
    {"ftp://example.org", TB_ERROR_REFUSED},
    {"file://", TB_ERROR_REFUSED},
    {"file:///etc/passwd", TB_ERROR_REFUSED},
    {"chrome-extension://ccefchpnjpglhijhmdpndlfcgnhjebni", TB_ERROR_REFUSED},
    {"moz-extension://5a0f6a1e-6c1b-4d5e-9f0e-8d1f0b8a7c42", TB_ERROR_REFUSED},
    {"httpss://example.org", TB_ERROR_REFUSED},
    {"httpx://localhost", TB_ERROR_REFUSED},
    {"ttps://example.org", TB_ERROR_REFUSED},

    /* no origin at all */
    {"", TB_ERROR_INVALID},
    {"null", TB_ERROR_INVALID},
    {"https", TB_ERROR_INVALID},
    {"https:", TB_ERROR_INVALID},
    {"https:/example.org", TB_ERROR_INVALID},
    {"https:example.org", TB_ERROR_INVALID},
    {"https//example.org", TB_ERROR_INVALID},
    {"//example.org", TB_ERROR_INVALID},
    {"://example.org", TB_ERROR_INVALID},
    {"example.org", TB_ERROR_INVALID},
    {"example.org:443", TB_ERROR_INVALID},
    {"about:blank", TB_ERROR_INVALID},
    {"blob:https://example.org", TB_ERROR_INVALID},
    {"view-source:https://example.org", TB_ERROR_INVALID},
    {" https://example.org", TB_ERROR_INVALID},
    {"\thttps://example.org", TB_ERROR_INVALID},
    {"1https://example.org", TB_ERROR_INVALID},
    {"https ://example.org", TB_ERROR_INVALID},
    {"HTTPS://example.org", TB_ERROR_INVALID},
    {"Https://example.org", TB_ERROR_INVALID},
    {"HTTP://localhost", TB_ERROR_INVALID},
    {"https://", TB_ERROR_INVALID},
    {"https://:8443", TB_ERROR_INVALID},

    /* more than an origin */
    {"https://example.org/", TB_ERROR_INVALID},
    {"https://example.org/sign-in", TB_ERROR_INVALID},
    {"https://example.org?", TB_ERROR_INVALID},
    {"https://example.org?a=b", TB_ERROR_INVALID},
    {"https://example.org#", TB_ERROR_INVALID},
    {"https://example.org#top", TB_ERROR_INVALID},
    {"https://example.org\\", TB_ERROR_INVALID},
    {"https:///example.org", TB_ERROR_INVALID},
    {"https://https://example.org", TB_ERROR_INVALID},
    {"https://user@example.org", TB_ERROR_INVALID},
    {"https://user:password@example.org", TB_ERROR_INVALID},
    {"https://@example.org", TB_ERROR_INVALID},
    {"http://localhost@example.org", TB_ERROR_INVALID},
    {"http://localhost:80@example.org", TB_ERROR_INVALID},
    {"http://example.org/path", TB_ERROR_INVALID},

    /* host names that a browser would write otherwise, or not take */
    {"https://Example.org", TB_ERROR_INVALID},
    {"https://EXAMPLE.ORG", TB_ERROR_INVALID},
    {"https://xn--PIKE-loa.ee", TB_ERROR_INVALID},
    {"https://p\xc3\xa4ike.ee", TB_ERROR_INVALID},
    {"https://\xd8\xa7\xdb\x8c\xd8\xb1\xd8\xa7\xd9\x86.example", TB_ERROR_INVALID},
    {"https://p\xe4ike.ee", TB_ERROR_INVALID},
    {"https://example\xe3\x80\x82org", TB_ERROR_INVALID}, /* the ideographic full stop */
    {"https://example.org.", TB_ERROR_INVALID},
    {"https://example.org.:8443", TB_ERROR_INVALID},
    {"http://localhost.", TB_ERROR_INVALID},
    {"https://.", TB_ERROR_INVALID},
    {"https://.example.org", TB_ERROR_INVALID},
    {"http://.localhost", TB_ERROR_INVALID},
    {"https://example..org", TB_ERROR_INVALID},
    {"https://-example.org", TB_ERROR_INVALID},
    {"https://example-.org", TB_ERROR_INVALID},
    {"https://" LABEL_63 "d.example", TB_ERROR_INVALID},
    {"https://exa mple.org", TB_ERROR_INVALID},
    {"https://example.org ", TB_ERROR_INVALID},
    {"https://example.org\n", TB_ERROR_INVALID},
    {"https://example.org\r\nx", TB_ERROR_INVALID},
    {"https://exam\tple.org", TB_ERROR_INVALID},
    {"https://exam\x01ple.org", TB_ERROR_INVALID},
    {"https://exam\x7fple.org", TB_ERROR_INVALID},
    {"https://example%2eorg", TB_ERROR_INVALID},
    {"https://*.example.org", TB_ERROR_INVALID},
    {"https://exa'mple.org", TB_ERROR_INVALID},
    {"https://exa<mple.org", TB_ERROR_INVALID},

    /* ports */
    {"https://example.org:", TB_ERROR_INVALID},
    {"https://example.org:443", TB_ERROR_INVALID},
    {"http://localhost:80", TB_ERROR_INVALID},
    {"http://[::1]:80", TB_ERROR_INVALID},
    {"https://[::1]:443", TB_ERROR_INVALID},
    {"https://example.org:0", TB_ERROR_INVALID},
    {"https://example.org:00", TB_ERROR_INVALID},
    {"https://example.org:08443", TB_ERROR_INVALID},
    {"https://example.org:0443", TB_ERROR_INVALID},
    {"https://example.org:65536", TB_ERROR_INVALID},
    {"https://example.org:99999", TB_ERROR_INVALID},
    {"https://example.org:100000", TB_ERROR_INVALID},
    {"https://example.org:4294967739", TB_ERROR_INVALID}, /* 2^32 + 443 */
    {"https://example.org:-1", TB_ERROR_INVALID},
    {"https://example.org:+8443", TB_ERROR_INVALID},
    {"https://example.org: 8443", TB_ERROR_INVALID},
    {"https://example.org:8443 ", TB_ERROR_INVALID},
    {"https://example.org:0x1", TB_ERROR_INVALID},
    {"https://example.org:https", TB_ERROR_INVALID},
    {"https://example.org:8443:8443", TB_ERROR_INVALID},

    /* IPv4 other than four plain decimals: the browser would have rewritten it */
    {"https://1", TB_ERROR_INVALID},
    {"https://2130706433", TB_ERROR_INVALID},
    {"https://127.1", TB_ERROR_INVALID},
    {"https://127.0.1", TB_ERROR_INVALID},
    {"http://127.1", TB_ERROR_INVALID},
    {"https://127.0.0.01", TB_ERROR_INVALID},
    {"https://0127.0.0.1", TB_ERROR_INVALID},
    {"https://00.0.0.0", TB_ERROR_INVALID},
    {"https://0x7f.0.0.1", TB_ERROR_INVALID},
    {"https://256.0.0.1", TB_ERROR_INVALID},
    {"https://1.2.3.256", TB_ERROR_INVALID},
    {"https://1.2.3.4.5", TB_ERROR_INVALID},
    {"https://1.2.3.4.", TB_ERROR_INVALID},
    {"https://1..2.3", TB_ERROR_INVALID},
    {"https://example.1", TB_ERROR_INVALID},
    {"https://127.0.0.0x1", TB_ERROR_INVALID},
    {"https://0x7f000001", TB_ERROR_INVALID},
    {"https://0x7f.1.2.0xff", TB_ERROR_INVALID},
    {"https://example.0x", TB_ERROR_INVALID},
    {"https://example.0xa", TB_ERROR_INVALID},

    /* IPv6 other than the serialised form */
    {"https://[", TB_ERROR_INVALID},
    {"https://[]", TB_ERROR_INVALID},
    {"https://]", TB_ERROR_INVALID},
    {"https://[::1", TB_ERROR_INVALID},
    {"https://::1", TB_ERROR_INVALID},
    {"https://::1]", TB_ERROR_INVALID},
    {"https://[::1]x", TB_ERROR_INVALID},
    {"https://[::1]]", TB_ERROR_INVALID},
    {"https://[[::1]]", TB_ERROR_INVALID},
    {"https://x[::1]", TB_ERROR_INVALID},
    {"https://[::1]:", TB_ERROR_INVALID},
    {"https://[::1]8443", TB_ERROR_INVALID},
    {"https://[192.0.2.1]", TB_ERROR_INVALID},
    {"https://[::192.0.2.1]", TB_ERROR_INVALID},
    {"https://[::ffff:192.0.2.1]", TB_ERROR_INVALID},
    {"https://[2001:DB8::1]", TB_ERROR_INVALID},
    {"https://[fe80::1%25eth0]", TB_ERROR_INVALID},
    {"https://[fe80::1%eth0]", TB_ERROR_INVALID},
    {"https://[::1::]", TB_ERROR_INVALID},
    {"https://[1:2:3:4:5:6:7]", TB_ERROR_INVALID},
    {"https://[1:2:3:4:5:6:7:8:9]", TB_ERROR_INVALID},
    {"https://[12345::]", TB_ERROR_INVALID},
    {"https://[::g]", TB_ERROR_INVALID},
    {"https://[v1.x]", TB_ERROR_INVALID},
    {"https://[0:0:0:0:0:0:0:1]", TB_ERROR_INVALID},
    {"http://[0:0:0:0:0:0:0:1]", TB_ERROR_INVALID},
    {"https://[::0001]", TB_ERROR_INVALID},
    {"https://[2001:0db8::1]", TB_ERROR_INVALID},
    {"https://[2001:db8:0:0:1::1]", TB_ERROR_INVALID},
    {"https://[2001:db8::1:1:1:1:1]", TB_ERROR_INVALID},
    {"https://[2001:db8:0:0:1:0:0:1]", TB_ERROR_INVALID},
    {"https://[1:0:0:2:3:4:5:6]", TB_ERROR_INVALID},
};

static void
test_table(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        TbError error = {.status = TB_OK, .message = "untouched"};
        TbStatus status = tb_origin_check(rows[i].origin, &error);

        if (status != rows[i].status) {
            g_autofree char *shown = g_strescape(rows[i].origin, NULL);

            tb_test_row_failed("\"%s\": status %d, expected %d", shown, (int)status,
                               (int)rows[i].status);
        }
        g_assert_cmpint(tb_origin_check(rows[i].origin, NULL), ==, status);
        if (status == TB_OK) {
            g_assert_cmpstr(error.message, ==, "untouched");
        } else {
            g_assert_cmpint(error.status, ==, status);
            g_assert_true(g_str_has_prefix(error.message, "the origin"));
            g_assert_false(g_str_has_suffix(error.message, "."));
        }
    }
}

/* The sentence says what is wrong, not only that something is. */
static void
test_messages(void)
{
    static const struct {
        const char *origin;
        const char *part;
    } messages[] = {
        {"example.org", "not of the form https://host"},
        {"wss://example.org", "scheme is not https"},
        {"https://example.org/", "a path, query or fragment"},
        {"https://user@example.org", "a user name"},
        {"https://example.org:443", "the default written out"},
        {"https://[::1", "not closed"},
        {"https://p\xc3\xa4ike.ee", "lower-case ASCII (punycode)"},
        {"http://example.org", "plain http"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(messages); i++) {
        TbError error = {0};

        g_assert_cmpint(tb_origin_check(messages[i].origin, &error), !=, TB_OK);
        if (!strstr(error.message, messages[i].part))
            tb_test_row_failed("%s: %s", messages[i].origin, error.message);
    }
}

/* Each byte that is not of a host name, at each of three places of one. */
static void
test_each_byte(void)
{
    for (int c = 1; c < 256; c++) {
        char origin[] = "https://a?b.example.org";
        gboolean good =
            g_ascii_islower(c) || g_ascii_isdigit(c) || c == '-' || c == '_' || c == '.';

        *strchr(origin, '?') = (char)c;
        if ((tb_origin_check(origin, NULL) == TB_OK) != good)
            tb_test_row_failed("byte %d inside a label", c);
        g_strlcpy(origin, "https://example.org?", sizeof origin);
        *strchr(origin, '?') = (char)c;
        if ((tb_origin_check(origin, NULL) == TB_OK) !=
            (g_ascii_islower(c) || g_ascii_isdigit(c) || c == '_'))
            tb_test_row_failed("byte %d at the end", c);
        g_strlcpy(origin, "?ttps://example.org", sizeof origin);
        *strchr(origin, '?') = (char)c;
        if ((tb_origin_check(origin, NULL) == TB_OK) != (c == 'h'))
            tb_test_row_failed("byte %d at the start", c);
    }
}

static void
test_length(void)
{
    /* 8 for the scheme, three labels of 63 with their dots, and a last one of the rest */
    for (gsize length = 250; length <= 260; length++) {
        g_autoptr(GString) origin = g_string_new("https://" LABEL_63 "." LABEL_63 "." LABEL_63 ".");
        TbError error = {0};

        while (origin->len < length)
            g_string_append_c(origin, 'x');
        g_assert_cmpint(tb_origin_check(origin->str, &error), ==,
                        length <= TB_ORIGIN_MAX ? TB_OK : TB_ERROR_INVALID);
        if (length > TB_ORIGIN_MAX)
            g_assert_nonnull(strstr(error.message, "255"));
    }
}

static void
test_very_long(void)
{
    g_autofree char *text = g_strnfill(1 << 20, 'a');
    g_autofree char *origin = g_strconcat("https://", text, NULL);
    g_autofree char *scheme = g_strconcat(text, "://example.org", NULL);

    g_assert_cmpint(tb_origin_check(text, NULL), ==, TB_ERROR_INVALID);
    g_assert_cmpint(tb_origin_check(origin, NULL), ==, TB_ERROR_INVALID);
    g_assert_cmpint(tb_origin_check(scheme, NULL), ==, TB_ERROR_INVALID);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/origin/table", test_table);
    g_test_add_func("/core/origin/messages", test_messages);
    g_test_add_func("/core/origin/each-byte", test_each_byte);
    g_test_add_func("/core/origin/length", test_length);
    g_test_add_func("/core/origin/very-long", test_very_long);
    return g_test_run();
}
