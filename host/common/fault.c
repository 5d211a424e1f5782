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
    va_list args;

    va_start(args, format);
    if (error)
        *error = g_error_new_valist(TB_FAULT, (int)reason, format, args);
    va_end(args);
    return FALSE;
}

TbReason
tb_fault_reason(const GError *error)
{
    return error->domain == TB_FAULT ? (TbReason)error->code : TB_REASON_INTERNAL;
}
