/* SPDX-License-Identifier: Apache-2.0
 *
 * Child processes: see child.h. A worker runs a maker's code and a prompt is driven by a person, so
 * a child may hang, crash or babble; each costs its own request only. Children are watched by
 * pidfd: no SIGCHLD handler and no helper thread.
 *
 * The environment is the browser's, less what would make the loader, OpenSSL, GTK or PKCS#11 shims
 * load code that the configuration does not name.
 */
#include "host/child.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/channel.h"
#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/common/paths.h"

struct TbChild {
    char *program;
    pid_t pid;
    int pidfd;
    gboolean own_group;
    TbChannel *channel;
    guint channel_source;
    guint pidfd_source;
    const TbChildEvents *events;
    gpointer data;
    gboolean *freed; /* set by tb_child_free while a callback runs */
};

static const char *const dropped_prefixes[] = {
    "LD_",
    "GTK_MODULES=",
    "GTK_PATH=",
    "GTK_EXE_PREFIX=",
    "GTK_DEBUG=",
    "GDK_DEBUG=",
    "GIO_EXTRA_MODULES=",
    "GIO_MODULE_DIR=",
    "GDK_PIXBUF_MODULE",
    "PKCS11_",
    "PKCS11SPY",
    "P11_KIT_",
    "OPENSSL_CONF=",
    "OPENSSL_MODULES=",
    "OPENSSL_ENGINES=",
    "SSLKEYLOGFILE=",
    "GCONV_PATH=",
    "QT_PLUGIN_PATH=",
    "QT_QPA_PLATFORM_PLUGIN_PATH=",
    "GTK_IM_MODULE_FILE=",
};

static char **
clean_environment(void)
{
    g_auto(GStrv) all = g_get_environ();
    GPtrArray *kept = g_ptr_array_new();

    for (char **entry = all; *entry; entry++) {
        gboolean drop = FALSE;

        for (guint i = 0; i < G_N_ELEMENTS(dropped_prefixes); i++)
            drop = drop || g_str_has_prefix(*entry, dropped_prefixes[i]);
        if (!drop)
            g_ptr_array_add(kept, g_strdup(*entry));
    }
    g_ptr_array_add(kept, NULL);
    return (char **)g_ptr_array_free(kept, FALSE);
}

/* Descriptors 0: /dev/null, 1: where standard error goes, 2: ours, 3: the channel. All others are
 * close-on-exec, and the child closes what it does not know. */
static int
spawn(const char *path, char *const *argv, int channel_fd, gboolean own_group, pid_t *out_pid)
{
    g_auto(GStrv) environment = clean_environment();
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    sigset_t signals;
    int result;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, channel_fd, TB_CHANNEL_FD);

    posix_spawnattr_init(&attributes);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    if (own_group) {
        flags |= POSIX_SPAWN_SETPGROUP;
        posix_spawnattr_setpgroup(&attributes, 0);
    }
    posix_spawnattr_setflags(&attributes, flags);

    result = posix_spawn(out_pid, path, &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

static void
kill_process(const TbChild *child)
{
    (void)kill(child->own_group ? -child->pid : child->pid, SIGKILL);
}

static char *
describe_end(const TbChild *child, gboolean *out_crashed)
{
    siginfo_t info = {0};

    *out_crashed = FALSE;
    if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG) < 0)
        return g_strdup("ended");
    if (info.si_code == CLD_EXITED)
        return g_strdup_printf("ended (exit status %d)", info.si_status);
    *out_crashed = info.si_status != SIGKILL && info.si_status != SIGTERM;
    return g_strdup_printf("%s (signal %d)", *out_crashed ? "crashed" : "was ended",
                           info.si_status);
}

static gboolean
on_exit_of_process(gint fd, GIOCondition condition, gpointer data)
{
    TbChild *child = data;
    gboolean crashed;
    g_autofree char *how = NULL;

    /* What it started goes with it. It is still a zombie, so its group's number is still its own.
     */
    if (child->own_group)
        kill_process(child);
    how = describe_end(child, &crashed);
    child->pidfd_source = 0;
    tb_log(crashed ? TB_LOG_WARNING : TB_LOG_DEBUG, "child-gone", "program=%s pid=%d how=\"%s\"",
           child->program, (int)child->pid, how);
    child->events->gone(how, crashed, child->data);
    return G_SOURCE_REMOVE;
}

