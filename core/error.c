/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling a caller's TbError. Touches no global state but OpenSSL's error queue of this thread.
 */
#include "tokenbridge/error.h"

#include <stdarg.h>
#include <stdio.h>

#include <openssl/err.h>

TbStatus
tb_error_set(TbError *error, TbStatus status, const char *format, ...)
{
    if (error) {
        va_list args;

        error->status = status;
        error->crypto_code = 0;
        va_start(args, format);
        (void)vsnprintf(error->message, sizeof error->message, format, args);
        va_end(args);
    }
    return status;
}

TbStatus
tb_error_set_crypto(TbError *error, const char *what)
{
    /* The first queued error is the cause; the later ones only tell how it was passed up. */
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    tb_error_set(error, TB_ERROR_CRYPTO, "%s: %s", what, reason ? reason : "unknown OpenSSL error");
    if (error)
        error->crypto_code = code;
    return TB_ERROR_CRYPTO;
}
