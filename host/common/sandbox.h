/* SPDX-License-Identifier: Apache-2.0
 *
 * What a worker gives up before it loads a maker's module: new privileges, system calls that no
 * token needs (seccomp), and files out of its way (Landlock). For good, and for all threads and
 * children to come. Called in a single thread. Levels are the administrator's or the user's choice
 * for a module (docs/administration.md).
 */
#pragma once

#include "host/common/sandbox-level.h"

/* state: directories (NULL-terminated, or NULL) that may be written to at any level. What the
 * kernel cannot do is logged, and gone without: at info, or as a warning where strict was asked
 * for. */
void tb_sandbox_enter(TbSandboxLevel level, const char *module_path, const char *const *state);
