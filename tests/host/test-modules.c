/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/common/modules.c: p11-kit's registry read as p11-kit reads it, well-known places,
 * and what is never taken for a token. Nothing is loaded: the modules are empty files.
 */
#include "host/common/modules.h"

#include <string.h>
#include <unistd.h>

#include "tests/host/harness.h"
#include "tests/support/assert.h"

static guint number;

/* A fresh tree for one row: registry "a" before registry "b", module path "m", root "root". */
typedef struct Tree {
    char *name;
    char *registries[3];
    char *module_path;
    char *root;
    TbModulesPlaces places;
} Tree;

static char *
tree_path(const Tree *tree, const char *rest)
{
    g_autofree char *relative = g_build_filename(tree->name, rest, NULL);

    return tb_test_path(relative);
}

static void
tree_write(const Tree *tree, const char *rest, const char *text)
{
    g_autofree char *relative = g_build_filename(tree->name, rest, NULL);

    g_free(tb_test_write(relative, text));
}

static void
set_up(Tree *tree)
{
    tree->name = g_strdup_printf("tree%u", number++);
    tree->registries[0] = tree_path(tree, "a");
    tree->registries[1] = tree_path(tree, "b");
    tree->registries[2] = NULL;
    tree->module_path = tree_path(tree, "m");
    tree->root = tree_path(tree, "root");
    tree->places = (TbModulesPlaces){.registries = (const char *const *)tree->registries,
                                     .module_path = tree->module_path,
                                     .root = tree->root};
}

static void
tear_down(Tree *tree)
{
    g_free(tree->name);
    g_free(tree->registries[0]);
    g_free(tree->registries[1]);
    g_free(tree->module_path);
    g_free(tree->root);
}

/* "name=path below the tree (source)" of each module, separated by spaces. */
static char *
discover(const Tree *tree, const char *config_text)
{
    g_autofree char *base = tree_path(tree, "");
    g_auto(GStrv) parts = g_strsplit(config_text, "@", -1);
    g_autofree char *text = g_strjoinv(base, parts); /* @ stands for the tree */
    g_autofree char *config_path = tb_test_write("modules.conf", text);
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = tb_config_load(config_path, NULL, &error);
    g_autoptr(GPtrArray) modules = NULL;
    g_autoptr(GString) found = g_string_new(NULL);

    g_assert_no_error(error);
    modules = tb_modules_discover(config, &tree->places);
    for (guint i = 0; i < modules->len; i++) {
        const TbModule *module = modules->pdata[i];
        const char *path = module->path;

        g_assert_true(g_path_is_absolute(path));
        if (g_str_has_prefix(path, base))
            path += strlen(base);
        while (*path == '/' && module->path != path)
            path++;
        g_string_append_printf(found, "%s%s=%s(%c)", i ? " " : "", module->name, path,
                               module->source[0]);
    }
    return g_strdup(found->str);
}

typedef struct Row {
    const char *files[9]; /* path, text, path, text, ... */
    const char *config;
    const char *expected;
} Row;

static void
check_rows(const Row *rows, gsize count)
{
    for (gsize i = 0; i < count; i++) {
        Tree tree;
        g_autofree char *found = NULL;

        set_up(&tree);
        for (guint j = 0; rows[i].files[j]; j += 2)
            tree_write(&tree, rows[i].files[j], rows[i].files[j + 1]);
        found = discover(&tree, rows[i].config);
        if (strcmp(found, rows[i].expected) != 0)
            tb_test_row_failed("row %u: %s, expected %s", (guint)i, found, rows[i].expected);
        tear_down(&tree);
    }
}

