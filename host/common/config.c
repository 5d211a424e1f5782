/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the configuration: see config.h. The system file is the administrator's. The user's file is
 * the user's own, and is refused when somebody else could have written it, because it names modules
 * that are going to be loaded.
 */
#include "host/common/config.h"

#include <string.h>
#include <unistd.h>

#include "host/common/config-file.h"
#include "tokenbridge-config.h"
#include "tokenbridge/origin.h"

#define MODULE_GROUP "module "
#define STATE_MAX 16 /* directories for a module, as the worker takes them */

typedef enum KeyType {
    KEY_BOOLEAN,
    KEY_PROMPT,
    KEY_PATH,
    KEY_LIST,
    KEY_ORIGINS,
    KEY_CHROMIUM_IDS,
    KEY_FIREFOX_IDS,
    KEY_MILLISECONDS,
} KeyType;

/* Every key but those of [module NAME] and [lock]. */
typedef struct Key {
    const char *group;
    const char *name;
    KeyType type;
    gsize offset; /* in TbConfig */
    guint min, max;
} Key;

#define FIELD(name) offsetof(TbConfig, name)

static const Key keys[] = {
    {"prompt", "program", KEY_PROMPT, FIELD(prompt), 0, 0},
    {"prompt", "pinentry", KEY_PATH, FIELD(pinentry), 0, 0},
    {"modules", "p11-kit", KEY_BOOLEAN, FIELD(use_p11_kit), 0, 0},
    {"modules", "well-known", KEY_BOOLEAN, FIELD(use_well_known), 0, 0},
    {"modules", "disable", KEY_LIST, FIELD(disabled_modules), 0, 0},
    {"extensions", "chromium", KEY_CHROMIUM_IDS, FIELD(chromium_ids), 0, 0},
    {"extensions", "firefox", KEY_FIREFOX_IDS, FIELD(firefox_ids), 0, 0},
    {"policy", "allowed-origins", KEY_ORIGINS, FIELD(allowed_origins), 0, 0},
    {"policy", "blocked-origins", KEY_ORIGINS, FIELD(blocked_origins), 0, 0},
    {"policy", "framed-origins", KEY_ORIGINS, FIELD(framed_origins), 0, 0},
    {"policy", "sign-with-authentication-certificate", KEY_ORIGINS,
     FIELD(authentication_signer_origins), 0, 0},
    {"limits", "list-timeout", KEY_MILLISECONDS, FIELD(list_timeout), 100, 60000},
    {"limits", "sign-timeout", KEY_MILLISECONDS, FIELD(sign_timeout), 1000, 300000},
    {"limits", "pin-pad-timeout", KEY_MILLISECONDS, FIELD(pin_pad_timeout), 1000, 600000},
    {"limits", "user-timeout", KEY_MILLISECONDS, FIELD(user_timeout), 1000, 600000},
    {"limits", "worker-idle", KEY_MILLISECONDS, FIELD(worker_idle), 0, 600000},
};

/* One file while it is read. */
typedef struct Source {
    const TbConfigFile *file;
    GHashTable *locked; /* "group/key" and "group", of the system file */
} Source;

TbModule *
tb_module_new(const char *name, const char *path, const char *init_args, const char *source)
{
    TbModule *module = g_new0(TbModule, 1);

    module->name = g_strdup(name);
    module->path = g_strdup(path);
    module->init_args = g_strdup(init_args);
    module->source = g_strdup(source);
    return module;
}

void
tb_module_free(TbModule *module)
{
    if (!module)
        return;
    g_free(module->name);
    g_free(module->path);
    g_free(module->init_args);
    g_free(module->source);
    g_strfreev(module->state);
    g_free(module);
}

static void
module_free(gpointer module)
{
    tb_module_free(module);
}

static TbConfig *
config_new(void)
{
    static const char *const chromium[] = {TB_CHROMIUM_EXTENSION_ID, NULL};
    static const char *const firefox[] = {TB_FIREFOX_EXTENSION_ID, NULL};
    TbConfig *config = g_new0(TbConfig, 1);

    config->prompt = TB_PROMPT_AUTO;
    config->use_p11_kit = TRUE;
    config->use_well_known = TRUE;
    config->modules = g_ptr_array_new_with_free_func(module_free);
    config->disabled_modules = g_new0(char *, 1);
    config->chromium_ids = g_strdupv((char **)(guintptr)chromium);
    config->firefox_ids = g_strdupv((char **)(guintptr)firefox);
    config->allowed_origins = g_new0(char *, 1);
    config->blocked_origins = g_new0(char *, 1);
    config->framed_origins = g_new0(char *, 1);
    config->authentication_signer_origins = g_new0(char *, 1);
    config->list_timeout = 5000;
    config->sign_timeout = 30000;
    config->pin_pad_timeout = 90000;
    config->user_timeout = 120000;
    config->worker_idle = 30000;
    return config;
}

