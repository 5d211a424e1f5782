/* SPDX-License-Identifier: Apache-2.0
 *
 * The dialog lock: see dialog-lock.h.
 */
#include "host/dialog-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/fault.h"

struct TbDialogLock {
    int fd;
};

/* $XDG_RUNTIME_DIR belongs to the user alone; where there is none the name in /tmp carries the
 * user's number, and a directory that somebody else made there is not used. */
static char *
lock_directory(GError **error)
{
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");
    g_autofree char *path = NULL;
    struct stat info;

    if (runtime && g_path_is_absolute(runtime))
        path = g_build_filename(runtime, "tokenbridge", NULL);
    else
        path = g_strdup_printf("/tmp/tokenbridge-%u", (unsigned int)getuid());
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        tb_fault(error, TB_REASON_INTERNAL, "The directory %s cannot be made: %s.", path,
                 g_strerror(errno));
        return NULL;
    }
    if (lstat(path, &info) < 0 || !S_ISDIR(info.st_mode) || info.st_uid != getuid() ||
        (info.st_mode & 077) != 0) {
        tb_fault(error, TB_REASON_INTERNAL,
                 "%s is not a directory of this user alone. Remove it and try again.", path);
        return NULL;
    }
    return g_steal_pointer(&path);
}

int
tb_dialog_lock_open(GError **error)
{
    g_autofree char *directory = lock_directory(error);
    g_autofree char *path = NULL;
    int fd;

    if (!directory)
        return -1;
    path = g_build_filename(directory, "dialog.lock", NULL);
    /* Never written to, and so not opened for it. */
    fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        tb_fault(error, TB_REASON_INTERNAL, "%s cannot be opened: %s.", path, g_strerror(errno));
    return fd;
}

static int (*open_file)(GError **error) = tb_dialog_lock_open;

void
tb_dialog_lock_set_opener(int (*opener)(GError **error))
{
    open_file = opener;
}

TbDialogLock *
tb_dialog_lock_take(GError **error)
{
    TbDialogLock *lock;
    int fd = open_file(error);

    if (fd < 0)
        return NULL;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        tb_fault(error, TB_REASON_BUSY,
                 "Another Tokenbridge dialog is open. Finish or cancel it first.");
        return NULL;
    }
    lock = g_new0(TbDialogLock, 1);
    lock->fd = fd;
    return lock;
}

void
tb_dialog_lock_free(TbDialogLock *lock)
{
    if (!lock)
        return;
    /* Not by closing alone: a child that is just being started holds a copy of the descriptor until
     * its exec is done, a moment after posix_spawn() has returned here. */
    (void)flock(lock->fd, LOCK_UN);
    close(lock->fd);
    g_free(lock);
}
