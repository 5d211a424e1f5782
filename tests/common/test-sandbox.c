/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests host/common/sandbox.c in forked children: what is refused, what still works, and what is
 * said when a kernel lacks the means (made to, by a filter of the test's own).
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/log.h"
#include "host/common/sandbox.h"
#include "tests/support/assert.h"
#include "tests/support/child.h"

#define LANDLOCK_VERSION_QUERY 1u

static char *folder; /* of this run, in /tmp */

typedef struct Scene {
    TbSandboxLevel level;
    int lacking[2]; /* system calls that fail with ENOSYS, as on another kernel; 0: none */
    const char *state;
    gboolean outside; /* no sandbox at all: shows that the tries themselves work */
} Scene;

/* One line for each try: "NAME ok" or "NAME ERRNO". */
static void
tell(int fd, const char *name, gboolean worked)
{
    int code = errno;

    dprintf(fd, "%s %s\n", name, worked ? "ok" : strerrorname_np(code));
}

static void
lack(const int *calls)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (guint)calls[0], 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (guint)calls[1], 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = G_N_ELEMENTS(code), .filter = code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(4);
}

/* Makes a file of its own and takes it away again. O_EXCL: run by root, this must never touch, let
 * alone remove, what was there before. */
static gboolean
can_make_file(const char *directory)
{
    g_autofree char *name = g_strdup_printf("tokenbridge-test-%d", (int)getpid());
    g_autofree char *path = g_build_filename(directory, name, NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int code = errno;

    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(path);
    }
    errno = code;
    return fd >= 0;
}

static gboolean
can_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);

    return fd >= 0 && close(fd) == 0;
}

static gboolean
can_listen(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

static gboolean
can_start_program(void)
{
    int report[2];
    int code = 0;
    char *const argv[] = {(char[]){"true"}, NULL};
    pid_t pid;

    if (pipe2(report, O_CLOEXEC) != 0)
        _exit(5);
    pid = fork();
    if (pid == 0) {
        (void)execv("/bin/true", argv);
        code = errno;
        _exit(write(report[1], &code, sizeof code) == sizeof code ? 1 : 2);
    }
    (void)close(report[1]);
    if (read(report[0], &code, sizeof code) < 0 || waitpid(pid, NULL, 0) != pid)
        _exit(6);
    (void)close(report[0]);
    errno = code;
    return code == 0;
}

static void *
do_nothing(void *data)
{
    return data;
}

static gboolean
can_start_thread(void)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, do_nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

static gboolean
can_make_user_namespace(void)
{
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0);

    if (pid == 0)
        _exit(0);
    return pid > 0 && waitpid((pid_t)pid, NULL, 0) == pid;
}

/* 1 byte of the parent's memory; the stack is at the same place in a forked child. */
static gboolean
can_read_parent(void)
{
    char here;
    char byte;
    struct iovec local = {&byte, 1};
    struct iovec remote = {&here, 1};

    return process_vm_readv(getppid(), &local, 1, &remote, 1, 0) == 1;
}

static gboolean
can_trace(void)
{
    pid_t pid = fork();
    gboolean worked;
    int code;

    if (pid == 0)
        (void)pause();
    worked = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
    code = errno;
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, __WALL);
    errno = code;
    return worked;
}

static void
try_everything(int fd, gconstpointer data)
{
    const Scene *scene = data;
    const char *const state[] = {scene->state, NULL};
    g_autofree char *file = g_build_filename(folder, "readable", NULL);
    g_autofree char *module = g_build_filename(folder, "module", "module.so", NULL);

    if (scene->lacking[0])
        lack(scene->lacking);
    (void)dup2(fd, STDERR_FILENO);
    g_setenv("TOKENBRIDGE_LOG", "info", TRUE);
    tb_log_init("test");
    if (!scene->outside)
        tb_sandbox_enter(scene->level, module, state);

    tell(fd, "no-new-privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    tell(fd, "exec", can_start_program());
    tell(fd, "ptrace", can_trace());
    tell(fd, "vm-read", can_read_parent());
    tell(fd, "keyctl",
         syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1) != -1);
    tell(fd, "userns", can_make_user_namespace());
    tell(fd, "tiocsti", ioctl(fd, TIOCSTI, "x") == 0 || errno == ENOTTY);
    tell(fd, "listen", can_listen());
    tell(fd, "write-etc", can_make_file("/etc"));
    tell(fd, "write-folder", can_make_file(folder));
    tell(fd, "read-folder", can_open(file, O_RDONLY));
    tell(fd, "read-module", can_open(module, O_RDONLY));
    tell(fd, "read-etc", can_open("/etc/passwd", O_RDONLY));
    tell(fd, "write-device", can_open("/dev/null", O_WRONLY));
    tell(fd, "thread", can_start_thread());
}

