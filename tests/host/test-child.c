/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/child.c: processes that send, crash, exit, babble, hang, and how they begin and
 * end. The child is fake-worker.c, told by a script what to do.
 */
#include "host/child.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "host/common/fault.h"
#include "tests/host/harness.h"
#include "tests/support/assert.h"

#define PROGRAM "tokenbridge-worker"

/* What a child was seen to do. */
typedef struct Seen {
    guint messages;
    json_t *last;
    guint gone;
    char *how;
    gboolean crashed;
    TbChild **free_at_message; /* free it from within the callback */
} Seen;

static void
on_message(json_t *message, gpointer data)
{
    Seen *seen = data;

    seen->messages++;
    json_decref(seen->last);
    seen->last = json_incref(message);
    if (seen->free_at_message)
        g_clear_pointer(seen->free_at_message, tb_child_free);
}

static void
on_gone(const char *how, gboolean crashed, gpointer data)
{
    Seen *seen = data;

    g_assert_cmpuint(seen->gone, ==, 0);
    seen->gone++;
    seen->how = g_strdup(how);
    seen->crashed = crashed;
}

static const TbChildEvents events = {on_message, on_gone};

static void
clear_seen(Seen *seen)
{
    json_decref(seen->last);
    g_free(seen->how);
    *seen = (Seen){0};
}

static TbChild *
start(const char *script, gboolean own_group, Seen *seen, char **out_path)
{
    char *path = tb_test_worker_script("child", tb_test_json(script));
    const char *const arguments[] = {path, "with an argument", NULL};
    g_autoptr(GError) error = NULL;
    TbChild *child = tb_child_start(PROGRAM, arguments, own_group, &events, seen, &error);

    g_assert_no_error(error);
    if (out_path)
        *out_path = path;
    else
        g_free(path);
    return child;
}

static void
ask(TbChild *child, const char *op)
{
    json_t *message = json_pack("{s:s}", "op", op);
    g_autoptr(GError) error = NULL;

    g_assert_true(tb_child_send(child, message, -1, &error));
    g_assert_no_error(error);
    json_decref(message);
}

static void
test_conversation(void)
{
    Seen seen = {0};
    g_autofree char *path = NULL;
    TbChild *child =
        start("{'list': [{'answer': {'a': 1}}, {'answer': {'a': 2}}]}", FALSE, &seen, &path);
    pid_t pid;

    ask(child, "list");
    tb_test_wait(&seen.messages, 5);
    g_assert_cmpint(json_integer_value(json_object_get(seen.last, "a")), ==, 1);
    ask(child, "list");
    while (seen.messages < 2)
        tb_test_run_for(5);
    g_assert_cmpint(json_integer_value(json_object_get(seen.last, "a")), ==, 2);
    g_assert_cmpuint(tb_test_worker_log(path, "started", NULL), ==, 1);
    pid = tb_test_worker_pid(path, "started");
    tb_child_free(child);
    tb_test_wait_gone(pid, 5);
    g_assert_cmpuint(seen.gone, ==, 0); /* not after tb_child_free() */
    clear_seen(&seen);
}

static void
test_descriptor_goes_along(void)
{
    Seen seen = {0};
    g_autofree char *path = NULL;
    TbChild *child =
        start("{'sign': [{'pins': {'1234': {'a': 1}, '*': {'a': 0}}}]}", FALSE, &seen, &path);
    json_t *message = json_pack("{s:s}", "op", "sign");
    int ends[2];

    g_assert_no_errno(pipe(ends));
    g_assert_true(tb_child_send(child, message, ends[0], NULL));
    g_assert_no_errno(close(ends[0])); /* borrowed: still ours to close */
    g_assert_cmpint(write(ends[1], "1234\n", 5), ==, 5);
    g_assert_no_errno(close(ends[1]));
    tb_test_wait(&seen.messages, 5);
    g_assert_cmpint(json_integer_value(json_object_get(seen.last, "a")), ==, 1);
    json_decref(message);
    tb_child_free(child);
    clear_seen(&seen);
}

