/* SPDX-License-Identifier: Apache-2.0
 *
 * The launcher's two sides: see launcher.h. Two socket pairs of whole messages (SOCK_SEQPACKET)
 * join them: "calls", where the host asks and, for what has an answer, waits for it; and "ends",
 * where the launcher tells which process has ended how. Both are of one build, forked from one
 * process, so messages are structs.
 *
 * A fork and no program of its own: it is there after a tenth of a millisecond, shares its memory
 * with the host, and has the list of commands that the host's configuration gave, which a message
 * then cannot change. One thread, one GLib main loop on each side.
 */
#include "host/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/child.h"
#include "host/common/fault.h"
#include "host/common/harden.h"
#include "host/common/log.h"
#include "host/dialog-lock.h"
#include "host/last-used.h"

#define PATIENCE_MS 10000 /* for an answer: a program may come from a slow disk */
#define PROCESSES_MAX 200 /* at once */

enum {
    CALLS_FD = 3, /* of the launcher */
    ENDS_FD = 4,
};

typedef enum Errand {
    ERRAND_START = 1,
    ERRAND_KILL,
    ERRAND_LEAVE,
    ERRAND_OPEN_LOCK,
    ERRAND_GET_LAST_USED,
    ERRAND_SET_LAST_USED,
} Errand;

typedef struct Digest {
    char text[65]; /* SHA-256 in hex; empty: none */
} Digest;

typedef struct Request {
    guint32 errand;
    guint32 number; /* of the command (START) or the process (KILL, LEAVE) */
    guint32 grace_ms;
    Digest key;
    Digest certificate;
} Request;

typedef struct Answer {
    guint32 process;
    Digest certificate;
    char fault[512]; /* a sentence; empty: it was done */
} Answer;

typedef struct End {
    guint32 process;
    gint32 code;
    gint32 status;
} End;

static GPtrArray *allowed; /* TbCommand; the same in both, for it lies before the fork */

void
tb_launcher_allow(const TbCommand *command)
{
    TbCommand *copy = g_new0(TbCommand, 1);

    copy->program = g_strdup(command->program);
    copy->arguments = (const char *const *)g_strdupv((char **)(guintptr)command->arguments);
    copy->own_group = command->own_group;
    if (!allowed)
        allowed = g_ptr_array_new();
    g_ptr_array_add(allowed, copy);
}

static gboolean
same_arguments(const char *const *one, const char *const *other)
{
    static const char *const none[] = {NULL};

    return g_strv_equal(one ? one : none, other ? other : none);
}

/* The number of a command in the list; -1: it is not in there. */
static int
find_allowed(const TbCommand *command)
{
    for (guint i = 0; allowed && i < allowed->len; i++) {
        const TbCommand *entry = allowed->pdata[i];

        if (strcmp(entry->program, command->program) == 0 &&
            entry->own_group == command->own_group &&
            same_arguments(entry->arguments, command->arguments))
            return (int)i;
    }
    return -1;
}

/* --- messages --- */

/* One message, with a descriptor beside it unless fd is -1. */
static gboolean
send_message(int socket_fd, const void *message, gsize length, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = (void *)(guintptr)message, .iov_len = length};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;

    if (fd >= 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof control.bytes;
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        control.align.cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(&control.align), &fd, sizeof fd);
    }
    do
        sent = sendmsg(socket_fd, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)length;
}

/* One message of exactly this length; false also when the peer has gone. out_fd may be NULL: a
 * descriptor is then not accepted at all. */
static gboolean
receive_message(int socket_fd, void *message, gsize length, int *out_fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = message, .iov_len = length};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t got;

    if (out_fd) {
        *out_fd = -1;
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof control.bytes;
    }
    do
        got = recvmsg(socket_fd, &header, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got == (ssize_t)length && out_fd && header.msg_controllen >= CMSG_LEN(sizeof(int)) &&
        control.align.cmsg_type == SCM_RIGHTS)
        memcpy(out_fd, CMSG_DATA(&control.align), sizeof *out_fd);
    return got == (ssize_t)length && (header.msg_flags & MSG_TRUNC) == 0;
}

static void
set_digest(Digest *digest, const char *text)
{
    (void)g_strlcpy(digest->text, text, sizeof digest->text);
}

static gboolean
is_digest(Digest *digest)
{
    digest->text[sizeof digest->text - 1] = '\0';
    return tb_last_used_is_digest(digest->text);
}

/* --- the launcher's side --- */

static void
on_ended_here(guint process, int code, int status, gpointer data)
{
    const End message = {process, code, status};

    (void)send_message(ENDS_FD, &message, sizeof message, -1);
}

static void
start_here(guint32 number, Answer *answer, int *out_fd, GError **error)
{
    if (!allowed || number >= allowed->len || tb_process_count() >= PROCESSES_MAX)
        tb_fault(error, TB_REASON_INTERNAL, "The launcher does not start that.");
    else
        answer->process =
            tb_process_starter.start(allowed->pdata[number], on_ended_here, NULL, out_fd, error);
}

