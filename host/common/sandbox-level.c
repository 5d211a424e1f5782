/* SPDX-License-Identifier: Apache-2.0
 *
 * The sandbox's levels: see sandbox-level.h.
 */
#include "host/common/sandbox-level.h"

#include <string.h>

static const struct {
    const char *word;
    TbSandboxLevel level;
} levels[] = {
    {"standard", TB_SANDBOX_STANDARD},
    {"strict", TB_SANDBOX_STRICT},
    {"none", TB_SANDBOX_NONE},
};

gboolean
tb_sandbox_level_parse(const char *word, TbSandboxLevel *out_level)
{
    for (guint i = 0; i < G_N_ELEMENTS(levels); i++) {
        if (strcmp(levels[i].word, word) == 0) {
            *out_level = levels[i].level;
            return TRUE;
        }
    }
    return FALSE;
}

const char *
tb_sandbox_level_word(TbSandboxLevel level)
{
    for (guint i = 0; i < G_N_ELEMENTS(levels); i++) {
        if (levels[i].level == level)
            return levels[i].word;
    }
    return "";
}
