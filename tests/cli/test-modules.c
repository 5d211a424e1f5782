/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of finding PKCS#11 modules (host/common/modules.h) in a tree of empty files: nothing is
 * loaded.
 */
#include <glib/gstdio.h>
#include <unistd.h>

#include "host/common/modules.h"

typedef struct Fixture {
    char *root;
    char *system; /* two registries, the first of which has precedence */
    char *packages;
    GPtrArray *made; /* paths, in the order in which they were made */
} Fixture;

static void
make_folders(Fixture *f, const char *path)
{
    g_autofree char *parent = NULL;

    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        return;
    parent = g_path_get_dirname(path);
    make_folders(f, parent);
    g_assert_cmpint(g_mkdir(path, 0755), ==, 0);
    g_ptr_array_add(f->made, g_strdup(path));
}

static char *
put(Fixture *f, const char *path, const char *text)
{
    char *full = g_build_filename(f->root, path, NULL);
    g_autofree char *folder = g_path_get_dirname(full);

    make_folders(f, folder);
    g_assert_true(g_file_set_contents(full, text, -1, NULL));
    g_ptr_array_add(f->made, g_strdup(full));
    return full;
}

static void
put_only(Fixture *f, const char *path, const char *text)
{
    g_autofree char *full = put(f, path, text);
}

/* registry: "system" or "packages". */
static void
put_module(Fixture *f, const char *registry, const char *name, const char *library,
           const char *more)
{
    g_autofree char *path = g_strdup_printf("%s/%s.module", registry, name);
    g_autofree char *text =
        g_strdup_printf("# a comment\nmodule: %s/%s\n%s\n", f->root, library, more);

    put_only(f, path, text);
}

static void
set_up(Fixture *f, gconstpointer unused)
{
    f->root = g_dir_make_tmp("test-modules-XXXXXX", NULL);
    f->system = g_build_filename(f->root, "system", NULL);
    f->packages = g_build_filename(f->root, "packages", NULL);
    f->made = g_ptr_array_new_with_free_func(g_free);
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    for (guint i = f->made->len; i > 0; i--)
        g_remove(f->made->pdata[i - 1]);
    g_assert_cmpint(g_rmdir(f->root), ==, 0);
    g_ptr_array_unref(f->made);
    g_free(f->root);
    g_free(f->system);
    g_free(f->packages);
}

/* "name source" of each module found, with commas. configuration: the text of the user's file. */
static char *
find(Fixture *f, const char *configuration)
{
    const char *registries[] = {f->system, f->packages, NULL};
    TbModulesPlaces places = {.registries = registries, .module_path = f->root, .root = f->root};
    g_autofree char *path = put(f, "tokenbridge.conf", configuration);
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = tb_config_load(NULL, path, &error);
    g_autoptr(GPtrArray) modules = NULL;
    g_autoptr(GString) all = g_string_new(NULL);

    g_assert_no_error(error);
    modules = tb_modules_discover(config, &places);
    for (guint i = 0; i < modules->len; i++) {
        const TbModule *module = modules->pdata[i];

        g_string_append_printf(all, "%s%s %s", i ? ", " : "", module->name, module->source);
    }
    return g_strdup(all->str);
}

static void
assert_found(Fixture *f, const char *configuration, const char *expected)
{
    g_autofree char *found = find(f, configuration);
    g_assert_cmpstr(found, ==, expected);
}

/* OpenSC as Debian has it: the registry names a link to the file that is well known. */
static void
put_opensc(Fixture *f, const char *more)
{
    g_autofree char *link = NULL;

    put_only(f, "usr/lib/opensc-pkcs11.so", "");
    link = put(f, "usr/lib/pkcs11/opensc-pkcs11.so", "");
    g_unlink(link);
    g_assert_no_errno(symlink("../opensc-pkcs11.so", link));
    put_module(f, "packages", "opensc-pkcs11", "usr/lib/pkcs11/opensc-pkcs11.so", more);
}