void
tb_config_free(TbConfig *config)
{
    if (!config)
        return;
    g_free(config->pinentry);
    g_strfreev(config->disabled_modules);
    g_ptr_array_unref(config->modules);
    g_strfreev(config->chromium_ids);
    g_strfreev(config->firefox_ids);
    g_strfreev(config->allowed_origins);
    g_strfreev(config->blocked_origins);
    g_strfreev(config->framed_origins);
    g_strfreev(config->authentication_signer_origins);
    g_free(config);
}

static gboolean
is_locked(const Source *source, const char *group, const char *key)
{
    g_autofree char *full = g_strdup_printf("%s/%s", group, key);

    return !source->file->system && (g_hash_table_contains(source->locked, full) ||
                                     g_hash_table_contains(source->locked, group));
}

static const Key *
find_key(const char *group, const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(keys[i].group, group) == 0 && (!name || strcmp(keys[i].name, name) == 0))
            return &keys[i];
    }
    return NULL;
}

static gboolean
is_chromium_id(const char *id)
{
    return strlen(id) == 32 && strspn(id, "abcdefghijklmnop") == 32;
}

/* An add-on id is an e-mail-like name or a GUID in braces. */
static gboolean
is_firefox_id(const char *id)
{
    gsize length = strlen(id);

    return length > 0 && length <= 80 &&
           ((id[0] == '{' && id[length - 1] == '}') || strchr(id, '@'));
}

static gboolean
is_origin(const char *origin)
{
    return tb_origin_check(origin, NULL) == TB_OK;
}

static gboolean
read_list(const Source *source, const Key *key, gboolean (*good)(const char *), gboolean add,
          char ***inout_list, GError **error)
{
    g_auto(GStrv) list =
        g_key_file_get_string_list(source->file->keys, key->group, key->name, NULL, NULL);
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);

    for (char **entry = *inout_list; add && *entry; entry++)
        g_ptr_array_add(all, g_strdup(*entry));
    for (char **entry = list; entry && *entry; entry++) {
        if (!*g_strstrip(*entry))
            continue;
        if (good && !good(*entry))
            return tb_config_file_fault(
                source->file, key->group, key->name, error, "\"%s\" is no %s.", *entry,
                key->type == KEY_ORIGINS ? "origin such as https://example.org" : "extension id");
        g_ptr_array_add(all, g_strdup(*entry));
    }
    g_ptr_array_add(all, NULL);
    g_strfreev(*inout_list);
    *inout_list = (char **)g_ptr_array_free(g_steal_pointer(&all), FALSE);
    return TRUE;
}

static gboolean
read_milliseconds(const Source *source, const Key *key, guint *out_value, GError **error)
{
    g_autofree char *text = g_key_file_get_string(source->file->keys, key->group, key->name, NULL);
    guint64 value;

    if (!text ||
        !g_ascii_string_to_unsigned(g_strstrip(text), 10, key->min, key->max, &value, NULL))
        return tb_config_file_fault(source->file, key->group, key->name, error,
                                    "\"%s\" is not a number of milliseconds from %u to %u.",
                                    key->name, key->min, key->max);
    *out_value = (guint)value;
    return TRUE;
}

static gboolean
read_boolean(const Source *source, const char *group, const char *name, gboolean *out_value,
             GError **error)
{
    g_autoptr(GError) bad = NULL;
    gboolean value = g_key_file_get_boolean(source->file->keys, group, name, &bad);

    if (bad)
        return tb_config_file_fault(source->file, group, name, error,
                                    "\"%s\" is neither true nor false.", name);
    *out_value = value;
    return TRUE;
}

static gboolean
read_path(const Source *source, const char *group, const char *name, char **out_path,
          GError **error)
{
    g_autofree char *path = g_key_file_get_string(source->file->keys, group, name, NULL);

    if (!path || !g_path_is_absolute(path))
        return tb_config_file_fault(source->file, group, name, error,
                                    "\"%s\" is not an absolute path.", name);
    g_free(*out_path);
    *out_path = g_steal_pointer(&path);
    return TRUE;
}

