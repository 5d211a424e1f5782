/* SPDX-License-Identifier: Apache-2.0
 *
 * A scripted "tokenbridge-worker" for tests: it lies beside the tests' programs, where the host's
 * units look first. What it does comes from the JSON file named by its first argument, which it
 * trusts; what it was asked goes to FILE.log, a line each. One thread.
 *
 *   {"start": step, "list": [step...], "sign": [step...], "reveal": [step...]}
 *
 * After "reveal" was asked, "revealed" takes the place of "list", if there is one.
 * The last step of a list is repeated; the count goes on in the next process. A step, done in this
 * order:
 *
 *   "delay": N       waits so many milliseconds
 *   "pins": {...}    reads the PIN; the answer is the member of that name, or "*"
 *   "answer": {...}  sends it; "times": N sends it so often
 *   "do": "crash" | "exit" | "hang" | "close" | "garbage" | "flood" | "noise" | "fork" |
 *         "environment" | "descriptors"
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "host/common/channel.h"

static const char *log_path;
static TbChannel *channel;

static void record(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void
record(const char *format, ...)
{
    g_autofree char *text = NULL;
    g_autofree char *line = NULL;
    va_list args;
    int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    line = g_strconcat(text, "\n", NULL);
    if (fd < 0 || write(fd, line, strlen(line)) < 0)
        abort(); /* a test that reads the log must not pass without it */
    close(fd);
}

/* How many lines of the log begin with word: those of earlier processes count. */
static gsize
count_recorded(const char *word)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    gsize count = 0;

    if (!g_file_get_contents(log_path, &text, NULL, NULL))
        return 0;
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++)
        count += g_str_has_prefix(*line, word) ? 1 : 0;
    return count;
}

static void
send(json_t *message)
{
    (void)tb_channel_send(channel, message, -1, NULL);
}

static void
send_environment(void)
{
    g_auto(GStrv) all = g_get_environ();
    json_t *list = json_array();
    json_t *message = json_pack("{s:o}", "environment", list);

    for (char **entry = all; *entry; entry++)
        json_array_append_new(list, json_string(*entry));
    send(message);
    json_decref(message);
}

/* Says how the descriptors are and what started it, for the test of how children begin. */
static void
send_descriptors(void)
{
    json_t *list = json_array();
    json_t *message = json_pack("{s:o, s:i, s:i}", "descriptors", list, "group", (int)getpgrp(),
                                "pid", (int)getpid());

    for (int fd = 0; fd < 64; fd++) {
        g_autofree char *name = g_strdup_printf("/proc/self/fd/%d", fd);
        g_autofree char *target = g_file_read_link(name, NULL);

        if (target)
            json_array_append_new(list, json_pack("{s:i, s:s}", "fd", fd, "target", target));
    }
    send(message);
    json_decref(message);
}

static void
write_bytes(const void *bytes, gsize length)
{
    if (write(TB_CHANNEL_FD, bytes, length) != (ssize_t)length)
        _exit(9);
}

static G_GNUC_NORETURN void
hang(void)
{
    for (;;)
        pause();
}

static void
act(const char *what)
{
    static const char garbage[] = "\x05\0\0\0{\"a\":";
    guint32 too_long = TB_CHANNEL_FRAME_MAX + 1;
    pid_t pid;

    if (strcmp(what, "crash") == 0) {
        (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer has its own handler */
        (void)raise(SIGSEGV);
    } else if (strcmp(what, "exit") == 0) {
        _exit(3);
    } else if (strcmp(what, "hang") == 0) {
        hang();
    } else if (strcmp(what, "close") == 0) {
        close(TB_CHANNEL_FD);
        hang();
    } else if (strcmp(what, "garbage") == 0) {
        write_bytes(garbage, sizeof garbage);
        hang();
    } else if (strcmp(what, "flood") == 0) {
        write_bytes(&too_long, sizeof too_long);
        hang();
    } else if (strcmp(what, "noise") == 0) {
        puts("this module talks to its own standard output");
        fflush(stdout);
    } else if (strcmp(what, "fork") == 0) {
        pid = fork();
        if (pid == 0) {
            close(TB_CHANNEL_FD);
            hang();
        }
        record("forked %d", (int)pid);
    } else if (strcmp(what, "environment") == 0) {
        send_environment();
    } else if (strcmp(what, "descriptors") == 0) {
        send_descriptors();
    } else {
        abort();
    }
}

static json_t *
answer_to_pin(json_t *pins, int fd)
{
    char pin[256] = "pad";
    gsize length = 0;

    while (fd >= 0 && length < sizeof pin - 1) {
        ssize_t got = read(fd, pin + length, 1);

        if (got != 1 || pin[length] == '\n')
            break;
        length++;
    }
    if (fd >= 0)
        pin[length] = '\0';
    record("pin %s", pin);
    return json_object_get(pins, json_object_get(pins, pin) ? pin : "*");
}

static void
perform(json_t *step, int fd)
{
    json_t *delay = json_object_get(step, "delay");
    json_t *pins = json_object_get(step, "pins");
    json_t *answer = json_object_get(step, "answer");
    const char *what = json_string_value(json_object_get(step, "do"));
    json_int_t times = json_integer_value(json_object_get(step, "times"));

    if (delay)
        g_usleep((gulong)json_integer_value(delay) * 1000);
    if (pins)
        answer = answer_to_pin(pins, fd);
    for (json_int_t i = 0; answer && i < MAX(times, 1); i++)
        send(answer);
    if (what)
        act(what);
}

static void
serve_one(json_t *script, json_t *request, int fd)
{
    const char *op = json_string_value(json_object_get(request, "op"));
    gboolean revealed = g_strcmp0(op, "list") == 0 && json_object_get(script, "revealed") &&
                        count_recorded("reveal ") > 0;
    json_t *steps = op ? json_object_get(script, revealed ? "revealed" : op) : NULL;
    gsize done = op ? count_recorded(op) : 0;
    char *text = json_dumps(request, JSON_COMPACT);
    gsize last = json_array_size(steps);

    record("%s %s", op ? op : "?", text);
    free(text);
    if (last > 0)
        perform(json_array_get(steps, MIN(done, last - 1)), fd);
}

int
main(int argc, char **argv)
{
    g_autofree char *path = NULL;
    json_t *script = argc > 1 ? json_load_file(argv[1], 0, NULL) : NULL;
    json_t *request = NULL;
    int fd = -1;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!script)
        return 2;
    path = g_strconcat(argv[1], ".log", NULL);
    log_path = path;
    record("started %d %s", (int)getpid(), argc > 2 ? argv[2] : "");
    channel = tb_channel_new(TB_CHANNEL_FD);
    if (json_object_get(script, "start"))
        perform(json_object_get(script, "start"), -1);
    while (tb_channel_receive(channel, TRUE, &request, &fd, NULL) == TB_CHANNEL_MESSAGE) {
        serve_one(script, request, fd);
        json_decref(request);
        if (fd >= 0)
            close(fd);
    }
    record("%s", "ended");
    _exit(0);
}
