/* SPDX-License-Identifier: Apache-2.0
 *
 * What the host's tests share: see harness.h. Test code only; inputs are the tests' own.
 */
#include "tests/host/harness.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/config.h"

static char *directory;

static int
remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    return remove(path);
}

void
tb_test_begin(int *argc, char ***argv)
{
    static const char *const homes[] = {"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME",
                                        "XDG_DATA_HOME", "XDG_RUNTIME_DIR"};

    (void)umask(077);
    directory = g_dir_make_tmp("tokenbridge-test-XXXXXX", NULL);
    g_assert_nonnull(directory);
    for (guint i = 0; i < G_N_ELEMENTS(homes); i++) {
        g_autofree char *home = tb_test_path(homes[i]);

        g_assert_no_errno(g_mkdir(home, 0700));
        g_assert_true(g_setenv(homes[i], home, TRUE));
    }
    g_test_init(argc, argv, NULL);
}

int
tb_test_end(void)
{
    int status = g_test_run();

    (void)nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    g_clear_pointer(&directory, g_free);
    return status;
}

const char *
tb_test_directory(void)
{
    return directory;
}

char *
tb_test_path(const char *name)
{
    return g_build_filename(directory, name, NULL);
}

char *
tb_test_write(const char *name, const char *text)
{
    char *path = tb_test_path(name);
    g_autofree char *parent = g_path_get_dirname(path);

    g_assert_no_errno(g_mkdir_with_parents(parent, 0700));
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

guint
tb_test_ms(guint milliseconds)
{
    const char *slow = g_getenv("TB_TEST_SLOW");
    guint64 factor = slow ? g_ascii_strtoull(slow, NULL, 10) : 1;

    return milliseconds * (guint)CLAMP(factor, 1, 100);
}

static gboolean
on_tick(gpointer data)
{
    return G_SOURCE_CONTINUE; /* only wakes the loop */
}

void
tb_test_wait(const guint *flag, guint seconds)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)tb_test_ms(seconds * 1000) * 1000;
    guint tick = g_timeout_add(20, on_tick, NULL);

    while (!*flag && g_get_monotonic_time() < deadline)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(tick);
    if (!*flag)
        g_error("nothing happened for %u seconds", seconds);
}

void
tb_test_run_for(guint milliseconds)
{
    gint64 end = g_get_monotonic_time() + (gint64)milliseconds * 1000;
    guint tick = g_timeout_add(5, on_tick, NULL);

    while (g_get_monotonic_time() < end)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(tick);
}

static gboolean
exists(pid_t pid, gboolean or_zombie)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;
    const char *state;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return FALSE;
    state = strrchr(text, ')');
    return or_zombie || (state && state[2] != 'Z' && state[2] != 'X');
}

gboolean
tb_test_is_running(pid_t pid)
{
    return exists(pid, FALSE);
}

void
tb_test_wait_gone(pid_t pid, guint seconds)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)tb_test_ms(seconds * 1000) * 1000;

    while (exists(pid, TRUE) && g_get_monotonic_time() < deadline)
        tb_test_run_for(5);
    if (exists(pid, TRUE))
        g_error("process %d is still there after %u seconds", (int)pid, seconds);
}

json_t *
tb_test_json(const char *text)
{
    g_autofree char *real = g_strdelimit(g_strdup(text), "'", '"');
    json_error_t error;
    json_t *value = json_loads(real, JSON_DECODE_ANY, &error);

    if (!value)
        g_error("%s in %s", error.text, text);
    return value;
}

static void
apply(json_t *object, const char *changes)
{
    json_t *values = changes ? tb_test_json(changes) : NULL;
    const char *name;
    json_t *value;

    json_object_foreach (values, name, value) {
        if (json_is_null(value))
            json_object_del(object, name);
        else
            json_object_set(object, name, value);
    }
    json_decref(values);
}

char *
tb_test_certificate_id(const char *name)
{
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, name, -1);
}

