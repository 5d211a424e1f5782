/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/workers.c with scripted workers: order, deadlines, crashes, queues, cancelling, and
 * that one module's fault never hides another's tokens.
 */
#include "host/workers.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "host/common/fault.h"
#include "tests/host/harness.h"
#include "tests/support/assert.h"

#define MODULES_MAX 3

typedef struct Fixture {
    TbConfig *config;
    GPtrArray *modules;
    char *paths[MODULES_MAX];
    TbWorkers *workers;
    guint listed;   /* callbacks */
    guint complete; /* of them, the last ones */
    GString *order; /* indices of the modules that had answered, at each callback */
    guint started;
    guint answered;
    json_t *answer;
    GError *error;
    const char *pin; /* written when a signature starts */
    int last_pin_fd;
} Fixture;

/* Scripts of the modules' workers, NULL-terminated. */
static void
set_up(Fixture *fixture, const char *const *scripts)
{
    *fixture = (Fixture){0};
    fixture->config = tb_config_load(NULL, NULL, NULL);
    fixture->modules = tb_test_modules();
    fixture->order = g_string_new(NULL);
    for (guint i = 0; scripts[i]; i++) {
        g_autofree char *name = g_strdup_printf("module%u", i);

        fixture->paths[i] = tb_test_worker_script(name, tb_test_json(scripts[i]));
        g_ptr_array_add(fixture->modules,
                        tb_module_new(name, fixture->paths[i], "init args", "configuration"));
    }
    fixture->workers = tb_workers_new(fixture->modules, fixture->config);
}

static void
tear_down(Fixture *fixture)
{
    pid_t pids[MODULES_MAX] = {0};

    for (guint i = 0; i < MODULES_MAX && fixture->paths[i]; i++) {
        if (tb_test_worker_log(fixture->paths[i], "started", NULL) > 0)
            pids[i] = tb_test_worker_pid(fixture->paths[i], "started");
    }
    tb_workers_free(fixture->workers);
    for (guint i = 0; i < MODULES_MAX; i++) {
        if (pids[i])
            tb_test_wait_gone(pids[i], 5); /* all worker processes end with it */
        g_free(fixture->paths[i]);
    }
    g_ptr_array_unref(fixture->modules);
    tb_config_free(fixture->config);
    g_string_free(fixture->order, TRUE);
    json_decref(fixture->answer);
    g_clear_error(&fixture->error);
}

static void
on_listed(gboolean complete, gpointer data)
{
    Fixture *fixture = data;

    fixture->listed++;
    fixture->complete += complete ? 1 : 0;
    for (guint i = 0; i < tb_workers_count(fixture->workers); i++) {
        const TbModuleState *state = tb_workers_state(fixture->workers, i);

        g_string_append_c(fixture->order, state->tokens ? 'T' : state->error ? 'E' : '-');
    }
    g_string_append_c(fixture->order, ' ');
}

static void
list_and_wait(Fixture *fixture)
{
    fixture->listed = 0;
    fixture->complete = 0;
    g_string_truncate(fixture->order, 0);
    tb_workers_list(fixture->workers, on_listed, fixture);
    g_assert_cmpuint(fixture->listed, ==, 0); /* never from within the call */
    tb_test_wait(&fixture->complete, 15);
    g_assert_cmpuint(fixture->complete, ==, 1);
}

static void
on_started(int pin_fd, gpointer data)
{
    Fixture *fixture = data;

    fixture->started++;
    fixture->last_pin_fd = pin_fd;
    if (pin_fd >= 0 && fixture->pin)
        g_assert_cmpint(write(pin_fd, fixture->pin, strlen(fixture->pin)), ==,
                        (gssize)strlen(fixture->pin));
}

static void
on_answered(json_t *answer, const GError *error, gpointer data)
{
    Fixture *fixture = data;

    g_assert_true(!answer != !error);
    fixture->answered++;
    json_decref(fixture->answer);
    fixture->answer = json_incref(answer);
    g_clear_error(&fixture->error);
    fixture->error = error ? g_error_copy(error) : NULL;
}

static const TbSignEvents sign_events = {on_started, on_answered};

static TbWorkersCall *
sign(Fixture *fixture, guint module, gboolean pad)
{
    json_t *request = tb_test_json("{'op': 'sign', 'slot': 7}");
    TbWorkersCall *call =
        tb_workers_sign(fixture->workers, module, request, pad, &sign_events, fixture);

    json_decref(request);
    return call;
}

