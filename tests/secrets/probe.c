/* SPDX-License-Identifier: Apache-2.0
 *
 * What secrets.test.mjs cannot do in JavaScript. Test code only; its arguments are the tests' own.
 * One thread.
 *
 *   probe scan PID       reads PINs, one a line, from standard input and looks for any 12 digits of
 *                        one in a row in all readable memory of the process, as bytes, UTF-16 and
 *                        UTF-32 (little endian). Prints a line for each hit: "PIN ENCODING ADDRESS
 *                        MAPPING", PIN counted from 0, then "BYTES" and how many were looked at.
 *                        Exit status 3 when it may not read.
 *   probe touch PID      tries what a debugger or a curious process would, one line each: "NAME ok"
 *                        or "NAME ERRNO-NAME"
 *   probe call PID NEW OLD
 *                        makes the process itself try what its sandbox should refuse, by ptrace, in
 *                        its main thread while that waits; NEW is a file that is not there, OLD one
 *                        that is. One line each, as for touch. Exit status 4 on a machine that it
 *                        does not know.
 *   probe lack CALL PROGRAM [ARGUMENT]...
 *                        becomes the program, for which a system call, landlock or seccomp, is as
 * on a kernel that does not have it probe hold           reads a PIN from standard input, keeps it
 * as bytes, UTF-16 and UTF-32, says "ready" and waits for a signal probe core           ends with
 * SIGABRT, with whatever core file the limits it was given allow
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIGITS_MAX 255
#define PINS_MAX 4
#define WINDOW ((size_t)12) /* digits in a row that are called a leak */
#define BLOCK ((size_t)1 << 20)

enum {
    EXIT_USAGE = 2,
    EXIT_REFUSED = 3,
    EXIT_UNKNOWN = 4,
};

static char pins[PINS_MAX][DIGITS_MAX + 2];
static size_t pin_count;

/* Of `hold`, one for each encoding; volatile, or nothing would be written. */
static volatile unsigned char copies[3][(DIGITS_MAX + 1) * 4];

static const char *const encodings[] = {[1] = "bytes", [2] = "utf-16", [4] = "utf-32"};

static void
read_pins(void)
{
    while (pin_count < PINS_MAX && fgets(pins[pin_count], sizeof pins[0], stdin)) {
        pins[pin_count][strspn(pins[pin_count], "0123456789")] = '\0';
        if (strlen(pins[pin_count++]) < WINDOW)
            exit(EXIT_USAGE);
    }
    if (pin_count == 0)
        exit(EXIT_USAGE);
}

/* The number of the PIN of which WINDOW digits stand at place, each in a unit of so many bytes; -1:
 * none. */
static int
find_window(const unsigned char *place, size_t unit)
{
    char found[WINDOW + 1] = "";

    for (size_t i = 0; i < WINDOW; i++) {
        const unsigned char *c = place + i * unit;

        for (size_t j = 1; j < unit; j++) {
            if (c[j] != 0)
                return -1;
        }
        if (*c < '0' || *c > '9')
            return -1;
        found[i] = (char)*c;
    }
    for (size_t pin = 0; pin < pin_count; pin++) {
        if (strstr(pins[pin], found))
            return (int)pin;
    }
    return -1;
}

static void
look_at(const unsigned char *bytes, size_t length, uint64_t address, const char *mapping)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            continue;
        for (size_t unit = 1; unit <= 4; unit *= 2) {
            int pin = length - i >= WINDOW * unit ? find_window(bytes + i, unit) : -1;

            if (pin >= 0)
                printf("%d %s %" PRIx64 " %s\n", pin, encodings[unit], address + i, mapping);
        }
    }
}

static uint64_t
scan_mapping(int memory, uint64_t start, uint64_t end, const char *name)
{
    static unsigned char block[BLOCK + WINDOW * 4];
    uint64_t seen = 0;

    for (uint64_t at = start; at < end; at += BLOCK) {
        /* Blocks overlap, so that nothing hides on the border of two. */
        size_t wanted = end - at < sizeof block ? (size_t)(end - at) : sizeof block;
        ssize_t got = pread(memory, block, wanted, (off_t)at);

        if (got <= 0)
            continue; /* no page behind it: past the end of a file */
        seen += (uint64_t)got;
        look_at(block, (size_t)got, at, name);
    }
    return seen;
}

static int
scan(const char *pid)
{
    char path[64];
    char line[4500];
    uint64_t seen = 0;
    FILE *maps;
    int memory;

    read_pins();
    snprintf(path, sizeof path, "/proc/%s/maps", pid);
    maps = fopen(path, "re");
    snprintf(path, sizeof path, "/proc/%s/mem", pid);
    memory = open(path, O_RDONLY | O_CLOEXEC);
    if (!maps || memory < 0) {
        fprintf(stderr, "probe: %s: %s\n", path, strerror(errno));
        return EXIT_REFUSED;
    }
    while (fgets(line, sizeof line, maps)) {
        char *at = line;
        uint64_t start = strtoull(at, &at, 16);
        uint64_t end = *at == '-' ? strtoull(at + 1, &at, 16) : 0;
        const char *name;

        line[strcspn(line, "\n")] = '\0';
        if (end <= start)
            return EXIT_USAGE;
        name = strpbrk(at, "/[");
        if (!name || strncmp(name, "[v", 2) != 0) /* the kernel's: vvar, vdso, vsyscall */
            seen += scan_mapping(memory, start, end, name ? name : "anonymous");
    }
    printf("BYTES %" PRIu64 "\n", seen);
    return 0;
}

