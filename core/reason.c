/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of failure words and their JSON-RPC codes (docs/protocol.md, section 1).
 */
#include "tokenbridge/reason.h"

#include <string.h>

static const struct {
    const char *word;
    int code;
} table[TB_REASON_LAST + 1] = {
    [TB_REASON_USER_CANCELLED] = {"user_cancelled", -32001},
    [TB_REASON_USER_TIMEOUT] = {"user_timeout", -32002},
    [TB_REASON_TOKEN_MISSING] = {"token_missing", -32003},
    [TB_REASON_TOKEN_REMOVED] = {"token_removed", -32004},
    [TB_REASON_NO_CERTIFICATE] = {"no_certificate", -32005},
    [TB_REASON_PIN_BLOCKED] = {"pin_blocked", -32006},
    [TB_REASON_PIN_INCORRECT] = {"pin_incorrect", -32007},
    [TB_REASON_PIN_PAD_FAILED] = {"pin_pad_failed", -32008},
    [TB_REASON_PIN_INVALID] = {"pin_invalid", -32015},
    [TB_REASON_PUK_INCORRECT] = {"puk_incorrect", -32016},
    [TB_REASON_PUK_BLOCKED] = {"puk_blocked", -32017},
    [TB_REASON_MODULE_FAILED] = {"module_failed", -32009},
    [TB_REASON_MODULE_TIMEOUT] = {"module_timeout", -32010},
    [TB_REASON_ORIGIN_REFUSED] = {"origin_refused", -32011},
    [TB_REASON_BUSY] = {"busy", -32012},
    [TB_REASON_ABORTED] = {"aborted", -32013},
    [TB_REASON_INVALID_REQUEST] = {"invalid_request", -32602},
    [TB_REASON_UNSUPPORTED] = {"unsupported", -32014},
    [TB_REASON_INTERNAL] = {"internal", -32603},
};

static TbReason
known(TbReason reason)
{
    return reason >= 1 && reason <= TB_REASON_LAST ? reason : TB_REASON_INTERNAL;
}

const char *
tb_reason_word(TbReason reason)
{
    return table[known(reason)].word;
}

bool
tb_reason_from_word(const char *word, TbReason *out_reason)
{
    for (int i = 1; i <= TB_REASON_LAST; i++) {
        if (strcmp(table[i].word, word) == 0) {
            *out_reason = (TbReason)i;
            return true;
        }
    }
    return false;
}

int
tb_reason_code(TbReason reason)
{
    return table[known(reason)].code;
}
