/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/watch.c with scripted workers: each module is followed by itself, whatever the
 * others do. How soon a change was seen is printed; on a busy machine only the order is certain.
 */
#include "host/watch.h"

#include <signal.h>

#include "host/common/fault.h"
#include "tests/host/harness.h"

#define MODULES_MAX 3
#define EMPTY "{'answer': {'tokens': []}}"
#define SOON 1500 /* ms; in peace 400 */

typedef struct Fixture {
    TbConfig *config;
    GPtrArray *modules;
    char *paths[MODULES_MAX];
    TbWorkers *workers;
    TbWatch *watch;
    guint changed;
    gboolean free_at_once; /* the watch, from within its callback */
} Fixture;

/* Scripts of the modules' workers, NULL-terminated; taken. */
static void
set_up(Fixture *fixture, json_t *const *scripts)
{
    *fixture = (Fixture){0};
    fixture->config = tb_config_load(NULL, NULL, NULL);
    fixture->modules = tb_test_modules();
    for (guint i = 0; scripts[i]; i++) {
        g_autofree char *name = g_strdup_printf("module%u", i);

        fixture->paths[i] = tb_test_modules_add(fixture->modules, name, scripts[i]);
    }
    fixture->workers = tb_workers_new(fixture->modules, fixture->config);
}

static void
tear_down(Fixture *fixture)
{
    tb_watch_free(fixture->watch);
    tb_workers_free(fixture->workers);
    for (guint i = 0; i < MODULES_MAX; i++)
        g_free(fixture->paths[i]);
    g_ptr_array_unref(fixture->modules);
    tb_config_free(fixture->config);
}

static void
on_changed(gpointer data)
{
    Fixture *fixture = data;

    fixture->changed++;
    if (fixture->free_at_once)
        g_clear_pointer(&fixture->watch, tb_watch_free);
}

static void
start(Fixture *fixture)
{
    fixture->watch = tb_watch_new(fixture->workers, on_changed, fixture);
    g_assert_cmpuint(fixture->changed, ==, 0); /* never from within the call */
}

static guint
tokens(const Fixture *fixture, guint module)
{
    const TbModuleState *state = tb_workers_state(fixture->workers, module);

    return state->tokens ? state->tokens->len : 0;
}

/* Returns how many milliseconds that took. */
static gint64
wait_tokens(Fixture *fixture, guint module, guint wanted)
{
    gint64 begin = g_get_monotonic_time();

    while (!tb_workers_state(fixture->workers, module)->tokens ||
           tokens(fixture, module) != wanted) {
        g_assert_cmpint(g_get_monotonic_time() - begin, <, (gint64)tb_test_ms(10000) * 1000);
        tb_test_run_for(2);
    }
    return (g_get_monotonic_time() - begin) / 1000;
}

static json_t *
with_token(void)
{
    return json_pack(
        "{s:o}", "answer",
        tb_test_listing(tb_test_token("S1", NULL, tb_test_certificate("A", NULL), NULL), NULL));
}

/* Nothing, then a token, then nothing again for ever. */
static json_t *
comes_and_goes(void)
{
    return json_pack("{s:[o, o, o]}", "list", tb_test_json(EMPTY), with_token(),
                     tb_test_json(EMPTY));
}

static json_t *
always(const char *step)
{
    g_autofree char *text = g_strdup_printf("{'list': [%s]}", step);

    return tb_test_json(text);
}

static void
assert_sees(Fixture *fixture, guint module, const char *beside)
{
    gint64 in, out;

    wait_tokens(fixture, module, 0);
    in = wait_tokens(fixture, module, 1);
    out = wait_tokens(fixture, module, 0);
    g_test_message("beside %s: a token was seen %d ms after the listing without it, and that it "
                   "had gone %d ms after that with it",
                   beside, (int)in, (int)out);
    g_assert_cmpint(in, <, tb_test_ms(SOON));
    g_assert_cmpint(out, <, tb_test_ms(SOON));
}

/* Neither a module that hangs, nor one that is slow, nor one that crashes delays another. */
static void
test_beside_a_bad_module(void)
{
    g_autofree char *slow =
        g_strdup_printf("{'delay': %u, 'answer': {'tokens': []}}", tb_test_ms(2 * SOON));
    const struct {
        const char *name;
        const char *step;
    } rows[] = {
        {"nothing", EMPTY},
        {"a module that hangs", "{'do': 'hang'}"},
        {"a slow module", slow},
        {"a module that crashes", "{'do': 'crash'}"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture fixture;

        set_up(&fixture, (json_t *[]){always(rows[i].step), comes_and_goes(), NULL});
        start(&fixture);
        assert_sees(&fixture, 1, rows[i].name);
        tear_down(&fixture);
    }
}

/* While others go on, the one that hung is ended at its deadline, left in peace for a while, and
 * answers at once with what it failed with. */
static void
test_hanging_module_itself(void)
{
    Fixture fixture;

    set_up(&fixture, (json_t *[]){always("{'do': 'hang'}"), always(EMPTY), NULL});
    fixture.config->list_timeout = tb_test_ms(800);
    start(&fixture);
    while (!tb_watch_is_complete(fixture.watch)) {
        g_assert_null(tb_workers_state(fixture.workers, 0)->error);
        tb_test_run_for(2);
    }
    g_assert_error(tb_workers_state(fixture.workers, 0)->error, TB_FAULT, TB_REASON_MODULE_TIMEOUT);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[1], "list", NULL), >=, 2);
    tb_test_run_for(1000);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "started", NULL), ==, 1);
    g_assert_error(tb_workers_state(fixture.workers, 0)->error, TB_FAULT, TB_REASON_MODULE_TIMEOUT);
    tear_down(&fixture);
}