json_t *
tb_test_certificate(const char *name, const char *changes)
{
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    g_autofree char *id = tb_test_certificate_id(name);
    g_autofree char *der = g_base64_encode((const guchar *)name, strlen(name));
    json_t *certificate = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:b, s:{s:s, s:i, s:s}, s:s, s:[s], "
        "s:[s], s:[s], s:[s], s:[s, s], s:[s]}",
        "id", id, "der", der, "label", name, "name", name, "subject", name, "issuer_name",
        "Some CA", "issuer", "CN=Some CA", "serial", "01", "not_before", (json_int_t)(now - 86400),
        "not_after", (json_int_t)(now + 86400), "ca", 0, "key", "type", "EC", "bits", 256, "curve",
        "P-256", "has_key", "yes", "key_usage", "digitalSignature", "extended_key_usage",
        "1.3.6.1.5.5.7.3.2", "policies", "1.2.3", "algorithms", "ES256", "issuers",
        "SXNzdWluZw==", "Um9vdA==", "chain", "SXNzdWluZyBDQQ==");

    g_assert_nonnull(certificate);
    apply(certificate, changes);
    return certificate;
}

json_t *
tb_test_token(const char *serial, const char *changes, ...)
{
    json_t *certificates = json_array();
    json_t *token = json_pack(
        "{s:i, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:b, s:i, s:i}, s:{s:s, s:b, s:i, s:i}, s:o}",
        "slot", 7, "label", "Card", "serial", serial, "manufacturer", "Maker", "model", "M1",
        "reader", "Reader 1", "pin", "state", "ok", "pad", 0, "min", 4, "max", 8, "puk", "state",
        "ok", "pad", 0, "min", 8, "max", 8, "certificates", certificates);
    json_t *certificate;
    va_list args;

    g_assert_nonnull(token);
    va_start(args, changes);
    while ((certificate = va_arg(args, json_t *)))
        json_array_append_new(certificates, certificate);
    va_end(args);
    apply(token, changes);
    return token;
}

json_t *
tb_test_listing(json_t *first, ...)
{
    json_t *tokens = json_array();
    va_list args;

    va_start(args, first);
    for (json_t *token = first; token; token = va_arg(args, json_t *))
        json_array_append_new(tokens, token);
    va_end(args);
    return json_pack("{s:{s:s}, s:o}", "module", "description", "fake", "tokens", tokens);
}

char *
tb_test_worker_script(const char *name, json_t *script)
{
    char *path = tb_test_path(name);
    g_autofree char *log = g_strconcat(path, ".log", NULL);

    (void)g_remove(log);
    g_assert_nonnull(script);
    g_assert_cmpint(json_dump_file(script, path, 0), ==, 0);
    json_decref(script);
    return path;
}

static void
free_module(gpointer module)
{
    tb_module_free(module);
}

GPtrArray *
tb_test_modules(void)
{
    return g_ptr_array_new_with_free_func(free_module);
}

char *
tb_test_modules_add(GPtrArray *modules, const char *name, json_t *script)
{
    char *path = tb_test_worker_script(name, script);

    g_ptr_array_add(modules, tb_module_new(name, path, NULL, "configuration"));
    return path;
}

guint
tb_test_worker_log(const char *script_path, const char *word, char **out_last)
{
    g_autofree char *path = g_strconcat(script_path, ".log", NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    const char *last = NULL;
    guint count = 0;

    if (g_file_get_contents(path, &text, NULL, NULL))
        lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; line && *line; line++) {
        if (!g_str_has_prefix(*line, word))
            continue;
        last = *line;
        count++;
    }
    if (out_last)
        *out_last = g_strdup(last);
    return count;
}

pid_t
tb_test_worker_pid(const char *script_path, const char *word)
{
    g_autofree char *line = NULL;

    g_assert_cmpuint(tb_test_worker_log(script_path, word, &line), >, 0);
    return (pid_t)g_ascii_strtoll(line + strlen(word) + 1, NULL, 10);
}
