/* SPDX-License-Identifier: Apache-2.0
 *
 * The server. Everything that arrives is untrusted: the frame reader bounds it, rpc.c and request.c
 * check it, policy.c decides who may ask. A request that is answered at once never touches a child
 * process; one that needs the user becomes an operation, at most one at a time for a user.
 */
#include "host/server.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "host/common/fault.h"
#include "host/common/frame.h"
#include "host/common/json.h"
#include "host/common/log.h"
#include "host/operation.h"
#include "host/output.h"
#include "host/pin-operation.h"
#include "host/rpc.h"
#include "host/watch.h"
#include "host/workers.h"
#include "tokenbridge-config.h"

#define REQUEST_MAX 65536u           /* bytes */
#define REQUEST_SKIP_MAX (64u << 20) /* what Chromium lets an extension send at most */
#define OPEN_MAX 32                  /* requests open at once */
#define READ_SIZE 65536

struct TbServer {
    int in_fd;
    guint in_source;
    TbFrameReader *frames;
    TbOutput *output;
    TbServerParts parts;
    int exit_status;
    TbWorkers *workers;
    TbOperationContext context;
    GPtrArray *open; /* Open */
};

/* A request that has not been answered yet. */
typedef struct Open {
    TbServer *server;
    json_t *id;
    TbOperation *operation;        /* or */
    TbPinOperation *pin_operation; /* or */
    TbWatch *listing;
} Open;

typedef void (*Handler)(TbServer *server, const TbRpcRequest *request);

static void
open_free(gpointer data)
{
    Open *open = data;

    json_decref(open->id);
    g_free(open);
}

static Open *
open_add(TbServer *server, json_t *id)
{
    Open *open = g_new0(Open, 1);

    open->server = server;
    open->id = json_incref(id);
    g_ptr_array_add(server->open, open);
    return open;
}

static Open *
open_find(const TbServer *server, json_t *id)
{
    for (guint i = 0; i < server->open->len; i++) {
        Open *open = server->open->pdata[i];

        if (json_equal(open->id, id))
            return open;
    }
    return NULL;
}

/* Stops the work for a request without answering it. */
static void
open_stop(Open *open)
{
    if (open->operation)
        tb_operation_abort(g_steal_pointer(&open->operation));
    if (open->pin_operation)
        tb_pin_operation_abort(g_steal_pointer(&open->pin_operation));
    g_clear_pointer(&open->listing, tb_watch_free);
}

static void
send_result(TbServer *server, json_t *id, json_t *result)
{
    tb_output_send(server->output, tb_rpc_result(id, result));
    json_decref(result);
}

static void
send_error(TbServer *server, json_t *id, int code, const GError *error, const char *problem)
{
    tb_log(TB_LOG_INFO, "request-failed", "reason=%s", tb_reason_word(tb_fault_reason(error)));
    tb_output_send(server->output, tb_rpc_error(id, code, error, problem));
}

static void G_GNUC_PRINTF(4, 5)
    send_fault(TbServer *server, json_t *id, TbReason reason, const char *format, ...)
{
    GError *error;
    va_list args;

    va_start(args, format);
    error = g_error_new_valist(TB_FAULT, (int)reason, format, args);
    va_end(args);
    send_error(server, id, 0, error, NULL);
    g_error_free(error);
}

/* --- status --- */

static gboolean
has_no_params(TbServer *server, const TbRpcRequest *request)
{
    if (!request->params || json_object_size(request->params) == 0)
        return TRUE;
    send_fault(server, request->id, TB_REASON_INVALID_REQUEST, "\"%s\" takes no parameters.",
               request->method);
    return FALSE;
}

static json_t *method_names(void);

/* So that who waits for an answer does not give up before this program does. */
static json_t *
limits(const TbConfig *config)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "user", (json_int_t)config->user_timeout, "list",
                     (json_int_t)config->list_timeout, "sign", (json_int_t)config->sign_timeout,
                     "pinPad", (json_int_t)config->pin_pad_timeout);
}

static void
handle_status(TbServer *server, const TbRpcRequest *request)
{
    gboolean pinentry = server->parts.config->prompt == TB_PROMPT_PINENTRY;
    json_t *modules = json_array();

    if (!has_no_params(server, request)) {
        json_decref(modules);
        return;
    }
    for (guint i = 0; i < server->parts.modules->len; i++) {
        const TbModule *module = server->parts.modules->pdata[i];

        json_array_append_new(modules, json_pack("{s:s, s:s, s:s}", "name", module->name, "path",
                                                 module->path, "source", module->source));
    }
    send_result(server, request->id,
                json_pack("{s:s, s:s, s:i, s:o, s:s, s:o, s:o}", "name", "tokenbridge-host",
                          "version", TB_VERSION, "protocol", 1, "methods", method_names(), "prompt",
                          pinentry ? "pinentry" : "gtk", "modules", modules, "limits",
                          limits(server->parts.config)));
}

/* --- listTokens --- */

