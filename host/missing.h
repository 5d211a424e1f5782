/* SPDX-License-Identifier: Apache-2.0
 *
 * Why there is nothing to choose from: the word for the page, and the one that the dialog has a
 * sentence for. Reads what modules and readers have said; changes nothing.
 */
#pragma once

#include "host/workers.h"
#include "tokenbridge/reason.h"

/* When no certificate fits. *out_word: one of the problems of docs/protocol.md, 4.2, or NULL while
 * that is not certain. */
TbReason tb_missing_certificate(const TbWorkers *workers, const char **out_word);

/* When a token that is meant is not in any module that works. */
TbReason tb_missing_token(const TbWorkers *workers, const char **out_word);
