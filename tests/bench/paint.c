/* SPDX-License-Identifier: Apache-2.0
 *
 * Times the dialog's start: paint PROGRAM RUNS starts the prompt program so often with a channel,
 * shows a sign-in with one certificate, and prints the milliseconds until it says that it has
 * painted, a line each. Input: our own program's messages.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/channel.h"

extern char **environ;

static void G_GNUC_NORETURN
die(const char *what)
{
    fprintf(stderr, "paint: %s\n", what);
    exit(1);
}

static pid_t
start(const char *program, int channel_fd)
{
    char *argv[] = {(char *)(guintptr)program, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, channel_fd, TB_CHANNEL_FD);
    if (posix_spawn(&pid, program, &actions, NULL, argv, environ) != 0)
        die("the prompt does not start");
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void
tell(TbChannel *channel, json_t *message)
{
    if (!message || !tb_channel_send(channel, message, -1, NULL))
        die("the prompt does not read");
    json_decref(message);
}

static void
wait_until_ready(TbChannel *channel)
{
    json_t *message;
    int fd;

    while (tb_channel_receive(channel, TRUE, &message, &fd, NULL) == TB_CHANNEL_MESSAGE) {
        gboolean ready =
            g_strcmp0(json_string_value(json_object_get(message, "type")), "ready") == 0;

        json_decref(message);
        if (ready)
            return;
    }
    die("the prompt went away");
}

static double
time_once(const char *program)
{
    gint64 begin = g_get_monotonic_time();
    g_autoptr(TbChannel) channel = NULL;
    double elapsed;
    int ends[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        die("no socket");
    pid = start(program, ends[1]);
    close(ends[1]);
    channel = tb_channel_new(ends[0]);
    tell(channel, json_pack("{s:s, s:s, s:s, s:s}", "type", "show", "operation", "authenticate",
                            "origin", "https://bench.example", "lang", "en"));
    tell(channel,
         json_pack(
             "{s:s, s:[{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:b, s:b, s:{s:s, s:b, s:i, s:i}}]}",
             "type", "certificates", "certificates", "id", "c0", "name", "Jane Doe", "issuer_name",
             "Bench CA", "token", "Card", "reader", "Reader", "not_before", (json_int_t)0,
             "not_after", (json_int_t)4102444800, "usable", TRUE, "needs_pin", TRUE, "pin", "state",
             "ok", "pad", FALSE, "min", 4, "max", 8));
    wait_until_ready(channel);
    elapsed = (double)(g_get_monotonic_time() - begin) / 1000.0;
    tell(channel, json_pack("{s:s}", "type", "close"));
    (void)waitpid(pid, NULL, 0);
    return elapsed;
}

int
main(int argc, char **argv)
{
    int runs = argc == 3 ? atoi(argv[2]) : 0;

    if (runs < 1) {
        fputs("Usage: paint PROMPT-PROGRAM RUNS (see scripts/bench)\n", stderr);
        return 2;
    }
    for (; runs > 0; runs--)
        printf("%.2f\n", time_once(argv[1]));
    return 0;
}
