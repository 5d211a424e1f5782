/* SPDX-License-Identifier: Apache-2.0
 *
 * The last used certificate by origin: see last-used.h. The file is the user's own and is read as
 * such.
 */
#include "host/last-used.h"

#include <glib/gstdio.h>
#include <string.h>

#include "host/common/log.h"

#define GROUP "certificate by origin"
#define ENTRIES_MAX 500 /* then it starts anew; nobody signs in to more sites with one token */

static char *
file_path(void)
{
    return g_build_filename(g_get_user_state_dir(), "tokenbridge", "last-used", NULL);
}

static char *
origin_key(const char *origin)
{
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, origin, -1);
}

gboolean
tb_last_used_is_digest(const char *word)
{
    return strlen(word) == 64 && strspn(word, "0123456789abcdef") == 64;
}

static char *
get_from_file(const char *key)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *path = file_path();

    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
        return NULL;
    return g_key_file_get_string(file, GROUP, key, NULL);
}

static void
set_in_file(const char *key, const char *certificate_id)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *path = file_path();
    g_autofree char *directory = g_path_get_dirname(path);
    g_autofree char *text = NULL;
    g_autofree char *previous = NULL;
    gsize count = 0;
    gsize length;

    if (g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
        g_strfreev(g_key_file_get_keys(file, GROUP, &count, NULL));
    previous = g_key_file_get_string(file, GROUP, key, NULL);
    if (previous && strcmp(previous, certificate_id) == 0)
        return;
    if (count >= ENTRIES_MAX)
        g_key_file_remove_group(file, GROUP, NULL);
    g_key_file_set_string(file, GROUP, key, certificate_id);
    text = g_key_file_to_data(file, &length, NULL);
    if (g_mkdir_with_parents(directory, 0700) < 0 ||
        !g_file_set_contents_full(path, text, (gssize)length, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                  &error))
        tb_log(TB_LOG_INFO, "last-used-not-kept", "error=\"%s\"",
               error ? error->message : "no state directory");
}

const TbLastUsedStore tb_last_used_file = {.get = get_from_file, .set = set_in_file};

static const TbLastUsedStore *store = &tb_last_used_file;

void
tb_last_used_set_store(const TbLastUsedStore *other)
{
    store = other;
}

char *
tb_last_used_get(const char *origin)
{
    g_autofree char *key = origin_key(origin);
    g_autofree char *id = store->get(key);

    return id && tb_last_used_is_digest(id) ? g_steal_pointer(&id) : NULL;
}

void
tb_last_used_set(const char *origin, const char *certificate_id)
{
    g_autofree char *key = origin_key(origin);

    store->set(key, certificate_id);
}