static pid_t
worker_pid(const Fixture *fixture, guint module)
{
    for (guint i = 0; tb_test_worker_log(fixture->paths[module], "started", NULL) == 0; i++) {
        g_assert_cmpuint(i, <, tb_test_ms(2000));
        tb_test_run_for(5);
    }
    return tb_test_worker_pid(fixture->paths[module], "started");
}

static void
assert_state(const Fixture *fixture, guint module, TbReason reason)
{
    const TbModuleState *state = tb_workers_state(fixture->workers, module);

    if (reason) {
        g_assert_null(state->tokens);
        g_assert_null(state->listing);
        g_assert_error(state->error, TB_FAULT, (int)reason);
    } else {
        g_assert_nonnull(state->tokens);
        g_assert_nonnull(state->listing);
        g_assert_no_error(state->error);
    }
}

#define NO_TOKENS "{'answer': {'tokens': []}}"

static void
test_list(void)
{
    Fixture fixture;

    set_up(&fixture, (const char *const[]){"{'list': [" NO_TOKENS "]}", NULL});
    g_assert_false(tb_workers_state(fixture.workers, 0)->asked);
    list_and_wait(&fixture);
    g_assert_true(tb_workers_state(fixture.workers, 0)->asked);
    assert_state(&fixture, 0, 0);
    list_and_wait(&fixture);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "list {\"op\":\"list\"}", NULL), ==, 2);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "started", NULL), ==, 1);
    tear_down(&fixture);
}

static void
test_no_module(void)
{
    Fixture fixture;

    set_up(&fixture, (const char *const[]){NULL});
    list_and_wait(&fixture);
    g_assert_cmpuint(fixture.listed, ==, 1);
    tear_down(&fixture);
}

static void
test_no_module_cancelled(void)
{
    Fixture fixture;

    set_up(&fixture, (const char *const[]){NULL});
    tb_workers_cancel(fixture.workers, tb_workers_list(fixture.workers, on_listed, &fixture));
    tb_test_run_for(20);
    g_assert_cmpuint(fixture.listed, ==, 0);
    tear_down(&fixture);
}

/* A slow module, one that crashes, one that is well: the good one's tokens are there first. */
static void
test_good_module_is_not_held_up(void)
{
    g_autofree char *slow =
        g_strdup_printf("{'list': [{'delay': %u, 'answer': {'tokens': []}}]}", tb_test_ms(600));
    g_autofree char *crashing =
        g_strdup_printf("{'list': [{'delay': %u, 'do': 'crash'}]}", tb_test_ms(300));
    Fixture fixture;

    set_up(&fixture, (const char *const[]){slow, crashing, "{'list': [" NO_TOKENS "]}", NULL});
    list_and_wait(&fixture);
    g_assert_cmpstr(fixture.order->str, ==, "--T -ET TET ");
    assert_state(&fixture, 1, TB_REASON_MODULE_FAILED);
    g_assert_nonnull(strstr(tb_workers_state(fixture.workers, 1)->error->message, "module1"));
    tear_down(&fixture);
}

static void
test_timeout(void)
{
    Fixture fixture;
    gint64 start;

    set_up(&fixture,
           (const char *const[]){"{'list': [{'do': 'hang'}]}", "{'list': [" NO_TOKENS "]}", NULL});
    fixture.config->list_timeout = tb_test_ms(500);
    start = g_get_monotonic_time();
    list_and_wait(&fixture);
    g_assert_cmpint(g_get_monotonic_time() - start, >=, (gint64)tb_test_ms(500) * 1000 - 2000);
    g_assert_cmpint(g_get_monotonic_time() - start, <, (gint64)tb_test_ms(1500) * 1000);
    g_assert_cmpstr(fixture.order->str, ==, "-T ET ");
    assert_state(&fixture, 0, TB_REASON_MODULE_TIMEOUT);
    tb_test_wait_gone(worker_pid(&fixture, 0), 2);
    tear_down(&fixture);
}

/* What crashes twice in a row is not started again at each listing while a dialog waits. */
static void
test_pause_after_a_fault(void)
{
    Fixture fixture;

    set_up(&fixture, (const char *const[]){"{'list': [{'do': 'crash'}]}", NULL});
    for (guint i = 0; i < 5; i++) {
        list_and_wait(&fixture);
        assert_state(&fixture, 0, TB_REASON_MODULE_FAILED);
    }
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "started", NULL), ==, 2);
    tear_down(&fixture);
}