static void
test_once(Fixture *f, gconstpointer unused)
{
    put_opensc(f, "");
    assert_found(f, "", "opensc-pkcs11 p11-kit");
    assert_found(f, "[modules]\np11-kit=false\n", "opensc well-known");
    assert_found(f, "[modules]\nwell-known=false\n", "opensc-pkcs11 p11-kit");
    assert_found(f, "[modules]\np11-kit=false\nwell-known=false\n", "");
}

/* What is switched off in one place does not come back from another under another name. */
static void
test_disabled(Fixture *f, gconstpointer unused)
{
    put_opensc(f, "");
    assert_found(f, "[modules]\ndisable=opensc-pkcs11\n", "");
    put_opensc(f, "disable-in: tokenbridge");
    assert_found(f, "", "");
    put_opensc(f, "enable-in: other, programs");
    assert_found(f, "", "");
    put_opensc(f, "enable-in: other, tokenbridge");
    assert_found(f, "", "opensc-pkcs11 p11-kit");
    put_opensc(f, "disable-in: other");
    assert_found(f, "", "opensc-pkcs11 p11-kit");
    put_opensc(f, "trust-policy: yes");
    assert_found(f, "", "");
}

static void
test_precedence(Fixture *f, gconstpointer unused)
{
    put_only(f, "one.so", "");
    put_only(f, "two.so", "");
    put_module(f, "system", "card", "one.so", "");
    put_module(f, "packages", "card", "two.so", "");
    put_only(f, "packages/relative.module", "module: two.so\n");
    assert_found(f, "", "card p11-kit, relative p11-kit");
}

static void
test_left_out(Fixture *f, gconstpointer unused)
{
    put_only(f, "p11-kit-trust.so", "");
    put_only(f, "p11-kit-proxy.so", "");
    put_only(f, "good.so", "");
    put_module(f, "packages", "a-trust", "p11-kit-trust.so", "");
    put_module(f, "packages", "b-proxy", "p11-kit-proxy.so", "");
    put_module(f, "packages", "c-missing", "missing.so", "");
    put_module(f, "packages", "d-good", "good.so", "");
    put_only(f, "packages/e-remote.module", "remote: |p11-kit remote /x.so\n");
    put_only(f, "packages/f-nonsense.module", "\001\002 nonsense\n:::\n");
    put_only(f, "packages/g.module.bak", "module: good.so\n");
    assert_found(f, "", "d-good p11-kit");
}

/* Configured by path: first, and listed even when the file is missing, so that the fault is seen.
 */
static void
test_configured(Fixture *f, gconstpointer unused)
{
    g_autofree char *text = NULL;

    put_opensc(f, "");
    assert_found(f, "[module mine]\npath=/nonexistent/module.so\n",
                 "mine configuration, opensc-pkcs11 p11-kit");
    text = g_strdup_printf("[module mine]\npath=%s/usr/lib/opensc-pkcs11.so\n", f->root);
    assert_found(f, text, "mine configuration");
    g_free(text);
    text = g_strdup_printf("[module mine]\npath=%s/usr/lib/opensc-pkcs11.so\nenabled=false\n",
                           f->root);
    assert_found(f, text, "");
}

static void
test_names(Fixture *f, gconstpointer unused)
{
    put_only(f, "usr/lib/libykcs11.so", "");
    assert_found(f, "[module ykcs11]\npath=/other/module.so\n",
                 "ykcs11 configuration, ykcs11-2 well-known");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/modules/once", Fixture, NULL, set_up, test_once, tear_down);
    g_test_add("/modules/disabled", Fixture, NULL, set_up, test_disabled, tear_down);
    g_test_add("/modules/precedence", Fixture, NULL, set_up, test_precedence, tear_down);
    g_test_add("/modules/left-out", Fixture, NULL, set_up, test_left_out, tear_down);
    g_test_add("/modules/configured", Fixture, NULL, set_up, test_configured, tear_down);
    g_test_add("/modules/names", Fixture, NULL, set_up, test_names, tear_down);
    return g_test_run();
}
