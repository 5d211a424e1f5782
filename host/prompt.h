/* SPDX-License-Identifier: Apache-2.0
 *
 * The dialog as the host sees it: something that takes the messages of docs/protocol.md 4.2 and
 * gives messages back. The real one is a process (GTK or pinentry); the command line has one of its
 * own.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/common/config.h"

typedef struct TbPrompt TbPrompt;

typedef struct TbPromptEvents {
    void (*message)(json_t *message, gpointer data); /* borrowed */
    /* It has gone without having been told to; how is a sentence fragment. */
    void (*gone)(const char *how, gpointer data);
} TbPromptEvents;

struct TbPrompt {
    /* Sends a message, and a duplicate of fd unless it is -1; both borrowed. */
    gboolean (*send)(TbPrompt *prompt, json_t *message, int fd, GError **error);
    /* From now on no more events. With linger the window may stay to show how it ended, until the
     * user closes it; without, it goes at once. Frees the prompt. */
    void (*release)(TbPrompt *prompt, gboolean linger);
};

/* Makes prompts. */
typedef struct TbPrompter {
    TbPrompt *(*open)(gpointer context, const TbPromptEvents *events, gpointer data,
                      GError **error);
    gpointer context;
} TbPrompter;

/* The prompter that starts tokenbridge-prompt, or tokenbridge-prompt-pinentry, as configured.
 * Windows that linger are closed when the next one opens, and by tb_prompt_process_free(). */
typedef struct TbPromptProcess TbPromptProcess;

TbPromptProcess *tb_prompt_process_new(const TbConfig *config);
void tb_prompt_process_free(TbPromptProcess *process);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbPromptProcess, tb_prompt_process_free)
TbPrompter tb_prompt_process_prompter(TbPromptProcess *process);
