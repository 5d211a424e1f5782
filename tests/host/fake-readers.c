/* SPDX-License-Identifier: Apache-2.0
 *
 * A scripted "tokenbridge-readers" for tests: it lies beside the tests' programs, where the host's
 * units look first. Each line of the file that the environment's TB_TEST_FAKE_READERS names is done
 * in turn: "send JSON", "wait MS", or one of "exit", "crash", "hang", "garbage". After the last
 * line it looks for more (tests append), and ends with its channel. Without the variable it ends at
 * once, as if it were not there. Its starts go to FILE.log. Test code only; one thread.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "host/common/channel.h"

#define LOOK_MS 5

static TbChannel *channel;

static void
record(const char *script, const char *word)
{
    g_autofree char *path = g_strconcat(script, ".log", NULL);
    FILE *file = fopen(path, "a");

    if (!file || fprintf(file, "%s %d\n", word, (int)getpid()) < 0 || fclose(file) != 0)
        abort(); /* a test that reads the log must not pass without it */
}

static gboolean
host_is_there(int milliseconds)
{
    struct pollfd poll_fd = {.fd = TB_CHANNEL_FD, .events = POLLIN};

    return poll(&poll_fd, 1, milliseconds) == 0;
}

static void
obey(const char *line)
{
    static const char garbage[] = "\x05\0\0\0{\"a\":";

    if (g_str_has_prefix(line, "send ")) {
        json_t *message = json_loads(line + strlen("send "), JSON_DECODE_ANY, NULL);

        if (!message || !tb_channel_send(channel, message, -1, NULL))
            _exit(4);
        json_decref(message);
    } else if (g_str_has_prefix(line, "wait ")) {
        g_usleep((gulong)g_ascii_strtoull(line + strlen("wait "), NULL, 10) * 1000);
    } else if (strcmp(line, "exit") == 0) {
        _exit(3);
    } else if (strcmp(line, "crash") == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        (void)raise(SIGSEGV);
    } else if (strcmp(line, "garbage") == 0) {
        if (write(TB_CHANNEL_FD, garbage, sizeof garbage) != (ssize_t)sizeof garbage)
            _exit(4);
    } else if (strcmp(line, "hang") == 0) {
        for (;;)
            pause();
    } else {
        abort();
    }
}

int
main(void)
{
    const char *script = g_getenv("TB_TEST_FAKE_READERS");
    guint done = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!script)
        return 0;
    record(script, "started");
    channel = tb_channel_new(TB_CHANNEL_FD);
    do {
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;

        if (!g_file_get_contents(script, &text, NULL, NULL))
            return 4;
        lines = g_strsplit(text, "\n", -1);
        for (; lines[done] && lines[done + 1]; done++) /* a line without its end is not read yet */
            obey(lines[done]);
    } while (host_is_there(LOOK_MS));
    record(script, "ended");
    return 0;
}