/* Each way to go, with the word for it. */
static void
test_ends(void)
{
    static const struct {
        const char *script;
        const char *how;
        gboolean crashed;
    } rows[] = {
        {"{'start': {'do': 'exit'}}", "ended (exit status 3)", FALSE},
        {"{'start': {'do': 'crash'}}", "crashed (signal 11)", TRUE},
        {"{'start': {'do': 'garbage'}}", NULL, FALSE},
        {"{'start': {'do': 'flood'}}", NULL, FALSE},
        {"{'start': {'do': 'close'}}", NULL, FALSE},
        {"{'start': {'answer': {'n': [[[[[[[[[]]]]]]]]]}, 'do': 'hang'}}", NULL, FALSE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Seen seen = {0};
        g_autofree char *path = NULL;
        TbChild *child = start(rows[i].script, i % 2, &seen, &path);

        tb_test_wait(&seen.gone, 10);
        if (rows[i].how && g_strcmp0(seen.how, rows[i].how) != 0)
            tb_test_row_failed("%s: %s", rows[i].script, seen.how);
        if (seen.crashed != rows[i].crashed)
            tb_test_row_failed("%s: crashed is %d", rows[i].script, seen.crashed);
        g_assert_cmpuint(seen.messages, ==, 0);
        g_assert_nonnull(seen.how);
        tb_test_wait_gone(tb_test_worker_pid(path, "started"), 5);
        tb_child_free(child);
        clear_seen(&seen);
    }
}

/* What it said before it went is heard first. */
static void
test_last_words(void)
{
    Seen seen = {0};
    TbChild *child =
        start("{'start': {'answer': {'a': 1}, 'times': 3, 'do': 'exit'}}", FALSE, &seen, NULL);

    tb_test_wait(&seen.gone, 5);
    g_assert_cmpuint(seen.messages, ==, 3);
    tb_child_free(child);
    clear_seen(&seen);
}

static void
test_hanging_child_is_ended(void)
{
    Seen seen = {0};
    g_autofree char *path = NULL;
    TbChild *child =
        start("{'start': {'answer': {'up': true}, 'do': 'hang'}}", FALSE, &seen, &path);
    pid_t pid;

    tb_test_wait(&seen.messages, 5);
    pid = tb_test_worker_pid(path, "started");
    g_assert_true(tb_test_is_running(pid));
    tb_child_free(child);
    tb_test_wait_gone(pid, 2);
    clear_seen(&seen);
}

static void
test_freed_from_within(void)
{
    Seen seen = {0};
    g_autofree char *path = NULL;
    TbChild *child = NULL;

    seen.free_at_message = &child;
    child = start("{'start': {'answer': {'a': 1}, 'times': 5, 'do': 'hang'}}", FALSE, &seen, &path);
    tb_test_wait(&seen.messages, 5);
    tb_test_wait_gone(tb_test_worker_pid(path, "started"), 5);
    g_assert_cmpuint(seen.messages, ==, 1);
    g_assert_cmpuint(seen.gone, ==, 0);
    g_assert_null(child);
    clear_seen(&seen);
}

static void
test_retired(void)
{
    Seen seen = {0};
    g_autofree char *path = NULL;
    TbChild *child = start("{'start': {'answer': {'a': 1}}}", FALSE, &seen, &path);
    pid_t pid;

    tb_test_wait(&seen.messages, 5);
    pid = tb_test_worker_pid(path, "started");
    tb_child_retire(child, tb_test_ms(20000));
    tb_test_wait_gone(pid, 5); /* by itself, long before the grace is over */
    g_assert_cmpuint(tb_test_worker_log(path, "ended", NULL), ==, 1);
    g_assert_cmpuint(seen.gone, ==, 0);
    clear_seen(&seen);
}

static void
test_retired_but_hanging(void)
{
    Seen seen = {0};
    g_autofree char *path = NULL;
    TbChild *child = start("{'start': {'answer': {'a': 1}, 'do': 'hang'}}", TRUE, &seen, &path);
    pid_t pid;

    tb_test_wait(&seen.messages, 5);
    pid = tb_test_worker_pid(path, "started");
    tb_child_retire(child, 100);
    tb_test_wait_gone(pid, 2);
    g_assert_cmpuint(tb_test_worker_log(path, "ended", NULL), ==, 0);
    clear_seen(&seen);
}

/* Some modules start processes of their own; they go with the worker, however that goes. */
static void
test_group(void)
{
    static const char *const scripts[] = {
        "{'list': [{'do': 'fork'}, {'answer': {'a': 1}}]}",
        "{'list': [{'do': 'fork'}, {'do': 'exit'}]}",
        "{'list': [{'do': 'fork'}, {'do': 'crash'}]}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(scripts); i++) {
        Seen seen = {0};
        g_autofree char *path = NULL;
        TbChild *child = start(scripts[i], TRUE, &seen, &path);
        pid_t pid;

        ask(child, "list");
        ask(child, "list");
        tb_test_wait(i == 0 ? &seen.messages : &seen.gone, 10);
        pid = tb_test_worker_pid(path, "forked");
        g_assert_true(i > 0 || tb_test_is_running(pid));
        tb_child_free(child);
        /* Its new parent may not collect it, where process 1 is no real one: then it is a zombie.
         */
        for (guint wait = 0; tb_test_is_running(pid) && wait < tb_test_ms(2000); wait += 5)
            tb_test_run_for(5);
        if (tb_test_is_running(pid)) {
            tb_test_row_failed("%s: its child lives on", scripts[i]);
            (void)kill(pid, SIGKILL);
        }
        clear_seen(&seen);
    }
}

static gboolean
has_variable(json_t *environment, const char *name)
{
    g_autofree char *prefix = g_strconcat(name, "=", NULL);

    for (gsize i = 0; i < json_array_size(environment); i++) {
        if (g_str_has_prefix(json_string_value(json_array_get(environment, i)), prefix))
            return TRUE;
    }
    return FALSE;
}

static void
test_environment(void)
{
    static const char *const dropped[] = {
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LD_AUDIT",
        "PKCS11_MODULE_PATH",
        "PKCS11SPY",
        "PKCS11SPY_OUTPUT",
        "P11_KIT_DEBUG",
        "P11_KIT_STRICT",
        "OPENSSL_CONF",
        "OPENSSL_MODULES",
        "OPENSSL_ENGINES",
        "SSLKEYLOGFILE",
        "GTK_MODULES",
        "GTK_PATH",
        "GTK_EXE_PREFIX",
        "GIO_EXTRA_MODULES",
        "GIO_MODULE_DIR",
        "GTK_DEBUG",
        "GDK_DEBUG",
        "GDK_PIXBUF_MODULE_FILE",
        "GDK_PIXBUF_MODULEDIR",
    };
    static const char *const kept[] = {"HOME", "PATH",   "DISPLAY",       "WAYLAND_DISPLAY",
                                       "LANG", "LC_ALL", "SOFTHSM2_CONF", "TOKENBRIDGE_LOG"};
    Seen seen = {0};
    TbChild *child;
    json_t *environment;

    for (guint i = 0; i < G_N_ELEMENTS(dropped); i++)
        g_assert_true(g_setenv(dropped[i], "", TRUE)); /* empty: it must not harm this process */
    for (guint i = 0; i < G_N_ELEMENTS(kept); i++)
        g_assert_true(g_setenv(kept[i], "kept", FALSE));
    child = start("{'start': {'do': 'environment'}}", FALSE, &seen, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(dropped); i++)
        g_unsetenv(dropped[i]);
    tb_test_wait(&seen.messages, 5);
    environment = json_object_get(seen.last, "environment");
    for (guint i = 0; i < G_N_ELEMENTS(dropped); i++) {
        if (has_variable(environment, dropped[i]))
            tb_test_row_failed("%s was passed on", dropped[i]);
    }
    for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
        if (!has_variable(environment, kept[i]))
            tb_test_row_failed("%s was not passed on", kept[i]);
    }
    tb_child_free(child);
    clear_seen(&seen);
}

