/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines to standard error: "tokenbridge-host: warning: event key=value ...". Never a PIN, nonce
 * or message content; token serials and subject names at debug only. TOKENBRIDGE_LOG=debug shows
 * all.
 */
#pragma once

#include <glib.h>

typedef enum TbLogLevel {
    TB_LOG_DEBUG,
    TB_LOG_INFO,
    TB_LOG_WARNING,
    TB_LOG_ERROR,
} TbLogLevel;

void tb_log_init(const char *program); /* a static string */

/* event is a fixed word; format gives "key=value" pairs, or is "". */
void tb_log(TbLogLevel level, const char *event, const char *format, ...) G_GNUC_PRINTF(3, 4);
