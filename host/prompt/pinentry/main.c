/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge-prompt-pinentry: the prompt of docs/protocol.md, section 4.2, shown through a
 * pinentry program. Started by the host, or by tokenbridge-prompt where there is no display for
 * GTK. Neither the host's messages nor the pinentry's lines are trusted. One thread, one poll loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/channel.h"
#include "host/common/harden.h"
#include "host/common/log.h"
#include "host/common/sandbox-own.h"
#include "host/prompt/language.h"
#include "host/prompt/pinentry/dialog.h"
#include "host/prompt/pinentry/pinentry.h"
#include "tokenbridge-config.h"

#define PROGRAM "tokenbridge-prompt-pinentry"

static const char help[] =
    "Usage: " PROGRAM " [PINENTRY]\n"
    "\n"
    "Shows Tokenbridge's PIN dialog through a pinentry program: PINENTRY (an absolute path),\n"
    "or the first that works of pinentry, pinentry-qt, pinentry-gtk-2 and pinentry-curses in\n"
    "/usr/bin. Tokenbridge starts it by itself; by hand it does nothing: it needs the channel\n"
    "of tokenbridge-host as descriptor 3.\n"
    "\n"
    "  --help     show this help\n"
    "  --version  show the version\n"
    "\n"
    "Exit status: 0 the dialog has ended, 1 it failed, 2 started in a wrong way.\n";

static const char *const default_programs[] = {
    "/usr/bin/pinentry",
    "/usr/bin/pinentry-qt",
    "/usr/bin/pinentry-gtk-2",
    "/usr/bin/pinentry-curses",
};

typedef struct Prompt {
    TbChannel *channel;
    TbDialog *dialog;
    TbPinentry *pinentry;
    guint shown; /* revision of the screen that pinentry has; 0: none */
    int signals;
    gboolean over;
    int status;
} Prompt;

static void
end(Prompt *prompt, int status)
{
    prompt->over = TRUE;
    prompt->status = status;
}

static void
tell(Prompt *prompt, json_t *message)
{
    g_autoptr(GError) error = NULL;
    if (!tb_channel_send(prompt->channel, message, -1, &error))
        end(prompt, 1);
    json_decref(message);
}

/* Brings what the dialog wants to the host and to the pinentry. */
static void
follow_dialog(Prompt *prompt)
{
    for (json_t *message; (message = tb_dialog_take_message(prompt->dialog)) != NULL;)
        tell(prompt, message);
    if (tb_dialog_over(prompt->dialog))
        end(prompt, 0);
    const TbScreen *screen = tb_dialog_screen(prompt->dialog);
    guint wanted = screen != NULL ? screen->revision : 0;
    if (prompt->over || wanted == prompt->shown)
        return;
    tb_pinentry_show(prompt->pinentry, screen, g_get_monotonic_time());
    prompt->shown = wanted;
}

static void
read_host(Prompt *prompt)
{
    while (!prompt->over) {
        g_autoptr(GError) error = NULL;
        json_t *message = NULL;
        int fd = -1;

        switch (tb_channel_receive(prompt->channel, FALSE, &message, &fd, &error)) {
        case TB_CHANNEL_NOTHING:
            return;
        case TB_CHANNEL_CLOSED:
            end(prompt, 0);
            return;
        case TB_CHANNEL_MESSAGE: {
            gboolean ok =
                tb_dialog_host(prompt->dialog, message, fd, g_get_monotonic_time(), &error);
            json_decref(message);
            if (ok) {
                follow_dialog(prompt);
                break;
            }
        } /* fall through */
        case TB_CHANNEL_BROKEN:
            tb_log(TB_LOG_ERROR, "host-message-refused", "why=\"%s\"", error->message);
            end(prompt, 1);
            return;
        }
    }
}

static void
read_pinentry(Prompt *prompt)
{
    while (!prompt->over) {
        g_autoptr(GError) error = NULL;
        TbAnswer answer = TB_ANSWER_CANCEL;
        gint64 now = g_get_monotonic_time();

        switch (tb_pinentry_step(prompt->pinentry, now, &answer, &error)) {
        case TB_PINENTRY_NOTHING:
            return;
        case TB_PINENTRY_READY:
            tell(prompt, json_pack("{s:s}", "type", "ready"));
            break;
        case TB_PINENTRY_ANSWER:
            prompt->shown = 0;
            tb_dialog_answer(prompt->dialog, answer, tb_pinentry_take_pin(prompt->pinentry), now);
            follow_dialog(prompt);
            break;
        case TB_PINENTRY_FAILED:
            tell(prompt, json_pack("{s:s,s:s}", "type", "failed", "message", error->message));
            end(prompt, 1);
            break;
        }
    }
}