/* One that was killed once, in the midst of a listing, serves the next one. */
static void
test_killed_once(void)
{
    g_autofree char *script = g_strdup_printf(
        "{'list': [" NO_TOKENS ", {'delay': %u, 'answer': {'tokens': []}}, " NO_TOKENS "]}",
        tb_test_ms(2000));
    Fixture fixture;
    pid_t pid;

    set_up(&fixture, (const char *const[]){script, NULL});
    list_and_wait(&fixture);
    pid = worker_pid(&fixture, 0);
    fixture.complete = 0;
    tb_workers_list(fixture.workers, on_listed, &fixture);
    tb_test_run_for(50);
    g_assert_no_errno(kill(pid, SIGKILL));
    tb_test_wait(&fixture.complete, 5);
    assert_state(&fixture, 0, TB_REASON_MODULE_FAILED);
    list_and_wait(&fixture);
    assert_state(&fixture, 0, 0);
    tear_down(&fixture);
}

/* A worker that dies while nobody asks is started anew without a word. */
static void
test_death_between_requests(void)
{
    Fixture fixture;
    pid_t pid;

    set_up(&fixture, (const char *const[]){"{'list': [" NO_TOKENS "]}", NULL});
    list_and_wait(&fixture);
    pid = worker_pid(&fixture, 0);
    g_assert_no_errno(kill(pid, SIGKILL));
    tb_test_wait_gone(pid, 5);
    list_and_wait(&fixture);
    assert_state(&fixture, 0, 0);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "started", NULL), ==, 2);
    tear_down(&fixture);
}

static void
test_bad_answers(void)
{
    static const struct {
        const char *script;
        TbReason reason;
    } rows[] = {
        {"{'list': [{'answer': {}}]}", TB_REASON_MODULE_FAILED},
        {"{'list': [{'answer': {'tokens': [{}]}}]}", TB_REASON_MODULE_FAILED},
        {"{'list': [{'answer': {'signature': 'QUJD'}}]}", TB_REASON_MODULE_FAILED},
        {"{'list': [{'answer': {'error': {}}}]}", TB_REASON_MODULE_FAILED},
        {"{'list': [{'answer': {'error': 'broken'}}]}", TB_REASON_MODULE_FAILED},
        {"{'list': [{'answer': {'error': {'reason': 'nonsense', 'message': 'M.'}}}]}",
         TB_REASON_MODULE_FAILED},
        {"{'list': [{'answer': {'error': {'reason': 'token_removed', 'message': 'M.'}}}]}",
         TB_REASON_TOKEN_REMOVED},
        {"{'list': [{'do': 'garbage'}]}", TB_REASON_MODULE_FAILED},
        {"{'list': [{'do': 'flood'}]}", TB_REASON_MODULE_FAILED},
        {"{'list': [{'do': 'exit'}]}", TB_REASON_MODULE_FAILED},
        {"{'list': [{'do': 'close'}]}", TB_REASON_MODULE_FAILED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture fixture;
        const TbModuleState *state;

        set_up(&fixture, (const char *const[]){rows[i].script, NULL});
        list_and_wait(&fixture);
        state = tb_workers_state(fixture.workers, 0);
        if (state->tokens || !g_error_matches(state->error, TB_FAULT, (int)rows[i].reason))
            tb_test_row_failed("%s: %s", rows[i].script,
                               state->error ? state->error->message : "accepted");
        tear_down(&fixture);
    }
}

/* After a good listing a bad one clears it: nothing stale is offered. */
static void
test_bad_after_good(void)
{
    Fixture fixture;

    set_up(&fixture,
           (const char *const[]){"{'list': [" NO_TOKENS ", {'answer': {}}, " NO_TOKENS "]}", NULL});
    list_and_wait(&fixture);
    assert_state(&fixture, 0, 0);
    list_and_wait(&fixture);
    assert_state(&fixture, 0, TB_REASON_MODULE_FAILED);
    list_and_wait(&fixture);
    assert_state(&fixture, 0, 0);
    tear_down(&fixture);
}

/* A second answer to one question belongs to nobody; the worker is not believed any more. */
static void
test_unasked_answer(void)
{
    Fixture fixture;

    set_up(&fixture,
           (const char *const[]){
               "{'list': [{'answer': {'tokens': []}, 'times': 2}, " NO_TOKENS "]}", NULL});
    list_and_wait(&fixture);
    tb_test_wait_gone(worker_pid(&fixture, 0), 5);
    list_and_wait(&fixture);
    assert_state(&fixture, 0, 0);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "started", NULL), ==, 2);
    tear_down(&fixture);
}

