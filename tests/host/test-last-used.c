/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/last-used.c: the certificate used last, by origin.
 */
#include "host/last-used.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/host/harness.h"

#define FILE_NAME "XDG_STATE_HOME/tokenbridge/last-used"

static void
forget(void)
{
    g_autofree char *path = tb_test_path(FILE_NAME);

    (void)g_remove(path);
}

static void
assert_last(const char *origin, const char *name)
{
    g_autofree char *got = tb_last_used_get(origin);
    g_autofree char *expected = name ? tb_test_certificate_id(name) : NULL;

    g_assert_cmpstr(got, ==, expected);
}

static void
use(const char *origin, const char *name)
{
    g_autofree char *id = tb_test_certificate_id(name);

    tb_last_used_set(origin, id);
}

static void
test_round_trip(void)
{
    forget();
    assert_last("https://a.example", NULL);
    use("https://a.example", "first");
    use("https://b.example", "second");
    assert_last("https://a.example", "first");
    assert_last("https://b.example", "second");
    assert_last("https://c.example", NULL);
    use("https://a.example", "third");
    assert_last("https://a.example", "third");
    assert_last("https://b.example", "second");
}

/* Whoever reads the file learns neither the sites nor the name. */
static void
test_file_tells_nothing(void)
{
    g_autofree char *path = tb_test_path(FILE_NAME);
    g_autofree char *text = NULL;
    struct stat info;

    forget();
    use("https://bank.example", "Sara");
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_null(strstr(text, "bank"));
    g_assert_null(strstr(text, "Sara"));
    g_assert_no_errno(stat(path, &info));
    g_assert_cmpuint(info.st_mode & 0777, ==, 0600);
}

static void
test_broken_files(void)
{
    static const char *const texts[] = {
        "", "no key file", "[certificate by origin]\n", "[other]\na=b\n", "\xff\xfe",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *path = tb_test_write(FILE_NAME, texts[i]);

        assert_last("https://a.example", NULL);
        use("https://a.example", "first");
        assert_last("https://a.example", "first");
    }
}

/* Only what looks like an id is passed on to the dialog. */
static void
test_malformed_entry(void)
{
    g_autofree char *key =
        g_compute_checksum_for_string(G_CHECKSUM_SHA256, "https://a.example", -1);
    static const char *const values[] = {"", "abc", "\"; rm -rf", "../../x"};

    for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autofree char *text = g_strdup_printf("[certificate by origin]\n%s=%s\n", key, values[i]);
        g_autofree char *path = tb_test_write(FILE_NAME, text);

        assert_last("https://a.example", NULL);
    }
}

static void
test_does_not_grow(void)
{
    g_autofree char *path = tb_test_path(FILE_NAME);
    struct stat info;

    forget();
    for (guint i = 0; i < 510; i++) {
        g_autofree char *origin = g_strdup_printf("https://a%u.example", i);

        use(origin, "first");
    }
    g_assert_no_errno(stat(path, &info));
    g_assert_cmpint(info.st_size, <, 500 * 150);
    assert_last("https://a509.example", "first");
    assert_last("https://a1.example", NULL);
}

/* Where nothing can be written, the comfort is lost, and nothing else. */
static void
test_no_directory(void)
{
    g_autofree char *directory = tb_test_path("XDG_STATE_HOME/tokenbridge");
    g_autofree char *aside = tb_test_path("XDG_STATE_HOME/aside");
    g_autofree char *file = NULL;

    g_assert_no_errno(g_rename(directory, aside));
    file = tb_test_write("XDG_STATE_HOME/tokenbridge", "a file where the directory should be");
    use("https://a.example", "first");
    assert_last("https://a.example", NULL);
    g_assert_no_errno(g_remove(file));
    g_assert_no_errno(g_rename(aside, directory));
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/last-used/round-trip", test_round_trip);
    g_test_add_func("/last-used/file-tells-nothing", test_file_tells_nothing);
    g_test_add_func("/last-used/broken-files", test_broken_files);
    g_test_add_func("/last-used/malformed-entry", test_malformed_entry);
    g_test_add_func("/last-used/does-not-grow", test_does_not_grow);
    g_test_add_func("/last-used/no-directory", test_no_directory);
    return tb_test_end();
}
