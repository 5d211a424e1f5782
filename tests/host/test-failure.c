/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/failure.c: what a worker may say went wrong.
 */
#include "host/failure.h"

#include "tests/host/harness.h"
#include "tests/support/assert.h"

static void
test_reason(void)
{
    static const struct {
        const char *failure;
        TbWorkerTask task;
        gboolean pin_pad;
        TbReason reason;
    } rows[] = {
        {"{'reason': 'pin_incorrect'}", TB_TASK_SIGN, FALSE, TB_REASON_PIN_INCORRECT},
        {"{'reason': 'pin_blocked'}", TB_TASK_SIGN, FALSE, TB_REASON_PIN_BLOCKED},
        {"{'reason': 'token_removed', 'message': 'M.'}", TB_TASK_SIGN, FALSE,
         TB_REASON_TOKEN_REMOVED},
        {"{'reason': 'unsupported'}", TB_TASK_SIGN, TRUE, TB_REASON_UNSUPPORTED},
        {"{'reason': 'internal'}", TB_TASK_SIGN, FALSE, TB_REASON_INTERNAL},
        {"{'reason': 'pin_incorrect'}", TB_TASK_SET_PIN, FALSE, TB_REASON_PIN_INCORRECT},
        {"{'reason': 'pin_invalid'}", TB_TASK_SET_PIN, FALSE, TB_REASON_PIN_INVALID},
        {"{'reason': 'puk_incorrect'}", TB_TASK_SET_PIN, FALSE, TB_REASON_PUK_INCORRECT},
        {"{'reason': 'puk_blocked'}", TB_TASK_SET_PIN, FALSE, TB_REASON_PUK_BLOCKED},
        /* A signature knows neither a new PIN nor a PUK. */
        {"{'reason': 'pin_invalid'}", TB_TASK_SIGN, FALSE, TB_REASON_MODULE_FAILED},
        {"{'reason': 'puk_incorrect'}", TB_TASK_SIGN, FALSE, TB_REASON_MODULE_FAILED},
        {"{'reason': 'puk_blocked'}", TB_TASK_SIGN, FALSE, TB_REASON_MODULE_FAILED},
        /* Only with a reader's keys the user can cancel there. */
        {"{'reason': 'user_cancelled'}", TB_TASK_SIGN, TRUE, TB_REASON_USER_CANCELLED},
        {"{'reason': 'user_cancelled'}", TB_TASK_SIGN, FALSE, TB_REASON_MODULE_FAILED},
        /* The user's, the host's and the page's words are not a worker's. */
        {"{'reason': 'user_timeout'}", TB_TASK_SIGN, TRUE, TB_REASON_MODULE_FAILED},
        {"{'reason': 'origin_refused'}", TB_TASK_SIGN, TRUE, TB_REASON_MODULE_FAILED},
        {"{'reason': 'busy'}", TB_TASK_SIGN, TRUE, TB_REASON_MODULE_FAILED},
        {"{'reason': 'aborted'}", TB_TASK_SIGN, TRUE, TB_REASON_MODULE_FAILED},
        {"{'reason': 'invalid_request'}", TB_TASK_SIGN, TRUE, TB_REASON_MODULE_FAILED},
        {"{'reason': 'nonsense'}", TB_TASK_SIGN, FALSE, TB_REASON_MODULE_FAILED},
        {"{'reason': 5}", TB_TASK_SIGN, FALSE, TB_REASON_MODULE_FAILED},
        {"{}", TB_TASK_SIGN, FALSE, TB_REASON_MODULE_FAILED},
        {"true", TB_TASK_SIGN, FALSE, TB_REASON_MODULE_FAILED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_t *failure = tb_test_json(rows[i].failure);
        TbReason reason = tb_failure_reason(failure, rows[i].task, rows[i].pin_pad);

        if (reason != rows[i].reason)
            tb_test_row_failed("%s: %s", rows[i].failure, tb_reason_word(reason));
        json_decref(failure);
    }
}

static void
test_message(void)
{
    json_t *with = tb_test_json("{'message': 'The card is upside down.'}");
    json_t *without = tb_test_json("{'message': 5}");

    g_assert_cmpstr(tb_failure_message(with, "O."), ==, "The card is upside down.");
    g_assert_cmpstr(tb_failure_message(without, "O."), ==, "O.");
    json_decref(with);
    json_decref(without);
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/failure/reason", test_reason);
    g_test_add_func("/failure/message", test_message);
    return tb_test_end();
}
