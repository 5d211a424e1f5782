/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a worker on a store of lab tokens, with or without the wrapper module between them,
 * and short ways to ask it. Test code only; one thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "tests/worker/client.h"

#define TB_TEST_INPUT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

typedef struct TbTestStage {
    char *conf;   /* softhsm2.conf of the store */
    char *log;    /* what the wrapper wrote */
    char *script; /* what the wrapper is told */
    TbTestWorker *worker;
    json_t *listing; /* the last answer to "list" */
} TbTestStage;

/* A store with these tokens, and a worker on SoftHSM itself. */
TbTestStage *tb_test_stage_new(const char *const *tokens);

/* The same through the wrapper module, which is told script from the start (NULL: nothing). */
TbTestStage *tb_test_stage_new_wrapped(const char *const *tokens, const char *script);

void tb_test_stage_free(TbTestStage *stage);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbTestStage, tb_test_stage_free)

/* Tells the wrapper something else, from the next call on: lines of "key=value". */
void tb_test_stage_tell(TbTestStage *stage, const char *script);

/* How many lines of the wrapper's log begin so. */
guint tb_test_stage_count(const TbTestStage *stage, const char *prefix);

/* Lists again; the answer stays in stage->listing. */
json_t *tb_test_stage_list(TbTestStage *stage);

/* A certificate of a lab user in the last listing, and its token; NULL when it is not there. */
json_t *tb_test_stage_certificate(const TbTestStage *stage, const char *user, json_t **out_token);

/* A request to sign TB_TEST_INPUT with a lab user's certificate. Lists first if that was not done.
 */
json_t *tb_test_stage_request(TbTestStage *stage, const char *user, const char *algorithm);

/* Signs; the answer. pin: TB_TEST_NO_PIN for none. */
json_t *tb_test_stage_sign(TbTestStage *stage, const char *user, const char *algorithm,
                           const char *pin);

/* "change_pin", "unblock_pin" or "reveal" of the first token of the last listing; the answer. pins:
 * "OLD\nNEW". */
json_t *tb_test_stage_pin(TbTestStage *stage, const char *op, const char *pins);

/* Signs, and fails the test unless the answer is an error with this word. pin_state: "low" ..., or
 * NULL for an answer that says nothing of the PIN. */
void tb_test_stage_assert_refused(TbTestStage *stage, const char *user, const char *algorithm,
                                  const char *pin, const char *reason, const char *pin_state);

/* Fails the test unless the answer (whose reference is taken) is an error with this word, or, for
 * NULL, none. */
void tb_test_assert_reason(json_t *answer, const char *reason);

/* Fails the test unless the answer has a signature over TB_TEST_INPUT, or over a digest of
 * prehashed_size bytes of it, by the lab user's key. Takes the answer. */
void tb_test_assert_signature(json_t *answer, const char *user, const char *algorithm,
                              gsize prehashed_size);
