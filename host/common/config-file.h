/* SPDX-License-Identifier: Apache-2.0
 *
 * A key file that remembers where things stand in it, so that whoever finds a fault can name file
 * and line. GKeyFile parses; it keeps no line numbers.
 */
#pragma once

#include <glib.h>

typedef struct TbConfigFile {
    char *path;
    char *text;
    GKeyFile *keys;
    gboolean system; /* the administrator's, not the user's */
} TbConfigFile;

/* Reads a file. *out_file is NULL, and the result TRUE, when there is none. A user's file that
 * others could have written, one that is no regular file of up to 1 MiB, or no key file, is an
 * error. */
gboolean tb_config_file_read(const char *path, gboolean system, TbConfigFile **out_file,
                             GError **error);
void tb_config_file_free(TbConfigFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbConfigFile, tb_config_file_free)

/* Sets "PATH:LINE: ..." for a key of a group (NULL: the group's header); returns FALSE. */
gboolean tb_config_file_fault(const TbConfigFile *file, const char *group, const char *key,
                              GError **error, const char *format, ...) G_GNUC_PRINTF(5, 6);
