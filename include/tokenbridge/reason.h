/* SPDX-License-Identifier: Apache-2.0
 *
 * The stable words for failures, as pages and programs see them (docs/protocol.md, section 1).
 */
#pragma once

#include <stdbool.h>

typedef enum TbReason {
    TB_REASON_USER_CANCELLED = 1,
    TB_REASON_USER_TIMEOUT,
    TB_REASON_TOKEN_MISSING,
    TB_REASON_TOKEN_REMOVED,
    TB_REASON_NO_CERTIFICATE,
    TB_REASON_PIN_BLOCKED,
    TB_REASON_PIN_INCORRECT,
    TB_REASON_PIN_PAD_FAILED,
    TB_REASON_PIN_INVALID,
    TB_REASON_PUK_INCORRECT,
    TB_REASON_PUK_BLOCKED,
    TB_REASON_MODULE_FAILED,
    TB_REASON_MODULE_TIMEOUT,
    TB_REASON_ORIGIN_REFUSED,
    TB_REASON_BUSY,
    TB_REASON_ABORTED,
    TB_REASON_INVALID_REQUEST,
    TB_REASON_UNSUPPORTED,
    TB_REASON_INTERNAL,
    TB_REASON_LAST = TB_REASON_INTERNAL,
} TbReason;

/* The word, for example "user_cancelled". A static string; "internal" for a value out of range. */
const char *tb_reason_word(TbReason reason);

/* Finds the value of a word. Returns false, and leaves *out_reason alone, for an unknown word. */
bool tb_reason_from_word(const char *word, TbReason *out_reason);

/* The JSON-RPC error code that goes with a reason when nothing more exact is known. */
int tb_reason_code(TbReason reason);
