/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of the manifests (host/cli/manifest.h) in a folder of their own.
 */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/cli/manifest.h"
#include "tokenbridge-config.h"

typedef struct Fixture {
    char *folder;
    char *path;    /* of the manifest, two folders deeper, which do not exist yet */
    char *program; /* executable, called tokenbridge-host */
    TbConfig *config;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
    f->folder = g_dir_make_tmp("test-manifest-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "a", "b", TB_MANIFEST_FILE, NULL);
    f->program = g_build_filename(f->folder, "tokenbridge-host", NULL);
    g_assert_true(g_file_set_contents_full(f->program, "#!/bin/sh\n", -1, 0, 0755, NULL));
    f->config = tb_config_load(NULL, NULL, NULL);
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    g_autofree char *b = g_path_get_dirname(f->path);
    g_autofree char *a = g_path_get_dirname(b);

    g_unlink(f->path);
    g_unlink(f->program);
    g_rmdir(b);
    g_rmdir(a);
    g_assert_cmpint(g_rmdir(f->folder), ==, 0); /* and nothing else was left in it */
    tb_config_free(f->config);
    g_free(f->folder);
    g_free(f->path);
    g_free(f->program);
}

static void
assert_write(Fixture *f, gboolean gecko, const char *host, TbManifestResult expected)
{
    g_autoptr(GError) error = NULL;
    json_t *manifest = tb_manifest_new(f->config, gecko, host);
    TbManifestResult result = TB_MANIFEST_ABSENT;

    tb_manifest_write(f->path, manifest, FALSE, &result, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(tb_manifest_result_word(result), ==, tb_manifest_result_word(expected));
    json_decref(manifest);
}

static void
put(Fixture *f, const char *text)
{
    g_autofree char *folder = g_path_get_dirname(f->path);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    g_assert_true(g_file_set_contents(f->path, text, -1, NULL));
}

static char *
get(Fixture *f)
{
    char *text = NULL;

    g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
    return text;
}

static void
test_forms(Fixture *f, gconstpointer unused)
{
    json_t *chromium = tb_manifest_new(f->config, FALSE, "/x/tokenbridge-host");
    json_t *firefox = tb_manifest_new(f->config, TRUE, "/x/tokenbridge-host");
    json_t *expected;

    expected = json_pack("{s:s, s:s, s:s, s:[s], s:O}", "name", "tokenbridge", "path",
                         "/x/tokenbridge-host", "type", "stdio", "allowed_origins",
                         "chrome-extension://" TB_CHROMIUM_EXTENSION_ID "/", "description",
                         json_object_get(chromium, "description"));
    g_assert_true(json_equal(chromium, expected));
    json_decref(expected);
    expected =
        json_pack("{s:s, s:s, s:s, s:[s], s:O}", "name", "tokenbridge", "path",
                  "/x/tokenbridge-host", "type", "stdio", "allowed_extensions",
                  TB_FIREFOX_EXTENSION_ID, "description", json_object_get(firefox, "description"));
    g_assert_true(json_equal(firefox, expected));
    json_decref(expected);
    json_decref(chromium);
    json_decref(firefox);
}

static void
test_write(Fixture *f, gconstpointer unused)
{
    g_autofree char *text = NULL;
    struct stat info;
    gulong inode;

    assert_write(f, FALSE, f->program, TB_MANIFEST_WRITTEN);
    g_assert_cmpint(stat(f->path, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 0777, ==, 0644);
    inode = info.st_ino;
    assert_write(f, FALSE, f->program, TB_MANIFEST_UNCHANGED);
    g_assert_cmpint(stat(f->path, &info), ==, 0);
    g_assert_cmpuint(info.st_ino, ==, inode);
    assert_write(f, FALSE, "/elsewhere/tokenbridge-host", TB_MANIFEST_UPDATED);
    text = get(f);
    g_assert_nonnull(strstr(text, "/elsewhere/tokenbridge-host"));
}

/* What is not recognisably ours stays, unless we are told to. */
static void
test_foreign(gconstpointer foreign)
{
    Fixture f;
    TbManifestResult result = TB_MANIFEST_UNCHANGED;
    g_autofree char *text = NULL;
    json_t *manifest;

    set_up(&f, NULL);
    put(&f, foreign);
    manifest = tb_manifest_new(f.config, FALSE, f.program);
    for (guint i = 0; i < 2; i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(i == 0 ? tb_manifest_write(f.path, manifest, FALSE, &result, &error)
                              : tb_manifest_remove(f.path, FALSE, &result, &error));
        g_assert_nonnull(strstr(error->message, f.path));
        g_assert_nonnull(strstr(error->message, "--force"));
    }
    text = get(&f);
    g_assert_cmpstr(text, ==, foreign);
    g_assert_true(tb_manifest_write(f.path, manifest, TRUE, &result, NULL));
    g_assert_cmpint(result, ==, TB_MANIFEST_REPLACED);
    json_decref(manifest);
    tear_down(&f, NULL);
}

/* A link is not followed, not even to a manifest that is ours: it was not made by install. */
static void
test_link(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *target = g_build_filename(f->folder, "target", NULL);
    json_t *manifest = tb_manifest_new(f->config, FALSE, f->program);
    TbManifestResult result = TB_MANIFEST_ABSENT;

    g_assert_true(tb_manifest_write(target, manifest, FALSE, &result, NULL));
    put(f, "");
    g_unlink(f->path);
    g_assert_no_errno(symlink(target, f->path));
    g_assert_false(tb_manifest_write(f->path, manifest, FALSE, &result, &error));
    g_assert_false(tb_manifest_remove(f->path, FALSE, &result, NULL));
    g_assert_true(tb_manifest_write(f->path, manifest, TRUE, &result, NULL));
    g_assert_cmpint(result, ==, TB_MANIFEST_REPLACED);
    g_assert_false(g_file_test(f->path, G_FILE_TEST_IS_SYMLINK));
    g_assert_cmpint(g_unlink(target), ==, 0); /* it is still there */
    json_decref(manifest);
}

static void
test_remove(Fixture *f, gconstpointer unused)
{
    TbManifestResult result = TB_MANIFEST_UNCHANGED;

    g_assert_true(tb_manifest_remove(f->path, FALSE, &result, NULL));
    g_assert_cmpint(result, ==, TB_MANIFEST_ABSENT);
    assert_write(f, TRUE, f->program, TB_MANIFEST_WRITTEN);
    g_assert_true(tb_manifest_remove(f->path, FALSE, &result, NULL));
    g_assert_cmpint(result, ==, TB_MANIFEST_REMOVED);
    g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
}

/* A folder that cannot be made: the error names it, and nothing is left behind. */
static void
test_cannot_write(Fixture *f, gconstpointer unused)
{
    g_autofree char *path = g_build_filename(f->program, "below-a-file", TB_MANIFEST_FILE, NULL);
    g_autoptr(GError) error = NULL;
    json_t *manifest = tb_manifest_new(f->config, FALSE, f->program);
    TbManifestResult result = TB_MANIFEST_UNCHANGED;

    g_assert_false(tb_manifest_write(path, manifest, FALSE, &result, &error));
    g_assert_nonnull(strstr(error->message, f->program));
    json_decref(manifest);
}

static void
check(Fixture *f, gboolean gecko, TbManifestState expected, const char *part)
{
    g_autofree char *problem = NULL;

    g_assert_cmpint(tb_manifest_check(f->path, gecko, NULL, &problem), ==, expected);
    g_assert_true((expected == TB_MANIFEST_BAD) == (problem != NULL));
    if (part && !strstr(problem, part))
        g_error("\"%s\" lacks \"%s\"", problem, part);
}

static void
test_check(Fixture *f, gconstpointer unused)
{
    static const struct {
        const char *member;
        const char *value;
        const char *part;
    } rows[] = {
        {"name", "other", "name"},
        {"type", "pkcs11", "type"},
        {"path", "tokenbridge-host", "not absolute"},
        {"path", "/nonexistent/tokenbridge-host", "does not exist"},
        {"path", "/etc/passwd", "not an executable"},
        {"path", "/usr", "not an executable"},
        {"allowed_origins", "x", "extension"},
    };

    check(f, FALSE, TB_MANIFEST_MISSING, NULL);
    assert_write(f, FALSE, f->program, TB_MANIFEST_WRITTEN);
    check(f, FALSE, TB_MANIFEST_GOOD, NULL);
    check(f, TRUE, TB_MANIFEST_BAD, "extension"); /* Firefox does not take Chromium's */
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_t *manifest = tb_manifest_new(f->config, FALSE, f->program);
        char *text;

        json_object_set_new(manifest, rows[i].member, json_string(rows[i].value));
        text = json_dumps(manifest, 0);
        put(f, text);
        check(f, FALSE, TB_MANIFEST_BAD, rows[i].part);
        free(text);
        json_decref(manifest);
    }
    put(f, "not JSON");
    check(f, FALSE, TB_MANIFEST_BAD, NULL);
    put(f, "");
    check(f, FALSE, TB_MANIFEST_BAD, NULL);
}

int
main(int argc, char **argv)
{
    static const char *const foreign[] = {
        "not JSON",
        "",
        "{\"name\": \"tokenbridge\", \"path\": \"/usr/bin/other\", \"type\": \"stdio\"}",
        "{\"name\": \"other\", \"path\": \"/usr/bin/tokenbridge-host\", \"type\": \"stdio\"}",
        "[]",
    };

    g_test_init(&argc, &argv, NULL);
    g_test_add("/manifest/forms", Fixture, NULL, set_up, test_forms, tear_down);
    g_test_add("/manifest/write", Fixture, NULL, set_up, test_write, tear_down);
    for (guint i = 0; i < G_N_ELEMENTS(foreign); i++) {
        g_autofree char *path = g_strdup_printf("/manifest/foreign/%u", i);

        g_test_add_data_func(path, foreign[i], test_foreign);
    }
    g_test_add("/manifest/link", Fixture, NULL, set_up, test_link, tear_down);
    g_test_add("/manifest/remove", Fixture, NULL, set_up, test_remove, tear_down);
    g_test_add("/manifest/cannot-write", Fixture, NULL, set_up, test_cannot_write, tear_down);
    g_test_add("/manifest/check", Fixture, NULL, set_up, test_check, tear_down);
    return g_test_run();
}
