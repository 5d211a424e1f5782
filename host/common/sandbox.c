/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's sandbox: see sandbox.h. Two walls, each by itself of use. The list of refused calls
 * is a list of what to refuse, not of what to allow: makers' modules use whatever they like, and
 * one that does not work helps nobody.
 */
#include "host/common/sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "host/common/log.h"
#include "host/common/sandbox-calls.h"
#include "host/common/sandbox-files.h"

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
allow_standard(const TbFiles *files)
{
    DIR *root = opendir("/");
    const struct dirent *entry;

    while (root && (entry = readdir(root)) != NULL) {
        if (entry->d_type != DT_LNK && strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0 && !is_system_directory(entry->d_name))
            tb_files_allow(files, dirfd(root), entry->d_name, TB_FILES_WRITE);
    }
    if (root)
        (void)closedir(root);
    for (guint i = 0; i < G_N_ELEMENTS(writable_in_system); i++)
        tb_files_allow(files, AT_FDCWD, writable_in_system[i], TB_FILES_WRITE);
}

static void
allow_strict(const TbFiles *files, const char *module_path)
{
    g_autofree char *module_directory = g_path_get_dirname(module_path);
    g_autofree char *real = realpath(module_path, NULL);
    g_autofree char *real_directory = real ? g_path_get_dirname(real) : NULL;

    for (guint i = 0; i < G_N_ELEMENTS(strict_read); i++)
        tb_files_allow(files, AT_FDCWD, strict_read[i], TB_FILES_READ);
    for (guint i = 0; i < G_N_ELEMENTS(strict_write); i++)
        tb_files_allow(files, AT_FDCWD, strict_write[i], TB_FILES_READ | TB_FILES_WRITE);
    tb_files_allow(files, AT_FDCWD, module_directory, TB_FILES_READ);
    if (real_directory)
        tb_files_allow(files, AT_FDCWD, real_directory, TB_FILES_READ);
}

static void
restrict_files(TbSandboxLevel level, const char *module_path, const char *const *state)
{
    gboolean strict = level == TB_SANDBOX_STRICT;
    const TbFilesPlan plan = {
        .files = TB_FILES_WRITE | (strict ? TB_FILES_READ : 0),
        .net = TB_FILES_NET_BIND_TCP, /* no worker listens */
        .scoped = strict ? TB_FILES_SCOPE_ABSTRACT | TB_FILES_SCOPE_SIGNAL : 0,
    };
    TbFiles files;
    int lack = tb_files_plan(&plan, &files);

    if (lack) {
        report_lack(level, "landlock", lack);
        return;
    }
    if (strict)
        allow_strict(&files, module_path);
    else
        allow_standard(&files);
    for (; state && *state; state++)
        tb_files_allow(&files, AT_FDCWD, *state, TB_FILES_WRITE | TB_FILES_READ);
    lack = tb_files_enter(&files);
    if (lack)
        report_lack(level, "landlock", lack);
}

static void
restrict_calls(TbSandboxLevel level)
{
    TbCalls *calls = tb_calls_new(TB_CALL_ALLOW);
    int lack;

    tb_calls_refuse_programs(calls);
    tb_calls_refuse_usual(calls);
    lack = tb_calls_enter(calls);
    if (lack)
        report_lack(level, "seccomp", lack);
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