static gboolean
read_prompt(const Source *source, const Key *key, TbPromptProgram *out_prompt, GError **error)
{
    static const char *const words[] = {
        [TB_PROMPT_AUTO] = "auto", [TB_PROMPT_GTK] = "gtk", [TB_PROMPT_PINENTRY] = "pinentry"};
    g_autofree char *word = g_key_file_get_string(source->file->keys, key->group, key->name, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_strcmp0(words[i], word) == 0) {
            *out_prompt = (TbPromptProgram)i;
            return TRUE;
        }
    }
    return tb_config_file_fault(source->file, key->group, key->name, error,
                                "\"program\" is none of auto, gtk and pinentry.");
}

static gboolean
read_key(const Source *source, const Key *key, TbConfig *config, GError **error)
{
    gpointer field = (char *)config + key->offset;

    switch (key->type) {
    case KEY_BOOLEAN:
        return read_boolean(source, key->group, key->name, field, error);
    case KEY_PROMPT:
        return read_prompt(source, key, field, error);
    case KEY_PATH:
        return read_path(source, key->group, key->name, field, error);
    case KEY_LIST:
        return read_list(source, key, NULL, FALSE, field, error);
    case KEY_ORIGINS:
        return read_list(source, key, is_origin, FALSE, field, error);
    case KEY_CHROMIUM_IDS:
        return read_list(source, key, is_chromium_id, TRUE, field, error);
    case KEY_FIREFOX_IDS:
        return read_list(source, key, is_firefox_id, TRUE, field, error);
    case KEY_MILLISECONDS:
        return read_milliseconds(source, key, field, error);
    }
    return TRUE;
}

static gboolean
check_module_keys(const Source *source, const char *group, GError **error)
{
    static const char *const names[] = {"path", "init-args", "enabled", "sandbox", "state", NULL};
    g_auto(GStrv) present = g_key_file_get_keys(source->file->keys, group, NULL, NULL);

    for (char **name = present; name && *name; name++) {
        if (!g_strv_contains(names, *name))
            return tb_config_file_fault(source->file, group, *name, error,
                                        "[%s] has no key \"%s\".", group, *name);
    }
    if (!g_key_file_has_key(source->file->keys, group, "path", NULL))
        return tb_config_file_fault(source->file, group, NULL, error, "[%s] has no \"path\".",
                                    group);
    return TRUE;
}

/* [module NAME] sandbox, state. */
static gboolean
read_sandbox(const Source *source, const char *group, TbModule *module, GError **error)
{
    g_autofree char *word = g_key_file_get_string(source->file->keys, group, "sandbox", NULL);
    g_auto(GStrv) state =
        g_key_file_get_string_list(source->file->keys, group, "state", NULL, NULL);

    if (word && !tb_sandbox_level_parse(word, &module->sandbox))
        return tb_config_file_fault(source->file, group, "sandbox", error,
                                    "\"sandbox\" is none of standard, strict and none.");
    for (char **directory = state; directory && *directory; directory++) {
        if (!g_path_is_absolute(*directory) || directory - state >= STATE_MAX)
            return tb_config_file_fault(source->file, group, "state", error,
                                        "\"state\" is no list of up to %d absolute paths.",
                                        STATE_MAX);
    }
    module->state = g_steal_pointer(&state);
    return TRUE;
}

/* [module NAME]: path, init-args, enabled, sandbox, state. */
static gboolean
read_module(const Source *source, const char *group, TbConfig *config, GError **error)
{
    const char *name = group + strlen(MODULE_GROUP);
    g_autofree char *path = NULL;
    g_autofree char *init_args = NULL;
    gboolean enabled = TRUE;
    g_autoptr(TbModule) module = NULL;

    if (!*name)
        return tb_config_file_fault(source->file, group, NULL, error,
                                    "The group has no module name.");
    if (!check_module_keys(source, group, error) || !read_path(source, group, "path", &path, error))
        return FALSE;
    if (g_key_file_has_key(source->file->keys, group, "enabled", NULL) &&
        !read_boolean(source, group, "enabled", &enabled, error))
        return FALSE;
    init_args = g_key_file_get_string(source->file->keys, group, "init-args", NULL);
    module = tb_module_new(name, path, init_args, "configuration");
    module->off = !enabled;
    if (!read_sandbox(source, group, module, error))
        return FALSE;
    for (guint i = 0; i < config->modules->len; i++) {
        const TbModule *other = config->modules->pdata[i];

        if (strcmp(other->name, name) == 0)
            g_ptr_array_remove_index(config->modules, i--);
    }
    g_ptr_array_add(config->modules, g_steal_pointer(&module));
    return TRUE;
}

