/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests host/common/harden.c in forked children, which report through the one descriptor that they
 * keep (or, with none kept, by their exit status).
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/harden.h"
#include "tests/support/assert.h"
#include "tests/support/child.h"

#define HIGH_FD 200 /* descriptors up to here are looked at */

typedef struct Scene {
    gboolean missing[3];     /* standard streams that are closed before */
    gboolean no_close_range; /* as on a kernel before 5.9 */
    int move_to;             /* the kept descriptor's number; -1: as it comes */
} Scene;

typedef struct Report {
    int dumpable;
    guint64 core_now, core_max;
    guint mask;
    gboolean open_before; /* that there was something to close */
    int open_after;       /* the lowest open descriptor over 2 but the kept; -1: none */
    gboolean is_null[3];
    gboolean usable[3];
} Report;

static void
say(int fd, const void *bytes, gsize length)
{
    if (write(fd, bytes, length) != (gssize)length)
        _exit(3);
}

/* Makes close_range(2) fail with ENOSYS for the rest of this process's life. */
static void
forbid_close_range(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = G_N_ELEMENTS(code), .filter = code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(4);
    if (syscall(SYS_close_range, 1000, 1001, 0) != -1 || errno != ENOSYS)
        _exit(5);
}

static int
lowest_open(int kept)
{
    for (int fd = 3; fd <= HIGH_FD; fd++) {
        if (fd != kept && fcntl(fd, F_GETFD) >= 0)
            return fd;
    }
    return -1;
}

static void
harden_and_report(int fd, gconstpointer data)
{
    const Scene *scene = data;
    Report report = {0};
    struct rlimit limit;

    if (scene->move_to >= 0 && fd != scene->move_to) {
        if (dup2(fd, scene->move_to) < 0)
            _exit(2);
        fd = scene->move_to;
    }
    /* below, beside and above what is kept */
    (void)dup2(STDERR_FILENO, 3 == fd ? 4 : 3);
    (void)dup2(STDERR_FILENO, fd + 1);
    (void)dup2(STDERR_FILENO, HIGH_FD);
    report.open_before = lowest_open(fd) >= 0;
    for (int i = 0; i < 3; i++) {
        if (scene->missing[i])
            (void)close(i);
    }
    if (scene->no_close_range)
        forbid_close_range();

    tb_harden_process(fd);

    report.dumpable = prctl(PR_GET_DUMPABLE);
    (void)getrlimit(RLIMIT_CORE, &limit);
    report.core_now = limit.rlim_cur;
    report.core_max = limit.rlim_max;
    report.mask = umask(0);
    report.open_after = lowest_open(fd);
    for (int i = 0; i < 3; i++) {
        struct stat status;

        report.usable[i] = fstat(i, &status) == 0;
        report.is_null[i] =
            report.usable[i] && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
    }
    say(fd, &report, sizeof report);
}

static void
test_process(void)
{
    static const struct {
        const char *what;
        Scene scene;
    } rows[] = {
        {"as it comes", {.move_to = -1}},
        {"kept is 3", {.move_to = 3}},
        {"kept is 4", {.move_to = 4}},
        {"kept is 100", {.move_to = 100}},
        {"no standard input", {.missing = {TRUE, FALSE, FALSE}, .move_to = -1}},
        {"no standard output", {.missing = {FALSE, TRUE, FALSE}, .move_to = -1}},
        {"no standard error", {.missing = {FALSE, FALSE, TRUE}, .move_to = -1}},
        {"no standard streams", {.missing = {TRUE, TRUE, TRUE}, .move_to = 3}},
        {"old kernel", {.no_close_range = TRUE, .move_to = -1}},
        {"old kernel, kept is 3", {.no_close_range = TRUE, .move_to = 3}},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        Report report;
        gsize length;
        int status = -1;
        g_autofree char *output =
            tb_test_in_child(harden_and_report, &rows[i].scene, &length, &status);

        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || length != sizeof report) {
            tb_test_row_failed("%s: status %x, %" G_GSIZE_FORMAT " bytes", rows[i].what,
                               (guint)status, length);
            continue;
        }
        memcpy(&report, output, sizeof report);
        g_assert_cmpint(report.dumpable, ==, 0);
        g_assert_cmpuint(report.core_now, ==, 0);
        g_assert_cmpuint(report.core_max, ==, 0);
        g_assert_cmpuint(report.mask, ==, 077);
        g_assert_true(report.open_before);
        if (report.open_after >= 0)
            tb_test_row_failed("%s: descriptor %d is open", rows[i].what, report.open_after);
        for (int s = 0; s < 3; s++) {
            if (!report.usable[s] || (rows[i].scene.missing[s] && !report.is_null[s]))
                tb_test_row_failed("%s: standard stream %d", rows[i].what, s);
        }
    }
}