static void
get_last_used_here(const Request *request, Answer *answer)
{
    g_autofree char *certificate = tb_last_used_file.get(request->key.text);

    if (certificate)
        set_digest(&answer->certificate, certificate);
}

/* Whether there is something to answer. What makes no sense is passed over. */
static gboolean
serve(Request *request, Answer *answer, int *out_fd)
{
    g_autoptr(GError) error = NULL;
    gboolean has_key = is_digest(&request->key);
    gboolean has_certificate = is_digest(&request->certificate);

    switch (request->errand) {
    case ERRAND_START:
        start_here(request->number, answer, out_fd, &error);
        break;
    case ERRAND_OPEN_LOCK:
        *out_fd = tb_dialog_lock_open(&error);
        break;
    case ERRAND_GET_LAST_USED:
        if (has_key)
            get_last_used_here(request, answer);
        break;
    case ERRAND_SET_LAST_USED:
        if (has_key && has_certificate)
            tb_last_used_file.set(request->key.text, request->certificate.text);
        return FALSE;
    case ERRAND_KILL:
        tb_process_starter.kill(request->number);
        return FALSE;
    case ERRAND_LEAVE:
        tb_process_starter.leave(request->number, request->grace_ms);
        return FALSE;
    default:
        return FALSE;
    }
    if (error)
        (void)g_strlcpy(answer->fault, error->message, sizeof answer->fault);
    return TRUE;
}

static gboolean
on_call(gint fd, GIOCondition condition, gpointer loop)
{
    Request request;
    Answer answer = {0};
    int answer_fd = -1;

    if (!receive_message(fd, &request, sizeof request, NULL)) {
        g_main_loop_quit(loop); /* the host has gone */
        return G_SOURCE_REMOVE;
    }
    if (serve(&request, &answer, &answer_fd))
        (void)send_message(fd, &answer, sizeof answer, answer_fd);
    if (answer_fd >= 0)
        (void)close(answer_fd);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_signal(gint fd, GIOCondition condition, gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

/* Nothing of the browser's stays open: standard input and output are replaced, all but the two
 * sockets is closed. */
static gboolean
take_places(int calls, int ends)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int high_calls = fcntl(calls, F_DUPFD_CLOEXEC, 10);
    int high_ends = fcntl(ends, F_DUPFD_CLOEXEC, 10);

    if (dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
        dup3(high_calls, CALLS_FD, O_CLOEXEC) < 0 || dup3(high_ends, ENDS_FD, O_CLOEXEC) < 0)
        return FALSE;
    tb_harden_close_from(ENDS_FD + 1);
    return TRUE;
}

/* The host's end is seen by the end of its socket, and told by SIGTERM (PR_SET_PDEATHSIG); both
 * lead to the same orderly end. Interrupts and hang-ups of a terminal are for the host to follow.
 */
static int
watch_signals(void)
{
    sigset_t signals;

    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void G_GNUC_NORETURN
run(int calls, int ends, pid_t host)
{
    GMainLoop *loop;
    int signals;

    tb_log_init("tokenbridge-launcher");
    (void)prctl(PR_SET_NAME, "tokenbridge-launcher");
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!take_places(calls, ends))
        _exit(1);
    signals = watch_signals();
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != host)
        _exit(1);
    loop = g_main_loop_new(NULL, FALSE);
    g_unix_fd_add(CALLS_FD, G_IO_IN | G_IO_HUP, on_call, loop);
    g_unix_fd_add(signals, G_IO_IN, on_signal, loop);
    g_main_loop_run(loop);
    tb_process_kill_groups();
    _exit(0);
}

/* --- the host's side --- */

typedef struct Launched {
    TbProcessEnded ended;
    gpointer data;
} Launched;

static struct {
    int calls; /* -1: the launcher has gone */
    int ends;
    GHashTable *launched; /* number to Launched */
    void (*lost)(gpointer data);
    gpointer data;
} host_side = {.calls = -1, .ends = -1};

/* Once it has not answered there is no telling what it will do with the next call. It ends when
 * its socket does, and on_end() notices that. */
static void
hang_up(void)
{
    if (host_side.calls >= 0)
        (void)close(host_side.calls);
    host_side.calls = -1;
}

static void
tell(const Request *request)
{
    if (host_side.calls >= 0 && !send_message(host_side.calls, request, sizeof *request, -1))
        hang_up();
}

static gboolean
ask(const Request *request, Answer *answer, int *out_fd, GError **error)
{
    struct pollfd poll_fd = {.events = POLLIN};

    *out_fd = -1;
    tell(request);
    poll_fd.fd = host_side.calls;
    if (host_side.calls < 0 || poll(&poll_fd, 1, PATIENCE_MS) != 1 ||
        !receive_message(host_side.calls, answer, sizeof *answer, out_fd)) {
        hang_up();
        return tb_fault(error, TB_REASON_INTERNAL,
                        "The part of Tokenbridge that starts its other programs has gone. Try "
                        "again.");
    }
    answer->fault[sizeof answer->fault - 1] = '\0';
    if (*answer->fault) {
        g_autofree char *sentence = g_utf8_make_valid(answer->fault, -1);

        return tb_fault(error, TB_REASON_INTERNAL, "%s", sentence);
    }
    return TRUE;
}

