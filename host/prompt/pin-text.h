/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences about PINs and PUKs, in the language set by language.h: how long they are, how many
 * tries are left, what was wrong. No GTK. Main thread only, because of the locale.
 */
#pragma once

#include <glib.h>

#include "host/prompt/message.h"

/* How long the PIN is, the old or the new one, or the PUK; NULL when the token does not limit it.
 */
char *tb_text_pin_length(const TbPin *pin);
char *tb_text_puk_length(const TbPin *puk);

/* What was typed is shorter (or nothing), or longer, than it can be. */
char *tb_text_too_short(TbPinKind kind, const TbPin *pin);
char *tb_text_too_long(TbPinKind kind, const TbPin *pin);

/* A warning about the tries left, or NULL; and what the user must confirm before the last one. */
const char *tb_text_pin_tries(TbPinState state);
const char *tb_text_puk_tries(TbPinState state);
const char *tb_text_last_try_consent(TbPinKind kind);

/* Why the user is asked again. */
const char *tb_text_pin_failed(TbPinKind kind, gboolean pad, gboolean repeated);
