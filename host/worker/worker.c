/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge-worker: serves one PKCS#11 module to tokenbridge-host over the channel on
 * descriptor 3. The process is the wall around a maker's code: it may hang, crash or lie, and costs
 * one request. Requests are checked in service.c. One thread of our own; modules may start others.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/secret.h"
#include "host/common/channel.h"
#include "host/common/fault.h"
#include "host/common/harden.h"
#include "host/common/log.h"
#include "host/common/sandbox.h"
#include "host/worker/opensc.h"
#include "host/worker/service.h"
#include "tokenbridge-config.h"

#define EXIT_USAGE 2
#define SANDBOX_OPTION "--sandbox="
#define STATE_OPTION "--state="
#define STATE_MAX 16    /* directories */
#define GRACE_SECONDS 1 /* for a module to finish when the host has gone */
#define HOLD_MS 5000    /* for the request that a held login is for */

static const char help[] =
    "Usage: tokenbridge-worker [--sandbox=LEVEL] [--state=DIRECTORY] MODULE-PATH [INIT-ARGS]\n"
    "\n"
    "Part of Tokenbridge: talks to the tokens of one PKCS#11 module. tokenbridge-host starts it\n"
    "with a channel on descriptor 3; it is of no use on its own. To see your tokens, run\n"
    "\"tokenbridge list\".\n"
    "\n"
    "  MODULE-PATH   absolute path of the module, for example /usr/lib/softhsm/libsofthsm2.so\n"
    "  INIT-ARGS     initialisation string, for modules that need one (NSS)\n"
    "  --sandbox=LEVEL     standard (default), strict or none; see docs/administration.md\n"
    "  --state=DIRECTORY   where the module keeps its state; may be given several times\n"
    "  --help        this text\n"
    "  --version     the version\n";

/* SoftHSM, and others, crash in their exit handlers: never return from main, never exit(). */
static G_GNUC_NORETURN void
leave(int status)
{
    (void)fflush(NULL);
    _exit(status);
}

static gboolean
channel_has_ended(void)
{
    struct pollfd channel = {.fd = TB_CHANNEL_FD, .events = POLLRDHUP};

    return poll(&channel, 1, 0) > 0 && (channel.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static void
on_alarm(int number)
{
    (void)number;
    _exit(0);
}

/* Comes when something happens on the channel while a module is at work. */
static void
on_channel(int number)
{
    (void)number;
    if (channel_has_ended())
        (void)alarm(GRACE_SECONDS);
}

/* A module can wait a minute for a PIN pad, and nobody reads the channel meanwhile; when the host
 * closes it, the kernel tells. */
static void
watch_channel(gboolean on)
{
    int flags = fcntl(TB_CHANNEL_FD, F_GETFL);

    (void)fcntl(TB_CHANNEL_FD, F_SETFL, on ? flags | O_ASYNC : flags & ~O_ASYNC);
    if (on && channel_has_ended())
        (void)alarm(GRACE_SECONDS);
}

static void
set_up_signals(void)
{
    struct sigaction alarm_action = {.sa_handler = on_alarm};
    struct sigaction channel_action = {.sa_handler = on_channel, .sa_flags = SA_RESTART};

    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigaction(SIGALRM, &alarm_action, NULL);
    (void)sigaction(SIGIO, &channel_action, NULL);
    (void)fcntl(TB_CHANNEL_FD, F_SETOWN, getpid());
}

static gboolean
send_answer(TbChannel *channel, json_t *answer)
{
    g_autoptr(GError) error = NULL;
    json_t *apology;
    gboolean sent;

    if (tb_channel_send(channel, answer, -1, &error))
        return TRUE;
    tb_log(TB_LOG_WARNING, "answer", "error=\"%s\"", error->message);
    if (channel_has_ended())
        return FALSE;
    /* Nothing of it has gone out: it was over the limit of a frame. */
    g_clear_error(&error);
    tb_fault(&error, TB_REASON_MODULE_FAILED,
             "The module shows more certificates than can be passed on.");
    apology = tb_service_error(error);
    sent = tb_channel_send(channel, apology, -1, NULL);
    json_decref(apology);
    return sent;
}

/* A login that is held for the next request ends when none comes. */
static void
end_old_login(TbService *service)
{
    struct pollfd channel = {.fd = TB_CHANNEL_FD, .events = POLLIN};

    if (!tb_service_is_holding(service) || poll(&channel, 1, HOLD_MS) != 0)
        return;
    watch_channel(TRUE);
    tb_service_let_go(service);
    watch_channel(FALSE);
}

static gboolean
serve_one(TbService *service, TbChannel *channel)
{
    g_autoptr(GError) error = NULL;
    json_t *request = NULL;
    json_t *answer = NULL;
    int pin_fd = -1;
    gboolean sent;

    end_old_login(service);
    switch (tb_channel_receive(channel, TRUE, &request, &pin_fd, &error)) {
    case TB_CHANNEL_MESSAGE:
        break;
    case TB_CHANNEL_BROKEN:
        answer = tb_service_error(error);
        (void)send_answer(channel, answer);
        json_decref(answer);
        return FALSE;
    case TB_CHANNEL_NOTHING:
    case TB_CHANNEL_CLOSED:
        return FALSE;
    }
    watch_channel(TRUE);
    answer = tb_service_answer(service, request, pin_fd);
    watch_channel(FALSE);
    if (pin_fd >= 0)
        (void)close(pin_fd);
    json_decref(request);
    sent = send_answer(channel, answer);
    json_decref(answer);
    return sent;
}

static void
serve(const char *module_path, const char *init_args)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbChannel) channel = tb_channel_new(TB_CHANNEL_FD);
    g_autoptr(TbService) service = tb_service_new(module_path, init_args, &error);
    gboolean served;

    if (!service) {
        json_t *answer = tb_service_error(error);

        (void)send_answer(channel, answer);
        json_decref(answer);
        return;
    }
    watch_channel(TRUE);
    tb_service_prepare(service);
    watch_channel(FALSE);
    do
        served = serve_one(service, channel);
    while (served);
    (void)alarm(GRACE_SECONDS);
}

