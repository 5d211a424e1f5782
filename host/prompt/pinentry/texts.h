/* SPDX-License-Identifier: Apache-2.0
 *
 * The sentences of the window (host/prompt/text.h) put together as plain text, as a pinentry shows
 * it: paragraphs, and short enough for one line of its protocol. Names from certificates only enter
 * through tb_text_clean(). Main thread only, because of the locale.
 */
#pragma once

#include <glib.h>

#include "core/secret.h"
#include "host/prompt/advice.h"
#include "host/prompt/message.h"

char *tb_texts_title(const TbMessage *show);

/* Who asks for what, and then the certificate (NULL: none), then note (NULL: none). position and
 * count number the certificate among several; count is 1 when there is no choice. */
char *tb_texts_request(const TbMessage *show, const TbChoice *choice, guint position, guint count,
                       const char *note);

/* Why those of choices (TbChoice*) that cannot be used cannot, a line each; NULL when all can. */
char *tb_texts_unusable(GPtrArray *choices);

/* What is missing while the dialog waits for a token, and what to do. */
char *tb_texts_problem(TbProblem problem, TbOperation operation);

/* A failure, and what to do. */
char *tb_texts_failure(const TbMessage *failed, TbOperation operation);

/* A title and its text as two paragraphs; the text may be missing. */
char *tb_texts_paragraphs(TbAdvice advice);

/* What is done to which token (NULL: none), then note and question (NULL: none). */
char *tb_texts_care(TbOperation operation, const TbToken *token, const char *note,
                    const char *question);

/* Whether the bytes can be a PIN on the pipe: text without a line break. */
gboolean tb_texts_pin_is_text(const TbSecret *pin);