/* Nothing of ours is inherited but the channel; standard input is empty, and what it prints goes
 * where errors go. */
static void
test_descriptors(void)
{
    Seen seen = {0};
    g_autofree char *standard_error = g_file_read_link("/proc/self/fd/2", NULL);
    TbChild *child;
    json_t *list;

    /* What this test inherited is not ours; the host closes it in its first line. */
    g_assert_no_errno(close_range(3, ~0U, (int)CLOSE_RANGE_CLOEXEC));
    child = start("{'start': {'do': 'descriptors'}}", TRUE, &seen, NULL);
    tb_test_wait(&seen.messages, 5);
    list = json_object_get(seen.last, "descriptors");
    g_assert_cmpint(json_integer_value(json_object_get(seen.last, "group")), ==,
                    json_integer_value(json_object_get(seen.last, "pid")));
    for (gsize i = 0; i < json_array_size(list); i++) {
        json_t *entry = json_array_get(list, i);
        json_int_t fd = json_integer_value(json_object_get(entry, "fd"));
        const char *target = json_string_value(json_object_get(entry, "target"));

        if (fd == 0)
            g_assert_cmpstr(target, ==, "/dev/null");
        else if (fd <= 2)
            g_assert_cmpstr(target, ==, standard_error);
        else if (fd == 3)
            g_assert_true(g_str_has_prefix(target, "socket:"));
        else if (!g_str_has_suffix(target, "/fd")) /* the directory it is reading */
            tb_test_row_failed("descriptor %d: %s", (int)fd, target);
    }
    tb_child_free(child);
    clear_seen(&seen);
}

