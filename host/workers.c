/* SPDX-License-Identifier: Apache-2.0
 *
 * The workers: see workers.h. Each module has a queue of calls; the first one is with its worker,
 * under a deadline. What a worker answers is not trusted.
 */
#include "host/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "host/child.h"
#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/listing.h"

#define RETIRE_GRACE_MS 2000
#define PAUSE_AFTER_FAULT_US ((gint64)10 * G_USEC_PER_SEC)

typedef struct Worker {
    TbWorkers *workers;
    guint index;
    TbModuleState state;
    TbChild *child;      /* NULL: not running */
    GQueue queue;        /* Step; the head is with the child when busy */
    gboolean busy;       /* the head was sent */
    guint deadline;      /* source */
    guint idle;          /* source */
    guint dispatch;      /* source */
    gint64 paused_until; /* after crashes or a timeout: not started for a mere listing until then */
    gint64 sent_at;      /* when the head was sent */
} Worker;

/* A call: a listing is a step at each worker, a signature at one. */
struct TbWorkersCall {
    guint pending; /* steps not done yet */
    guint none;    /* source: the answer when there is no module at all */
    void (*listed)(gboolean complete, gpointer data);
    const TbSignEvents *events; /* a signature; NULL for a listing */
    json_t *request;
    gboolean pad;
    gboolean held; /* the worker holds a login: no PIN at all */
    gpointer data;
};

typedef struct Step {
    TbWorkersCall *call; /* NULL: cancelled */
} Step;

struct TbWorkers {
    const TbConfig *config;
    TbCardReaders *card_readers;
    GPtrArray *all; /* Worker */
};

static void schedule(Worker *worker);

static void
call_free(TbWorkersCall *call)
{
    if (call->none)
        g_source_remove(call->none);
    json_decref(call->request);
    g_free(call);
}

static void
clear_listing(Worker *worker)
{
    g_clear_pointer(&worker->state.tokens, g_ptr_array_unref);
    g_clear_pointer(&worker->state.listing, json_decref);
    g_clear_error(&worker->state.error);
}

static void
stop_child(Worker *worker)
{
    g_clear_pointer(&worker->child, tb_child_free);
    if (worker->idle)
        g_source_remove(worker->idle);
    worker->idle = 0;
}

/* Takes the head off the queue and tells its call. Either answer or error is set. */
static void
finish_head(Worker *worker, json_t *answer, const GError *error)
{
    Step *step = g_queue_pop_head(&worker->queue);
    TbWorkersCall *call = step->call;

    g_free(step);
    worker->busy = FALSE;
    if (worker->deadline)
        g_source_remove(worker->deadline);
    worker->deadline = 0;
    schedule(worker);
    if (!call)
        return;
    call->pending--;
    if (call->events) {
        call->events->answered(answer, error, call->data);
        call_free(call);
    } else {
        gboolean complete = call->pending == 0;

        call->listed(complete, call->data);
        if (complete)
            call_free(call);
    }
}

/* A listing's outcome is kept in the module's state; a signature's goes to its caller only. */
static void
finish_listing(Worker *worker, json_t *answer)
{
    gboolean had_tokens = worker->state.tokens && worker->state.tokens->len > 0;
    json_t *module = json_object_get(answer, "module");
    g_autoptr(GError) error = NULL;
    GPtrArray *tokens;

    clear_listing(worker);
    tokens = tb_listing_read(answer, worker->index, &error);
    if (tokens) {
        worker->state.tokens = tokens;
        worker->state.listing = json_incref(answer);
        worker->state.asked_at = worker->sent_at;
        worker->state.pcsc = json_is_true(json_object_get(module, "pcsc"));
        if (had_tokens && tokens->len == 0)
            worker->state.lost_at = g_get_monotonic_time();
    } else {
        worker->state.error = g_steal_pointer(&error);
    }
    finish_head(worker, answer, worker->state.error);
}

/* what: the end of a sentence that begins with the module's name. */
static void
fail_head(Worker *worker, TbReason reason, const char *what)
{
    const Step *step = g_queue_peek_head(&worker->queue);
    g_autoptr(GError) error = g_error_new(TB_FAULT, (int)reason, "The PKCS#11 module %s %s",
                                          worker->state.module->name, what);

    tb_log(TB_LOG_WARNING, "module-fault", "module=%s reason=%s detail=\"%s\"",
           worker->state.module->name, tb_reason_word(reason), what);
    if (step->call && !step->call->events) {
        clear_listing(worker);
        worker->state.error = g_error_copy(error);
    } else if (step->call) {
        worker->state.sign_failed = TRUE;
    }
    finish_head(worker, NULL, error);
}

