/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of a request's life share (host/operation.c, host/pin-operation.c): a module with
 * a scripted worker, a dialog played by the test, and how the request ended. Test code only. One
 * thread, the default main context.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/operation.h"
#include "tests/host/played-prompt.h"

typedef struct TbTestOperation {
    TbConfig *config;
    GPtrArray *modules;
    char *path; /* of the worker's script; NULL: there is no module */
    TbWorkers *workers;
    TbOperationContext context;
    TbTestPrompt prompt;

    gpointer operation; /* the test sets it to what it starts; NULL again when that has ended */
    guint done;
    json_t *result;
    GError *error;
    char *problem;
} TbTestOperation;

/* script: of the worker of a module of this name (taken); NULL: there is no module. */
void tb_test_operation_init(TbTestOperation *operation, const char *module, json_t *script);

/* Also checks that it ended once, and left nothing in the main loop and nothing locked. */
void tb_test_operation_clear(TbTestOperation *operation);

/* To be called when the request ends; data: the TbTestOperation. */
void tb_test_operation_done(json_t *result, const GError *error, const char *problem,
                            gpointer data);