static void
test_sign(void)
{
    Fixture fixture;

    set_up(&fixture,
           (const char *const[]){"{'sign': [{'pins': {'1234': {'signature': 'QUJD'}, '*': "
                                 "{'error': {'reason': 'pin_incorrect', 'message': 'M.'}}}}]}",
                                 NULL});
    fixture.pin = "1234\n";
    sign(&fixture, 0, FALSE);
    g_assert_cmpuint(fixture.started, ==, 0);
    tb_test_wait(&fixture.answered, 10);
    g_assert_cmpuint(fixture.started, ==, 1);
    g_assert_cmpstr(json_string_value(json_object_get(fixture.answer, "signature")), ==, "QUJD");
    /* Both ends are closed in this process once the call has been made. */
    g_assert_cmpint(write(fixture.last_pin_fd, "x", 1), ==, -1);

    fixture.pin = "0000"; /* ended by the end of the pipe, not a newline */
    fixture.answered = 0;
    sign(&fixture, 0, FALSE);
    tb_test_wait(&fixture.answered, 10);
    g_assert_nonnull(json_object_get(fixture.answer, "error"));
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "pin 0000", NULL), ==, 1);
    tear_down(&fixture);
}

static void
test_sign_with_pad(void)
{
    Fixture fixture;

    set_up(&fixture,
           (const char *const[]){"{'sign': [{'pins': {'pad': {'signature': 'QUJD'}}}]}", NULL});
    sign(&fixture, 0, TRUE);
    tb_test_wait(&fixture.answered, 10);
    g_assert_cmpint(fixture.last_pin_fd, ==, -1);
    g_assert_nonnull(json_object_get(fixture.answer, "signature"));
    tear_down(&fixture);
}

static void
test_sign_faults(void)
{
    static const struct {
        const char *script;
        TbReason reason;
    } rows[] = {
        {"{'sign': [{'do': 'crash'}]}", TB_REASON_MODULE_FAILED},
        {"{'sign': [{'do': 'exit'}]}", TB_REASON_MODULE_FAILED},
        {"{'sign': [{'do': 'garbage'}]}", TB_REASON_MODULE_FAILED},
        {"{'sign': [{'do': 'hang'}]}", TB_REASON_MODULE_TIMEOUT},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture fixture;

        set_up(&fixture, (const char *const[]){rows[i].script, NULL});
        fixture.config->sign_timeout = tb_test_ms(500);
        sign(&fixture, 0, FALSE);
        tb_test_wait(&fixture.answered, 10);
        if (!g_error_matches(fixture.error, TB_FAULT, (int)rows[i].reason))
            tb_test_row_failed("%s", rows[i].script);
        /* It says nothing of what the module has. */
        g_assert_no_error(tb_workers_state(fixture.workers, 0)->error);
        tear_down(&fixture);
    }
}

/* Pads have their own patience. */
static void
test_pad_timeout(void)
{
    Fixture fixture;

    set_up(
        &fixture,
        (const char *const[]){
            "{'sign': [{'delay': 600, 'answer': {'signature': 'QUJD'}}, {'do': 'hang'}]}", NULL});
    fixture.config->sign_timeout = 100;
    fixture.config->pin_pad_timeout = tb_test_ms(1500);
    sign(&fixture, 0, TRUE);
    tb_test_wait(&fixture.answered, 10);
    g_assert_no_error(fixture.error);
    fixture.answered = 0;
    sign(&fixture, 0, TRUE);
    tb_test_wait(&fixture.answered, 10);
    g_assert_error(fixture.error, TB_FAULT, TB_REASON_MODULE_TIMEOUT);
    tear_down(&fixture);
}

/* A signature is asked for although the module has just failed: the user wants it. */
static void
test_sign_after_a_fault(void)
{
    Fixture fixture;

    set_up(&fixture,
           (const char *const[]){
               "{'list': [{'do': 'crash'}], 'sign': [{'answer': {'signature': 'QUJD'}}]}", NULL});
    list_and_wait(&fixture);
    sign(&fixture, 0, FALSE);
    tb_test_wait(&fixture.answered, 10);
    g_assert_no_error(fixture.error);
    tear_down(&fixture);
}

