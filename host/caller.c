/* SPDX-License-Identifier: Apache-2.0
 *
 * The caller check: see caller.h. A program of the same user could pass anything here; what this
 * stops is another extension, whose id the browser, not the extension, puts on the command line.
 */
#include "host/caller.h"

#include <string.h>

#define CHROMIUM_PREFIX "chrome-extension://"

static gboolean
is_chromium(const TbConfig *config, const char *argument)
{
    for (char **id = config->chromium_ids; *id; id++) {
        g_autofree char *origin = g_strdup_printf(CHROMIUM_PREFIX "%s/", *id);

        if (strcmp(argument, origin) == 0)
            return TRUE;
    }
    return FALSE;
}

gboolean
tb_caller_is_known(const TbConfig *config, int argc, char **argv)
{
    if (argc < 2)
        return FALSE;
    if (g_str_has_prefix(argv[1], CHROMIUM_PREFIX))
        return is_chromium(config, argv[1]);
    return argc >= 3 && g_path_is_absolute(argv[1]) &&
           g_strv_contains((const char *const *)config->firefox_ids, argv[2]);
}
