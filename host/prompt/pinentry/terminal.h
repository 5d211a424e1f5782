/* SPDX-License-Identifier: Apache-2.0
 *
 * The terminal that a pinentry of the text kind can use: the one that standard error is. A browser
 * gives none; "tokenbridge authenticate" in a terminal does.
 */
#pragma once

#include <glib.h>

typedef struct TbTerminal TbTerminal;

/* NULL when standard error is no terminal. Remembers its settings. */
TbTerminal *tb_terminal_find(void);
void tb_terminal_free(TbTerminal *terminal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbTerminal, tb_terminal_free)

const char *tb_terminal_path(const TbTerminal *terminal); /* borrowed */

/* Puts the settings back after a pinentry was killed in the middle of its dialog. */
void tb_terminal_restore(const TbTerminal *terminal);
