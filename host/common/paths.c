/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding our own programs: see paths.h.
 */
#include "host/common/paths.h"

#include <unistd.h>

#include "tokenbridge-config.h"

/* Relative to the directory of the running program. Installed, all lie in one directory (the
 * command line in another: hence TB_LIBEXECDIR); in the build tree each lies in its room's. */
static const char *const folders[] = {
    ".",  "worker",    "readers",    "prompt",    "prompt/pinentry",
    "..", "../worker", "../readers", "../prompt", "../prompt/pinentry",
};

char *
tb_paths_program(const char *name)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *directory = self ? g_path_get_dirname(self) : NULL;
    g_autofree char *installed = g_build_filename(TB_LIBEXECDIR, name, NULL);

    for (guint i = 0; directory && i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = g_build_filename(directory, folders[i], name, NULL);

        if (access(path, X_OK) == 0)
            return g_canonicalize_filename(path, NULL);
    }
    if (access(installed, X_OK) == 0)
        return g_steal_pointer(&installed);
    return NULL;
}
