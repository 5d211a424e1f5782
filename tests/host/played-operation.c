/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of a request's life share: see played-operation.h. Test code only; inputs are the
 * tests' own.
 */
#include "tests/host/played-operation.h"

#include "host/dialog-lock.h"
#include "tests/host/harness.h"

void
tb_test_operation_init(TbTestOperation *operation, const char *module, json_t *script)
{
    *operation = (TbTestOperation){0};
    operation->config = tb_config_load(NULL, NULL, NULL);
    operation->modules = tb_test_modules();
    if (script)
        operation->path = tb_test_modules_add(operation->modules, module, script);
    operation->workers = tb_workers_new(operation->modules, operation->config);
    tb_test_prompt_init(&operation->prompt, &operation->done);
    operation->context.config = operation->config;
    operation->context.workers = operation->workers;
    operation->context.prompter = tb_test_prompt_prompter(&operation->prompt);
}

void
tb_test_operation_clear(TbTestOperation *operation)
{
    g_autoptr(TbDialogLock) lock = NULL;

    g_assert_null(operation->operation);
    tb_test_run_for(10); /* whatever it left in the loop would touch freed memory now */
    g_assert_cmpuint(operation->done, <=, 1);
    lock = tb_dialog_lock_take(NULL);
    g_assert_nonnull(lock); /* the next request may open its dialog */
    tb_workers_free(operation->workers);
    g_ptr_array_unref(operation->modules);
    tb_test_prompt_clear(&operation->prompt);
    tb_config_free(operation->config);
    json_decref(operation->result);
    g_clear_error(&operation->error);
    g_free(operation->problem);
    g_free(operation->path);
}

void
tb_test_operation_done(json_t *result, const GError *error, const char *problem, gpointer data)
{
    TbTestOperation *operation = data;

    g_assert_true(!result != !error);
    operation->operation = NULL;
    operation->done++;
    operation->result = json_incref(result);
    operation->error = error ? g_error_copy(error) : NULL;
    operation->problem = g_strdup(problem);
}
