/* SPDX-License-Identifier: Apache-2.0
 *
 * Child processes of this process: see process.h. Watched by pidfd: no SIGCHLD handler and no
 * helper thread.
 *
 * The environment is the browser's, less what would make the loader, OpenSSL, GTK or PKCS#11 shims
 * load code that the configuration does not name.
 */
#include "host/process.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/channel.h"
#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/common/paths.h"

typedef struct Process {
    guint number;
    pid_t pid;
    int pidfd;
    gboolean own_group;
    guint grace;          /* source */
    TbProcessEnded ended; /* NULL: left */
    gpointer data;
} Process;

static GHashTable *processes; /* number to Process */
static guint last_number;

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
spawn(char *const *argv, int channel_fd, gboolean own_group, pid_t *out_pid)
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

    result = posix_spawn(out_pid, argv[0], &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

static void
send_kill(const Process *process)
{
    (void)kill(process->own_group ? -process->pid : process->pid, SIGKILL);
}

static gboolean
on_exit_of_process(gint fd, GIOCondition condition, gpointer data)
{
    Process *process = data;
    siginfo_t info = {0};

    /* What it started goes with it. It is still a zombie, so its group's number is still its own.
     */
    if (process->own_group)
        send_kill(process);
    (void)waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG);
    tb_log(TB_LOG_DEBUG, "process-ended", "pid=%d", (int)process->pid);
    if (process->grace)
        g_source_remove(process->grace);
    close(process->pidfd);
    g_hash_table_remove(processes, GUINT_TO_POINTER(process->number));
    if (process->ended)
        process->ended(process->number, info.si_code, info.si_status, process->data);
    g_free(process);
    return G_SOURCE_REMOVE;
}

static void
watch(Process *process)
{
    if (!processes)
        processes = g_hash_table_new(NULL, NULL);
    do
        process->number = ++last_number;
    while (process->number == 0 ||
           g_hash_table_contains(processes, GUINT_TO_POINTER(process->number)));
    g_hash_table_insert(processes, GUINT_TO_POINTER(process->number), process);
    process->pidfd = pidfd_open(process->pid, 0);
    /* After what it said: its last words are read first. */
    g_unix_fd_add_full(G_PRIORITY_DEFAULT_IDLE, process->pidfd, G_IO_IN, on_exit_of_process,
                       process, NULL);
}

static guint
start(const TbCommand *command, TbProcessEnded ended, gpointer data, int *out_channel,
      GError **error)
{
    g_autofree char *path = tb_paths_program(command->program);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    Process *process;
    pid_t pid = 0;
    int ends[2];
    int result;

    if (!path) {
        tb_fault(error, TB_REASON_INTERNAL,
                 "%s is not installed beside this program. Install Tokenbridge again.",
                 command->program);
        return 0;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        tb_fault(error, TB_REASON_INTERNAL, "No channel could be made: %s.", g_strerror(errno));
        return 0;
    }
    g_ptr_array_add(argv, path);
    for (gsize i = 0; command->arguments && command->arguments[i]; i++)
        g_ptr_array_add(argv, (gpointer)(guintptr)command->arguments[i]);
    g_ptr_array_add(argv, NULL);

    result = spawn((char *const *)argv->pdata, ends[1], command->own_group, &pid);
    close(ends[1]);
    if (result != 0) {
        close(ends[0]);
        tb_fault(error, TB_REASON_INTERNAL, "%s could not be started: %s.", command->program,
                 g_strerror(result));
        return 0;
    }
    tb_log(TB_LOG_DEBUG, "process-started", "program=%s pid=%d", command->program, (int)pid);
    process = g_new0(Process, 1);
    process->pid = pid;
    process->own_group = command->own_group;
    process->ended = ended;
    process->data = data;
    watch(process);
    *out_channel = ends[0];
    return process->number;
}

static Process *
find(guint number)
{
    return processes ? g_hash_table_lookup(processes, GUINT_TO_POINTER(number)) : NULL;
}

static void
end(guint number)
{
    const Process *process = find(number);

    if (process)
        send_kill(process);
}

static gboolean
on_grace_over(gpointer data)
{
    Process *process = data;

    process->grace = 0;
    send_kill(process);
    return G_SOURCE_REMOVE;
}

static void
leave(guint number, guint grace_ms)
{
    Process *process = find(number);

    if (!process)
        return;
    process->ended = NULL;
    if (grace_ms == 0)
        send_kill(process);
    else if (!process->grace)
        process->grace = g_timeout_add(grace_ms, on_grace_over, process);
}

const TbStarter tb_process_starter = {.start = start, .kill = end, .leave = leave};

guint
tb_process_count(void)
{
    return processes ? g_hash_table_size(processes) : 0;
}

void
tb_process_kill_groups(void)
{
    GHashTableIter iter;
    gpointer process;

    if (!processes)
        return;
    g_hash_table_iter_init(&iter, processes);
    while (g_hash_table_iter_next(&iter, NULL, &process)) {
        if (((const Process *)process)->own_group)
            send_kill(process);
    }
}