static GError *
error_from_answer(const Worker *worker, json_t *detail)
{
    const char *word = json_string_value(json_object_get(detail, "reason"));
    const char *message = json_string_value(json_object_get(detail, "message"));
    TbReason reason;

    if (!word || !tb_reason_from_word(word, &reason))
        reason = TB_REASON_MODULE_FAILED;
    return g_error_new(TB_FAULT, (int)reason, "%s",
                       message ? message : "The PKCS#11 module failed and did not say why.");
}

static void
on_message(json_t *message, gpointer data)
{
    Worker *worker = data;
    const Step *step = g_queue_peek_head(&worker->queue);
    json_t *failure = json_object_get(message, "error");

    if (!worker->busy) {
        tb_log(TB_LOG_WARNING, "worker-unasked", "module=%s", worker->state.module->name);
        stop_child(worker);
        return;
    }
    if (step->call && step->call->events) {
        worker->state.sign_failed = FALSE;
        finish_head(worker, message, NULL);
    } else if (failure) {
        clear_listing(worker);
        worker->state.error = error_from_answer(worker, failure);
        finish_head(worker, NULL, worker->state.error);
    } else {
        finish_listing(worker, message);
    }
}

static void
on_gone(const char *how, gboolean crashed, gpointer data)
{
    Worker *worker = data;

    stop_child(worker);
    /* One that was ended from outside, by a lack of memory say, is there again at the next listing;
     * a module that crashes again and again is left in peace. */
    if (worker->state.error)
        worker->paused_until = g_get_monotonic_time() + PAUSE_AFTER_FAULT_US;
    if (worker->busy) {
        g_autofree char *what =
            g_strdup_printf("%s while it was asked; other tokens are not affected.", how);

        fail_head(worker, TB_REASON_MODULE_FAILED, what);
    }
}

static const TbChildEvents child_events = {on_message, on_gone};

static gboolean
on_deadline(gpointer data)
{
    Worker *worker = data;

    worker->deadline = 0;
    stop_child(worker);
    worker->paused_until = g_get_monotonic_time() + PAUSE_AFTER_FAULT_US;
    fail_head(worker, TB_REASON_MODULE_TIMEOUT, "did not answer in time and was ended.");
    return G_SOURCE_REMOVE;
}

static gboolean
on_idle(gpointer data)
{
    Worker *worker = data;

    worker->idle = 0;
    tb_child_retire(g_steal_pointer(&worker->child), RETIRE_GRACE_MS);
    return G_SOURCE_REMOVE;
}

GStrv
tb_workers_arguments(const TbModule *module)
{
    g_autoptr(GStrvBuilder) arguments = g_strv_builder_new();

    if (module->sandbox != TB_SANDBOX_STANDARD) {
        g_autofree char *option =
            g_strconcat("--sandbox=", tb_sandbox_level_word(module->sandbox), NULL);

        g_strv_builder_add(arguments, option);
    }
    for (char **directory = module->state; directory && *directory; directory++) {
        g_autofree char *option = g_strconcat("--state=", *directory, NULL);

        g_strv_builder_add(arguments, option);
    }
    g_strv_builder_add(arguments, module->path);
    if (module->init_args)
        g_strv_builder_add(arguments, module->init_args);
    return g_strv_builder_end(arguments);
}

static gboolean
start_child(Worker *worker, GError **error)
{
    g_auto(GStrv) arguments = NULL;

    if (worker->child)
        return TRUE;
    arguments = tb_workers_arguments(worker->state.module);
    worker->child = tb_child_start("tokenbridge-worker", (const char *const *)arguments, TRUE,
                                   &child_events, worker, error);
    return worker->child != NULL;
}

static gboolean
send_sign(Worker *worker, TbWorkersCall *call, GError **error)
{
    int ends[2] = {-1, -1};
    gboolean sent;

    if (!call->pad && !call->held && pipe2(ends, O_CLOEXEC) < 0)
        return tb_fault(error, TB_REASON_INTERNAL, "No pipe for the PIN: %s.", g_strerror(errno));
    sent = tb_child_send(worker->child, call->request, ends[0], error);
    if (ends[0] >= 0)
        close(ends[0]);
    if (sent)
        call->events->started(ends[1], call->data);
    if (ends[1] >= 0)
        close(ends[1]);
    return sent;
}