static gboolean
lock_entry_is_known(const char *entry)
{
    g_auto(GStrv) parts = g_strsplit(entry, "/", 2);

    if (strcmp(parts[0], "module") == 0)
        return !parts[1];
    return find_key(parts[0], parts[1]) != NULL;
}

/* [lock] keys: "group/key", or "group" for all of it; "module" for all [module NAME]. */
static gboolean
read_lock(const Source *source, GError **error)
{
    g_auto(GStrv) present = g_key_file_get_keys(source->file->keys, "lock", NULL, NULL);
    g_auto(GStrv) list = NULL;

    if (!source->file->system)
        return tb_config_file_fault(source->file, "lock", NULL, error,
                                    "Only the system file can lock keys.");
    for (char **name = present; name && *name; name++) {
        if (strcmp(*name, "keys") != 0)
            return tb_config_file_fault(source->file, "lock", *name, error,
                                        "[lock] has no key \"%s\".", *name);
    }
    list = g_key_file_get_string_list(source->file->keys, "lock", "keys", NULL, NULL);
    for (char **entry = list; entry && *entry; entry++) {
        if (!lock_entry_is_known(g_strstrip(*entry)))
            return tb_config_file_fault(source->file, "lock", "keys", error,
                                        "There is no key \"%s\" to lock.", *entry);
        g_hash_table_add(source->locked, g_strdup(*entry));
    }
    return TRUE;
}

static gboolean
read_group(const Source *source, const char *group, TbConfig *config, GError **error)
{
    g_auto(GStrv) names = g_key_file_get_keys(source->file->keys, group, NULL, NULL);

    if (strcmp(group, "lock") == 0)
        return read_lock(source, error);
    if (g_str_has_prefix(group, MODULE_GROUP)) {
        if (is_locked(source, "module", ""))
            return tb_config_file_fault(source->file, group, NULL, error,
                                        "The administrator has locked the modules.");
        return read_module(source, group, config, error);
    }
    if (!find_key(group, NULL))
        return tb_config_file_fault(source->file, group, NULL, error, "There is no group [%s].",
                                    group);
    for (char **name = names; name && *name; name++) {
        const Key *key = find_key(group, *name);

        if (!key)
            return tb_config_file_fault(source->file, group, *name, error,
                                        "[%s] has no key \"%s\".", group, *name);
        if (is_locked(source, group, *name))
            return tb_config_file_fault(source->file, group, *name, error,
                                        "The administrator has locked \"%s\".", *name);
        if (!read_key(source, key, config, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
load_file(const char *path, gboolean system, GHashTable *locked, TbConfig *config, GError **error)
{
    g_autoptr(TbConfigFile) file = NULL;
    g_auto(GStrv) groups = NULL;

    if (!tb_config_file_read(path, system, &file, error))
        return FALSE;
    if (!file)
        return TRUE;
    groups = g_key_file_get_groups(file->keys, NULL);
    for (char **group = groups; *group; group++) {
        const Source source = {.file = file, .locked = locked};

        if (!read_group(&source, *group, config, error))
            return FALSE;
    }
    return TRUE;
}

TbConfig *
tb_config_load(const char *system_path, const char *user_path, GError **error)
{
    g_autoptr(TbConfig) config = config_new();
    g_autoptr(GHashTable) locked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    if (system_path && !load_file(system_path, TRUE, locked, config, error))
        return NULL;
    if (user_path && !load_file(user_path, FALSE, locked, config, error))
        return NULL;
    return g_steal_pointer(&config);
}

TbConfig *
tb_config_load_default(GError **error)
{
    g_autofree char *system_path =
        g_build_filename(TB_SYSCONFDIR, "tokenbridge", "tokenbridge.conf", NULL);
    g_autofree char *user_path = NULL;

    /* With borrowed rights the environment is somebody else's. */
    if (getuid() == geteuid() && getgid() == getegid())
        user_path =
            g_build_filename(g_get_user_config_dir(), "tokenbridge", "tokenbridge.conf", NULL);
    return tb_config_load(system_path, user_path, error);
}
