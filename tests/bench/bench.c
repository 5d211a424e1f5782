/* SPDX-License-Identifier: Apache-2.0
 *
 * Measures the host as a browser sees it: from outside, over its pipes. Called by scripts/bench,
 * which makes the token and the configuration. Prints one JSON object; times in milliseconds,
 * memory in megabytes, each with its samples' median and 95th percentile. Input: our own programs'
 * answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>
#include <jansson.h>

#include "tokenbridge-config.h"

extern char **environ;

static const char status_request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}";
static const char authenticate_request[] =
    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"authenticate\",\"params\":{\"origin\":"
    "\"https://bench.example\",\"nonce\":\"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=\"}}";

typedef struct Host {
    pid_t pid;
    int in, out;
} Host;

static void G_GNUC_NORETURN G_GNUC_PRINTF(1, 2) die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static Host
host_start(const char *program)
{
    char *argv[] = {(char *)(guintptr)program,
                    (char *)(guintptr) "chrome-extension://" TB_CHROMIUM_EXTENSION_ID "/", NULL};
    posix_spawn_file_actions_t actions;
    int to[2], from[2];
    Host host;

    if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
        die("no pipe: %s", g_strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    if (posix_spawn(&host.pid, program, &actions, NULL, argv, environ) != 0)
        die("%s does not start", program);
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    host.in = to[1];
    host.out = from[0];
    return host;
}

static void
host_stop(Host *host)
{
    close(host->in);
    close(host->out);
    (void)waitpid(host->pid, NULL, 0);
}

static void
read_all(int fd, char *bytes, size_t length)
{
    while (length > 0) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        ssize_t got = poll(&poll_fd, 1, 30000) > 0 ? read(fd, bytes, length) : -1;

        if (got <= 0)
            die("the host did not answer");
        bytes += got;
        length -= (size_t)got;
    }
}

/* Sends a request and reads the reply; it must be a result. */
static void
call(const Host *host, const char *request)
{
    uint32_t length = (uint32_t)strlen(request);
    g_autofree char *frame = g_malloc(length + sizeof length);
    g_autofree char *reply = NULL;

    memcpy(frame, &length, sizeof length);
    memcpy(frame + sizeof length, request, length);
    if (write(host->in, frame, length + sizeof length) < 0)
        die("the host does not read");
    read_all(host->out, (char *)&length, sizeof length);
    reply = g_malloc0(length + 1);
    read_all(host->out, reply, length);
    if (strstr(reply, "\"error\"") || !strstr(reply, "\"result\""))
        die("the host answered %s", reply);
}

static double
resident_megabytes(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/statm", (int)pid);
    g_autofree char *text = NULL;
    unsigned long pages = 0;

    if (!g_file_get_contents(path, &text, NULL, NULL) || sscanf(text, "%*u %lu", &pages) != 1)
        die("%s cannot be read", path);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static gint
compare(gconstpointer a, gconstpointer b)
{
    double difference = *(const double *)a - *(const double *)b;

    return difference < 0 ? -1 : difference > 0;
}

/* {"median", "p95", "samples"}; empties the array. */
static json_t *
summary(GArray *samples)
{
    double median, p95;
    json_t *result;

    g_array_sort(samples, compare);
    median = g_array_index(samples, double, samples->len / 2);
    p95 = g_array_index(samples, double, samples->len * 95 / 100);
    result =
        json_pack("{s:f, s:f, s:i}", "median", median, "p95", p95, "samples", (int)samples->len);
    g_array_set_size(samples, 0);
    return result;
}

static void
add_since(GArray *samples, gint64 begin)
{
    double elapsed = (double)(g_get_monotonic_time() - begin) / 1000.0;

    g_array_append_val(samples, elapsed);
}

/* From process start to the first reply, and what the process holds in memory then. */
static void
measure_start(const char *program, int runs, const char *name, json_t *results)
{
    g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(double));
    g_autoptr(GArray) memory = g_array_new(FALSE, FALSE, sizeof(double));
    g_autofree char *memory_name = g_strdup_printf("%s_rss", name);

    for (int run = 0; run < runs; run++) {
        gint64 begin = g_get_monotonic_time();
        Host host = host_start(program);
        double megabytes;

        call(&host, status_request);
        add_since(times, begin);
        megabytes = resident_megabytes(host.pid);
        g_array_append_val(memory, megabytes);
        host_stop(&host);
    }
    json_object_set_new(results, name, summary(times));
    json_object_set_new(results, memory_name, summary(memory));
}

static void
measure_authenticate(const char *program, int runs, json_t *results)
{
    g_autoptr(GArray) first = g_array_new(FALSE, FALSE, sizeof(double));
    g_autoptr(GArray) second = g_array_new(FALSE, FALSE, sizeof(double));

    for (int run = 0; run < runs; run++) {
        gint64 begin = g_get_monotonic_time();
        Host host = host_start(program);

        call(&host, authenticate_request);
        add_since(first, begin);
        begin = g_get_monotonic_time();
        call(&host, authenticate_request);
        add_since(second, begin);
        host_stop(&host);
    }
    json_object_set_new(results, "authenticate_first", summary(first));
    json_object_set_new(results, "authenticate_second", summary(second));
}

int
main(int argc, char **argv)
{
    json_t *results = json_object();
    int runs = argc == 4 ? atoi(argv[3]) : 0;

    if (runs < 1) {
        fputs("Usage: bench HOST BARE-HOST RUNS (see scripts/bench)\n", stderr);
        return 2;
    }
    measure_start(argv[2], runs, "bare_start", results);
    measure_start(argv[1], runs, "start", results);
    measure_authenticate(argv[1], runs, results);
    json_dumpf(results, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(results);
    return 0;
}
