/* SPDX-License-Identifier: Apache-2.0
 *
 * A pinentry as a child process; see the header.
 */
#include "host/prompt/pinentry/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/fault.h"

/* Runs in the child: async-signal-safe calls only. */
G_GNUC_NORETURN static void
become(const char *program, char *const *argv, int input, int output, pid_t parent)
{
    /* A session of its own: a pinentry on the terminal is then not stopped for being a background
     * job, and a wrapper script and its real pinentry are one group that can be killed. */
    setsid();
    /* Nothing else would end a dialog on the screen when this process is killed. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0) {
        close_range(STDERR_FILENO + 1, UINT_MAX, 0);
        execv(program, argv);
    }
    _exit(127);
}

gboolean
tb_program_spawn(const char *program, TbProgram *out_program, GError **error)
{
    if (access(program, X_OK) != 0) {
        return tb_fault(error, TB_REASON_INTERNAL, "%s cannot be run: %s.", program,
                        g_strerror(errno));
    }
    int to_child[2] = {-1, -1};
    int from_child[2] = {-1, -1};
    if (pipe2(to_child, O_CLOEXEC) != 0) {
        return tb_fault(error, TB_REASON_INTERNAL, "No pipe for %s: %s.", program,
                        g_strerror(errno));
    }
    if (pipe2(from_child, O_CLOEXEC) != 0) {
        int code = errno;
        close(to_child[0]);
        close(to_child[1]);
        return tb_fault(error, TB_REASON_INTERNAL, "No pipe for %s: %s.", program,
                        g_strerror(code));
    }
    g_autofree char *name = g_strdup(program);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[] = {name, NULL};
        become(program, argv, to_child[0], from_child[1], parent);
    }
    int code = errno;
    close(to_child[0]);
    close(from_child[1]);
    if (pid < 0) {
        close(to_child[1]);
        close(from_child[0]);
        return tb_fault(error, TB_REASON_INTERNAL, "%s cannot be started: %s.", program,
                        g_strerror(code));
    }
    *out_program = (TbProgram){.pid = pid, .read_fd = from_child[0], .write_fd = to_child[1]};
    return TRUE;
}

void
tb_program_kill(pid_t pid)
{
    /* Before the child's setsid() there is no such group; then it is killed alone. */
    if (kill(-pid, SIGKILL) != 0)
        kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}
