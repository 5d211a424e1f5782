/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: namespaces. See namespace.h.
 */
#include "tests/support/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPACES (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWPID)
#define KILLED 128 /* added to a signal's number, as shells do */

static gboolean
write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    gboolean good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        (void)close(fd);
    return good;
}

/* Who is not root may still be root of a namespace of his own, where the system allows that. */
static gboolean
unshare_all(void)
{
    g_autofree char *uids = g_strdup_printf("0 %u 1", getuid());
    g_autofree char *gids = g_strdup_printf("0 %u 1", getgid());

    if (geteuid() == 0)
        return unshare(SPACES) == 0;
    return unshare(CLONE_NEWUSER | SPACES) == 0 && write_file("/proc/self/setgroups", "deny") &&
           write_file("/proc/self/uid_map", uids) && write_file("/proc/self/gid_map", gids);
}

static gboolean
raise_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    gboolean good = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;

    if (fd >= 0)
        (void)close(fd);
    return good;
}

static gboolean
mount_empty(const char *path, const char *mode)
{
    return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, mode) == 0;
}

static const char *
furnish(void)
{
    static const char *const variables[] = {"TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR",
                                            "XDG_CONFIG_HOME"};

    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        !mount_empty("/run", "mode=0755") || !mount_empty("/dev/shm", "mode=1777") ||
        !mount_empty("/var/tmp", "mode=1777") || g_mkdir(TB_TEST_NAMESPACE_FOLDER, 0700) != 0 ||
        !raise_loopback())
        return "this system does not let us have a /run and a network of our own";
    /* The old one shows processes by numbers that mean nothing here; some systems keep it. */
    (void)mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(variables); i++)
        g_setenv(variables[i], TB_TEST_NAMESPACE_FOLDER, TRUE);
    (void)signal(SIGPIPE, SIG_IGN);
    return NULL;
}

static int
exit_status(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED + WTERMSIG(status);
}

/* The first process of a PID namespace: with it all others end. It inherits the daemons. */
static G_GNUC_NORETURN void
wait_as_init(pid_t program)
{
    int status = 0;
    pid_t ended;

    do
        ended = waitpid(-1, &status, 0);
    while (ended != program && (ended >= 0 || errno == EINTR));
    _exit(exit_status(status));
}

static G_GNUC_NORETURN void
wait_outside(pid_t init)
{
    int status = 0;

    while (waitpid(init, &status, 0) < 0 && errno == EINTR)
        continue;
    _exit(exit_status(status));
}

const char *
tb_test_namespace_enter(void)
{
    pid_t pid;

    if (!unshare_all())
        return "this system does not let us make namespaces of our own (be root, or allow user "
               "namespaces)";
    pid = fork();
    if (pid < 0)
        return "this system does not let us make processes in namespaces of our own";
    if (pid > 0)
        wait_outside(pid);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    pid = fork();
    if (pid < 0)
        _exit(1);
    if (pid > 0)
        wait_as_init(pid);
    return furnish();
}
