/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: tools of the kinds. See tools.h.
 */
#include "tests/matrix/tools.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/namespace.h"
#include "tests/worker/lab.h"

#define WAIT_MS 20000
#define LOOK_US 2000

const char *
tb_tools_path(const char *name)
{
    static GHashTable *paths;
    const char *known;
    char *path;

    if (!paths)
        paths = g_hash_table_new(g_str_hash, g_str_equal);
    known = g_hash_table_lookup(paths, name);
    if (known)
        return known;
    path = g_build_filename(TB_TEST_NAMESPACE_FOLDER, name, NULL);
    g_hash_table_insert(paths, g_strdup(name), path);
    return path;
}

const char *
tb_tools_person(const char *user, const char *member)
{
    return json_string_value(json_object_get(tb_test_lab_user(user), member));
}

const char *
tb_tools_intermediate(void)
{
    g_autofree char *path =
        g_build_filename(tb_test_lab_string("dir"), "ca/intermediate.der", NULL);

    return g_intern_string(path);
}

const char *
tb_tools_root(void)
{
    g_autofree char *path = g_build_filename(tb_test_lab_string("dir"), "ca/root.der", NULL);

    return g_intern_string(path);
}

void
tb_tools_write(const char *path, const char *text)
{
    g_autoptr(GError) error = NULL;

    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
}

void
tb_tools_make_folder(const char *path)
{
    g_assert_no_errno(g_mkdir_with_parents(path, 0700));
}

void
tb_tools_copy(const char *from, const char *to)
{
    tb_test_lab_run(NULL, "rm", "-rf", "--", to, (char *)NULL);
    tb_test_lab_run(NULL, "cp", "-a", "--", from, to, (char *)NULL);
}

const char *
tb_tools_missing(const char *const *paths, const char *packages)
{
    for (; *paths; paths++) {
        if (!g_file_test(*paths, G_FILE_TEST_EXISTS)) {
            g_autofree char *why = g_strdup_printf("%s is not installed (%s)", *paths, packages);

            return g_intern_string(why);
        }
    }
    return NULL;
}

static GPtrArray *
words(const char *first, va_list args)
{
    GPtrArray *argv = g_ptr_array_new();
    const char *word;

    g_ptr_array_add(argv, (gpointer)(guintptr)first);
    while ((word = va_arg(args, const char *)))
        g_ptr_array_add(argv, (gpointer)(guintptr)word);
    g_ptr_array_add(argv, NULL);
    return argv;
}

/* In the child: the log takes the place of both outputs. */
static void
redirect(gpointer data)
{
    const int *log = data;

    (void)dup2(*log, STDOUT_FILENO);
    (void)dup2(*log, STDERR_FILENO);
}

GPid
tb_tools_start(const char *name, const char *program, ...)
{
    g_autofree char *file = g_strconcat(name, ".log", NULL);
    g_autoptr(GPtrArray) argv = NULL;
    g_autoptr(GError) error = NULL;
    int log = open(tb_tools_path(file), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    GPid pid = 0;
    va_list args;

    g_assert_cmpint(log, >=, 0);
    va_start(args, program);
    argv = words(program, args);
    va_end(args);
    g_spawn_async(NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                  redirect, &log, &pid, &error);
    g_assert_no_error(error);
    (void)close(log);
    return pid;
}

void
tb_tools_stop(GPid *inout_pid)
{
    int status = 0;
    int waited = 0;

    if (*inout_pid == 0)
        return;
    (void)kill(*inout_pid, SIGTERM);
    while (waitpid(*inout_pid, &status, WNOHANG) == 0) {
        g_usleep(LOOK_US);
        waited += LOOK_US;
        if (waited > WAIT_MS * 1000)
            (void)kill(*inout_pid, SIGKILL);
    }
    *inout_pid = 0;
}

void
tb_tools_wait_background(GPid *inout_pid)
{
    int status = -1;

    g_assert_cmpint(waitpid(*inout_pid, &status, 0), ==, *inout_pid);
    g_assert_cmpint(status, ==, 0);
    *inout_pid = 0;
}

/* Until a line of the kernel's table has all of these. */
static void
wait_for_line(const char *table, const char *a, const char *b)
{
    gint64 end = g_get_monotonic_time() + (gint64)WAIT_MS * 1000;

    for (;;) {
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;

        g_assert_true(g_file_get_contents(table, &text, NULL, NULL));
        lines = g_strsplit(text, "\n", -1);
        for (gsize i = 0; lines[i]; i++) {
            if (strstr(lines[i], a) && strstr(lines[i], b))
                return;
        }
        if (g_get_monotonic_time() > end)
            g_error("nobody listens at %s", a);
        g_usleep(LOOK_US);
    }
}

void
tb_tools_wait_socket(const char *path)
{
    wait_for_line("/proc/net/unix", path, " 00010000 "); /* __SO_ACCEPTCON */
}

void
tb_tools_wait_port(guint16 port)
{
    g_autofree char *local = g_strdup_printf(" 0100007F:%04X ", port);

    wait_for_line("/proc/net/tcp", local, " 0A "); /* TCP_LISTEN */
}

void
tb_tools_put_private(const char *module, const char *label, const char *pin, const char *user,
                     const char *id)
{
    g_autofree char *url = g_strconcat("pkcs11:token=", label, NULL);
    g_autofree char *variable = g_strconcat("GNUTLS_PIN=", pin, NULL);

    tb_test_lab_run(NULL, "env", variable, "p11tool", "--provider", module, "--login", "--write",
                    "--load-certificate", tb_tools_person(user, "certificate"), "--mark-private",
                    "--id", id, "--label", user, url, (char *)NULL);
}

char *
tb_tools_output(const char *program, ...)
{
    g_autoptr(GPtrArray) argv = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *errors = NULL;
    char *output = NULL;
    int status = -1;
    va_list args;

    va_start(args, program);
    argv = words(program, args);
    va_end(args);
    g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output,
                 &errors, &status, &error);
    g_assert_no_error(error);
    if (!g_spawn_check_wait_status(status, &error))
        g_error("%s: %s\n%s%s", program, error->message, output, errors);
    return output;
}
