/* SPDX-License-Identifier: Apache-2.0
 *
 * Which origins may ask what, by the administrator's configuration. Exact origins only: a wildcard
 * would trust every subdomain's every script.
 */
#pragma once

#include <glib.h>

#include "host/common/config.h"

/* Whether origin may ask at all, within the top frame's origin top_origin (NULL: it is the top
 * frame). Both must have passed tb_origin_check(). Else origin_refused. */
gboolean tb_policy_check(const TbConfig *config, const char *origin, const char *top_origin,
                         GError **error);

/* Whether origin may sign documents with certificates that can sign in, too. */
gboolean tb_policy_any_signer(const TbConfig *config, const char *origin);
