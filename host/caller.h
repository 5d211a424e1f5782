/* SPDX-License-Identifier: Apache-2.0
 *
 * Who started the host: browsers say so in the arguments, and only there can it be believed.
 */
#pragma once

#include <glib.h>

#include "host/common/config.h"

/* Chromium passes chrome-extension://ID/, Firefox the manifest's path and the add-on's id; further
 * arguments are ignored (browsers add some). False when the caller is not among the configured ids.
 */
gboolean tb_caller_is_known(const TbConfig *config, int argc, char **argv);
