/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a worker's failure: see failure.h. A module's process must not pass its faults off as the
 * user's or the page's.
 */
#include "host/failure.h"

static gboolean
is_workers_word(TbReason reason, TbWorkerTask task, gboolean pin_pad)
{
    switch (reason) {
    case TB_REASON_TOKEN_MISSING:
    case TB_REASON_TOKEN_REMOVED:
    case TB_REASON_NO_CERTIFICATE:
    case TB_REASON_PIN_BLOCKED:
    case TB_REASON_PIN_INCORRECT:
    case TB_REASON_PIN_PAD_FAILED:
    case TB_REASON_MODULE_FAILED:
    case TB_REASON_MODULE_TIMEOUT:
    case TB_REASON_UNSUPPORTED:
    case TB_REASON_INTERNAL:
        return TRUE;
    case TB_REASON_PIN_INVALID:
    case TB_REASON_PUK_INCORRECT:
    case TB_REASON_PUK_BLOCKED:
        return task == TB_TASK_SET_PIN;
    case TB_REASON_USER_CANCELLED:
        return pin_pad;
    case TB_REASON_USER_TIMEOUT:
    case TB_REASON_ORIGIN_REFUSED:
    case TB_REASON_BUSY:
    case TB_REASON_ABORTED:
    case TB_REASON_INVALID_REQUEST:
        break;
    }
    return FALSE;
}

TbReason
tb_failure_reason(json_t *failure, TbWorkerTask task, gboolean pin_pad)
{
    const char *word = json_string_value(json_object_get(failure, "reason"));
    TbReason reason;

    if (word && tb_reason_from_word(word, &reason) && is_workers_word(reason, task, pin_pad))
        return reason;
    return TB_REASON_MODULE_FAILED;
}

const char *
tb_failure_message(json_t *failure, const char *otherwise)
{
    const char *message = json_string_value(json_object_get(failure, "message"));

    return message ? message : otherwise;
}
