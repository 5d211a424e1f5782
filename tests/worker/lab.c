/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: the lab. See lab.h.
 */
#include "tests/worker/lab.h"

#include <glib/gstdio.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static char *root;
static json_t *lab;

static void
run(const char *softhsm_conf, char **argv)
{
    g_auto(GStrv) envp = g_get_environ();
    g_autofree char *output = NULL;
    g_autofree char *errors = NULL;
    g_autoptr(GError) error = NULL;
    int status = -1;

    if (softhsm_conf)
        envp = g_environ_setenv(envp, "SOFTHSM2_CONF", softhsm_conf, TRUE);
    g_spawn_sync(NULL, argv, envp, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, &errors, &status,
                 &error);
    g_assert_no_error(error);
    if (!g_spawn_check_wait_status(status, &error))
        g_error("%s: %s\n%s%s", argv[0], error->message, output, errors);
}

void
tb_test_lab_run(const char *softhsm_conf, const char *program, ...)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    va_list args;
    const char *word;

    g_ptr_array_add(argv, (gpointer)(guintptr)program);
    va_start(args, program);
    while ((word = va_arg(args, const char *)))
        g_ptr_array_add(argv, (gpointer)(guintptr)word);
    va_end(args);
    g_ptr_array_add(argv, NULL);
    run(softhsm_conf, (char **)argv->pdata);
}

const json_t *
tb_test_lab(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = NULL;
    g_autofree char *list = NULL;

    if (lab)
        return lab;
    root = g_dir_make_tmp("tokenbridge-worker-XXXXXX", &error);
    g_assert_no_error(error);
    folder = g_build_filename(root, "lab", NULL);
    if (g_getenv("TB_TEST_LAB_ONLY"))
        tb_test_lab_run(NULL, g_getenv("TB_TEST_MAKE_LAB"), "--only", g_getenv("TB_TEST_LAB_ONLY"),
                        folder, (char *)NULL);
    else
        tb_test_lab_run(NULL, g_getenv("TB_TEST_MAKE_LAB"), folder, (char *)NULL);
    list = g_build_filename(folder, "lab.json", NULL);
    lab = json_load_file(list, 0, NULL);
    g_assert_nonnull(lab);
    return lab;
}

void
tb_test_lab_remove(void)
{
    if (!root)
        return;
    tb_test_lab_run(NULL, "rm", "-rf", "--", root, (char *)NULL);
    g_clear_pointer(&lab, json_decref);
    g_clear_pointer(&root, g_free);
}

static const json_t *
find(const char *list, const char *member, const char *value)
{
    json_t *entries = json_object_get(tb_test_lab(), list);

    for (size_t i = 0; i < json_array_size(entries); i++) {
        json_t *entry = json_array_get(entries, i);

        if (strcmp(json_string_value(json_object_get(entry, member)), value) == 0)
            return entry;
    }
    g_error("the lab has no %s %s", member, value);
}

const json_t *
tb_test_lab_user(const char *user)
{
    return find("users", "user", user);
}

const char *
tb_test_lab_string(const char *member)
{
    return json_string_value(json_object_get(tb_test_lab(), member));
}

char *
tb_test_lab_folder(const char *name)
{
    char *folder;

    (void)tb_test_lab();
    folder = g_build_filename(root, name, NULL);
    g_assert_no_errno(g_mkdir_with_parents(folder, 0700));
    return folder;
}

char *
tb_test_lab_store(const char *name, const char *const *tokens)
{
    g_autofree char *folder = tb_test_lab_folder(name);
    g_autofree char *text = g_strdup_printf("directories.tokendir = %s/store\n"
                                            "objectstore.backend = file\n"
                                            "log.level = ERROR\n",
                                            folder);
    g_autofree char *store = g_build_filename(folder, "store", NULL);
    g_autoptr(GError) error = NULL;
    char *conf = g_build_filename(folder, "softhsm2.conf", NULL);

    g_assert_no_errno(g_mkdir(store, 0700));
    g_file_set_contents(conf, text, -1, &error);
    g_assert_no_error(error);
    for (; *tokens; tokens++)
        tb_test_lab_insert(conf, *tokens);
    return conf;
}

static char *
store_of(const char *conf)
{
    g_autofree char *folder = g_path_get_dirname(conf);

    return g_build_filename(folder, "store", NULL);
}

void
tb_test_lab_insert(const char *conf, const char *token)
{
    const json_t *entry = find("tokens", "token", token);
    g_autofree char *from =
        g_build_filename(json_string_value(json_object_get(entry, "store")), ".", NULL);
    g_autofree char *to = store_of(conf);

    tb_test_lab_run(NULL, "cp", "-r", "--", from, to, (char *)NULL);
}

void
tb_test_lab_take_out(const char *conf)
{
    g_autofree char *store = store_of(conf);

    tb_test_lab_run(NULL, "find", store, "-mindepth", "1", "-delete", (char *)NULL);
}
