/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/launcher.c: children that it starts behave as those of test-child.c do, it starts
 * nothing else, it opens the lock and keeps the last used certificates, and its own end is told.
 * The test is the host; the child is fake-worker.c.
 */
#include "host/launcher.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/child.h"
#include "host/common/fault.h"
#include "host/dialog-lock.h"
#include "host/last-used.h"
#include "tests/host/harness.h"
#include "tests/support/assert.h"

#define PROGRAM "tokenbridge-worker"

/* Named before the fork; a script's path is the first argument. */
static char *talks, *crashes, *forks, *hangs;

static guint lost;

typedef struct Seen {
    guint messages;
    guint gone;
    char *how;
} Seen;

static void
on_message(json_t *message, gpointer data)
{
    Seen *seen = data;

    seen->messages++;
}

static void
on_gone(const char *how, gboolean crashed, gpointer data)
{
    Seen *seen = data;

    g_assert_cmpuint(seen->gone, ==, 0);
    seen->gone++;
    seen->how = g_strdup(how);
}

static const TbChildEvents events = {on_message, on_gone};

static void
on_lost(gpointer data)
{
    lost++;
}

static TbChild *
start(const char *path, Seen *seen)
{
    const char *const arguments[] = {path, NULL};
    g_autoptr(GError) error = NULL;
    TbChild *child = tb_child_start(PROGRAM, arguments, TRUE, &events, seen, &error);

    g_assert_no_error(error);
    return child;
}

static pid_t
parent_of(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;
    int parent = 0;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpint(sscanf(strrchr(text, ')'), ") %*c %d", &parent), ==, 1);
    return parent;
}

static void
test_starts(void)
{
    Seen seen = {0};
    TbChild *child = start(talks, &seen);
    pid_t pid;

    tb_test_wait(&seen.messages, 5);
    pid = tb_test_worker_pid(talks, "started");
    g_assert_cmpint(parent_of(pid), !=, getpid());
    g_assert_cmpint(parent_of(parent_of(pid)), ==, getpid());
    tb_child_free(child);
    tb_test_wait_gone(pid, 5);
    tb_test_run_for(20);
    g_assert_cmpuint(seen.gone, ==, 0); /* not after tb_child_free() */
}

/* What it said before it went is heard first, and how it went comes over. */
static void
test_last_words(void)
{
    Seen seen = {0};
    TbChild *child = start(crashes, &seen);

    tb_test_wait(&seen.gone, 10);
    g_assert_cmpuint(seen.messages, ==, 3);
    g_assert_cmpstr(seen.how, ==, "crashed (signal 11)");
    tb_child_free(child);
    g_free(seen.how);
}

static void
test_group(void)
{
    Seen seen = {0};
    TbChild *child = start(forks, &seen);
    json_t *message = json_pack("{s:s}", "op", "list");
    pid_t pid;

    g_assert_true(tb_child_send(child, message, -1, NULL));
    g_assert_true(tb_child_send(child, message, -1, NULL));
    json_decref(message);
    tb_test_wait(&seen.messages, 5);
    pid = tb_test_worker_pid(forks, "forked");
    g_assert_true(tb_test_is_running(pid));
    tb_child_free(child);
    for (guint wait = 0; tb_test_is_running(pid) && wait < tb_test_ms(2000); wait += 5)
        tb_test_run_for(5);
    g_assert_false(tb_test_is_running(pid));
}

static void
test_retired_but_hanging(void)
{
    Seen seen = {0};
    TbChild *child = start(hangs, &seen);
    pid_t pid;

    tb_test_wait(&seen.messages, 5);
    pid = tb_test_worker_pid(hangs, "started");
    tb_child_retire(child, 100);
    tb_test_wait_gone(pid, 5);
    g_assert_cmpuint(seen.gone, ==, 0);
}

/* Whatever differs from what was named before the fork. */
static void
test_nothing_else(void)
{
    const char *const other[] = {"/nowhere/other.so", NULL};
    const char *const longer[] = {talks, "more", NULL};
    const char *const same[] = {talks, NULL};
    const struct {
        const char *program;
        const char *const *arguments;
        gboolean own_group;
    } rows[] = {
        {PROGRAM, other, TRUE},
        {PROGRAM, longer, TRUE},
        {PROGRAM, NULL, TRUE},
        {PROGRAM, same, FALSE},
        {"tokenbridge-prompt", same, TRUE},
        {"/bin/true", NULL, FALSE},
    };
    /* After the fork, it is too late. */
    tb_launcher_allow(&(const TbCommand){PROGRAM, other, TRUE});

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        if (tb_child_start(rows[i].program, rows[i].arguments, rows[i].own_group, &events, NULL,
                           &error))
            tb_test_row_failed("row %u was started", i);
        g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
    }
}