static guint
ask_to_start(const TbCommand *command, TbProcessEnded ended, gpointer data, int *out_channel,
             GError **error)
{
    int number = find_allowed(command);
    const Request request = {.errand = ERRAND_START, .number = (guint32)number};
    Answer answer = {0};
    Launched *launched;

    if (number < 0) {
        tb_fault(error, TB_REASON_INTERNAL, "%s was not named at the start.", command->program);
        return 0;
    }
    if (!ask(&request, &answer, out_channel, error))
        return 0;
    launched = g_new0(Launched, 1);
    launched->ended = ended;
    launched->data = data;
    g_hash_table_insert(host_side.launched, GUINT_TO_POINTER(answer.process), launched);
    return answer.process;
}

static void
tell_to_kill(guint process)
{
    const Request request = {.errand = ERRAND_KILL, .number = process};

    tell(&request);
}

static void
tell_to_leave(guint process, guint grace_ms)
{
    const Request request = {.errand = ERRAND_LEAVE, .number = process, .grace_ms = grace_ms};

    g_hash_table_remove(host_side.launched, GUINT_TO_POINTER(process));
    tell(&request);
}

static const TbStarter launcher_starter = {
    .start = ask_to_start, .kill = tell_to_kill, .leave = tell_to_leave};

static int
ask_to_open_lock(GError **error)
{
    const Request request = {.errand = ERRAND_OPEN_LOCK};
    Answer answer = {0};
    int fd = -1;

    return ask(&request, &answer, &fd, error) ? fd : -1;
}

static char *
ask_for_last_used(const char *key)
{
    Request request = {.errand = ERRAND_GET_LAST_USED};
    Answer answer = {0};
    int fd;

    set_digest(&request.key, key);
    if (!ask(&request, &answer, &fd, NULL) || !is_digest(&answer.certificate))
        return NULL;
    return g_strdup(answer.certificate.text);
}

static void
tell_last_used(const char *key, const char *certificate_id)
{
    Request request = {.errand = ERRAND_SET_LAST_USED};

    set_digest(&request.key, key);
    set_digest(&request.certificate, certificate_id);
    tell(&request);
}

static const TbLastUsedStore launcher_store = {.get = ask_for_last_used, .set = tell_last_used};

/* Tells the owner of a process that it has ended; a number that nobody knows was left. */
static void
report_end(const End *end)
{
    gpointer value = NULL;
    g_autofree Launched *launched = NULL;

    if (!g_hash_table_steal_extended(host_side.launched, GUINT_TO_POINTER(end->process), NULL,
                                     &value))
        return;
    launched = value;
    launched->ended(end->process, end->code, end->status, launched->data);
}

static void
report_loss(void)
{
    GHashTableIter iter;
    gpointer number;

    tb_log(TB_LOG_ERROR, "launcher-gone", "%s", "");
    hang_up();
    for (;;) {
        /* Anew each time: a callback may leave others. */
        g_hash_table_iter_init(&iter, host_side.launched);
        if (!g_hash_table_iter_next(&iter, &number, NULL))
            break;
        report_end(&(const End){GPOINTER_TO_UINT(number), CLD_KILLED, SIGTERM});
    }
    host_side.lost(host_side.data);
}

/* One message at a time: what a process said before it ended is then read first. */
static gboolean
on_end(gint fd, GIOCondition condition, gpointer data)
{
    End message;

    if (receive_message(fd, &message, sizeof message, NULL)) {
        report_end(&message);
        return G_SOURCE_CONTINUE;
    }
    report_loss();
    return G_SOURCE_REMOVE;
}

gboolean
tb_launcher_fork(void (*lost)(gpointer data), gpointer data, GError **error)
{
    int calls[2];
    int ends[2];
    pid_t host = getpid();
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, calls) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 || (pid = fork()) < 0)
        return tb_fault(error, TB_REASON_INTERNAL, "The launcher cannot be started: %s.",
                        g_strerror(errno));
    if (pid == 0)
        run(calls[1], ends[1], host);
    (void)close(calls[1]);
    (void)close(ends[1]);
    host_side.calls = calls[0];
    host_side.ends = ends[0];
    host_side.launched = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    host_side.lost = lost;
    host_side.data = data;
    g_unix_fd_add_full(G_PRIORITY_DEFAULT_IDLE, ends[0], G_IO_IN | G_IO_HUP, on_end, NULL, NULL);
    tb_child_set_starter(&launcher_starter);
    tb_dialog_lock_set_opener(ask_to_open_lock);
    tb_last_used_set_store(&launcher_store);
    return TRUE;
}