static void
test_registry(void)
{
    static const Row rows[] = {
        {{"a/one.module", "module: one.so\n", "m/one.so", ""}, "", "one=m/one.so(p)"},
        {{"b/one.module", "module:one.so", "m/one.so", ""}, "", "one=m/one.so(p)"},
        {{"a/one.module", "\n# a comment\n  module :  sub/one.so  \ncritical: no\n", "m/sub/one.so",
          ""},
         "",
         "one=m/sub/one.so(p)"},
        /* Each directory in the order of its names. */
        {{"a/two.module", "module: two.so\n", "a/one.module", "module: one.so\n", "m/one.so", "",
          "m/two.so", ""},
         "",
         "one=m/one.so(p) two=m/two.so(p)"},
        /* An earlier file hides a later one of the same name, even when it names nothing. */
        {{"a/one.module", "module: one.so\n", "b/one.module", "module: two.so\n", "m/one.so", "",
          "m/two.so", ""},
         "",
         "one=m/one.so(p)"},
        {{"a/one.module", "# off\n", "b/one.module", "module: one.so\n", "m/one.so", ""}, "", ""},
        /* What is not there, and what is no registry file. */
        {{"a/one.module", "module: one.so\n"}, "", ""},
        {{"a/one.conf", "module: one.so\n", "m/one.so", ""}, "", ""},
        {{"a/one.module", "nothing here\n", "m/one.so", ""}, "", ""},
        {{"a/one.module", "", "m/one.so", ""}, "", ""},
        {{"a/one.module", "module:\n", "m/one.so", ""}, "", ""},
        {{"a/one.module", "remote: |p11-kit remote /x.so\n", "m/one.so", ""}, "", ""},
        {{"a/one.module", "module: one.so\nremote: |/bin/false\n", "m/one.so", ""}, "", ""},
        /* Switched off here, or for us. */
        {{"a/one.module", "module: one.so\n", "m/one.so", ""}, "[modules]\np11-kit=false\n", ""},
        {{"a/one.module", "module: one.so\n", "m/one.so", ""}, "[modules]\ndisable=one\n", ""},
        {{"a/one.module", "module: one.so\n", "m/one.so", ""},
         "[modules]\ndisable=two\n",
         "one=m/one.so(p)"},
        {{"a/one.module", "module: one.so\ndisable-in: firefox, tokenbridge\n", "m/one.so", ""},
         "",
         ""},
        {{"a/one.module", "module: one.so\ndisable-in: firefox thunderbird\n", "m/one.so", ""},
         "",
         "one=m/one.so(p)"},
        {{"a/one.module", "module: one.so\nenable-in: firefox\n", "m/one.so", ""}, "", ""},
        {{"a/one.module", "module: one.so\nenable-in: tokenbridge firefox\n", "m/one.so", ""},
         "",
         "one=m/one.so(p)"},
        {{"a/one.module", "module: one.so\nenable-in: tokenbridge-other\n", "m/one.so", ""},
         "",
         ""},
    };

    check_rows(rows, G_N_ELEMENTS(rows));
}

static void
test_never_a_token(void)
{
    static const Row rows[] = {
        {{"a/x.module", "module: x.so\ntrust-policy: yes\n", "m/x.so", ""}, "", ""},
        {{"a/x.module", "module: x.so\ntrust-policy: no\n", "m/x.so", ""}, "", "x=m/x.so(p)"},
        {{"a/t.module", "module: p11-kit-trust.so\n", "m/p11-kit-trust.so", ""}, "", ""},
        {{"a/t.module", "module: p11-kit-proxy.so\n", "m/p11-kit-proxy.so", ""}, "", ""},
        {{"a/t.module", "module: p11-kit-client.so\n", "m/p11-kit-client.so", ""}, "", ""},
        {{"a/t.module", "module: libnssckbi.so\n", "m/libnssckbi.so", ""}, "", ""},
    };

    check_rows(rows, G_N_ELEMENTS(rows));
}

static void
test_never_by_another_name(void)
{
    Tree tree;
    g_autofree char *link_path = NULL;
    g_autofree char *found = NULL;

    set_up(&tree);
    tree_write(&tree, "m/p11-kit-trust.so", "");
    tree_write(&tree, "a/x.module", "module: innocent.so\n");
    link_path = tree_path(&tree, "m/innocent.so");
    g_assert_no_errno(symlink("p11-kit-trust.so", link_path));
    found = discover(&tree, "");
    g_assert_cmpstr(found, ==, "");
    tear_down(&tree);
}

static void
test_configured(void)
{
    static const Row rows[] = {
        /* Listed though it is missing, so that the fault is seen; first of all. */
        {{"a/one.module", "module: one.so\n", "m/one.so", ""},
         "[module mine]\npath=@/gone.so\n",
         "mine=gone.so(c) one=m/one.so(p)"},
        /* The same file by another way is the same module. */
        {{"a/one.module", "module: one.so\n", "m/one.so", ""},
         "[module mine]\npath=@/m/one.so\n",
         "mine=m/one.so(c)"},
        {{"a/one.module", "module: one.so\n", "m/one.so", "", "m/x/y", ""},
         "[module mine]\npath=@/m/x/../one.so\n",
         "mine=m/x/../one.so(c)"},
        {{"a/one.module", "module: one.so\n", "b/two.module", "module: one.so\n", "m/one.so", ""},
         "",
         "one=m/one.so(p)"},
        /* The same name for another file gets another name. */
        {{"a/one.module", "module: one.so\n", "m/one.so", "", "other.so", ""},
         "[module one]\npath=@/other.so\n",
         "one=other.so(c) one-2=m/one.so(p)"},
    };

    check_rows(rows, G_N_ELEMENTS(rows));
}

