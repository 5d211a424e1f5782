/* SPDX-License-Identifier: Apache-2.0
 *
 * How much of a sandbox a module gets: the configuration's words (docs/administration.md). Apart
 * from sandbox.h, because the host reads the words and is not to load what the sandbox needs.
 */
#pragma once

#include <glib.h>

typedef enum TbSandboxLevel {
    TB_SANDBOX_STANDARD, /* no programs started, no debugging, no change of the system's files */
    TB_SANDBOX_STRICT,   /* and of files only the system's, read, and the module's state */
    TB_SANDBOX_NONE,     /* no new privileges, and nothing else */
} TbSandboxLevel;

/* "standard", "strict" or "none". */
gboolean tb_sandbox_level_parse(const char *word, TbSandboxLevel *out_level);
const char *tb_sandbox_level_word(TbSandboxLevel level);