/* One thing at a time for a worker, in the order asked. */
static void
test_queue(void)
{
    Fixture fixture;
    g_autofree char *log = NULL;
    g_autofree char *text = NULL;

    set_up(&fixture,
           (const char *const[]){"{'list': [{'delay': 100, 'answer': {'tokens': []}}],"
                                 " 'sign': [{'delay': 100, 'answer': {'signature': 'QUJD'}}]}",
                                 NULL});
    tb_workers_list(fixture.workers, on_listed, &fixture);
    sign(&fixture, 0, FALSE);
    tb_workers_list(fixture.workers, on_listed, &fixture);
    tb_test_wait(&fixture.answered, 10);
    g_assert_cmpuint(fixture.complete, ==, 1);
    while (fixture.complete < 2)
        tb_test_run_for(5);
    log = g_strconcat(fixture.paths[0], ".log", NULL);
    g_assert_true(g_file_get_contents(log, &text, NULL, NULL));
    g_assert_nonnull(g_strstr_len(g_strstr_len(text, -1, "sign "), -1, "list "));
    g_assert_true(g_strstr_len(text, -1, "list ") < g_strstr_len(text, -1, "sign "));
    tear_down(&fixture);
}

/* The deadline of what waits begins when it is its turn. */
static void
test_queue_has_no_deadline(void)
{
    Fixture fixture;

    set_up(&fixture,
           (const char *const[]){"{'list': [{'delay': 300, 'answer': {'tokens': []}}]}", NULL});
    fixture.config->list_timeout = 1200;
    for (guint i = 0; i < 5; i++)
        tb_workers_list(fixture.workers, on_listed, &fixture);
    while (fixture.complete < 5)
        tb_test_run_for(5);
    assert_state(&fixture, 0, 0);
    tear_down(&fixture);
}

static void
test_cancel_listing(void)
{
    Fixture fixture;
    TbWorkersCall *call;
    pid_t pid;

    set_up(&fixture, (const char *const[]){"{'list': [{'delay': 300, 'answer': {'tokens': []}}]}",
                                           "{'list': [" NO_TOKENS "]}", NULL});
    call = tb_workers_list(fixture.workers, on_listed, &fixture);
    tb_test_wait(&fixture.listed, 10);
    g_assert_cmpuint(fixture.complete, ==, 0);
    pid = worker_pid(&fixture, 0);
    tb_workers_cancel(fixture.workers, call);
    tb_test_run_for(500);
    g_assert_cmpuint(fixture.listed, ==, 1);
    assert_state(&fixture, 0, 0); /* the answer is kept all the same, and so is the worker */
    g_assert_true(tb_test_is_running(pid));
    tear_down(&fixture);
}

static void
test_cancel_signature(void)
{
    Fixture fixture;
    TbWorkersCall *call;
    pid_t pid;

    set_up(&fixture,
           (const char *const[]){"{'sign': [{'do': 'hang'}], 'list': [" NO_TOKENS "]}", NULL});
    call = sign(&fixture, 0, FALSE);
    tb_test_wait(&fixture.started, 10);
    while (tb_test_worker_log(fixture.paths[0], "sign", NULL) == 0)
        tb_test_run_for(5);
    pid = worker_pid(&fixture, 0);
    tb_workers_list(fixture.workers, on_listed, &fixture); /* waits behind it */
    tb_workers_cancel(fixture.workers, call);
    tb_test_wait_gone(pid, 2); /* nothing but its end takes a signature back */
    tb_test_wait(&fixture.complete, 10);
    g_assert_cmpuint(fixture.answered, ==, 0);
    assert_state(&fixture, 0, 0);
    tear_down(&fixture);
}

static void
test_cancel_before_its_turn(void)
{
    Fixture fixture;

    set_up(&fixture, (const char *const[]){"{'list': [{'delay': 200, 'answer': {'tokens': []}}],"
                                           " 'sign': [{'do': 'crash'}]}",
                                           NULL});
    tb_workers_list(fixture.workers, on_listed, &fixture);
    tb_workers_cancel(fixture.workers, sign(&fixture, 0, FALSE));
    tb_test_wait(&fixture.complete, 10);
    tb_test_run_for(50);
    g_assert_cmpuint(fixture.started, ==, 0);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "sign", NULL), ==, 0);
    tear_down(&fixture);
}

