/* SPDX-License-Identifier: Apache-2.0
 *
 * The course of changing or unblocking a PIN, as dialog.h has that of a site's request: the PIN
 * that holds or the PUK, the new PIN and the new PIN again, a screen for each. No processes, no
 * clock of its own. One thread.
 */
#pragma once

#include <glib.h>

#include "core/secret.h"
#include "host/prompt/message.h"
#include "host/prompt/pinentry/stage.h"

typedef struct TbCare TbCare;

/* For TB_OPERATION_CHANGE_PIN or TB_OPERATION_UNBLOCK_PIN; the language is set already. stage is
 * borrowed. */
TbCare *tb_care_new(TbOperation operation, TbStage *stage, gint64 now);
void tb_care_free(TbCare *care); /* wipes what was typed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbCare, tb_care_free)

/* A message from the host, and its descriptor, which is borrowed (-1: none); what it keeps of the
 * message it takes. False when the message has no place here: nothing has happened then. */
gboolean tb_care_host(TbCare *care, TbMessage *message, int fd, gint64 now);

/* The user's answer to the screen on the stage. pin is taken; NULL except with OK on a PIN screen.
 */
void tb_care_answer(TbCare *care, TbAnswer answer, TbSecret *pin, gint64 now);

/* The stage's deadline has come. */
void tb_care_tick(TbCare *care);