/* Milliseconds until something is due; -1: nothing is. */
static int
time_left(const Prompt *prompt)
{
    gint64 dialog = tb_dialog_deadline(prompt->dialog);
    gint64 pinentry = tb_pinentry_get_deadline(prompt->pinentry);
    gint64 first = dialog < 0 || (pinentry >= 0 && pinentry < dialog) ? pinentry : dialog;
    if (first < 0)
        return -1;
    gint64 left = first - g_get_monotonic_time();
    return left <= 0 ? 0 : (int)MIN(left / 1000 + 1, G_MAXINT);
}

static void
run(Prompt *prompt)
{
    read_pinentry(prompt); /* tells when no program could even be started */
    while (!prompt->over) {
        struct pollfd fds[] = {
            {.fd = tb_channel_get_fd(prompt->channel), .events = POLLIN},
            {.fd = prompt->signals, .events = POLLIN},
            {.fd = tb_pinentry_get_fd(prompt->pinentry), .events = POLLIN},
        };
        if (poll(fds, G_N_ELEMENTS(fds), time_left(prompt)) < 0 && errno != EINTR) {
            end(prompt, 1);
            break;
        }
        if (fds[1].revents != 0) {
            end(prompt, 0); /* SIGTERM, SIGINT or SIGHUP: take the dialog away and go */
            break;
        }
        if (fds[0].revents != 0)
            read_host(prompt);
        tb_dialog_tick(prompt->dialog, g_get_monotonic_time());
        follow_dialog(prompt);
        read_pinentry(prompt);
    }
}

static gboolean
is_channel(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

static int
watch_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Those of the default programs that are installed, each once: "pinentry" is a link to another. */
static GStrv
find_programs(void)
{
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, free, NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(default_programs); i++) {
        char *real = realpath(default_programs[i], NULL);
        if (real != NULL && g_hash_table_add(seen, real))
            g_strv_builder_add(list, default_programs[i]);
    }
    return g_strv_builder_end(list);
}

static int
serve(const char *program)
{
    const char *const named[] = {program, NULL};
    g_auto(GStrv) found = program == NULL ? find_programs() : NULL;
    const char *const *programs = program == NULL ? (const char *const *)found : named;
    Prompt prompt = {.signals = watch_signals()};
    bool locked = false;

    if (!tb_secret_init(&locked)) {
        tb_log(TB_LOG_ERROR, "no-secure-memory", "%s", strerror(errno));
        return 1;
    }
    if (!locked)
        tb_log(TB_LOG_WARNING, "secure-memory-not-locked", "%s", strerror(errno));
    (void)fcntl(TB_CHANNEL_FD, F_SETFD, FD_CLOEXEC);
    (void)setlocale(LC_ALL, ""); /* what a pinentry on the terminal is told of its characters */
    tb_language_set(NULL);
    prompt.channel = tb_channel_new(TB_CHANNEL_FD);
    prompt.dialog = tb_dialog_new();
    prompt.pinentry = tb_pinentry_new(programs, g_get_monotonic_time());
    if (prompt.pinentry != NULL)
        run(&prompt);
    else
        prompt.status = 1;
    tb_pinentry_free(prompt.pinentry);
    tb_dialog_free(prompt.dialog);
    tb_channel_free(prompt.channel);
    close(prompt.signals);
    return prompt.status;
}

int
main(int argc, char **argv)
{
    tb_harden_process(TB_CHANNEL_FD);
    tb_harden_die_with_parent();
    tb_log_init(PROGRAM);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts(PROGRAM " " TB_VERSION);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    if (argc > 2 || !is_channel(TB_CHANNEL_FD)) {
        fputs(help, stderr);
        return 2;
    }
    if (argc == 2 && !g_path_is_absolute(argv[1])) {
        fprintf(stderr, PROGRAM ": %s is not an absolute path\n", argv[1]);
        return 2;
    }
    tb_sandbox_enter_prompt();
    return serve(argc == 2 ? argv[1] : NULL);
}