static void
expect(const char *output, const char *line)
{
    g_autofree char *whole = g_strconcat(line, "\n", NULL);
    const char *found = strstr(output, whole);

    if (!found || (found != output && found[-1] != '\n'))
        tb_test_row_failed("no \"%s\" in:\n%s", line, output);
}

static int
landlock_version(void)
{
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION_QUERY);
}

/* What root may do outside shows that it is the sandbox that refuses inside. */
static gboolean
lacks(int version, gboolean root)
{
    if (landlock_version() < version) {
        g_autofree char *why = g_strdup_printf("Landlock is at version %d here, %d is needed",
                                               landlock_version(), version);

        g_test_skip(why);
        return TRUE;
    }
    if (root && geteuid() != 0) {
        g_test_skip("only root could write to /etc outside of the sandbox");
        return TRUE;
    }
    return FALSE;
}

static void
expect_calls_refused(const char *output)
{
    static const char *const lines[] = {"no-new-privileges ok", "exec EPERM",   "ptrace EPERM",
                                        "vm-read EPERM",        "keyctl EPERM", "userns EPERM",
                                        "tiocsti EPERM",        "thread ok"};

    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++)
        expect(output, lines[i]);
}

static void
test_outside(void)
{
    const Scene scene = {.outside = TRUE};
    g_autofree char *output = tb_test_output_of_child(try_everything, &scene, NULL);

    expect(output, "exec ok");
    expect(output, "tiocsti ok");
    expect(output, "listen ok");
    expect(output, "write-folder ok");
    expect(output, "read-folder ok");
    expect(output, "read-module ok");
    expect(output, "thread ok");
    if (geteuid() == 0)
        expect(output, "write-etc ok");
}

static void
test_none(void)
{
    const Scene scene = {.level = TB_SANDBOX_NONE};
    g_autofree char *output = tb_test_output_of_child(try_everything, &scene, NULL);

    expect(output, "no-new-privileges ok");
    expect(output, "exec ok");
    expect(output, "listen ok");
    expect(output, "write-folder ok");
}

static void
test_standard_calls(void)
{
    const Scene scene = {.level = TB_SANDBOX_STANDARD};
    g_autofree char *output = tb_test_output_of_child(try_everything, &scene, NULL);

    expect_calls_refused(output);
    expect(output, "write-folder ok");
    expect(output, "read-folder ok");
    expect(output, "read-etc ok");
    expect(output, "write-device ok");
}

static void
test_standard_files(void)
{
    const Scene scene = {.level = TB_SANDBOX_STANDARD};
    g_autofree char *output = NULL;

    if (lacks(1, TRUE))
        return;
    output = tb_test_output_of_child(try_everything, &scene, NULL);
    expect(output, "write-etc EACCES");
}

static void
test_listening(void)
{
    const Scene scene = {.level = TB_SANDBOX_STANDARD};
    g_autofree char *output = NULL;

    if (lacks(4, FALSE))
        return;
    output = tb_test_output_of_child(try_everything, &scene, NULL);
    expect(output, "listen EACCES");
}

static void
test_strict(void)
{
    const Scene scene = {.level = TB_SANDBOX_STRICT};
    g_autofree char *output = NULL;

    if (lacks(1, FALSE))
        return;
    output = tb_test_output_of_child(try_everything, &scene, NULL);
    expect_calls_refused(output);
    expect(output, "write-folder EACCES");
    expect(output, "read-folder EACCES");
    expect(output, "read-module ok");
    expect(output, "read-etc ok");
    expect(output, "write-device ok");
}

