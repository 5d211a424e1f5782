/* SPDX-License-Identifier: Apache-2.0
 *
 * The sandboxes of our own processes: see sandbox-own.h. Two walls each, every one by itself of
 * use: system calls (seccomp) and files (Landlock).
 *
 * The host's filter is a list of what is allowed: all of its work is with descriptors that it has,
 * the rest is done for it by the launcher. A call that is not in the list fails with ENOSYS, as on
 * a kernel that does not have it, so that a C library newer than this list falls back to what it
 * did before; nothing is killed. A sanitizer's build has the same filter: its reports come through,
 * without the names of functions (addr2line has them). The others have lists of what is refused:
 * GTK, pinentry and PC/SC use what they like.
 */
#include "host/common/sandbox-own.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/log.h"
#include "host/common/sandbox-calls.h"
#include "host/common/sandbox-files.h"

/* Any of these is more than reading. (O_TMPFILE needs one of them.) */
#define OPEN_WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

#define REFUSES_FLAG(name, nth, flag)                                                              \
    {                                                                                              \
        .call = SCMP_SYS(name), .result = EACCES, .argument = (nth), .mask = (flag),               \
        .expected = (flag)                                                                         \
    }

/* nth: which argument holds the flags. */
#define REFUSES_WRITING(name, nth)                                                                 \
    REFUSES_FLAG(name, nth, O_WRONLY), REFUSES_FLAG(name, nth, O_RDWR),                            \
        REFUSES_FLAG(name, nth, O_CREAT), REFUSES_FLAG(name, nth, O_TRUNC)

#define ALWAYS(name)                                                                               \
    {                                                                                              \
        .call = SCMP_SYS(name)                                                                     \
    }

static const TbCallRule host_calls[] = {
    /* What it has open: pipes, sockets, the log, the lock. */
    ALWAYS(read),
    ALWAYS(write),
    ALWAYS(readv),
    ALWAYS(writev),
    ALWAYS(recvmsg),
    ALWAYS(sendmsg),
    ALWAYS(poll),
    ALWAYS(ppoll),
    ALWAYS(close),
    ALWAYS(close_range),
    ALWAYS(fcntl),
    ALWAYS(dup),
    ALWAYS(dup2),
    ALWAYS(dup3),
    ALWAYS(pipe),
    ALWAYS(pipe2), /* for PINs */
    ALWAYS(flock),
    ALWAYS(eventfd2),
    ALWAYS(signalfd4),
    ALWAYS(lseek),
    ALWAYS(pread64),
    ALWAYS(fstat),
    {.call = SCMP_SYS(ioctl), .argument = 1, .mask = ~0u, .expected = TCGETS}, /* isatty(3) */

    /* Reading files: OpenSSL's settings, seeds. Landlock says which. */
    {.call = SCMP_SYS(openat), .argument = 2, .mask = OPEN_WRITES, .expected = O_RDONLY},
    REFUSES_WRITING(openat, 2),
    {.call = SCMP_SYS(open), .argument = 1, .mask = OPEN_WRITES, .expected = O_RDONLY},
    REFUSES_WRITING(open, 1),
    ALWAYS(access),
    ALWAYS(faccessat),
    ALWAYS(faccessat2),
    ALWAYS(readlink),
    ALWAYS(readlinkat),
    ALWAYS(stat),
    ALWAYS(lstat),
    ALWAYS(newfstatat),
    ALWAYS(statx),
    ALWAYS(getdents64),

    /* Memory, but none that holds code. */
    {.call = SCMP_SYS(mmap), .argument = 2, .mask = PROT_EXEC, .expected = 0},
    {.call = SCMP_SYS(mprotect), .argument = 2, .mask = PROT_EXEC, .expected = 0},
    ALWAYS(munmap),
    ALWAYS(mremap),
    ALWAYS(madvise),
    ALWAYS(brk),

    /* Itself. */
    ALWAYS(futex),
    ALWAYS(rt_sigaction),
    ALWAYS(rt_sigprocmask),
    ALWAYS(rt_sigreturn),
    ALWAYS(sigaltstack),
    ALWAYS(restart_syscall),
    ALWAYS(sched_yield),
    ALWAYS(sched_getaffinity),
    ALWAYS(getpid),
    ALWAYS(getppid),
    ALWAYS(gettid),
    ALWAYS(getuid),
    ALWAYS(geteuid),
    ALWAYS(getgid),
    ALWAYS(getegid),
    ALWAYS(getrandom),
    ALWAYS(uname),
    ALWAYS(sysinfo),
    ALWAYS(getrusage),
    ALWAYS(clock_gettime),
    ALWAYS(clock_getres),
    ALWAYS(clock_nanosleep),
    ALWAYS(nanosleep),
    ALWAYS(gettimeofday),
    ALWAYS(time),
    ALWAYS(exit),
    ALWAYS(exit_group),
};