static void
test_cancel_at_once(void)
{
    Fixture fixture;

    set_up(&fixture, (const char *const[]){"{'list': [" NO_TOKENS "]}", NULL});
    tb_workers_cancel(fixture.workers, tb_workers_list(fixture.workers, on_listed, &fixture));
    tb_workers_cancel(fixture.workers, sign(&fixture, 0, FALSE));
    tb_test_run_for(50);
    g_assert_cmpuint(fixture.listed, ==, 0);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "started", NULL), ==, 0);
    list_and_wait(&fixture);
    tear_down(&fixture);
}

static void
test_freed_while_busy(void)
{
    Fixture fixture;

    set_up(&fixture, (const char *const[]){"{'list': [{'do': 'hang'}]}", NULL});
    tb_workers_list(fixture.workers, on_listed, &fixture);
    sign(&fixture, 0, FALSE);
    while (tb_test_worker_log(fixture.paths[0], "list", NULL) == 0)
        tb_test_run_for(5);
    tear_down(&fixture);
}

static void
test_idle_worker_is_retired(void)
{
    Fixture fixture;
    pid_t pid;

    set_up(&fixture, (const char *const[]){"{'list': [" NO_TOKENS "]}", NULL});
    fixture.config->worker_idle = tb_test_ms(600);
    list_and_wait(&fixture);
    pid = worker_pid(&fixture, 0);
    tb_test_run_for(tb_test_ms(300));
    g_assert_true(tb_test_is_running(pid));
    list_and_wait(&fixture); /* puts it off */
    tb_test_run_for(tb_test_ms(400));
    g_assert_true(tb_test_is_running(pid));
    tb_test_wait_gone(pid, 5);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "ended", NULL), ==, 1);
    list_and_wait(&fixture);
    assert_state(&fixture, 0, 0);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "started", NULL), ==, 2);
    tear_down(&fixture);
}

static void
test_noise(void)
{
    Fixture fixture;

    set_up(&fixture,
           (const char *const[]){"{'start': {'do': 'noise'}, 'list': [" NO_TOKENS "]}", NULL});
    list_and_wait(&fixture);
    assert_state(&fixture, 0, 0);
    tear_down(&fixture);
}

static void
test_arguments(void)
{
    Fixture fixture;
    g_autofree char *line = NULL;

    set_up(&fixture, (const char *const[]){"{'list': [" NO_TOKENS "]}", NULL});
    list_and_wait(&fixture);
    tb_test_worker_log(fixture.paths[0], "started", &line);
    g_assert_true(g_str_has_suffix(line, " init args"));
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    tb_test_begin(&argc, &argv);
    g_test_add_func("/workers/list", test_list);
    g_test_add_func("/workers/no-module", test_no_module);
    g_test_add_func("/workers/no-module-cancelled", test_no_module_cancelled);
    g_test_add_func("/workers/good-module-is-not-held-up", test_good_module_is_not_held_up);
    g_test_add_func("/workers/timeout", test_timeout);
    g_test_add_func("/workers/pause-after-a-fault", test_pause_after_a_fault);
    g_test_add_func("/workers/killed-once", test_killed_once);
    g_test_add_func("/workers/death-between-requests", test_death_between_requests);
    g_test_add_func("/workers/bad-answers", test_bad_answers);
    g_test_add_func("/workers/bad-after-good", test_bad_after_good);
    g_test_add_func("/workers/unasked-answer", test_unasked_answer);
    g_test_add_func("/workers/sign", test_sign);
    g_test_add_func("/workers/sign-with-pad", test_sign_with_pad);
    g_test_add_func("/workers/sign-faults", test_sign_faults);
    g_test_add_func("/workers/pad-timeout", test_pad_timeout);
    g_test_add_func("/workers/sign-after-a-fault", test_sign_after_a_fault);
    g_test_add_func("/workers/queue", test_queue);
    g_test_add_func("/workers/queue-has-no-deadline", test_queue_has_no_deadline);
    g_test_add_func("/workers/cancel-listing", test_cancel_listing);
    g_test_add_func("/workers/cancel-signature", test_cancel_signature);
    g_test_add_func("/workers/cancel-before-its-turn", test_cancel_before_its_turn);
    g_test_add_func("/workers/cancel-at-once", test_cancel_at_once);
    g_test_add_func("/workers/freed-while-busy", test_freed_while_busy);
    g_test_add_func("/workers/idle-worker-is-retired", test_idle_worker_is_retired);
    g_test_add_func("/workers/noise", test_noise);
    g_test_add_func("/workers/arguments", test_arguments);
    return tb_test_end();
}
