/* SPDX-License-Identifier: Apache-2.0
 *
 * Key files with line numbers: see config-file.h. The system's file is the administrator's. The
 * user's is refused when somebody else could have written it, because it names modules that will be
 * loaded.
 */
#include "host/common/config-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/fault.h"

#define SIZE_MAX_BYTES (1 << 20)

void
tb_config_file_free(TbConfigFile *file)
{
    if (!file)
        return;
    g_free(file->path);
    g_free(file->text);
    g_key_file_unref(file->keys);
    g_free(file);
}

/* What follows the key in "key = value" (or "key="); NULL for another line. */
static const char *
after_key(const char *line, const char *key)
{
    const char *rest;

    if (!g_str_has_prefix(line, key))
        return NULL;
    rest = line + strlen(key);
    while (g_ascii_isspace(*rest))
        rest++;
    return *rest == '=' ? rest + 1 : NULL;
}

/* The line of a group's header (key NULL) or of a key in it, from 1; 0 when it is not there. */
static guint
find_line(const char *text, const char *group, const char *key)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *header = g_strdup_printf("[%s]", group);
    gboolean inside = FALSE;
    guint found = 0;

    for (guint i = 0; lines[i]; i++) {
        const char *line = g_strstrip(lines[i]);

        if (*line == '[') {
            inside = strcmp(line, header) == 0;
            if (inside && !key)
                return i + 1;
        } else if (inside && key && after_key(line, key)) {
            found = i + 1; /* the last one wins, as it does in GKeyFile */
        }
    }
    return found;
}

/* The first line that cannot be part of a key file, 0 when every line can. */
static guint
find_bad_line(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    gboolean in_group = FALSE;

    for (guint i = 0; lines[i]; i++) {
        const char *line = g_strstrip(lines[i]);
        gsize length = strlen(line);

        if (!*line || *line == '#')
            continue;
        if (*line == '[' && length > 2 && line[length - 1] == ']')
            in_group = TRUE;
        else if (!in_group || *line == '=' || !strchr(line, '=') ||
                 !g_utf8_validate(line, -1, NULL))
            return i + 1;
    }
    return 0;
}

gboolean
tb_config_file_fault(const TbConfigFile *file, const char *group, const char *key, GError **error,
                     const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    return tb_fault(error, TB_REASON_INTERNAL, "%s:%u: %s", file->path,
                    find_line(file->text, group, key), what);
}

static gboolean
check_file(const char *path, const struct stat *info, gboolean system, GError **error)
{
    if (!S_ISREG(info->st_mode) || info->st_size > SIZE_MAX_BYTES)
        return tb_fault(error, TB_REASON_INTERNAL, "%s is not a file of up to 1 MiB.", path);
    if (!system && ((info->st_uid != getuid() && info->st_uid != 0) || (info->st_mode & 022) != 0))
        return tb_fault(error, TB_REASON_INTERNAL,
                        "%s can be written by others. It must be yours alone: chmod go-w.", path);
    return TRUE;
}

/* NULL when it cannot be read to its end: half a file would be half a policy. */
static char *
read_all(int fd, gsize size)
{
    g_autofree char *text = g_malloc(size + 1);
    gsize length = 0;

    while (length < size) {
        ssize_t got = read(fd, text + length, size - length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return NULL;
        if (got == 0)
            break;
        length += (gsize)got;
    }
    text[length] = '\0';
    return g_steal_pointer(&text);
}

static gboolean
read_text(const char *path, gboolean system, char **out_text, GError **error)
{
    /* Not blocking, in case it is a FIFO; checked on the descriptor, not on the name. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    gboolean good;

    *out_text = NULL;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return TRUE;
    if (fd < 0 || fstat(fd, &info) < 0)
        return tb_fault(error, TB_REASON_INTERNAL, "%s cannot be read: %s.", path,
                        g_strerror(errno));
    good = check_file(path, &info, system, error);
    if (good) {
        *out_text = read_all(fd, (gsize)info.st_size);
        good = *out_text != NULL;
        if (!good)
            tb_fault(error, TB_REASON_INTERNAL, "%s cannot be read: %s.", path, g_strerror(errno));
    }
    close(fd);
    return good;
}

gboolean
tb_config_file_read(const char *path, gboolean system, TbConfigFile **out_file, GError **error)
{
    g_autoptr(TbConfigFile) file = g_new0(TbConfigFile, 1);
    g_autoptr(GError) bad = NULL;

    file->path = g_strdup(path);
    file->keys = g_key_file_new();
    file->system = system;
    if (!read_text(path, system, &file->text, error))
        return FALSE;
    if (!file->text) {
        *out_file = NULL;
        return TRUE;
    }
    if (!g_key_file_load_from_data(file->keys, file->text, strlen(file->text), G_KEY_FILE_NONE,
                                   &bad))
        return tb_fault(error, TB_REASON_INTERNAL, "%s:%u: %s.", path, find_bad_line(file->text),
                        bad->message);
    *out_file = g_steal_pointer(&file);
    return TRUE;
}
