/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests host/common/sandbox-own.c in forked children: what each sandbox refuses, what still works
 * in it, and what is said when a kernel lacks the means (made to, by a filter of the test's own).
 * The real processes are looked into by tests/secrets/sandbox.test.mjs.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/log.h"
#include "host/common/sandbox-own.h"
#include "tests/support/assert.h"
#include "tests/support/child.h"

#define LANDLOCK_VERSION_QUERY 1u
#define NOBODY 0x7ffffff0 /* no process has this number */

static char *folder; /* of this run; what is written there is the user's, for our purposes */
static char *file;   /* in it */

typedef struct Scene {
    void (*enter)(void); /* NULL: no sandbox at all, which shows that the tries themselves work */
    int lacking;         /* a system call that fails with ENOSYS, as on another kernel; 0: none */
} Scene;

static void
lack(int call)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (guint)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = G_N_ELEMENTS(code), .filter = code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(4);
}

/* --- tries; each says whether it worked, or leaves errno --- */

/* What is no program: a call that is allowed says so. */
static gboolean
try_exec(void)
{
    char *const argv[] = {NULL};

    return execve(file, argv, argv) == 0 || errno == EACCES;
}

static gboolean
try_fork(void)
{
    long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);

    if (pid == 0)
        _exit(0);
    return pid > 0 && waitpid((pid_t)pid, NULL, 0) == pid;
}

static void *
do_nothing(void *data)
{
    return data;
}

static gboolean
try_thread(void)
{
    pthread_t thread;
    int code = pthread_create(&thread, NULL, do_nothing, NULL);

    errno = code;
    return code == 0 && pthread_join(thread, NULL) == 0;
}

static gboolean
try_socket(int domain)
{
    int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && close(fd) == 0;
}

static gboolean
try_inet(void)
{
    return try_socket(AF_INET);
}

static gboolean
try_unix(void)
{
    return try_socket(AF_UNIX);
}

static gboolean
try_ptrace(void)
{
    return ptrace(PTRACE_SEIZE, NOBODY, NULL, NULL) == 0 || errno == ESRCH;
}

static gboolean
try_look_into(void)
{
    char byte;
    struct iovec part = {&byte, 1};

    return process_vm_readv(NOBODY, &part, 1, &part, 1, 0) == 1 || errno == ESRCH;
}

static gboolean
try_keys(void)
{
    return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1) != -1;
}

static gboolean
try_signal(void)
{
    return kill(getppid(), 0) == 0;
}

static gboolean
try_write(void)
{
    int fd = open(file, O_WRONLY | O_CLOEXEC);

    return fd >= 0 && close(fd) == 0;
}

static gboolean
try_make(void)
{
    g_autofree char *path = g_strconcat(file, ".new", NULL);
    int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    return fd >= 0 && close(fd) == 0 && unlink(path) == 0;
}

static gboolean
try_rename(void)
{
    g_autofree char *path = g_strconcat(file, ".other", NULL);

    return rename(file, path) == 0 && rename(path, file) == 0;
}

static gboolean
try_directory(void)
{
    g_autofree char *path = g_strconcat(file, ".directory", NULL);

    return mkdir(path, 0700) == 0 && rmdir(path) == 0;
}

static gboolean
try_read_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd >= 0 && close(fd) == 0;
}

static gboolean
try_read_own(void)
{
    return try_read_path(file);
}

static gboolean
try_read_system(void)
{
    return try_read_path("/etc/passwd") && try_read_path("/dev/urandom");
}

static gboolean
try_write_device(void)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    return fd >= 0 && close(fd) == 0;
}

static gboolean
try_code(void)
{
    void *code =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return code != MAP_FAILED && munmap(code, 4096) == 0;
}

static gboolean
try_pipe(void)
{
    int ends[2];
    char byte = 'x';

    return pipe2(ends, O_CLOEXEC) == 0 && write(ends[1], &byte, 1) == 1 &&
           read(ends[0], &byte, 1) == 1 && close(ends[0]) == 0 && close(ends[1]) == 0;
}

static const struct {
    const char *name;
    gboolean (*worked)(void);
} tries[] = {
    {"exec", try_exec},
    {"fork", try_fork},
    {"thread", try_thread},
    {"inet", try_inet},
    {"unix", try_unix},
    {"ptrace", try_ptrace},
    {"look-into", try_look_into},
    {"keys", try_keys},
    {"signal", try_signal},
    {"write", try_write},
    {"make", try_make},
    {"rename", try_rename},
    {"directory", try_directory},
    {"read-own", try_read_own},
    {"read-system", try_read_system},
    {"write-device", try_write_device},
    {"code", try_code},
    {"pipe", try_pipe},
};

