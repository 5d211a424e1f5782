/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: token and worker. See bench.h.
 */
#include "tests/matrix/bench.h"

#include <glib/gstdio.h>
#include <string.h>

#include "tests/matrix/tools.h"

#define SEEN_MS 20000
#define LOOK_US 20000

static void
start(TbBench *bench, const char *sandbox, const char *const *state, const char *module,
      const char *const *environment)
{
    g_autofree char *option = sandbox ? g_strconcat("--sandbox=", sandbox, NULL) : NULL;
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);

    tb_bench_stop(bench);
    if (option)
        g_ptr_array_add(arguments, g_steal_pointer(&option));
    for (; state && *state; state++)
        g_ptr_array_add(arguments, g_strconcat("--state=", *state, NULL));
    g_ptr_array_add(arguments, g_strdup(module));
    if (bench->kind->init_args)
        g_ptr_array_add(arguments, g_strdup(bench->kind->init_args()));
    g_ptr_array_add(arguments, NULL);
    bench->stage.worker =
        tb_test_worker_start_with((const char *const *)arguments->pdata, environment);
}

void
tb_bench_start(TbBench *bench, const char *sandbox, const char *const *state)
{
    start(bench, sandbox, state, bench->kind->module(), (const char *const[]){NULL});
}

void
tb_bench_start_wrapped(TbBench *bench)
{
    g_autofree char *log = g_strconcat("TB_WRAPPER_LOG=", tb_tools_path("wrapper.log"), NULL);
    g_autofree char *real = g_strconcat("TB_WRAPPER_REAL=", bench->kind->module(), NULL);

    (void)g_unlink(tb_tools_path("wrapper.log"));
    start(bench, NULL, NULL, g_getenv("TB_TEST_WRAPPER"), (const char *const[]){log, real, NULL});
}

guint
tb_bench_calls(const char *prefix)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    guint count = 0;

    g_assert_true(g_file_get_contents(tb_tools_path("wrapper.log"), &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (gsize i = 0; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], prefix))
            count++;
    }
    return count;
}

void
tb_bench_stop(TbBench *bench)
{
    g_clear_pointer(&bench->stage.worker, tb_test_worker_free);
    g_clear_pointer(&bench->stage.listing, json_decref);
}

json_t *
tb_bench_list(TbBench *bench)
{
    json_t *token = NULL;

    (void)tb_test_stage_list(&bench->stage);
    (void)tb_test_stage_certificate(&bench->stage, bench->kind->people[0].user, &token);
    return token;
}

gint64
tb_bench_list_until(TbBench *bench, gboolean there)
{
    gint64 begin = g_get_monotonic_time();

    while ((tb_bench_list(bench) != NULL) != there) {
        if (g_get_monotonic_time() > begin + (gint64)SEEN_MS * 1000)
            g_error("after %d ms the token is still %s", SEEN_MS, there ? "missing" : "there");
        g_usleep(LOOK_US);
    }
    return (g_get_monotonic_time() - begin) / 1000;
}

const char *
tb_bench_state(TbBench *bench, const char *which)
{
    json_t *token = tb_bench_list(bench);

    g_assert_nonnull(token);
    return json_string_value(json_object_get(json_object_get(token, which), "state"));
}

void
tb_bench_assert_signs(TbBench *bench, const char *user, const char *algorithm, const char *pin)
{
    tb_test_assert_signature(tb_test_stage_sign(&bench->stage, user, algorithm, pin), user,
                             algorithm, 0);
}

static char *
first_algorithm(const TbBench *bench)
{
    const char *algorithms = bench->kind->people[0].algorithms;

    return g_strndup(algorithms, strcspn(algorithms, " "));
}

void
tb_bench_assert_usable(TbBench *bench, const char *pin)
{
    g_autofree char *algorithm = first_algorithm(bench);

    tb_bench_assert_signs(bench, bench->kind->people[0].user, algorithm, pin);
}

json_t *
tb_bench_sign(TbBench *bench, const char *pin)
{
    g_autofree char *algorithm = first_algorithm(bench);

    return tb_test_stage_sign(&bench->stage, bench->kind->people[0].user, algorithm, pin);
}

char *
tb_bench_wrong_pin(guint number)
{
    return g_strdup_printf("9%05u", number);
}
