/* SPDX-License-Identifier: Apache-2.0
 *
 * What a worker says went wrong (docs/protocol.md, 4.1). It runs a maker's code and is not trusted.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "tokenbridge/reason.h"

typedef enum TbWorkerTask {
    TB_TASK_SIGN,    /* whatever needs the PIN as it is */
    TB_TASK_SET_PIN, /* has a new PIN, and may have a PUK */
} TbWorkerTask;

/* The reason of an answer's "error"; module_failed when it is none that a worker may give
 * for that task. pin_pad: the reader's own keys were in use, and only there the user can cancel. */
TbReason tb_failure_reason(json_t *failure, TbWorkerTask task, gboolean pin_pad);

/* Its sentence, or the one given when it has none. Borrowed. */
const char *tb_failure_message(json_t *failure, const char *otherwise);