static void
try_everything(int fd, gconstpointer data)
{
    const Scene *scene = data;

    if (scene->lacking)
        lack(scene->lacking);
    (void)dup2(fd, STDERR_FILENO);
    g_setenv("TOKENBRIDGE_LOG", "info", TRUE);
    tb_log_init("test");
    if (scene->enter)
        scene->enter();
    for (gsize i = 0; i < G_N_ELEMENTS(tries); i++) {
        gboolean worked;

        errno = 0;
        worked = tries[i].worked();
        dprintf(fd, "%s %s\n", tries[i].name, worked ? "ok" : strerrorname_np(errno));
    }
}

/* lines: as in the output, NULL-terminated. All others are expected to be ok. */
static void
expect_refused(const char *output, const char *const *lines)
{
    g_auto(GStrv) got = g_strsplit(output, "\n", -1);

    for (gsize i = 0; lines[i]; i++) {
        if (!g_strv_contains((const char *const *)got, lines[i]))
            tb_test_row_failed("no \"%s\" in:\n%s", lines[i], output);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(tries); i++) {
        g_autofree char *good = g_strconcat(tries[i].name, " ok", NULL);
        g_autofree char *prefix = g_strconcat(tries[i].name, " ", NULL);
        gboolean refused = FALSE;

        for (gsize j = 0; lines[j]; j++)
            refused = refused || g_str_has_prefix(lines[j], prefix);
        if (!refused && !g_strv_contains((const char *const *)got, good))
            tb_test_row_failed("no \"%s\" in:\n%s", good, output);
    }
}

static gboolean
lacks_landlock(void)
{
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION_QUERY) >= 1)
        return FALSE;
    g_test_skip("this kernel has no Landlock");
    return TRUE;
}

static void
test_outside(void)
{
    static const char *const none[] = {NULL};
    const Scene scene = {0};
    g_autofree char *output = tb_test_output_of_child(try_everything, &scene, NULL);

    expect_refused(output, none);
}

static void
test_host(void)
{
    static const char *const refused[] = {
        "exec ENOSYS",
        "fork ENOSYS",
        "thread ENOSYS",
        "inet ENOSYS",
        "unix ENOSYS",
        "ptrace ENOSYS",
        "look-into ENOSYS",
        "keys ENOSYS",
        "signal ENOSYS",
        "write EACCES",
        "make EACCES",
        "rename ENOSYS",
        "directory ENOSYS",
        "read-own EACCES",
        "code ENOSYS",
        "write-device EACCES",
        NULL,
    };
    const Scene scene = {.enter = tb_sandbox_enter_host};
    g_autofree char *output = NULL;

    if (lacks_landlock())
        return;
    output = tb_test_output_of_child(try_everything, &scene, NULL);
    expect_refused(output, refused);
}

/* Each of the two walls by itself, and a word of the other one's lack. */
static void
test_host_lacking(void)
{
    static const char *const by_calls[] = {
        "test: warning: sandbox landlock=no error=\"Function not implemented\" hint=\"this kernel "
        "does not offer it; going on without\"",
        "exec ENOSYS",
        "fork ENOSYS",
        "thread ENOSYS",
        "inet ENOSYS",
        "unix ENOSYS",
        "ptrace ENOSYS",
        "look-into ENOSYS",
        "keys ENOSYS",
        "signal ENOSYS",
        "write EACCES",
        "make EACCES",
        "rename ENOSYS",
        "directory ENOSYS",
        "code ENOSYS",
        "write-device EACCES",
        NULL,
    };
    static const char *const by_files[] = {
        "signal EPERM",
        "test: warning: sandbox seccomp=no error=\"Function not implemented\" hint=\"this kernel "
        "does not offer it; going on without\"",
        "write EACCES",
        "make EACCES",
        "rename EACCES",
        "directory EACCES",
        "read-own EACCES",
        "write-device EACCES",
        NULL,
    };
    const Scene no_landlock = {.enter = tb_sandbox_enter_host,
                               .lacking = SYS_landlock_create_ruleset};
    const Scene no_seccomp = {.enter = tb_sandbox_enter_host, .lacking = SYS_seccomp};
    g_autofree char *one = tb_test_output_of_child(try_everything, &no_landlock, NULL);
    g_autofree char *two = NULL;

    expect_refused(one, by_calls);
    if (lacks_landlock())
        return;
    two = tb_test_output_of_child(try_everything, &no_seccomp, NULL);
    /* Signals are Landlock's from its version 6. */
    expect_refused(two, by_files + (strstr(two, "\nsignal EPERM\n") ? 0 : 1));
}

static void
test_readers(void)
{
    static const char *const refused[] = {
        "exec EPERM",       "inet EPERM",          "ptrace EPERM", "look-into EPERM",
        "keys EPERM",       "write EACCES",        "make EACCES",  "rename EACCES",
        "directory EACCES", "write-device EACCES", NULL,
    };
    const Scene scene = {.enter = tb_sandbox_enter_readers};
    g_autofree char *output = NULL;

    if (lacks_landlock())
        return;
    output = tb_test_output_of_child(try_everything, &scene, NULL);
    expect_refused(output, refused);
}