static void
test_lock(void)
{
    g_autoptr(GError) error = NULL;
    TbDialogLock *lock = tb_dialog_lock_take(&error);
    g_autofree char *directory = g_build_filename(g_getenv("XDG_RUNTIME_DIR"), "tokenbridge", NULL);

    g_assert_no_error(error);
    g_assert_null(tb_dialog_lock_take(&error));
    g_assert_error(error, TB_FAULT, TB_REASON_BUSY);
    tb_dialog_lock_free(lock);
    g_clear_error(&error);

    /* What the launcher has to say about it comes over. */
    g_assert_no_errno(chmod(directory, 0755));
    g_assert_null(tb_dialog_lock_take(&error));
    g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
    g_assert_nonnull(strstr(error->message, "is not a directory of this user alone."));
    g_assert_no_errno(chmod(directory, 0700));
    lock = tb_dialog_lock_take(NULL);
    g_assert_nonnull(lock);
    tb_dialog_lock_free(lock);
}

static void
test_last_used(void)
{
    g_autofree char *id = tb_test_certificate_id("Sara");
    g_autofree char *got = NULL;

    g_assert_null(tb_last_used_get("https://a.example"));
    tb_last_used_set("https://a.example", id);
    got = tb_last_used_get("https://a.example"); /* calls are served in their order */
    g_assert_cmpstr(got, ==, id);
    g_assert_null(tb_last_used_get("https://b.example"));
    tb_last_used_set("https://b.example", "no digest");
    g_assert_null(tb_last_used_get("https://b.example"));
}

/* The last test: there is no launcher after it. */
static void
test_lost(void)
{
    Seen seen = {0};
    const char *const arguments[] = {talks, NULL};
    g_autoptr(GError) error = NULL;
    TbChild *child = start(hangs, &seen);
    pid_t pid;

    tb_test_wait(&seen.messages, 5);
    pid = tb_test_worker_pid(hangs, "started");
    g_assert_no_errno(kill(parent_of(pid), SIGKILL));
    tb_test_wait(&seen.gone, 5);
    tb_test_wait(&lost, 5);
    g_assert_cmpstr(seen.how, ==, "was ended (signal 15)");
    tb_child_free(child);
    g_free(seen.how);
    g_assert_null(tb_child_start(PROGRAM, arguments, TRUE, &events, NULL, &error));
    g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
    g_assert_null(tb_dialog_lock_take(NULL));
    g_assert_null(tb_last_used_get("https://a.example"));
    g_assert_cmpuint(lost, ==, 1);
}

static char *
allow(const char *name, const char *script)
{
    char *path = tb_test_worker_script(name, tb_test_json(script));
    const char *const arguments[] = {path, NULL};

    tb_launcher_allow(&(const TbCommand){PROGRAM, arguments, TRUE});
    return path;
}

int
main(int argc, char **argv)
{
    int status;

    (void)signal(SIGPIPE, SIG_IGN);
    tb_test_begin(&argc, &argv);
    talks = allow("talks", "{'start': {'answer': {'a': 1}}}");
    crashes = allow("crashes", "{'start': {'answer': {'a': 1}, 'times': 3, 'do': 'crash'}}");
    forks = allow("forks", "{'list': [{'do': 'fork'}, {'answer': {'a': 1}}]}");
    hangs = allow("hangs", "{'start': {'answer': {'a': 1}, 'do': 'hang'}}");
    g_assert_true(tb_launcher_fork(on_lost, NULL, NULL));
    g_test_add_func("/launcher/starts", test_starts);
    g_test_add_func("/launcher/last-words", test_last_words);
    g_test_add_func("/launcher/group", test_group);
    g_test_add_func("/launcher/retired-but-hanging", test_retired_but_hanging);
    g_test_add_func("/launcher/nothing-else", test_nothing_else);
    g_test_add_func("/launcher/lock", test_lock);
    g_test_add_func("/launcher/last-used", test_last_used);
    g_test_add_func("/launcher/lost", test_lost);
    status = tb_test_end();
    g_free(talks);
    g_free(crashes);
    g_free(forks);
    g_free(hangs);
    return status;
}
