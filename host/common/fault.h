/* SPDX-License-Identifier: Apache-2.0
 *
 * Failures as GError: the code is a TbReason, the message one English sentence that says what is
 * wrong and, where there is a remedy, what to do. It reaches the page, so it names no secrets.
 */
#pragma once

#include <glib.h>

#include "tokenbridge/error.h"
#include "tokenbridge/reason.h"

#define TB_FAULT (tb_fault_quark())
GQuark tb_fault_quark(void);

/* g_set_error() in our domain; returns FALSE, so that "return tb_fault(...)" works. The message
 * becomes valid UTF-8, whatever path or line of a file it quotes: JSON takes nothing else. */
gboolean tb_fault(GError **error, TbReason reason, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* The reason of an error of any domain; those of other domains are TB_REASON_INTERNAL. */
TbReason tb_fault_reason(const GError *error);
