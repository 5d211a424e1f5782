/* SPDX-License-Identifier: Apache-2.0
 *
 * Site policy: see policy.h. Threat model: the origin is the browser's word and is right; what
 * stands behind it may be hostile. Order: blocked wins over allowed. Frames are refused by the
 * extension unless its own policy names them, because a frame can raise the dialog on a page that
 * the user trusts for something else; a list here narrows that further, for all browsers at once.
 */
#include "host/policy.h"

#include "host/common/fault.h"

static gboolean
named(char **origins, const char *origin)
{
    return origins && g_strv_contains((const char *const *)origins, origin);
}

gboolean
tb_policy_check(const TbConfig *config, const char *origin, const char *top_origin, GError **error)
{
    if (named(config->blocked_origins, origin))
        return tb_fault(error, TB_REASON_ORIGIN_REFUSED, "%s is blocked by the administrator.",
                        origin);
    if (config->allowed_origins && *config->allowed_origins &&
        !named(config->allowed_origins, origin))
        return tb_fault(error, TB_REASON_ORIGIN_REFUSED,
                        "%s is not among the origins that the administrator allows.", origin);
    if (top_origin && named(config->blocked_origins, top_origin))
        return tb_fault(error, TB_REASON_ORIGIN_REFUSED, "%s is blocked by the administrator.",
                        top_origin);
    if (top_origin && *config->framed_origins && !named(config->framed_origins, origin))
        return tb_fault(error, TB_REASON_ORIGIN_REFUSED,
                        "%s asks from a frame within %s, and the administrator does not allow it "
                        "to.",
                        origin, top_origin);
    return TRUE;
}

gboolean
tb_policy_any_signer(const TbConfig *config, const char *origin)
{
    return named(config->authentication_signer_origins, origin);
}
