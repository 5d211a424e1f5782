/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a token of some kind, as it was made, and the worker on it. Test code only; one
 * thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "tests/matrix/kind.h"
#include "tests/worker/stage.h"

typedef struct TbBench {
    const TbKind *kind;
    TbTestStage stage; /* worker and listing only */
} TbBench;

/* Starts a worker, in place of the last one. sandbox: NULL: as by default; state: directories that
 * it may write to, up to a NULL, or NULL. */
void tb_bench_start(TbBench *bench, const char *sandbox, const char *const *state);

/* The same behind the wrapper module of tests/worker, which writes down the calls. */
void tb_bench_start_wrapped(TbBench *bench);
guint tb_bench_calls(const char *prefix);

/* Ends the worker; fails unless it ends well. */
void tb_bench_stop(TbBench *bench);

/* Lists. Returns the token that has the people's certificates; NULL: it is not there. */
json_t *tb_bench_list(TbBench *bench);

/* Lists until it is there, or gone. Returns how many milliseconds that took. */
gint64 tb_bench_list_until(TbBench *bench, gboolean there);

/* The state of PIN or PUK ("pin", "puk") in a new listing. */
const char *tb_bench_state(TbBench *bench, const char *which);

void tb_bench_assert_signs(TbBench *bench, const char *user, const char *algorithm,
                           const char *pin);

/* With the first person's certificate and algorithm. */
void tb_bench_assert_usable(TbBench *bench, const char *pin);
json_t *tb_bench_sign(TbBench *bench, const char *pin);

/* A wrong PIN of the same length as a good one; another for each number. g_free it. */
char *tb_bench_wrong_pin(guint number);
