/* SPDX-License-Identifier: Apache-2.0
 *
 * What this process may do to files, ports and other processes, as far as the kernel's Landlock
 * knows it. A wall is planned, gets its gaps, and is entered, for good. Spoken in raw system calls:
 * the headers of our oldest system know its second version only. In a single thread.
 */
#pragma once

#include <glib.h>
#include <linux/landlock.h>

/* landlock(7), from versions after the second. */
#define TB_FILES_TRUNCATE (1ULL << 14)    /* version 3 */
#define TB_FILES_NET_BIND_TCP (1ULL << 0) /* version 4 */
#define TB_FILES_NET_CONNECT_TCP (1ULL << 1)
#define TB_FILES_SCOPE_ABSTRACT (1ULL << 0) /* version 6 */
#define TB_FILES_SCOPE_SIGNAL (1ULL << 1)

#define TB_FILES_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define TB_FILES_EXECUTE LANDLOCK_ACCESS_FS_EXECUTE
/* Everything that changes a file or directory. */
#define TB_FILES_WRITE                                                                             \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER |      \
     TB_FILES_TRUNCATE)

/* What is refused unless a gap allows it. What the kernel's version does not know is left out. */
typedef struct TbFilesPlan {
    guint64 files;
    guint64 net;
    guint64 scoped;
} TbFilesPlan;

typedef struct TbFiles {
    int ruleset;
    guint64 handled; /* the rights among plan.files that the kernel knows */
} TbFiles;

/* 0, or an errno: the kernel has no Landlock. */
int tb_files_plan(const TbFilesPlan *plan, TbFiles *out_files);

/* Allows these rights (of those that are handled) below a path, which is looked up from directory
 * (AT_FDCWD). A path that is not there needs no gap. */
void tb_files_allow(const TbFiles *files, int directory, const char *path, guint64 rights);

/* Enters it and frees. 0, or an errno: nothing is restricted. Needs no-new-privileges. */
int tb_files_enter(TbFiles *files);