static void
test_state(void)
{
    const Scene scene = {.level = TB_SANDBOX_STRICT, .state = folder};
    g_autofree char *output = NULL;

    if (lacks(1, FALSE))
        return;
    output = tb_test_output_of_child(try_everything, &scene, NULL);
    expect(output, "write-folder ok");
    expect(output, "read-folder ok");
    expect(output, "exec EPERM");
}

/* A kernel without Landlock, without filters: said, and the other one still holds. */
static void
test_lacking(void)
{
    const Scene no_landlock = {
        .lacking = {SYS_landlock_create_ruleset, SYS_landlock_create_ruleset}};
    const Scene no_restrict = {.lacking = {SYS_landlock_restrict_self, SYS_landlock_restrict_self}};
    const Scene no_landlock_strict = {
        .level = TB_SANDBOX_STRICT,
        .lacking = {SYS_landlock_create_ruleset, SYS_landlock_create_ruleset}};
    const Scene no_seccomp = {.lacking = {SYS_seccomp, SYS_prctl}};
    g_autofree char *one = tb_test_output_of_child(try_everything, &no_landlock, NULL);
    g_autofree char *two = tb_test_output_of_child(try_everything, &no_restrict, NULL);
    g_autofree char *three = tb_test_output_of_child(try_everything, &no_landlock_strict, NULL);
    g_autofree char *four = tb_test_output_of_child(try_everything, &no_seccomp, NULL);
    const char *hint = "error=\"Function not implemented\" hint=\"this kernel does not offer it; "
                       "going on without\"";
    g_autofree char *landlock = g_strconcat("test: info: sandbox landlock=no ", hint, NULL);
    g_autofree char *warning = g_strconcat("test: warning: sandbox landlock=no ", hint, NULL);

    expect(one, landlock);
    expect(one, "exec EPERM");
    expect(two, landlock);
    expect(three, warning);
    expect(three, "read-folder ok");
    if (!strstr(four, "test: info: sandbox seccomp=no error="))
        tb_test_row_failed("no word of seccomp in:\n%s", four);
    expect(four, "exec ok");
}

static void
test_words(void)
{
    static const TbSandboxLevel levels[] = {TB_SANDBOX_STANDARD, TB_SANDBOX_STRICT,
                                            TB_SANDBOX_NONE};
    static const char *const words[] = {"standard", "strict", "none"};
    static const char *const bad[] = {"", "Strict", "strict ", "off"};
    TbSandboxLevel level;

    for (gsize i = 0; i < G_N_ELEMENTS(levels); i++) {
        g_assert_cmpstr(tb_sandbox_level_word(levels[i]), ==, words[i]);
        g_assert_true(tb_sandbox_level_parse(words[i], &level));
        g_assert_cmpint(level, ==, levels[i]);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(tb_sandbox_level_parse(bad[i], &level));
}

int
main(int argc, char **argv)
{
    g_autofree char *module = NULL;
    g_autofree char *file = NULL;
    g_autofree char *readable = NULL;
    int status;

    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("tb-sandbox-XXXXXX", NULL);
    module = g_build_filename(folder, "module", NULL);
    file = g_build_filename(module, "module.so", NULL);
    readable = g_build_filename(folder, "readable", NULL);
    g_assert_no_errno(g_mkdir(module, 0700));
    g_assert_true(g_file_set_contents(file, "x", 1, NULL));
    g_assert_true(g_file_set_contents(readable, "x", 1, NULL));

    g_test_add_func("/common/sandbox/words", test_words);
    g_test_add_func("/common/sandbox/outside", test_outside);
    g_test_add_func("/common/sandbox/none", test_none);
    g_test_add_func("/common/sandbox/standard-calls", test_standard_calls);
    g_test_add_func("/common/sandbox/standard-files", test_standard_files);
    g_test_add_func("/common/sandbox/listening", test_listening);
    g_test_add_func("/common/sandbox/strict", test_strict);
    g_test_add_func("/common/sandbox/state", test_state);
    g_test_add_func("/common/sandbox/lacking", test_lacking);
    status = g_test_run();

    (void)unlink(readable);
    (void)unlink(file);
    (void)rmdir(module);
    (void)rmdir(folder);
    g_free(folder);
    return status;
}