static gboolean
has_channel(void)
{
    int type = 0;
    socklen_t length = sizeof type;

    return getsockopt(TB_CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
           type == SOCK_STREAM;
}

typedef struct Arguments {
    TbSandboxLevel sandbox;
    const char *state[STATE_MAX + 1];
    const char *module_path;
    const char *init_args; /* or NULL */
} Arguments;

static gboolean
read_arguments(int argc, char **argv, Arguments *out_arguments)
{
    Arguments arguments = {.sandbox = TB_SANDBOX_STANDARD};
    gsize states = 0;
    int i = 1;

    for (; i < argc && g_str_has_prefix(argv[i], "--"); i++) {
        if (g_str_has_prefix(argv[i], SANDBOX_OPTION)) {
            if (!tb_sandbox_level_parse(argv[i] + strlen(SANDBOX_OPTION), &arguments.sandbox))
                return FALSE;
        } else if (g_str_has_prefix(argv[i], STATE_OPTION) && states < STATE_MAX) {
            arguments.state[states++] = argv[i] + strlen(STATE_OPTION);
        } else {
            return FALSE;
        }
    }
    if (i >= argc || argc - i > 2 || argv[i][0] != '/')
        return FALSE;
    arguments.module_path = argv[i];
    arguments.init_args = argv[i + 1];
    *out_arguments = arguments;
    return TRUE;
}

int
main(int argc, char **argv)
{
    Arguments arguments;
    gboolean locked = FALSE;
    bool heap_locked = false;

    tb_harden_process(TB_CHANNEL_FD);
    tb_log_init("tokenbridge-worker");
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(help, stdout);
        leave(0);
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)fputs("tokenbridge-worker " TB_VERSION "\n", stdout);
        leave(0);
    }
    if (!read_arguments(argc, argv, &arguments) || !has_channel()) {
        (void)fputs(help, stderr);
        leave(EXIT_USAGE);
    }
    tb_harden_die_with_parent();
    (void)fcntl(TB_CHANNEL_FD, F_SETFD, FD_CLOEXEC); /* a module may start programs */
    locked = tb_secret_init(&heap_locked) && heap_locked;
    if (!locked)
        tb_log(TB_LOG_WARNING, "secure-heap", "locked=no hint=\"raise RLIMIT_MEMLOCK\"");
    set_up_signals();
    tb_opensc_configure(arguments.module_path);
    tb_sandbox_enter(arguments.sandbox, arguments.module_path, arguments.state);
    serve(arguments.module_path, arguments.init_args);
    leave(0);
}
