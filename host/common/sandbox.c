/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's sandbox: see sandbox.h. Two walls, each by itself of use. The list of refused calls
 * is a list of what to refuse, not of what to allow: makers' modules use whatever they like, and
 * one that does not work helps nobody. Landlock is spoken in raw system calls: the headers of our
 * oldest system know its second version only.
 */
#include "host/common/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/common/log.h"

/* landlock(7), from versions after the second. */
#define ACCESS_TRUNCATE (1ULL << 14) /* version 3 */
#define NET_BIND_TCP (1ULL << 0)     /* version 4 */
#define SCOPE_ABSTRACT (1ULL << 0)   /* version 6 */
#define SCOPE_SIGNAL (1ULL << 1)

/* struct landlock_ruleset_attr of version 6; older kernels take its beginning. */
typedef struct Ruleset {
    guint64 files;
    guint64 net;
    guint64 scoped;
} Ruleset;

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_VERSION_1                                                                            \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
/* What a rule for something other than a directory may name. */
#define FILE_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)

/* What every user of the system has from its packages and its administrator. */
static const char *const system_directories[] = {
    "bin", "boot", "etc", "lib", "lib32", "lib64", "libx32", "sbin", "usr",
};

/* Where modules built on the machine itself keep their tokens (SoftHSM, opencryptoki). */
static const char *const writable_in_system[] = {"/usr/local/var"};

/* Strict: programs and settings; what the kernel shows. */
static const char *const strict_read[] = {
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/proc", "/sys",
};

/* Strict: readers, sockets of services such as pcscd, and their shared memory. */
static const char *const strict_write[] = {"/dev", "/run", "/var/run"};

/* Goes without what this kernel, or a sandbox around us, does not give. */
static void
report_lack(TbSandboxLevel level, const char *what, int code)
{
    tb_log(level == TB_SANDBOX_STRICT ? TB_LOG_WARNING : TB_LOG_INFO, "sandbox",
           "%s=no error=\"%s\" hint=\"this kernel does not offer it; going on without\"", what,
           g_strerror(code));
}

/* A directory or file that is not there needs no rule. */
static void
allow_at(int ruleset, int directory, const char *path, guint64 rights)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights};
    int fd = openat(directory, path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return;
    rule.parent_fd = fd;
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0 &&
        errno == EINVAL) {
        rule.allowed_access &= FILE_RIGHTS;
        (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    (void)close(fd);
}

static gboolean
is_system_directory(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(system_directories); i++) {
        if (strcmp(system_directories[i], name) == 0)
            return TRUE;
    }
    return FALSE;
}

/* Rules can only allow: so every directory in the root is, but the system's. A link leads to one
 * that is looked at by itself. */
static void
allow_standard(int ruleset, guint64 write_rights)
{
    DIR *root = opendir("/");
    const struct dirent *entry;

    while (root && (entry = readdir(root)) != NULL) {
        if (entry->d_type != DT_LNK && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0 && !is_system_directory(entry->d_name))
            allow_at(ruleset, dirfd(root), entry->d_name, write_rights);
    }
    if (root)
        (void)closedir(root);
    for (guint i = 0; i < G_N_ELEMENTS(writable_in_system); i++)
        allow_at(ruleset, AT_FDCWD, writable_in_system[i], write_rights);
}

static void
allow_strict(int ruleset, guint64 write_rights, const char *module_path)
{
    g_autofree char *module_directory = g_path_get_dirname(module_path);
    g_autofree char *real = realpath(module_path, NULL);
    g_autofree char *real_directory = real ? g_path_get_dirname(real) : NULL;

    for (guint i = 0; i < G_N_ELEMENTS(strict_read); i++)
        allow_at(ruleset, AT_FDCWD, strict_read[i], READ);
    for (guint i = 0; i < G_N_ELEMENTS(strict_write); i++)
        allow_at(ruleset, AT_FDCWD, strict_write[i], READ | write_rights);
    allow_at(ruleset, AT_FDCWD, module_directory, READ);
    if (real_directory)
        allow_at(ruleset, AT_FDCWD, real_directory, READ);
}

static Ruleset
plan(TbSandboxLevel level, int version)
{
    Ruleset wanted = {.files = WRITE_VERSION_1};

    if (version >= 2)
        wanted.files |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        wanted.files |= ACCESS_TRUNCATE;
    if (version >= 4)
        wanted.net = NET_BIND_TCP; /* no worker listens */
    if (level == TB_SANDBOX_STRICT) {
        wanted.files |= READ;
        if (version >= 6)
            wanted.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
    }
    return wanted;
}

static gsize
ruleset_size(int version)
{
    return version >= 6 ? sizeof(Ruleset) : version >= 4 ? offsetof(Ruleset, scoped) : 8;
}

static void
restrict_files(TbSandboxLevel level, const char *module_path, const char *const *state)
{
    int version =
        (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    Ruleset wanted = plan(level, version);
    guint64 write_rights = wanted.files & ~(guint64)READ;
    int ruleset;

    if (version < 1) {
        report_lack(level, "landlock", errno);
        return;
    }
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &wanted, ruleset_size(version), 0);
    if (ruleset < 0) {
        report_lack(level, "landlock", errno);
        return;
    }
    if (level == TB_SANDBOX_STRICT)
        allow_strict(ruleset, write_rights, module_path);
    else
        allow_standard(ruleset, write_rights);
    for (; state && *state; state++)
        allow_at(ruleset, AT_FDCWD, *state, wanted.files);
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        report_lack(level, "landlock", errno);
    (void)close(ruleset);
}

/* Starting programs, looking into others, keys of the session, what only an administrator does,
 * and ways around a filter. A call that this machine does not have is passed over. */
static const int refused_calls[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(bpf),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(syslog),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
};

static int
add_refusals(scmp_filter_ctx filter)
{
    /* clone3's flags lie in memory, where a filter cannot look; without it libraries take clone. */
    int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

    for (guint i = 0; i < G_N_ELEMENTS(refused_calls) && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused_calls[i], 0);
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
    /* Typing into the terminal that the browser was started from. */
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                                  SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, TIOCSTI));
    return result;
}

static void
restrict_calls(TbSandboxLevel level)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int result = filter ? add_refusals(filter) : -ENOMEM;

    /* Calls in another machine's manner (32-bit) would pass by the rules. */
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    if (result == 0)
        result = seccomp_load(filter);
    if (result != 0)
        report_lack(level, "seccomp", -result);
    if (filter)
        seccomp_release(filter);
}

void
tb_sandbox_enter(TbSandboxLevel level, const char *module_path, const char *const *state)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (level == TB_SANDBOX_NONE)
        return;
    restrict_files(level, module_path, state);
    restrict_calls(level);
}
