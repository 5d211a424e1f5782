/* SPDX-License-Identifier: Apache-2.0
 *
 * The GError domain of host, worker, prompt and command line.
 */
#include "host/common/fault.h"

/* clang-format takes the hyphen for a minus, and would write blanks into the domain's name. */
/* clang-format off */
G_DEFINE_QUARK(tb-fault, tb_fault)
/* clang-format on */

gboolean
tb_fault(GError **error, TbReason reason, const char *format, ...)
{
    g_autofree char *message = NULL;
    g_autofree char *valid = NULL;
    va_list args;

    if (!error)
        return FALSE;
    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    valid = g_utf8_make_valid(message, -1);
    *error = g_error_new_literal(TB_FAULT, (int)reason, valid);
    return FALSE;
}

TbReason
tb_fault_reason(const GError *error)
{
    return error->domain == TB_FAULT ? (TbReason)error->code : TB_REASON_INTERNAL;
}