static void
test_prompt(void)
{
    static const char *const refused[] = {
        "ptrace EPERM", "look-into EPERM", "keys EPERM",       "write EACCES",
        "make EACCES",  "rename EACCES",   "directory EACCES", NULL,
    };
    const Scene scene = {.enter = tb_sandbox_enter_prompt};
    g_autofree char *here = g_get_current_dir();
    g_autofree char *output = NULL;

    if (lacks_landlock())
        return;
    if (g_str_has_prefix(here, "/tmp/")) {
        g_test_skip("run outside of /tmp, where a prompt may write");
        return;
    }
    output = tb_test_output_of_child(try_everything, &scene, NULL);
    expect_refused(output, refused);
}

/* The filter alone; a rule for each flag. */
static void
open_by_flags(int fd, gconstpointer data)
{
    static const int flags[] = {O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
    const Scene *scene = data;

    lack(scene->lacking);
    (void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
    scene->enter();
    for (gsize i = 0; i < G_N_ELEMENTS(flags); i++) {
        int by_name = open(file, flags[i] | O_CLOEXEC, 0600);
        int code = by_name >= 0 ? 0 : errno;

        (void)close(by_name);
#ifdef SYS_open
        /* The C library takes openat(2). */
        by_name = (int)syscall(SYS_open, file, flags[i] | O_CLOEXEC, 0600);
        if ((by_name >= 0 ? 0 : errno) != code)
            code = EXFULL; /* as no filter says */
        (void)close(by_name);
#endif
        dprintf(fd, "%s ", code == 0 ? "ok" : strerrorname_np(code));
    }
}

static void
test_open_by_flags(void)
{
    static void (*const enter[])(void) = {tb_sandbox_enter_host, tb_sandbox_enter_readers};

    for (gsize i = 0; i < G_N_ELEMENTS(enter); i++) {
        const Scene scene = {.enter = enter[i], .lacking = SYS_landlock_create_ruleset};
        gsize length;
        int status = -1;
        g_autofree char *output = tb_test_in_child(open_by_flags, &scene, &length, &status);

        g_assert_cmpint(status, ==, 0);
        g_assert_cmpstr(output, ==, "ok EACCES EACCES EACCES EACCES ");
    }
}

static void *
exec_in_thread(void *data)
{
    return GINT_TO_POINTER(try_exec() ? 0 : errno);
}

static void *
forbid_in_thread(void *data)
{
    tb_sandbox_forbid_programs();
    return exec_in_thread(data);
}

static void
forbid_with_threads(int fd, gconstpointer data)
{
    pthread_t thread;
    void *there = NULL;

    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (pthread_create(&thread, NULL, forbid_in_thread, NULL) != 0 ||
        pthread_join(thread, &there) != 0)
        _exit(5);
    errno = 0;
    (void)try_exec();
    dprintf(fd, "%s %s", strerrorname_np(GPOINTER_TO_INT(there)), strerrorname_np(errno));
}

static void
test_programs_in_all_threads(void)
{
    g_autofree char *output = tb_test_output_of_child(forbid_with_threads, NULL, NULL);

    g_assert_cmpstr(output, ==, "EPERM EPERM");
}

/* A prompt may write to caches, displays and for a moment; each under a name of its own. */
static void
write_as_prompt(int fd, gconstpointer data)
{
    g_autofree char *path = g_strdup_printf("/tmp/tokenbridge-test-%d", (int)getpid());
    int made;

    tb_sandbox_enter_prompt();
    made = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    dprintf(fd, "%s %s", made >= 0 && unlink(path) == 0 ? "ok" : strerrorname_np(errno),
            try_write_device() ? "ok" : strerrorname_np(errno));
}

static void
test_prompt_writes(void)
{
    g_autofree char *output = tb_test_output_of_child(write_as_prompt, NULL, NULL);

    g_assert_cmpstr(output, ==, "ok ok");
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    /* Not in /tmp, where a prompt may write. */
    folder = g_strdup("sandbox-own-XXXXXX");
    g_assert_nonnull(g_mkdtemp(folder));
    file = g_build_filename(folder, "own", NULL);
    g_assert_true(g_file_set_contents(file, "x", 1, NULL));

    g_test_add_func("/common/sandbox-own/outside", test_outside);
    g_test_add_func("/common/sandbox-own/host", test_host);
    g_test_add_func("/common/sandbox-own/host-lacking", test_host_lacking);
    g_test_add_func("/common/sandbox-own/readers", test_readers);
    g_test_add_func("/common/sandbox-own/prompt", test_prompt);
    g_test_add_func("/common/sandbox-own/prompt-writes", test_prompt_writes);
    g_test_add_func("/common/sandbox-own/open-by-flags", test_open_by_flags);
    g_test_add_func("/common/sandbox-own/programs-in-all-threads", test_programs_in_all_threads);
    status = g_test_run();

    (void)unlink(file);
    (void)rmdir(folder);
    g_free(file);
    g_free(folder);
    return status;
}