static gboolean
send_list(Worker *worker, GError **error)
{
    json_t *request = json_pack("{s:s}", "op", "list");
    gboolean sent = tb_child_send(worker->child, request, -1, error);

    json_decref(request);
    return sent;
}

/* Sends the head of the queue to the worker. */
static gboolean
on_dispatch(gpointer data)
{
    Worker *worker = data;
    const TbConfig *config = worker->workers->config;
    const Step *step;
    g_autoptr(GError) error = NULL;
    gboolean sign;
    guint timeout;

    worker->dispatch = 0;
    while ((step = g_queue_peek_head(&worker->queue)) && !step->call)
        g_free(g_queue_pop_head(&worker->queue));
    if (!step) {
        if (worker->child && !worker->idle)
            worker->idle = g_timeout_add(config->worker_idle, on_idle, worker);
        return G_SOURCE_REMOVE;
    }
    if (worker->idle)
        g_source_remove(worker->idle);
    worker->idle = 0;

    sign = step->call->events != NULL;
    if (!sign && !worker->child && worker->state.error &&
        g_get_monotonic_time() < worker->paused_until) {
        finish_head(worker, NULL, worker->state.error);
        return G_SOURCE_REMOVE;
    }
    worker->busy = TRUE;
    worker->sent_at = g_get_monotonic_time();
    timeout = !sign             ? config->list_timeout
              : step->call->pad ? config->pin_pad_timeout
                                : config->sign_timeout;
    worker->deadline = g_timeout_add(timeout, on_deadline, worker);
    if (!start_child(worker, &error) ||
        !(sign ? send_sign(worker, step->call, &error) : send_list(worker, &error))) {
        g_autofree char *what = g_strdup_printf("could not be asked: %s", error->message);

        stop_child(worker);
        fail_head(worker, tb_fault_reason(error), what);
    }
    return G_SOURCE_REMOVE;
}

static void
schedule(Worker *worker)
{
    if (!worker->busy && !worker->dispatch)
        worker->dispatch = g_idle_add_full(G_PRIORITY_DEFAULT, on_dispatch, worker, NULL);
}

TbWorkers *
tb_workers_new(const GPtrArray *modules, const TbConfig *config)
{
    TbWorkers *workers = g_new0(TbWorkers, 1);

    workers->config = config;
    workers->card_readers = tb_card_readers_new(config->worker_idle);
    workers->all = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < modules->len; i++) {
        Worker *worker = g_new0(Worker, 1);

        worker->workers = workers;
        worker->index = i;
        worker->state.module = modules->pdata[i];
        g_queue_init(&worker->queue);
        g_ptr_array_add(workers->all, worker);
    }
    return workers;
}

static void
drop_steps(Worker *worker)
{
    Step *step;

    while ((step = g_queue_pop_head(&worker->queue))) {
        if (step->call && --step->call->pending == 0)
            call_free(step->call);
        g_free(step);
    }
}

void
tb_workers_free(TbWorkers *workers)
{
    if (!workers)
        return;
    for (guint i = 0; i < workers->all->len; i++) {
        Worker *worker = workers->all->pdata[i];

        stop_child(worker);
        if (worker->deadline)
            g_source_remove(worker->deadline);
        if (worker->dispatch)
            g_source_remove(worker->dispatch);
        drop_steps(worker);
        clear_listing(worker);
    }
    g_ptr_array_unref(workers->all);
    tb_card_readers_free(workers->card_readers);
    g_free(workers);
}

guint
tb_workers_count(const TbWorkers *workers)
{
    return workers->all->len;
}

const TbModuleState *
tb_workers_state(const TbWorkers *workers, guint module)
{
    const Worker *worker = workers->all->pdata[module];

    return &worker->state;
}

TbCardReaders *
tb_workers_card_readers(const TbWorkers *workers)
{
    return workers->card_readers;
}

json_t *
tb_workers_describe(const TbModuleState *state)
{
    const TbModule *module = state->module;
    json_t *listing = json_pack("{s:s, s:s}", "name", module->name, "path", module->path);

    if (state->listing) {
        json_object_set_new(listing, "state", json_string("ok"));
        json_object_set(listing, "tokens", json_object_get(state->listing, "tokens"));
    } else {
        TbReason reason = state->error ? tb_fault_reason(state->error) : TB_REASON_INTERNAL;
        const char *message = state->error ? state->error->message : "It was not asked.";

        json_object_set_new(listing, "state", json_string(tb_reason_word(reason)));
        json_object_set_new(listing, "message", json_string(message));
        json_object_set_new(listing, "tokens", json_array());
    }
    return listing;
}

