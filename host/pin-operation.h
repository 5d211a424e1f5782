/* SPDX-License-Identifier: Apache-2.0
 *
 * The user changes a token's PIN, or unblocks it: from the dialog's opening to the result. Lives in
 * the default main context.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/operation.h"
#include "host/pin-request.h"

typedef struct TbPinOperation TbPinOperation;

/* Opens the dialog and begins. Takes request in any case. done gets {"pin": pin}, or the error.
 * NULL with busy or internal. */
TbPinOperation *tb_pin_operation_start(const TbOperationContext *context, TbPinRequest *request,
                                       TbOperationDone done, gpointer data, GError **error);

/* Takes it back: the dialog goes at once, done is not called. A module that is about it is ended;
 * whether the PIN was changed by then is not known. */
void tb_pin_operation_abort(TbPinOperation *operation);
