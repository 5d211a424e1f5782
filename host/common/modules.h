/* SPDX-License-Identifier: Apache-2.0
 *
 * Which PKCS#11 modules there are: configured, in p11-kit's registry, at well-known places. Loads
 * none.
 */
#pragma once

#include <glib.h>

#include "host/common/config.h"

/* Where to look; NULL members mean the built-in places. For tests. */
typedef struct TbModulesPlaces {
    const char *const *registries; /* directories of *.module files, first has precedence */
    const char *module_path;       /* where a relative "module:" is looked up */
    const char *root;              /* put before each well-known path */
} TbModulesPlaces;

/* A new array of TbModule (freed with it), without duplicates (by real path), configured ones
 * first. A module that is configured by path is listed even when the file is missing, so that the
 * fault is seen. */
GPtrArray *tb_modules_discover(const TbConfig *config, const TbModulesPlaces *places);
