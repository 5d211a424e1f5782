/* SPDX-License-Identifier: Apache-2.0
 *
 * Landlock: see sandbox-files.h.
 */
#include "host/common/sandbox-files.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a rule for something other than a directory may name. */
#define FILE_RIGHTS                                                                                \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE |   \
     TB_FILES_TRUNCATE)

/* struct landlock_ruleset_attr of version 6, which older kernels take the beginning of. */
static gsize
plan_size(int version)
{
    return version >= 6   ? sizeof(TbFilesPlan)
           : version >= 4 ? offsetof(TbFilesPlan, scoped)
                          : offsetof(TbFilesPlan, net);
}

int
tb_files_plan(const TbFilesPlan *plan, TbFiles *out_files)
{
    TbFilesPlan known = *plan;
    int version =
        (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    if (version < 1)
        return errno;
    if (version < 3)
        known.files &= ~TB_FILES_TRUNCATE;
    if (version < 2)
        known.files &= ~(guint64)LANDLOCK_ACCESS_FS_REFER;
    out_files->handled = known.files;
    out_files->ruleset = (int)syscall(SYS_landlock_create_ruleset, &known, plan_size(version), 0);
    return out_files->ruleset < 0 ? errno : 0;
}

void
tb_files_allow(const TbFiles *files, int directory, const char *path, guint64 rights)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights & files->handled};
    int fd = openat(directory, path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return;
    rule.parent_fd = fd;
    if (syscall(SYS_landlock_add_rule, files->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0 &&
        errno == EINVAL) {
        rule.allowed_access &= FILE_RIGHTS;
        (void)syscall(SYS_landlock_add_rule, files->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    (void)close(fd);
}

int
tb_files_enter(TbFiles *files)
{
    int result = syscall(SYS_landlock_restrict_self, files->ruleset, 0) != 0 ? errno : 0;

    (void)close(files->ruleset);
    return result;
}
