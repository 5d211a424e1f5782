/* SPDX-License-Identifier: Apache-2.0
 *
 * Where our own programs are: beside this one, in the build tree's folders, or in TB_LIBEXECDIR.
 * Never from PATH or the environment.
 */
#pragma once

#include <glib.h>

/* The absolute path of one of our programs ("tokenbridge-worker"), NULL when it is not installed.
 */
char *tb_paths_program(const char *name);