static void
test_not_installed(void)
{
    g_autoptr(GError) error = NULL;
    const char *const arguments[] = {NULL};

    g_assert_null(tb_child_start("tokenbridge-nothing", arguments, FALSE, &events, NULL, &error));
    g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
    g_assert_nonnull(strstr(error->message, "tokenbridge-nothing"));
}

static void
test_send_to_a_dead_child(void)
{
    Seen seen = {0};
    TbChild *child = start("{'start': {'do': 'exit'}}", FALSE, &seen, NULL);
    json_t *message = json_pack("{s:s}", "op", "list");
    g_autoptr(GError) error = NULL;

    tb_test_wait(&seen.gone, 5);
    g_assert_false(tb_child_send(child, message, -1, &error));
    g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
    json_decref(message);
    tb_child_free(child);
    clear_seen(&seen);
}

/* 30 lives: no descriptor stays open. */
static void
test_no_leaks(void)
{
    guint before = 0, after = 0;

    for (guint i = 0; i < 31; i++) {
        Seen seen = {0};
        g_autofree char *path = NULL;
        TbChild *child = start(i % 3 ? "{'start': {'answer': {'a': 1}}}"
                                     : "{'start': {'answer': {'a': 1}, 'do': 'exit'}}",
                               FALSE, &seen, &path);
        g_autoptr(GDir) directory = NULL;
        pid_t pid;

        tb_test_wait(i % 3 ? &seen.messages : &seen.gone, 5);
        pid = tb_test_worker_pid(path, "started");
        tb_child_free(child);
        tb_test_wait_gone(pid, 5);
        tb_test_run_for(1);
        directory = g_dir_open("/proc/self/fd", 0, NULL);
        after = 0;
        while (g_dir_read_name(directory))
            after++;
        if (i == 0)
            before = after;
        clear_seen(&seen);
    }
    g_assert_cmpuint(after, ==, before);
}

int
main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    tb_test_begin(&argc, &argv);
    g_test_add_func("/child/conversation", test_conversation);
    g_test_add_func("/child/descriptor-goes-along", test_descriptor_goes_along);
    g_test_add_func("/child/ends", test_ends);
    g_test_add_func("/child/last-words", test_last_words);
    g_test_add_func("/child/hanging-child-is-ended", test_hanging_child_is_ended);
    g_test_add_func("/child/freed-from-within", test_freed_from_within);
    g_test_add_func("/child/retired", test_retired);
    g_test_add_func("/child/retired-but-hanging", test_retired_but_hanging);
    g_test_add_func("/child/group", test_group);
    g_test_add_func("/child/environment", test_environment);
    g_test_add_func("/child/descriptors", test_descriptors);
    g_test_add_func("/child/not-installed", test_not_installed);
    g_test_add_func("/child/send-to-a-dead-child", test_send_to_a_dead_child);
    g_test_add_func("/child/no-leaks", test_no_leaks);
    return tb_test_end();
}