static void
on_tokens_listed(gpointer data)
{
    Open *open = data;
    TbServer *server = open->server;
    json_t *modules;

    if (!tb_watch_is_complete(open->listing))
        return;
    g_clear_pointer(&open->listing, tb_watch_free);
    modules = json_array();
    for (guint i = 0; i < tb_workers_count(server->workers); i++)
        json_array_append_new(modules, tb_workers_describe(tb_workers_state(server->workers, i)));
    send_result(server, open->id,
                json_pack("{s:o, s:o*}", "modules", modules, "readers",
                          tb_card_readers_describe(tb_workers_card_readers(server->workers))));
    g_ptr_array_remove(server->open, open);
}

static void
handle_list_tokens(TbServer *server, const TbRpcRequest *request)
{
    Open *open;

    if (!has_no_params(server, request))
        return;
    open = open_add(server, request->id);
    open->listing = tb_watch_new(server->workers, on_tokens_listed, open);
    tb_watch_pause(open->listing); /* once is enough */
}

/* --- what needs the user --- */

static void
on_operation_done(json_t *result, const GError *error, const char *problem, gpointer data)
{
    Open *open = data;
    TbServer *server = open->server;

    open->operation = NULL;
    open->pin_operation = NULL;
    if (result)
        send_result(server, open->id, json_incref(result));
    else
        send_error(server, open->id, 0, error, problem);
    g_ptr_array_remove(server->open, open);
}

static void
start_operation(TbServer *server, const TbRpcRequest *rpc, TbPurpose purpose)
{
    g_autoptr(GError) error = NULL;
    TbRequest *request =
        tb_request_read(purpose, rpc->params, server->context.config->user_timeout, &error);
    TbOperation *operation = NULL;
    Open *open;

    if (!request) {
        send_error(server, rpc->id, 0, error, NULL);
        return;
    }
    open = open_add(server, rpc->id);
    operation = tb_operation_start(&server->context, request, on_operation_done, open, &error);
    if (operation) {
        open->operation = operation;
    } else {
        send_error(server, rpc->id, 0, error, NULL);
        g_ptr_array_remove(server->open, open);
    }
}

static void
handle_authenticate(TbServer *server, const TbRpcRequest *request)
{
    start_operation(server, request, TB_PURPOSE_AUTHENTICATE);
}

static void
handle_get_signing_certificate(TbServer *server, const TbRpcRequest *request)
{
    start_operation(server, request, TB_PURPOSE_CHOOSE);
}

static void
handle_sign(TbServer *server, const TbRpcRequest *request)
{
    start_operation(server, request, TB_PURPOSE_SIGN);
}

static void
start_pin_operation(TbServer *server, const TbRpcRequest *rpc, TbPinPurpose purpose)
{
    g_autoptr(GError) error = NULL;
    TbPinRequest *request = tb_pin_request_read(purpose, rpc->params, server->parts.modules,
                                                server->context.config->user_timeout, &error);
    Open *open;

    if (!request) {
        send_error(server, rpc->id, 0, error, NULL);
        return;
    }
    open = open_add(server, rpc->id);
    open->pin_operation =
        tb_pin_operation_start(&server->context, request, on_operation_done, open, &error);
    if (!open->pin_operation) {
        send_error(server, rpc->id, 0, error, NULL);
        g_ptr_array_remove(server->open, open);
    }
}

static void
handle_change_pin(TbServer *server, const TbRpcRequest *request)
{
    start_pin_operation(server, request, TB_PIN_CHANGE);
}

static void
handle_unblock_pin(TbServer *server, const TbRpcRequest *request)
{
    start_pin_operation(server, request, TB_PIN_UNBLOCK);
}

/* --- cancel --- */

static void
handle_cancel(TbServer *server, const TbRpcRequest *request)
{
    static const char *const members[] = {"id", NULL};
    g_autoptr(GError) error = NULL;
    json_t *id = json_object_get(request->params, "id");
    Open *open;

    if (!id)
        tb_fault(&error, TB_REASON_INVALID_REQUEST, "\"params\" has no \"id\".");
    else
        (void)tb_json_only(request->params, "\"params\"", members, &error);
    if (error) {
        send_error(server, request->id, 0, error, NULL);
        return;
    }
    open = open_find(server, id);
    if (open) {
        open_stop(open);
        send_fault(server, open->id, TB_REASON_ABORTED, "The request was taken back.");
        g_ptr_array_remove(server->open, open);
    }
    send_result(server, request->id, json_pack("{s:b}", "cancelled", open != NULL));
}

/* --- dispatch --- */

static const struct {
    const char *name;
    Handler handle;
} methods[] = {
    {"status", handle_status},
    {"listTokens", handle_list_tokens},
    {"authenticate", handle_authenticate},
    {"getSigningCertificate", handle_get_signing_certificate},
    {"sign", handle_sign},
    {"changePin", handle_change_pin},
    {"unblockPin", handle_unblock_pin},
    {"cancel", handle_cancel},
};

