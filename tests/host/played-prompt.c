/* SPDX-License-Identifier: Apache-2.0
 *
 * A dialog played by the test: see played-prompt.h. Test code only; inputs are the tests' own.
 */
#include "tests/host/played-prompt.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "host/common/fault.h"
#include "tests/host/harness.h"

static const char *
type_of(json_t *message)
{
    return json_string_value(json_object_get(message, "type"));
}

static gboolean
prompt_send(TbPrompt *base, json_t *message, int fd, GError **error)
{
    TbTestPrompt *prompt = (TbTestPrompt *)base;
    const char *type = type_of(message);

    g_assert_nonnull(prompt->events);
    if (g_strcmp0(prompt->fail_at, type) == 0)
        return tb_fault(error, TB_REASON_INTERNAL, "The test does not take this.");
    g_assert_true((fd >= 0) == (g_strcmp0(type, "pin") == 0));
    if (fd >= 0)
        prompt->pin_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    g_ptr_array_add(prompt->messages, json_deep_copy(message));
    return TRUE;
}

static void
prompt_release(TbPrompt *base, gboolean linger)
{
    TbTestPrompt *prompt = (TbTestPrompt *)base;

    prompt->released++;
    prompt->lingering += linger ? 1 : 0;
    prompt->events = NULL;
}

static TbPrompt *
prompt_open(gpointer context, const TbPromptEvents *events, gpointer data, GError **error)
{
    TbTestPrompt *prompt = context;

    if (g_strcmp0(prompt->fail_at, "open") == 0) {
        tb_fault(error, TB_REASON_INTERNAL, "There is no dialog in this test.");
        return NULL;
    }
    prompt->opened++;
    prompt->events = events;
    prompt->data = data;
    return &prompt->base;
}

static void
free_message(gpointer message)
{
    json_decref(message);
}

void
tb_test_prompt_init(TbTestPrompt *prompt, const guint *done)
{
    *prompt = (TbTestPrompt){
        .base = {.send = prompt_send, .release = prompt_release},
        .messages = g_ptr_array_new_with_free_func(free_message),
        .pin_fd = -1,
        .done = done,
    };
}

void
tb_test_prompt_clear(TbTestPrompt *prompt)
{
    g_assert_cmpuint(prompt->released, ==, prompt->opened);
    g_ptr_array_unref(prompt->messages);
    if (prompt->pin_fd >= 0)
        close(prompt->pin_fd);
}

TbPrompter
tb_test_prompt_prompter(TbTestPrompt *prompt)
{
    return (TbPrompter){.open = prompt_open, .context = prompt};
}

guint
tb_test_prompt_count(const TbTestPrompt *prompt, const char *type)
{
    guint count = 0;

    for (guint i = 0; i < prompt->messages->len; i++)
        count += strcmp(type_of(prompt->messages->pdata[i]), type) == 0 ? 1 : 0;
    return count;
}

json_t *
tb_test_prompt_last(const TbTestPrompt *prompt, const char *type)
{
    guint length = prompt->messages->len;
    json_t *message = length ? prompt->messages->pdata[length - 1] : NULL;

    return g_strcmp0(type_of(message), type) == 0 ? message : NULL;
}

json_t *
tb_test_prompt_wait(TbTestPrompt *prompt, const char *type, guint number)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)tb_test_ms(10000) * 1000;

    while (tb_test_prompt_count(prompt, type) < number) {
        if (g_get_monotonic_time() > deadline || *prompt->done)
            g_error("no \"%s\" came; the request has%s ended", type, *prompt->done ? "" : " not");
        tb_test_run_for(2);
    }
    for (guint i = prompt->messages->len; i-- > 0;) {
        if (strcmp(type_of(prompt->messages->pdata[i]), type) == 0)
            return prompt->messages->pdata[i];
    }
    return NULL;
}

void
tb_test_prompt_say(TbTestPrompt *prompt, json_t *message)
{
    g_assert_nonnull(prompt->events);
    prompt->events->message(message, prompt->data);
    json_decref(message);
}

void
tb_test_prompt_type(TbTestPrompt *prompt, const char *pin, guint number)
{
    tb_test_prompt_wait(prompt, "pin", number);
    g_assert_cmpint(write(prompt->pin_fd, pin, strlen(pin)), ==, (gssize)strlen(pin));
    close(prompt->pin_fd);
    prompt->pin_fd = -1;
}