/* It is tried again soon, and then seldom, while the other one is listed as ever. */
static void
test_failing_module(void)
{
    static const char failing[] =
        "{'answer': {'error': {'reason': 'module_failed', 'message': 'No TPM.'}}}";
    Fixture fixture;
    guint tries;

    set_up(&fixture, (json_t *[]){always(failing), always(EMPTY), NULL});
    start(&fixture);
    while (tb_test_worker_log(fixture.paths[1], "list", NULL) < 6)
        tb_test_run_for(2);
    tries = tb_test_worker_log(fixture.paths[0], "list", NULL);
    g_assert_cmpuint(tries, >=, 2);
    g_assert_cmpuint(tries, <, 5);
    g_assert_error(tb_workers_state(fixture.workers, 0)->error, TB_FAULT, TB_REASON_MODULE_FAILED);
    tear_down(&fixture);
}

static void
test_complete(void)
{
    g_autofree char *slow =
        g_strdup_printf("{'delay': %u, 'answer': {'tokens': []}}", tb_test_ms(700));
    Fixture fixture;

    set_up(&fixture, (json_t *[]){always(EMPTY), always(slow), NULL});
    start(&fixture);
    g_assert_false(tb_watch_is_complete(fixture.watch));
    wait_tokens(&fixture, 0, 0);
    g_assert_false(tb_watch_is_complete(fixture.watch));
    wait_tokens(&fixture, 1, 0);
    while (!tb_watch_is_complete(fixture.watch)) /* the readers may be the last */
        tb_test_run_for(2);
    tear_down(&fixture);
}

static void
test_one_module(void)
{
    Fixture fixture;

    set_up(&fixture, (json_t *[]){always("{'do': 'hang'}"), comes_and_goes(), NULL});
    fixture.watch = tb_watch_new_module(fixture.workers, 1, on_changed, &fixture);
    wait_tokens(&fixture, 1, 0);
    while (!tb_watch_is_complete(fixture.watch)) /* the readers may be the last */
        tb_test_run_for(2);
    wait_tokens(&fixture, 1, 1);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "started", NULL), ==, 0);
    tear_down(&fixture);
}

static void
test_no_module(void)
{
    Fixture fixture;

    set_up(&fixture, (json_t *[]){NULL});
    start(&fixture);
    tb_test_wait(&fixture.changed, 5);
    tb_test_run_for(600);
    g_assert_true(tb_watch_is_complete(fixture.watch));
    g_assert_cmpuint(fixture.changed, <=, 2); /* at once, and when the readers are settled */
    tear_down(&fixture);
}

static void
test_pause(void)
{
    Fixture fixture;
    guint asked;

    set_up(&fixture, (json_t *[]){always(EMPTY), NULL});
    start(&fixture);
    while (!tb_watch_is_complete(fixture.watch)) /* readers too: they have their say once */
        tb_test_run_for(2);
    tb_watch_pause(fixture.watch);
    asked = tb_test_worker_log(fixture.paths[0], "list", NULL);
    tb_test_run_for(900);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "list", NULL), ==, asked);
    fixture.changed = 0;
    tb_watch_resume(fixture.watch);
    tb_watch_resume(fixture.watch); /* one listing is enough */
    tb_test_wait(&fixture.changed, 5);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "list", NULL), ==, asked + 1);
    fixture.changed = 0;
    tb_test_wait(&fixture.changed, 5); /* and it goes on */
    tear_down(&fixture);
}

/* What was asked before a pause is answered, and asked no more. */
static void
test_pause_while_asking(void)
{
    Fixture fixture;

    set_up(&fixture, (json_t *[]){always("{'delay': 200, 'answer': {'tokens': []}}"), NULL});
    start(&fixture);
    tb_watch_pause(fixture.watch);
    wait_tokens(&fixture, 0, 0);
    tb_test_run_for(700);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "list", NULL), ==, 1);
    tear_down(&fixture);
}

static void
test_freed(void)
{
    for (guint i = 0; i < 3; i++) {
        Fixture fixture;

        set_up(&fixture, (json_t *[]){i == 2 ? NULL : always(EMPTY), NULL});
        fixture.free_at_once = i > 0;
        start(&fixture);
        if (i == 0)
            g_clear_pointer(&fixture.watch, tb_watch_free);
        tb_test_run_for(700);
        g_assert_cmpuint(fixture.changed, ==, i > 0 ? 1 : 0);
        tear_down(&fixture);
    }
}

int
main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    tb_test_begin(&argc, &argv);
    g_test_add_func("/watch/beside-a-bad-module", test_beside_a_bad_module);
    g_test_add_func("/watch/hanging-module-itself", test_hanging_module_itself);
    g_test_add_func("/watch/failing-module", test_failing_module);
    g_test_add_func("/watch/complete", test_complete);
    g_test_add_func("/watch/one-module", test_one_module);
    g_test_add_func("/watch/no-module", test_no_module);
    g_test_add_func("/watch/pause", test_pause);
    g_test_add_func("/watch/pause-while-asking", test_pause_while_asking);
    g_test_add_func("/watch/freed", test_freed);
    return tb_test_end();
}