static void
tell(const char *what, bool worked)
{
    int code = errno;

    printf("%s %s\n", what, worked ? "ok" : strerrorname_np(code));
}

static void
touch_file(const char *pid, const char *what, const char *file, int flags)
{
    char path[64];
    char byte;
    int fd;

    snprintf(path, sizeof path, "/proc/%s/%s", pid, file);
    fd = open(path, flags | O_CLOEXEC);
    /* Memory is refused, or not, at open; its first byte is never mapped. */
    tell(what, fd >= 0 && (strcmp(file, "environ") != 0 || read(fd, &byte, 1) >= 0));
    if (fd >= 0)
        close(fd);
}

static void
touch_by_ptrace(pid_t pid, const char *what, unsigned int request)
{
    bool worked = syscall(SYS_ptrace, request, pid, 0, 0) == 0;

    tell(what, worked);
    if (worked) {
        if (request == PTRACE_SEIZE)
            (void)syscall(SYS_ptrace, PTRACE_INTERRUPT, pid, 0, 0);
        (void)waitpid(pid, NULL, __WALL);
        (void)syscall(SYS_ptrace, PTRACE_DETACH, pid, 0, 0);
    }
}

static int
touch(const char *text)
{
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    char byte;
    struct iovec here = {.iov_base = &byte, .iov_len = 1};
    /* An address that is in no process: EFAULT says that looking was allowed. */
    struct iovec there = {.iov_base = (void *)16, .iov_len = 1};
    int pidfd = pidfd_open(pid, 0);
    int stolen;

    if (pid <= 0 || pidfd < 0)
        return EXIT_USAGE;
    touch_file(text, "mem", "mem", O_RDONLY);
    touch_file(text, "mem-write", "mem", O_RDWR);
    touch_file(text, "environ", "environ", O_RDONLY);
    touch_file(text, "maps", "maps", O_RDONLY);
    touch_file(text, "fd", "fd", O_RDONLY | O_DIRECTORY);
    touch_by_ptrace(pid, "attach", PTRACE_ATTACH);
    touch_by_ptrace(pid, "seize", PTRACE_SEIZE);
    tell("vm-read", process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT);
    tell("vm-write", process_vm_writev(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT);
    stolen = (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0);
    tell("steal-descriptor", stolen >= 0);
    return 0;
}

static int
hold(void)
{
    read_pins();
    for (size_t copy = 0; copy < 3; copy++) {
        for (size_t i = 0; pins[0][i]; i++)
            copies[copy][i << copy] = (unsigned char)pins[0][i];
    }
    puts("ready");
    fflush(stdout);
    return pause();
}

#ifdef __x86_64__

#define NOBODY 0x7ffffff0 /* no process has this number */
#define NO_ADDRESS 16     /* is in no process */

typedef struct Puppet {
    pid_t pid;
    struct user_regs_struct before;
    unsigned long long place; /* in its stack, below what it uses */
} Puppet;

/* Stops it in a system call that waits, so that the instruction before is one that makes a call. */
static bool
puppet_take(Puppet *puppet)
{
    for (int i = 0; i < 200; i++) {
        long code;

        if (ptrace(PTRACE_INTERRUPT, puppet->pid, NULL, NULL) != 0 ||
            waitpid(puppet->pid, NULL, __WALL) != puppet->pid ||
            ptrace(PTRACE_GETREGS, puppet->pid, NULL, &puppet->before) != 0)
            return false;
        code = ptrace(PTRACE_PEEKTEXT, puppet->pid, puppet->before.rip - 2, NULL);
        puppet->place = (puppet->before.rsp - 8192) & ~7ULL;
        if ((code & 0xffff) == 0x050f)
            return true;
        if (ptrace(PTRACE_CONT, puppet->pid, NULL, NULL) != 0)
            return false;
        usleep(5000);
    }
    return false;
}

static void
puppet_release(const Puppet *puppet)
{
    (void)ptrace(PTRACE_SETREGS, puppet->pid, NULL, &puppet->before);
    (void)ptrace(PTRACE_DETACH, puppet->pid, NULL, NULL);
}

static long
puppet_call(const Puppet *puppet, long number, long a, long b, long c, long d)
{
    struct user_regs_struct registers = puppet->before;

    registers.rip -= 2;
    registers.orig_rax = (unsigned long long)-1; /* nothing to restart */
    registers.rax = (unsigned long long)number;
    registers.rdi = (unsigned long long)a;
    registers.rsi = (unsigned long long)b;
    registers.rdx = (unsigned long long)c;
    registers.r10 = (unsigned long long)d;
    registers.r8 = 0;
    if (ptrace(PTRACE_SETREGS, puppet->pid, NULL, &registers) != 0 ||
        ptrace(PTRACE_SINGLESTEP, puppet->pid, NULL, NULL) != 0 ||
        waitpid(puppet->pid, NULL, __WALL) != puppet->pid ||
        ptrace(PTRACE_GETREGS, puppet->pid, NULL, &registers) != 0)
        exit(EXIT_REFUSED);
    return (long)registers.rax;
}

static void
puppet_text(const Puppet *puppet, const char *text)
{
    size_t length = strlen(text) + 1;

    for (size_t i = 0; i < length; i += sizeof(long)) {
        long word = 0;

        memcpy(&word, text + i, length - i < sizeof word ? length - i : sizeof word);
        if (ptrace(PTRACE_POKEDATA, puppet->pid, puppet->place + i, word) != 0)
            exit(EXIT_REFUSED);
    }
}

/* Tells what came of a call. allowed: the errno that says that it was not refused, only senseless;
 * a descriptor that was opened is closed. */
static void
puppet_try(const Puppet *puppet, const char *what, int allowed, bool opens, long number, long a,
           long b, long c)
{
    long result = puppet_call(puppet, number, a, b, c, 0600);

    if (opens && result >= 0)
        (void)puppet_call(puppet, SYS_close, result, 0, 0, 0);
    errno = (int)-result;
    tell(what, result >= 0 || errno == allowed);
}

static int
call(const char *text, const char *new_file, const char *old_file)
{
    Puppet puppet = {.pid = (pid_t)strtol(text, NULL, 10)};
    long place;

    if (ptrace(PTRACE_SEIZE, puppet.pid, NULL, NULL) != 0 || !puppet_take(&puppet))
        return EXIT_REFUSED;
    place = (long)puppet.place;
    puppet_try(&puppet, "inet", 0, true, SYS_socket, AF_INET, SOCK_STREAM, 0);
    puppet_try(&puppet, "unix", 0, true, SYS_socket, AF_UNIX, SOCK_STREAM, 0);
    puppet_try(&puppet, "connect", EBADF, false, SYS_connect, -1, NO_ADDRESS, 0);
    puppet_try(&puppet, "listen", EBADF, false, SYS_listen, -1, 1, 0);
    puppet_try(&puppet, "exec", EFAULT, false, SYS_execve, NO_ADDRESS, 0, 0);
    puppet_try(&puppet, "clone", EINVAL, false, SYS_clone, CLONE_THREAD, 0, 0);
    puppet_try(&puppet, "ptrace", ESRCH, false, SYS_ptrace, PTRACE_SEIZE, NOBODY, 0);
    puppet_try(&puppet, "look-into", ESRCH, false, SYS_process_vm_readv, NOBODY, 0, 0);
    puppet_try(&puppet, "keys", EOPNOTSUPP, false, SYS_keyctl, 9999, 0, 0);
    puppet_try(&puppet, "signal", ESRCH, false, SYS_kill, NOBODY, 0, 0);
    puppet_text(&puppet, new_file);
    puppet_try(&puppet, "make", 0, true, SYS_openat, AT_FDCWD, place, O_WRONLY | O_CREAT | O_EXCL);
    (void)unlink(new_file);
    puppet_try(&puppet, "directory", 0, false, SYS_mkdir, place, 0700, 0);
    (void)rmdir(new_file);
    puppet_text(&puppet, old_file);
    puppet_try(&puppet, "write", 0, true, SYS_openat, AT_FDCWD, place, O_WRONLY);
    puppet_try(&puppet, "read", 0, true, SYS_openat, AT_FDCWD, place, O_RDONLY);
    puppet_release(&puppet);
    return 0;
}

#else

static int
call(const char *text, const char *new_file, const char *old_file)
{
    (void)text, (void)new_file, (void)old_file;
    return EXIT_UNKNOWN;
}

#endif

static int
lack(const char *name, char **argv)
{
    unsigned int number = strcmp(name, "landlock") == 0 ? SYS_landlock_create_ruleset : SYS_seccomp;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return EXIT_REFUSED;
    (void)execv(argv[0], argv);
    return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "scan") == 0)
        return scan(argv[2]);
    if (argc == 3 && strcmp(argv[1], "touch") == 0)
        return touch(argv[2]);
    if (argc == 5 && strcmp(argv[1], "call") == 0)
        return call(argv[2], argv[3], argv[4]);
    if (argc > 3 && strcmp(argv[1], "lack") == 0)
        return lack(argv[2], argv + 3);
    if (argc == 2 && strcmp(argv[1], "hold") == 0)
        return hold();
    if (argc == 2 && strcmp(argv[1], "core") == 0)
        abort();
    fputs(
        "Usage: probe scan PID | touch PID | call PID NEW OLD | lack CALL PROGRAM | hold | core\n",
        stderr);
    return EXIT_USAGE;
}