static void
report_lack(TbLogLevel level, const char *what, int lack)
{
    if (lack)
        tb_log(level, "sandbox",
               "%s=no error=\"%s\" hint=\"this kernel does not offer it; going on without\"", what,
               g_strerror(lack));
}

typedef struct Gap {
    const char *path; /* NULL: none */
    guint64 rights;
} Gap;

static void
restrict_files(TbLogLevel level, const TbFilesPlan *plan, const Gap *gaps, gsize count)
{
    TbFiles files;
    int lack = tb_files_plan(plan, &files);

    if (!lack) {
        for (gsize i = 0; i < count; i++) {
            if (gaps[i].path)
                tb_files_allow(&files, AT_FDCWD, gaps[i].path, gaps[i].rights);
        }
        lack = tb_files_enter(&files);
    }
    report_lack(level, "landlock", lack);
}

void
tb_sandbox_enter_host(void)
{
    static const TbFilesPlan plan = {
        .files = TB_FILES_WRITE | TB_FILES_READ | TB_FILES_EXECUTE,
        .net = TB_FILES_NET_BIND_TCP | TB_FILES_NET_CONNECT_TCP,
        .scoped = TB_FILES_SCOPE_ABSTRACT | TB_FILES_SCOPE_SIGNAL,
    };
    static const Gap gaps[] = {
        {"/usr", TB_FILES_READ}, {"/lib", TB_FILES_READ},         {"/lib64", TB_FILES_READ},
        {"/etc", TB_FILES_READ}, {"/dev/urandom", TB_FILES_READ}, {"/dev/random", TB_FILES_READ},
    };
    /* To itself only: abort(3). */
    const TbCallRule to_itself = {
        .call = SCMP_SYS(tgkill), .mask = ~0u, .expected = (guint32)getpid()};
    TbCalls *calls = tb_calls_new(ENOSYS);

    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    restrict_files(TB_LOG_WARNING, &plan, gaps, G_N_ELEMENTS(gaps));
    tb_calls_add(calls, host_calls, G_N_ELEMENTS(host_calls));
    tb_calls_add(calls, &to_itself, 1);
    report_lack(TB_LOG_WARNING, "seccomp", tb_calls_enter(calls));
}

void
tb_sandbox_enter_readers(void)
{
    static const TbFilesPlan plan = {
        .files = TB_FILES_WRITE | TB_FILES_EXECUTE,
        .net = TB_FILES_NET_BIND_TCP | TB_FILES_NET_CONNECT_TCP,
    };
    static const TbCallRule rules[] = {
        {.call = SCMP_SYS(socket), .result = EPERM, .expected = AF_UNIX, .differs = TRUE},
        REFUSES_WRITING(openat, 2),
        REFUSES_WRITING(open, 1),
    };
    TbCalls *calls = tb_calls_new(TB_CALL_ALLOW);

    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    restrict_files(TB_LOG_INFO, &plan, NULL, 0);
    tb_calls_add(calls, rules, G_N_ELEMENTS(rules));
    tb_calls_refuse_programs(calls);
    tb_calls_refuse_usual(calls);
    report_lack(TB_LOG_INFO, "seccomp", tb_calls_enter(calls));
}

void
tb_sandbox_enter_prompt(void)
{
    static const TbFilesPlan plan = {.files = TB_FILES_WRITE, .net = TB_FILES_NET_BIND_TCP};
    /* Displays, terminals and shared memory; dconf's flags; fonts' caches; what toolkits keep for a
     * moment. */
    const Gap gaps[] = {
        {"/dev", TB_FILES_WRITE},
        {g_get_user_runtime_dir(), TB_FILES_WRITE},
        {g_get_user_cache_dir(), TB_FILES_WRITE},
        {g_get_tmp_dir(), TB_FILES_WRITE},
        {"/tmp", TB_FILES_WRITE},
    };
    TbCalls *calls = tb_calls_new(TB_CALL_ALLOW);

    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    restrict_files(TB_LOG_INFO, &plan, gaps, G_N_ELEMENTS(gaps));
    tb_calls_refuse_usual(calls);
    report_lack(TB_LOG_INFO, "seccomp", tb_calls_enter(calls));
}

void
tb_sandbox_forbid_programs(void)
{
    TbCalls *calls = tb_calls_new(TB_CALL_ALLOW);

    tb_calls_refuse_programs(calls);
    report_lack(TB_LOG_INFO, "seccomp", tb_calls_enter(calls));
}