static void
harden_keeping_none(int fd, gconstpointer data)
{
    int keep = GPOINTER_TO_INT(data);

    (void)dup2(fd, HIGH_FD);
    tb_harden_process(keep);
    _exit(lowest_open(-1) < 0 && fcntl(0, F_GETFD) >= 0 && fcntl(1, F_GETFD) >= 0 &&
                  fcntl(2, F_GETFD) >= 0
              ? 42
              : 1);
}

static void
test_keeping_none(void)
{
    static const int kept[] = {-1, 0, 1, 2};

    for (gsize i = 0; i < G_N_ELEMENTS(kept); i++) {
        gsize length;
        int status = -1;
        g_autofree char *output =
            tb_test_in_child(harden_keeping_none, GINT_TO_POINTER(kept[i]), &length, &status);

        g_assert_cmpstr(output, ==, ""); /* it has nothing left to write to */
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 42);
    }
}

/* A file that a hardened process makes is the user's alone. */
static void
harden_and_make_file(int fd, gconstpointer data)
{
    struct stat status;
    int file;

    tb_harden_process(fd);
    file = open(data, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (file < 0 || fstat(file, &status) != 0)
        _exit(2);
    say(fd, &status.st_mode, sizeof status.st_mode);
}

static void
test_umask(void)
{
    g_autofree char *directory = g_dir_make_tmp("tb-harden-XXXXXX", NULL);
    g_autofree char *path = NULL;
    g_autofree char *output = NULL;
    gsize length;
    mode_t mode;

    g_assert_nonnull(directory);
    path = g_build_filename(directory, "file", NULL);
    output = tb_test_output_of_child(harden_and_make_file, path, &length);
    g_assert_cmpuint(length, ==, sizeof mode);
    memcpy(&mode, output, sizeof mode);
    g_assert_cmpuint(mode & 07777, ==, 0600);
    g_assert_no_errno(unlink(path));
    g_assert_no_errno(rmdir(directory));
}

/* The middle process starts one that asks to die with it, waits until it has asked, and goes. The
 * pipe's end then comes only if that one died: it sleeps far longer than the test waits. */
static void
leave_a_child_behind(int fd, gconstpointer data)
{
    int ready[2];
    char byte;
    pid_t pid;

    if (pipe(ready) != 0)
        _exit(2);
    pid = fork();
    if (pid == 0) {
        (void)close(ready[0]);
        (void)signal(SIGTERM, SIG_DFL);
        if (data)
            tb_harden_die_with_parent();
        say(ready[1], "r", 1);
        (void)close(ready[1]);
        (void)sleep(data ? 50 : 1);
        say(fd, "still here", 10);
        _exit(0);
    }
    (void)close(ready[1]);
    if (pid < 0 || read(ready[0], &byte, 1) != 1)
        _exit(3);
}

static void
test_die_with_parent(void)
{
    gint64 start = g_get_monotonic_time();
    g_autofree char *output =
        tb_test_output_of_child(leave_a_child_behind, GINT_TO_POINTER(1), NULL);

    g_assert_cmpstr(output, ==, "");
    g_assert_cmpint((g_get_monotonic_time() - start) / G_USEC_PER_SEC, <, 30);
}

/* And that it is this call that does it: */
static void
test_lives_without(void)
{
    g_autofree char *output = tb_test_output_of_child(leave_a_child_behind, NULL, NULL);

    g_assert_cmpstr(output, ==, "still here");
}

/* Whether JSON comes from GLib's allocator, which ends the process when there is no memory. */
static void
tell_allocator(int fd, gconstpointer data)
{
    json_malloc_t allocate;
    json_free_t release;
    gboolean good;

    tb_harden_process(fd);
    json_get_alloc_funcs(&allocate, &release);
    good = allocate == g_malloc && release == g_free;
    say(fd, good ? "GLib's" : "another", good ? 6 : 7);
}

static void
test_allocator(void)
{
    g_autofree char *output = tb_test_output_of_child(tell_allocator, NULL, NULL);

    g_assert_cmpstr(output, ==, "GLib's");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/common/harden/process", test_process);
    g_test_add_func("/common/harden/keeping-none", test_keeping_none);
    g_test_add_func("/common/harden/umask", test_umask);
    g_test_add_func("/common/harden/allocator", test_allocator);
    g_test_add_func("/common/harden/die-with-parent", test_die_with_parent);
    g_test_add_func("/common/harden/lives-without", test_lives_without);
    return g_test_run();
}
