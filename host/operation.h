/* SPDX-License-Identifier: Apache-2.0
 *
 * One request that needs the user, from the dialog's opening to the result: listing, choice, PIN,
 * signature. Lives in the default main context.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/common/config.h"
#include "host/prompt.h"
#include "host/request.h"
#include "host/workers.h"

typedef struct TbOperation TbOperation;

/* How it ended: result (borrowed), or error. problem is set with an error when the dialog was
 * showing one (a word of reason.h): the user cancelled because no token was there, say. The
 * operation has been freed when this is called. */
typedef void (*TbOperationDone)(json_t *result, const GError *error, const char *problem,
                                gpointer data);

/* What an operation works with; borrowed, and outlives it. */
typedef struct TbOperationContext {
    const TbConfig *config;
    TbWorkers *workers;
    TbPrompter prompter;
} TbOperationContext;

/* Opens the dialog and begins. Takes request in any case. NULL with origin_refused, busy, internal.
 */
TbOperation *tb_operation_start(const TbOperationContext *context, TbRequest *request,
                                TbOperationDone done, gpointer data, GError **error);

/* Takes it back: the dialog goes at once, done is not called. */
void tb_operation_abort(TbOperation *operation);
