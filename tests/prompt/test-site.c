/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/prompt/site.c: what a person sees of an origin.
 */
#include <string.h>

#include "host/prompt/site.h"
#include "tokenbridge/origin.h"

#define LRI "\xe2\x81\xa6"
#define FSI "\xe2\x81\xa8"
#define PDI "\xe2\x81\xa9"

static TbSite *
site(const char *origin)
{
    g_assert_cmpint(tb_origin_check(origin, NULL), ==, TB_OK);
    return tb_site_new(origin);
}

static void
expect(const char *origin, const char *markup, const char *other)
{
    g_autoptr(TbSite) shown = site(origin);

    g_assert_cmpstr(shown->markup, ==, markup);
    g_assert_cmpstr(shown->other, ==, other);
}

static void
test_registrable_part(void)
{
    expect("https://example.org", LRI "<b>example.org</b>" PDI, NULL);
    expect("https://a.b.example.org", LRI "<span alpha=\"75%\">a.b.</span><b>example.org</b>" PDI,
           NULL);
    /* co.uk and github.io are public suffixes: what is under them belongs to different people. */
    expect("https://login.bank.co.uk", LRI "<span alpha=\"75%\">login.</span><b>bank.co.uk</b>" PDI,
           NULL);
    expect("https://bank.co.uk.evil.com",
           LRI "<span alpha=\"75%\">bank.co.uk.</span><b>evil.com</b>" PDI, NULL);
    expect("https://one.github.io", LRI "<b>one.github.io</b>" PDI, NULL);
}

static void
test_no_registrable_part(void)
{
    g_autoptr(TbSite) local = site("http://localhost:8080");

    g_assert_cmpstr(local->markup, ==, LRI "http://<b>localhost</b>:8080" PDI);
    g_assert_cmpstr(local->text, ==, LRI "http://localhost:8080" PDI);
    g_assert_cmpstr(local->title, ==, "localhost:8080");
    g_assert_true(local->plain_http);
    expect("https://192.0.2.7:8443", LRI "<b>192.0.2.7</b>:8443" PDI, NULL);
    expect("https://[2001:db8::1]", LRI "<b>[2001:db8::1]</b>" PDI, NULL);
    expect("https://[2001:db8::1]:444", LRI "<b>[2001:db8::1]</b>:444" PDI, NULL);
    expect("https://intranet", LRI "<b>intranet</b>" PDI, NULL);
}

static void
test_readable_first(void)
{
    expect("https://www.xn--bcher-kva.example",
           LRI "<span alpha=\"75%\">www.</span><b>" FSI "bücher" PDI ".example</b>" PDI,
           LRI "www.xn--bcher-kva.example" PDI);
    /* From right to left, each label in its own isolate, in the order they are signed in. */
    expect("https://xn--mgbaam7a8h.xn--mgba3a4f16a",
           LRI "<b>" FSI "امارات" PDI "." FSI "ایران" PDI "</b>" PDI,
           LRI "xn--mgbaam7a8h.xn--mgba3a4f16a" PDI);
}

static void
test_look_alikes(void)
{
    g_autoptr(TbSite) apple = site("https://xn--80ak6aa92e.com");
    g_autoptr(TbSite) mixed = site("https://xn--pypal-4ve.com");
    g_autoptr(TbSite) plain = site("https://paypal.com");

    /* "аррӏе.com", all Cyrillic; "pаypal.com" with one Cyrillic letter. */
    g_assert_true(apple->look_alike);
    g_assert_cmpstr(apple->markup, ==, LRI "<b>xn--80ak6aa92e.com</b>" PDI);
    g_assert_cmpstr(apple->other, ==, LRI FSI "аррӏе" PDI ".com" PDI);
    g_assert_true(mixed->look_alike);
    g_assert_cmpstr(mixed->markup, ==, LRI "<b>xn--pypal-4ve.com</b>" PDI);
    g_assert_false(plain->look_alike);
    g_assert_null(plain->other);
}

static void
test_labels(void)
{
    static const char *const honest[] = {"bücher",     "пример", "яндекс",
                                         "東京タワー", "例え",   "abc東京",
                                         "한국abc",    "ایران",  "می‌خواهم",
                                         "ελλάδα",     "łódź"};
    static const char *const misleading[] = {"pаypal", "аррӏе",    "gооgle", "ехоо",    "αbc",
                                             "ѕсоре",  "ıstanbul", "ɡoogle", "пример例"};

    for (guint i = 0; i < G_N_ELEMENTS(honest); i++) {
        g_test_message("%s", honest[i]);
        g_assert_false(tb_site_label_misleads(honest[i], TRUE));
    }
    for (guint i = 0; i < G_N_ELEMENTS(misleading); i++) {
        g_test_message("%s", misleading[i]);
        g_assert_true(tb_site_label_misleads(misleading[i], TRUE));
    }
    /* Under a Cyrillic top-level domain a name of such letters is an ordinary Cyrillic name. */
    g_assert_true(tb_site_label_misleads("сор", TRUE));
    g_assert_false(tb_site_label_misleads("сор", FALSE));
}

static void
test_bad_punycode(void)
{
    /* Not a name that any encoder makes: shown as it is, for that is what is signed. */
    expect("https://xn--a.example", LRI "<b>xn--a.example</b>" PDI, NULL);
    expect("https://xn--99999999.example", LRI "<b>xn--99999999.example</b>" PDI, NULL);
}

static void
test_longest(void)
{
    g_autofree char *label = g_strnfill(60, 'a');
    g_autofree char *origin = g_strdup_printf("https://%s.%s.%s.example.org", label, label, label);
    g_autoptr(TbSite) longest = site(origin);

    g_assert_true(g_utf8_validate(longest->markup, -1, NULL));
    g_assert_nonnull(strstr(longest->markup, "<b>example.org</b>"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/site/registrable-part", test_registrable_part);
    g_test_add_func("/site/no-registrable-part", test_no_registrable_part);
    g_test_add_func("/site/readable-first", test_readable_first);
    g_test_add_func("/site/look-alikes", test_look_alikes);
    g_test_add_func("/site/labels", test_labels);
    g_test_add_func("/site/bad-punycode", test_bad_punycode);
    g_test_add_func("/site/long", test_longest);
    return g_test_run();
}
