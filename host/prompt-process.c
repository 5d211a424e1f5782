/* SPDX-License-Identifier: Apache-2.0
 *
 * The prompt as a process of its own: see prompt.h. What it sends is checked by who receives it.
 */
#include "host/child.h"
#include "host/common/fault.h"
#include "host/common/paths.h"
#include "host/prompt.h"

struct TbPromptProcess {
    const TbConfig *config;
    TbChild *lingering; /* the last window, while it shows how its request ended */
};

typedef struct ProcessPrompt {
    TbPrompt base;
    TbPromptProcess *process;
    TbChild *child;
    const TbPromptEvents *events;
    gpointer data;
} ProcessPrompt;

static void
on_message(json_t *message, gpointer data)
{
    ProcessPrompt *prompt = data;

    prompt->events->message(message, prompt->data);
}

static void
on_gone(const char *how, gboolean crashed, gpointer data)
{
    ProcessPrompt *prompt = data;

    prompt->events->gone(how, prompt->data);
}

static const TbChildEvents prompt_events = {on_message, on_gone};

static void
on_lingering_message(json_t *message, gpointer data)
{
    /* Its request has ended: nothing it says matters any more. */
}

static void
on_lingering_gone(const char *how, gboolean crashed, gpointer data)
{
    TbPromptProcess *process = data;

    g_clear_pointer(&process->lingering, tb_child_free);
}

static const TbChildEvents lingering_events = {on_lingering_message, on_lingering_gone};

static gboolean
prompt_send(TbPrompt *base, json_t *message, int fd, GError **error)
{
    ProcessPrompt *prompt = (ProcessPrompt *)base;

    return tb_child_send(prompt->child, message, fd, error);
}

static void
prompt_release(TbPrompt *base, gboolean linger)
{
    ProcessPrompt *prompt = (ProcessPrompt *)base;

    if (linger) {
        g_clear_pointer(&prompt->process->lingering, tb_child_free);
        tb_child_set_events(prompt->child, &lingering_events, prompt->process);
        prompt->process->lingering = prompt->child;
    } else {
        json_t *message = json_pack("{s:s}", "type", "close");

        /* The message lets a pinentry's window be taken down in order; the end of the channel does
         * so too, and then there is no more patience. */
        (void)tb_child_send(prompt->child, message, -1, NULL);
        json_decref(message);
        tb_child_retire(prompt->child, 100);
    }
    g_free(prompt);
}

static TbPrompt *
prompt_open(gpointer context, const TbPromptEvents *events, gpointer data, GError **error)
{
    TbPromptProcess *process = context;
    g_autofree char *gtk = tb_paths_program("tokenbridge-prompt");
    /* A build without GTK has only the other one. */
    gboolean pinentry = process->config->prompt == TB_PROMPT_PINENTRY ||
                        (process->config->prompt == TB_PROMPT_AUTO && !gtk);
    const char *arguments[] = {process->config->pinentry, NULL};
    ProcessPrompt *prompt = g_new0(ProcessPrompt, 1);

    g_clear_pointer(&process->lingering, tb_child_free);
    prompt->base.send = prompt_send;
    prompt->base.release = prompt_release;
    prompt->process = process;
    prompt->events = events;
    prompt->data = data;
    prompt->child = tb_child_start(pinentry ? "tokenbridge-prompt-pinentry" : "tokenbridge-prompt",
                                   arguments, FALSE, &prompt_events, prompt, error);
    if (!prompt->child) {
        g_free(prompt);
        return NULL;
    }
    return &prompt->base;
}

TbPromptProcess *
tb_prompt_process_new(const TbConfig *config)
{
    TbPromptProcess *process = g_new0(TbPromptProcess, 1);

    process->config = config;
    return process;
}

void
tb_prompt_process_free(TbPromptProcess *process)
{
    if (!process)
        return;
    tb_child_free(process->lingering);
    g_free(process);
}

TbPrompter
tb_prompt_process_prompter(TbPromptProcess *process)
{
    return (TbPrompter){.open = prompt_open, .context = process};
}