static json_t *
method_names(void)
{
    json_t *names = json_array();

    for (guint i = 0; i < G_N_ELEMENTS(methods); i++)
        json_array_append_new(names, json_string(methods[i].name));
    return names;
}

static void
dispatch(TbServer *server, const TbRpcRequest *request)
{
    enum { METHOD_NOT_FOUND = -32601, INVALID_REQUEST = -32600 };
    g_autoptr(GError) error = NULL;

    if (server->parts.fault) {
        send_error(server, request->id, 0, server->parts.fault, NULL);
        return;
    }
    if (open_find(server, request->id)) {
        tb_fault(&error, TB_REASON_INVALID_REQUEST, "A request with this \"id\" is still open.");
        send_error(server, request->id, INVALID_REQUEST, error, NULL);
        return;
    }
    if (server->open->len >= OPEN_MAX && strcmp(request->method, "cancel") != 0) {
        send_fault(server, request->id, TB_REASON_BUSY, "%d requests are open already.", OPEN_MAX);
        return;
    }
    for (guint i = 0; i < G_N_ELEMENTS(methods); i++) {
        if (strcmp(methods[i].name, request->method) == 0) {
            methods[i].handle(server, request);
            return;
        }
    }
    tb_fault(&error, TB_REASON_UNSUPPORTED, "There is no such method.");
    send_error(server, request->id, METHOD_NOT_FOUND, error, NULL);
}

static void
on_frame(TbServer *server, const guint8 *frame, gsize length)
{
    g_autoptr(GError) error = NULL;
    json_t *id = NULL;
    int code = 0;
    g_autoptr(TbRpcRequest) request = tb_rpc_read(frame, length, &id, &code, &error);

    if (request)
        dispatch(server, request);
    else
        send_error(server, id, code, error, NULL);
    json_decref(id);
}

static void
on_long_frame(TbServer *server, gsize length)
{
    enum { INVALID_REQUEST = -32600 };
    g_autoptr(GError) error = NULL;

    tb_fault(&error, TB_REASON_INVALID_REQUEST,
             "The message has %" G_GSIZE_FORMAT " bytes; the limit is %u.", length, REQUEST_MAX);
    send_error(server, NULL, INVALID_REQUEST, error, NULL);
}

static void
stop(TbServer *server, int exit_status)
{
    server->exit_status = exit_status;
    g_main_loop_quit(server->parts.loop);
}

/* Handles the frames that are there; false when the stream cannot be followed. */
static gboolean
take_frames(TbServer *server)
{
    for (;;) {
        const guint8 *frame = NULL;
        gsize length = 0;

        switch (tb_frame_reader_next(server->frames, &frame, &length)) {
        case TB_FRAME_WHOLE:
            on_frame(server, frame, length);
            break;
        case TB_FRAME_TOO_LONG:
            on_long_frame(server, length);
            break;
        case TB_FRAME_ABSURD:
            on_long_frame(server, length);
            return FALSE;
        case TB_FRAME_NONE:
            return TRUE;
        }
    }
}

static gboolean
on_input(gint fd, GIOCondition condition, gpointer data)
{
    TbServer *server = data;
    guint8 bytes[READ_SIZE];
    ssize_t got = read(fd, bytes, sizeof bytes);

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return G_SOURCE_CONTINUE;
    if (got > 0) {
        tb_frame_reader_push(server->frames, bytes, (gsize)got);
        if (take_frames(server))
            return G_SOURCE_CONTINUE;
        stop(server, 1);
    } else {
        stop(server, tb_frame_reader_at_boundary(server->frames) ? 0 : 1);
    }
    server->in_source = 0;
    return G_SOURCE_REMOVE;
}

static void
on_output_broken(gpointer data)
{
    stop(data, 0);
}

TbServer *
tb_server_new(int in_fd, int out_fd, const TbServerParts *parts)
{
    TbServer *server = g_new0(TbServer, 1);

    server->in_fd = in_fd;
    server->parts = *parts;
    server->workers = tb_workers_new(parts->modules, parts->config);
    server->context.config = parts->config;
    server->context.workers = server->workers;
    server->context.prompter = parts->prompter;
    server->open = g_ptr_array_new_with_free_func(open_free);
    server->frames = tb_frame_reader_new(REQUEST_MAX, REQUEST_SKIP_MAX);
    server->output = tb_output_new(out_fd, on_output_broken, server);
    server->in_source = g_unix_fd_add(in_fd, G_IO_IN | G_IO_HUP, on_input, server);
    return server;
}

void
tb_server_free(TbServer *server)
{
    if (!server)
        return;
    if (server->in_source)
        g_source_remove(server->in_source);
    for (guint i = 0; i < server->open->len; i++)
        open_stop(server->open->pdata[i]);
    g_ptr_array_unref(server->open);
    tb_workers_free(server->workers);
    tb_frame_reader_free(server->frames);
    tb_output_free(server->output);
    g_free(server);
}

int
tb_server_exit_status(const TbServer *server)
{
    return server->exit_status;
}
