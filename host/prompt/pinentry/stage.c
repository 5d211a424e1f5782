/* SPDX-License-Identifier: Apache-2.0
 *
 * Screens and messages; see the header.
 */
#include "host/prompt/pinentry/stage.h"

#include <string.h>

#include <glib/gi18n.h>

static void
screen_free(TbScreen *screen)
{
    if (screen == NULL)
        return;
    g_free(screen->title);
    g_free(screen->description);
    g_free(screen->prompt);
    g_free(screen->error);
    g_free(screen->ok);
    g_free(screen->not_ok);
    g_free(screen->cancel);
    g_free(screen);
}

void
tb_stage_init(TbStage *stage)
{
    *stage = (TbStage){.deadline = -1};
    g_queue_init(&stage->messages);
}

void
tb_stage_clear(TbStage *stage)
{
    g_free(stage->title);
    screen_free(stage->screen);
    for (json_t *message; (message = g_queue_pop_head(&stage->messages)) != NULL;)
        json_decref(message);
}

TbScreen *
tb_screen_new(TbScreenKind kind, char *description, const char *ok)
{
    TbScreen *screen = g_new0(TbScreen, 1);
    screen->kind = kind;
    screen->description = description;
    screen->ok = g_strdup(ok);
    if (kind == TB_SCREEN_PIN)
        screen->prompt = g_strdup(_("PIN:"));
    if (kind == TB_SCREEN_CONFIRM || kind == TB_SCREEN_PIN)
        screen->cancel = g_strdup(_("Cancel"));
    return screen;
}

static gboolean
looks_the_same(const TbScreen *a, const TbScreen *b)
{
    return a->kind == b->kind && strcmp(a->description, b->description) == 0 &&
           g_strcmp0(a->prompt, b->prompt) == 0 && g_strcmp0(a->error, b->error) == 0 &&
           g_strcmp0(a->not_ok, b->not_ok) == 0;
}

void
tb_stage_present(TbStage *stage, TbScreen *screen)
{
    if (stage->screen != NULL && looks_the_same(stage->screen, screen)) {
        screen_free(screen);
        return;
    }
    screen->title = g_strdup(stage->title);
    screen->revision = ++stage->revision;
    screen_free(stage->screen);
    stage->screen = screen;
}

void
tb_stage_wait(TbStage *stage, char *text)
{
    tb_stage_present(stage, tb_screen_new(TB_SCREEN_WAIT, text, _("Cancel")));
}

void
tb_stage_hide(TbStage *stage)
{
    g_clear_pointer(&stage->screen, screen_free);
}

void
tb_stage_show_again(TbStage *stage)
{
    stage->screen->revision = ++stage->revision;
}

void
tb_stage_tell(TbStage *stage, json_t *message)
{
    g_queue_push_tail(&stage->messages, message);
}

void
tb_stage_finish(TbStage *stage, const char *type)
{
    tb_stage_hide(stage);
    stage->deadline = -1;
    stage->over = TRUE;
    if (type != NULL)
        tb_stage_tell(stage, json_pack("{s:s}", "type", type));
}
