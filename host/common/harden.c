/* SPDX-License-Identifier: Apache-2.0
 *
 * First steps of each process: see harden.h. Runs before any input is read, in a single thread.
 */
#include "host/common/harden.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* close_range(2) is older than glibc's wrapper on some supported systems, and may be missing from
 * the kernel; the rest are then closed one by one. */
static void
close_from(unsigned int first, unsigned int last)
{
    struct rlimit limit;

    if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
        return;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 65536)
        limit.rlim_cur = 65536;
    for (unsigned int fd = first; fd <= last && fd < limit.rlim_cur; fd++)
        (void)close((int)fd);
}

void
tb_harden_close_from(int first)
{
    close_from((unsigned int)first, ~0U);
}

void
tb_harden_process(int keep_fd)
{
    const struct rlimit no_core = {0, 0};

    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)umask(077);
    /* Without memory GLib ends the process. So shall jansson, which would go on with an object that
     * lacks a member, and seldom anybody looks. */
    json_set_alloc_funcs(g_malloc, g_free);
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            abort(); /* a file opened later would be taken for a standard stream */
    }
    if (keep_fd > 2) {
        close_from(3, (unsigned int)keep_fd - 1);
        close_from((unsigned int)keep_fd + 1, ~0U);
    } else {
        close_from(3, ~0U);
    }
}

void
tb_harden_die_with_parent(void)
{
    pid_t parent = getppid();

    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
}