static gboolean
on_channel(gint fd, GIOCondition condition, gpointer data)
{
    TbChild *child = data;

    for (;;) {
        g_autoptr(GError) error = NULL;
        json_t *message = NULL;
        gboolean freed = FALSE;
        int received = -1;
        TbChannelResult result =
            tb_channel_receive(child->channel, FALSE, &message, &received, &error);

        if (result == TB_CHANNEL_NOTHING)
            return G_SOURCE_CONTINUE;
        if (result != TB_CHANNEL_MESSAGE) {
            if (error)
                tb_log(TB_LOG_WARNING, "child-broken", "program=%s error=\"%s\"", child->program,
                       error->message);
            /* Whatever is left of it is of no use, even when it only closed the channel and lives
             * on; on_exit_of_process() tells the owner how it ended. */
            kill_process(child);
            child->channel_source = 0;
            return G_SOURCE_REMOVE;
        }
        if (received >= 0)
            close(received); /* no child has a descriptor to give */
        child->freed = &freed;
        child->events->message(message, child->data);
        json_decref(message);
        if (freed)
            return G_SOURCE_REMOVE;
        child->freed = NULL;
    }
}

TbChild *
tb_child_start(const char *program, const char *const *arguments, gboolean own_group,
               const TbChildEvents *events, gpointer data, GError **error)
{
    g_autofree char *path = tb_paths_program(program);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    TbChild *child;
    pid_t pid = 0;
    int ends[2];
    int result;

    if (!path) {
        tb_fault(error, TB_REASON_INTERNAL,
                 "%s is not installed beside this program. Install Tokenbridge again.", program);
        return NULL;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        tb_fault(error, TB_REASON_INTERNAL, "No channel could be made: %s.", g_strerror(errno));
        return NULL;
    }
    g_ptr_array_add(argv, path);
    for (gsize i = 0; arguments && arguments[i]; i++)
        g_ptr_array_add(argv, (gpointer)(guintptr)arguments[i]);
    g_ptr_array_add(argv, NULL);

    result = spawn(path, (char *const *)argv->pdata, ends[1], own_group, &pid);
    close(ends[1]);
    if (result != 0) {
        close(ends[0]);
        tb_fault(error, TB_REASON_INTERNAL, "%s could not be started: %s.", program,
                 g_strerror(result));
        return NULL;
    }
    child = g_new0(TbChild, 1);
    child->program = g_strdup(program);
    child->pid = pid;
    child->pidfd = pidfd_open(pid, 0);
    child->own_group = own_group;
    child->events = events;
    child->data = data;
    child->channel = tb_channel_new(ends[0]);
    child->channel_source = g_unix_fd_add(ends[0], G_IO_IN | G_IO_HUP, on_channel, child);
    child->pidfd_source = g_unix_fd_add_full(G_PRIORITY_DEFAULT_IDLE, child->pidfd, G_IO_IN,
                                             on_exit_of_process, child, NULL);
    return child;
}

gboolean
tb_child_send(TbChild *child, json_t *message, int fd, GError **error)
{
    return tb_channel_send(child->channel, message, fd, error);
}

void
tb_child_set_events(TbChild *child, const TbChildEvents *events, gpointer data)
{
    child->events = events;
    child->data = data;
}

/* Takes a zombie away once it is one; owns the pidfd. */
static gboolean
on_reapable(gint fd, GIOCondition condition, gpointer data)
{
    siginfo_t info = {0};

    (void)waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);
    close(fd);
    return G_SOURCE_REMOVE;
}

static gboolean
on_grace_over(gpointer data)
{
    int pidfd = GPOINTER_TO_INT(data);

    /* The reaper has its own duplicate; here the process is only ended if it is still there. */
    (void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
    close(pidfd);
    return G_SOURCE_REMOVE;
}

static void
release(TbChild *child)
{
    if (child->freed)
        *child->freed = TRUE;
    if (child->channel_source)
        g_source_remove(child->channel_source);
    if (child->pidfd_source) {
        g_source_remove(child->pidfd_source);
        g_unix_fd_add(child->pidfd, G_IO_IN, on_reapable, NULL);
    } else {
        close(child->pidfd); /* it was reaped in describe_end() */
    }
    tb_channel_free(child->channel);
    g_free(child->program);
    g_free(child);
}

void
tb_child_free(TbChild *child)
{
    if (!child)
        return;
    if (child->pidfd_source)
        kill_process(child);
    release(child);
}

void
tb_child_retire(TbChild *child, guint grace_ms)
{
    if (child->pidfd_source) {
        int pidfd = fcntl(child->pidfd, F_DUPFD_CLOEXEC, 3);

        g_timeout_add(grace_ms, on_grace_over, GINT_TO_POINTER(pidfd));
    }
    release(child);
}
