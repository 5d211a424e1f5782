/* SPDX-License-Identifier: Apache-2.0
 *
 * Web origins as the browser serialises them (RFC 6454, 6.2). They are opaque ASCII: checked,
 * compared and signed byte for byte, never passed through a URL library and back.
 */
#pragma once

#include "tokenbridge/error.h"

#define TB_ORIGIN_MAX 255 /* bytes */

/* TB_OK when origin is "https://host[:port]", or http on localhost; else TB_ERROR_INVALID for a
 * string that is no serialised origin (path, user, upper case, non-ASCII, default port, bad host or
 * port), TB_ERROR_REFUSED for one with another scheme or plain http elsewhere. error says which. */
TbStatus tb_origin_check(const char *origin, TbError *error);