GPtrArray *
tb_workers_listings(const TbWorkers *workers)
{
    GPtrArray *listings = g_ptr_array_sized_new(workers->all->len);

    for (guint i = 0; i < workers->all->len; i++)
        g_ptr_array_add(listings, tb_workers_state(workers, i)->tokens);
    return listings;
}

static void
enqueue(Worker *worker, TbWorkersCall *call)
{
    Step *step = g_new0(Step, 1);

    step->call = call;
    call->pending++;
    worker->state.asked = TRUE;
    g_queue_push_tail(&worker->queue, step);
    schedule(worker);
}

static gboolean
on_no_module(gpointer data)
{
    TbWorkersCall *call = data;

    call->none = 0;
    call->listed(TRUE, call->data);
    call_free(call);
    return G_SOURCE_REMOVE;
}

TbWorkersCall *
tb_workers_list(TbWorkers *workers, void (*listed)(gboolean complete, gpointer data), gpointer data)
{
    TbWorkersCall *call = g_new0(TbWorkersCall, 1);

    call->listed = listed;
    call->data = data;
    for (guint i = 0; i < workers->all->len; i++)
        enqueue(workers->all->pdata[i], call);
    if (call->pending == 0)
        call->none = g_idle_add(on_no_module, call);
    return call;
}

TbWorkersCall *
tb_workers_list_module(TbWorkers *workers, guint module,
                       void (*listed)(gboolean complete, gpointer data), gpointer data)
{
    TbWorkersCall *call = g_new0(TbWorkersCall, 1);

    call->listed = listed;
    call->data = data;
    enqueue(workers->all->pdata[module], call);
    return call;
}

static TbWorkersCall *
enqueue_sign(TbWorkers *workers, guint module, json_t *request, gboolean pad, gboolean held,
             const TbSignEvents *events, gpointer data)
{
    TbWorkersCall *call = g_new0(TbWorkersCall, 1);

    call->events = events;
    call->request = json_incref(request);
    call->pad = pad;
    call->held = held;
    call->data = data;
    enqueue(workers->all->pdata[module], call);
    return call;
}

TbWorkersCall *
tb_workers_sign(TbWorkers *workers, guint module, json_t *request, gboolean pad,
                const TbSignEvents *events, gpointer data)
{
    return enqueue_sign(workers, module, request, pad, FALSE, events, data);
}

TbWorkersCall *
tb_workers_sign_held(TbWorkers *workers, guint module, json_t *request, const TbSignEvents *events,
                     gpointer data)
{
    return enqueue_sign(workers, module, request, FALSE, TRUE, events, data);
}

static gboolean
is_same_token(json_t *a, json_t *b)
{
    return json_equal(json_object_get(a, "slot"), json_object_get(b, "slot")) &&
           json_equal(json_object_get(a, "serial"), json_object_get(b, "serial"));
}

gboolean
tb_workers_put_token(TbWorkers *workers, guint module, json_t *token, GError **error)
{
    Worker *worker = workers->all->pdata[module];
    json_t *before = json_object_get(worker->state.listing, "tokens");
    json_t *listing, *tokens = json_array();
    gboolean found = FALSE;
    GPtrArray *read;

    for (gsize i = 0; i < json_array_size(before); i++) {
        json_t *other = json_array_get(before, i);
        gboolean same = is_same_token(other, token);

        found = found || same;
        json_array_append(tokens, same ? token : other);
    }
    if (!found) {
        json_decref(tokens);
        return tb_fault(error, TB_REASON_TOKEN_REMOVED,
                        "The token was removed. Insert it and try again.");
    }
    listing = json_copy(worker->state.listing);
    json_object_set_new(listing, "tokens", tokens);
    read = tb_listing_read(listing, module, error);
    if (read) {
        clear_listing(worker);
        worker->state.tokens = read;
        worker->state.listing = json_incref(listing);
    }
    json_decref(listing);
    return read != NULL;
}

void
tb_workers_cancel(TbWorkers *workers, TbWorkersCall *call)
{
    for (guint i = 0; i < workers->all->len; i++) {
        Worker *worker = workers->all->pdata[i];

        for (GList *link = worker->queue.head; link; link = link->next) {
            Step *step = link->data;

            if (step->call != call)
                continue;
            step->call = NULL;
            /* Nothing but its end takes a signature back from a module. */
            if (call->events && worker->busy && link == worker->queue.head) {
                stop_child(worker);
                finish_head(worker, NULL, NULL);
                break;
            }
        }
    }
    call_free(call);
}
