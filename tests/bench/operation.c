/* SPDX-License-Identifier: Apache-2.0
 *
 * Times authenticate requests with the dialog's own time taken out: the real operation, the real
 * worker, and in place of the dialog one that chooses the first certificate and has the PIN at
 * once. Prints each request's milliseconds, a line each; the first starts the worker. Expects
 * tokenbridge-worker beside itself (scripts/bench puts it there) and trusts its command line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/operation.h"

/* The dialog that needs no time. */
typedef struct Instant {
    TbPrompt base;
    const TbPromptEvents *events;
    gpointer data;
    const char *pin;
    char *certificate; /* chosen; NULL until a usable one was shown */
    gint64 submitted;  /* when */
} Instant;

static void G_GNUC_NORETURN
die(const char *what)
{
    fprintf(stderr, "operation: %s\n", what);
    exit(1);
}

static gboolean
submit(gpointer data)
{
    Instant *instant = data;
    json_t *message =
        json_pack("{s:s, s:s}", "type", "submit", "certificate", instant->certificate);

    instant->submitted = g_get_monotonic_time();
    instant->events->message(message, instant->data);
    json_decref(message);
    return G_SOURCE_REMOVE;
}

static gboolean
instant_send(TbPrompt *base, json_t *message, int fd, GError **error)
{
    Instant *instant = (Instant *)base;
    const char *type = json_string_value(json_object_get(message, "type"));
    json_t *choice = json_array_get(json_object_get(message, "certificates"), 0);

    if (strcmp(type, "pin") == 0) {
        if (write(fd, instant->pin, strlen(instant->pin)) < 0)
            die("the PIN pipe is broken");
    } else if (choice && !instant->certificate) {
        instant->certificate = g_strdup(json_string_value(json_object_get(choice, "id")));
        g_idle_add_full(G_PRIORITY_HIGH, submit, instant, NULL);
    }
    return TRUE;
}

static void
instant_release(TbPrompt *base, gboolean linger)
{
    g_clear_pointer(&((Instant *)base)->certificate, g_free);
}

static TbPrompt *
instant_open(gpointer context, const TbPromptEvents *events, gpointer data, GError **error)
{
    Instant *instant = context;

    instant->base.send = instant_send;
    instant->base.release = instant_release;
    instant->events = events;
    instant->data = data;
    return &instant->base;
}

static void
on_done(json_t *result, const GError *error, const char *problem, gpointer data)
{
    if (!result)
        die(error->message);
    g_main_loop_quit(data);
}

static void
run_once(const TbOperationContext *context, const Instant *instant, GMainLoop *loop)
{
    json_t *params = json_pack("{s:s, s:s}", "origin", "https://bench.example", "nonce",
                               "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=");
    gint64 begin = g_get_monotonic_time();
    gint64 end;
    g_autoptr(GError) error = NULL;
    TbRequest *request = tb_request_read(TB_PURPOSE_AUTHENTICATE, params, 10000, &error);

    if (!request || !tb_operation_start(context, request, on_done, loop, &error))
        die(error->message);
    g_main_loop_run(loop);
    end = g_get_monotonic_time();
    printf("%.3f %.3f\n", (double)(end - begin) / 1000.0,
           (double)(end - instant->submitted) / 1000.0);
    json_decref(params);
}

int
main(int argc, char **argv)
{
    g_autoptr(TbConfig) config = tb_config_load(NULL, NULL, NULL);
    g_autoptr(GPtrArray) modules = g_ptr_array_new();
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(TbWorkers) workers = NULL;
    Instant instant = {.pin = argc == 4 ? argv[2] : NULL};
    TbOperationContext context = {.config = config, .prompter = {instant_open, &instant}};

    if (argc != 4) {
        fputs("Usage: operation MODULE PIN RUNS (see scripts/bench)\n", stderr);
        return 2;
    }
    g_ptr_array_add(modules, tb_module_new("bench", argv[1], NULL, "configuration"));
    workers = tb_workers_new(modules, config);
    context.workers = workers;
    for (int run = atoi(argv[3]); run > 0; run--)
        run_once(&context, &instant, loop);
    tb_module_free(modules->pdata[0]);
    return 0;
}
