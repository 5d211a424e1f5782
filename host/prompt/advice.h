/* SPDX-License-Identifier: Apache-2.0
 *
 * States of the dialog in words: what is the matter and what to do about it, in the language set by
 * language.h. No GTK. Main thread only, because of the locale.
 */
#pragma once

#include <glib.h>

#include "host/prompt/message.h"

/* A title and what to do about it; both static or owned by gettext. */
typedef struct TbAdvice {
    const char *title;
    const char *text; /* or NULL */
} TbAdvice;

/* What is missing before anything can be asked. */
TbAdvice tb_advice_problem(TbProblem problem, TbOperation operation);

/* What this token cannot do, being in the state it is in; title is NULL when it can. */
TbAdvice tb_advice_token(const TbToken *token, TbOperation operation);

TbAdvice tb_advice_failure(TbReason reason, TbOperation operation);
TbAdvice tb_advice_done(TbOperation operation);
TbAdvice tb_advice_working(TbOperation operation, gboolean pad);
