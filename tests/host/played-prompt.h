/* SPDX-License-Identifier: Apache-2.0
 *
 * A dialog played by the test: a prompter whose prompt keeps what it is told and says what the test
 * makes it say. Test code only. One thread, the default main context.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/prompt.h"

typedef struct TbTestPrompt {
    TbPrompt base;
    const TbPromptEvents *events; /* NULL: released */
    gpointer data;
    guint opened, released, lingering;
    GPtrArray *messages; /* json_t, as they came */
    int pin_fd;          /* of the last "pin", or -1 */
    const char *fail_at; /* the type of message that cannot be sent; "open": it cannot start */
    const guint *done;   /* not 0: the request has ended, and nothing more will come */
} TbTestPrompt;

void tb_test_prompt_init(TbTestPrompt *prompt, const guint *done);
void tb_test_prompt_clear(TbTestPrompt *prompt); /* also checks that it was released */
TbPrompter tb_test_prompt_prompter(TbTestPrompt *prompt);

/* How many messages of a type have come. */
guint tb_test_prompt_count(const TbTestPrompt *prompt, const char *type);

/* The last message, when it is of that type, else NULL. Borrowed. */
json_t *tb_test_prompt_last(const TbTestPrompt *prompt, const char *type);

/* Waits until there are so many messages of a type; the last one, borrowed. */
json_t *tb_test_prompt_wait(TbTestPrompt *prompt, const char *type, guint number);

/* The dialog says something; takes message. */
void tb_test_prompt_say(TbTestPrompt *prompt, json_t *message);

/* Waits for the number-th pipe and writes this into it. */
void tb_test_prompt_type(TbTestPrompt *prompt, const char *pin, guint number);
