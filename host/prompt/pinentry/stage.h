/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the courses of the dialog (dialog.h, care.h) put what they want shown and told to the host.
 * No processes, no clock. One thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef enum TbScreenKind {
    TB_SCREEN_WAIT,    /* one button, which cancels; shown until something happens */
    TB_SCREEN_CONFIRM, /* ok, cancel, and not_ok unless it is NULL */
    TB_SCREEN_PIN,     /* asks for a PIN */
    TB_SCREEN_END,     /* one button, which closes */
} TbScreenKind;

typedef struct TbScreen {
    TbScreenKind kind;
    guint revision; /* another number: another screen, even when all texts are the same */
    char *title;
    char *description;
    char *prompt; /* before the field, on PIN screens */
    char *error;  /* NULL: none */
    char *ok;
    char *not_ok; /* NULL: no such button */
    char *cancel; /* NULL on screens with one button */
} TbScreen;

typedef enum TbAnswer {
    TB_ANSWER_OK,
    TB_ANSWER_NOT_OK,
    TB_ANSWER_CANCEL,
    TB_ANSWER_TIMEOUT,  /* pinentry gave up waiting: that is not the user's doing */
    TB_ANSWER_TOO_LONG, /* more was typed than any PIN has */
} TbAnswer;

typedef struct TbStage {
    char *title;      /* of all screens */
    TbScreen *screen; /* what is to be shown now; NULL: nothing */
    guint revision;
    gint64 deadline; /* when the course wants to be called; -1: never */
    GQueue messages; /* json_t*, for the host */
    gboolean over;   /* nothing more to do */
} TbStage;

void tb_stage_init(TbStage *stage);
void tb_stage_clear(TbStage *stage);

/* A screen to be presented; description is taken. */
TbScreen *tb_screen_new(TbScreenKind kind, char *description, const char *ok);

/* Takes screen. One that looks the same and is still unanswered stays: its window need not blink,
 * and nothing that is being typed is lost. */
void tb_stage_present(TbStage *stage, TbScreen *screen);

/* A screen without a question; text is taken. */
void tb_stage_wait(TbStage *stage, char *text);

void tb_stage_hide(TbStage *stage);

/* The user's answer was a time-out: the same again, because it is the host that keeps the time. */
void tb_stage_show_again(TbStage *stage);

void tb_stage_tell(TbStage *stage, json_t *message); /* takes message */

/* Nothing is shown any more. type is the last message to the host, or NULL. */
void tb_stage_finish(TbStage *stage, const char *type);