/* What is switched off in one place must not come back from another. */
static void
test_off(void)
{
    static const Row rows[] = {
        {{"m/one.so", ""}, "[module mine]\npath=@/m/one.so\nenabled=false\n", ""},
        {{"a/one.module", "module: one.so\n", "m/one.so", ""},
         "[module mine]\npath=@/m/one.so\nenabled=false\n",
         ""},
        {{"root/usr/lib/libeToken.so", ""},
         "[module mine]\npath=@/root/usr/lib/libeToken.so\nenabled=false\n",
         ""},
        {{"root/usr/lib/libeToken.so", "", "a/safenet.module",
          "module: ../root/usr/lib/libeToken.so\n", "m/x", ""},
         "[modules]\ndisable=safenet\n",
         ""},
        {{"root/usr/lib/libeToken.so", "", "a/safenet.module",
          "module: ../root/usr/lib/libeToken.so\ndisable-in: tokenbridge\n", "m/x", ""},
         "",
         ""},
    };

    check_rows(rows, G_N_ELEMENTS(rows));
}

static void
test_links(void)
{
    Tree tree;
    g_autofree char *link_path = NULL;
    g_autofree char *found = NULL;

    set_up(&tree);
    tree_write(&tree, "m/one.so.1.2", "");
    tree_write(&tree, "a/one.module", "module: one.so\n");
    tree_write(&tree, "a/two.module", "module: one.so.1.2\n");
    link_path = tree_path(&tree, "m/one.so");
    g_assert_no_errno(symlink("one.so.1.2", link_path));
    found = discover(&tree, "");
    g_assert_cmpstr(found, ==, "one=m/one.so(p)");
    tear_down(&tree);
}

static void
test_init_args(void)
{
    Tree tree;
    g_autofree char *config_path = tb_test_write("init.conf", "");
    g_autoptr(TbConfig) config = tb_config_load(config_path, NULL, NULL);
    g_autoptr(GPtrArray) modules = NULL;
    const TbModule *module;

    set_up(&tree);
    tree_write(&tree, "m/one.so", "");
    tree_write(&tree, "a/one.module", "module: one.so\nx-init-reserved: configdir='/x: y'\n");
    modules = tb_modules_discover(config, &tree.places);
    g_assert_cmpuint(modules->len, ==, 1);
    module = modules->pdata[0];
    g_assert_cmpstr(module->init_args, ==, "configdir='/x: y'");
    tear_down(&tree);
}

/* Every maker of the list that the product promises. */
static void
test_well_known(void)
{
    static const char *const files[] = {
        "usr/lib/x86_64-linux-gnu/opensc-pkcs11.so",
        "usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "usr/lib/softhsm/libsofthsm2.so",
        "usr/lib/x86_64-linux-gnu/libykcs11.so",
        "usr/lib/x86_64-linux-gnu/libykcs11.so.2",
        "usr/lib/libeToken.so",
        "usr/lib/libeTPkcs11.so",
        "usr/lib/libIDPrimePKCS11.so",
        "usr/lib/pkcs11/libgclib.so",
        "usr/lib/personal/libtokenapi.so",
        "usr/lib/librtpkcs11ecp.so",
        "opt/aktivco/rutokenecp/amd64/librtpkcs11ecp.so",
        "usr/lib/libbit4xpki.so",
        "usr/lib/libcastle.so.1.0.0",
        "usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so",
        "usr/lib64/opensc-pkcs11.so",
        "usr/local/lib/opensc-pkcs11.so",
    };

    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_build_filename("root", files[i], NULL);
        g_autofree char *found = NULL;
        g_autofree char *off = NULL;
        Tree tree;

        set_up(&tree);
        tree_write(&tree, path, "");
        found = discover(&tree, "");
        if (!g_str_has_suffix(found, "(w)") || !strstr(found, path) || strchr(found, ' '))
            tb_test_row_failed("%s: %s", files[i], found);
        off = discover(&tree, "[modules]\nwell-known=false\n");
        if (*off)
            tb_test_row_failed("%s: found although it is off", files[i]);
        tear_down(&tree);
    }
}

static void
test_well_known_and_registry(void)
{
    static const Row rows[] = {
        {{"root/usr/lib64/opensc-pkcs11.so", "", "a/opensc.module",
          "module: ../root/usr/lib64/opensc-pkcs11.so\n", "m/x", ""},
         "",
         "opensc=m/../root/usr/lib64/opensc-pkcs11.so(p)"},
        {{"root/usr/lib/libeToken.so", "", "a/one.module", "module: one.so\n", "m/one.so", ""},
         "",
         "one=m/one.so(p) etoken=root/usr/lib/libeToken.so(w)"},
        {{"root/usr/lib/libeToken.so", ""}, "[modules]\ndisable=etoken\n", ""},
    };

    check_rows(rows, G_N_ELEMENTS(rows));
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/modules/registry", test_registry);
    g_test_add_func("/modules/never-a-token", test_never_a_token);
    g_test_add_func("/modules/never-by-another-name", test_never_by_another_name);
    g_test_add_func("/modules/configured", test_configured);
    g_test_add_func("/modules/off", test_off);
    g_test_add_func("/modules/links", test_links);
    g_test_add_func("/modules/init-args", test_init_args);
    g_test_add_func("/modules/well-known", test_well_known);
    g_test_add_func("/modules/well-known-and-registry", test_well_known_and_registry);
    return tb_test_end();
}
