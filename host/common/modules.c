/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds PKCS#11 modules without loading one: see modules.h. p11-kit's own loader would start them
 * all in this process, so its registry (p11-kit's pkcs11.conf(5)) is only read here. Registry files
 * and the well-known places belong to root, or to the user as the configuration does.
 */
#include "host/common/modules.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/common/log.h"
#include "tokenbridge-config.h"

#define SUFFIX ".module"

/* Where makers' packages put their modules. A '*' is replaced by each of the library directories.
 */
static const struct {
    const char *name;
    const char *path;
} well_known[] = {
    {"opensc", "*/opensc-pkcs11.so"},
    {"opensc", "*/pkcs11/opensc-pkcs11.so"},
    {"softhsm2", "*/softhsm/libsofthsm2.so"},
    {"ykcs11", "*/libykcs11.so.2"},
    {"ykcs11", "*/libykcs11.so"},
    {"etoken", "*/libeToken.so"},
    {"etoken", "*/libeTPkcs11.so"},
    {"idprime", "*/libIDPrimePKCS11.so"},
    {"idprime", "*/pkcs11/libIDPrimePKCS11.so"},
    {"gemalto-classic", "*/pkcs11/libgclib.so"},
    {"gemalto-classic", "*/ClassicClient/libgclib.so"},
    {"nexus-personal", "*/libpersonal.so"},
    {"nexus-personal", "*/personal/libtokenapi.so"},
    {"rutoken", "*/librtpkcs11ecp.so"},
    {"rutoken", "/opt/aktivco/rutokenecp/amd64/librtpkcs11ecp.so"},
    {"bit4id", "*/libbit4xpki.so"},
    {"bit4id", "*/bit4id/pkcs11/libbit4xpki.so"},
    {"watchdata", "*/WatchData/ICP/lib/libwdpkcs_icp.so"},
    {"watchdata", "*/libwdpkcs.so"},
    {"feitian", "*/libcastle.so.1.0.0"},
    {"feitian", "*/libshuttle_p11v220.so.1.0.0"},
    {"tpm2", "*/pkcs11/libtpm2_pkcs11.so"},
    {"tpm2", "*/libtpm2_pkcs11.so.1"},
};

static const char *const library_directories[] = {
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
};

/* Modules that are no tokens: stores of trust anchors, and proxies that would bring every module in
 * behind our back. */
static const char *const never[] = {
    "p11-kit-trust.so", "p11-kit-proxy.so", "p11-kit-client.so", "libp11-kit.so", "libnssckbi.so",
};

typedef struct Found {
    const TbConfig *config;
    GPtrArray *modules;
    GHashTable *seen; /* real paths */
} Found;

static char *
real_path(const char *path)
{
    char *resolved = realpath(path, NULL);
    char *copy = g_strdup(resolved ? resolved : path);

    free(resolved);
    return copy;
}

static gboolean
is_never_a_token(const char *path)
{
    g_autofree char *base = g_path_get_basename(path);

    for (guint i = 0; i < G_N_ELEMENTS(never); i++) {
        if (g_str_has_prefix(base, never[i]))
            return TRUE;
    }
    return FALSE;
}

/* Names are shown and used to switch modules off, so each is made unique. */
static char *
unique_name(const Found *found, const char *name)
{
    g_autofree char *candidate = g_strdup(name);

    for (guint number = 2;; number++) {
        gboolean taken = FALSE;

        for (guint i = 0; i < found->modules->len; i++) {
            const TbModule *module = found->modules->pdata[i];

            taken = taken || strcmp(module->name, candidate) == 0;
        }
        if (!taken)
            return g_steal_pointer(&candidate);
        g_free(candidate);
        candidate = g_strdup_printf("%s-%u", name, number);
    }
}

/* NULL when it is not to be used. The result belongs to found. */
static TbModule *
add(Found *found, const char *name, const char *path, const char *init_args, const char *source,
    gboolean off)
{
    g_autofree char *real = real_path(path);
    g_autofree char *unique = NULL;
    TbModule *module;

    if (is_never_a_token(path) || is_never_a_token(real))
        return NULL;
    /* A disabled one counts as seen: it must not come back from another place under another name.
     */
    if (!g_hash_table_add(found->seen, g_steal_pointer(&real)) || off ||
        g_strv_contains((const char *const *)found->config->disabled_modules, name))
        return NULL;
    unique = unique_name(found, name);
    module = tb_module_new(unique, path, init_args, source);
    g_ptr_array_add(found->modules, module);
    return module;
}

/* The value of "key: value" in a registry file, NULL when it is not there. */
static char *
registry_value(char **lines, const char *key)
{
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) parts = g_strsplit(*line, ":", 2);

        if (parts[0] && parts[1] && strcmp(g_strstrip(parts[0]), key) == 0 && parts[0][0] != '#')
            return g_strdup(g_strstrip(parts[1]));
    }
    return NULL;
}

static gboolean
names_us(const char *list)
{
    g_auto(GStrv) programs = g_strsplit_set(list, ", \t", -1);

    return g_strv_contains((const char *const *)programs, "tokenbridge");
}

static gboolean
is_for_us(char **lines)
{
    g_autofree char *enable = registry_value(lines, "enable-in");
    g_autofree char *disable = registry_value(lines, "disable-in");
    g_autofree char *trust = registry_value(lines, "trust-policy");
    g_autofree char *remote = registry_value(lines, "remote");

    if (enable && !names_us(enable))
        return FALSE;
    if (disable && names_us(disable))
        return FALSE;
    return !remote && g_strcmp0(trust, "yes") != 0;
}

static void
add_from_registry_file(Found *found, const char *directory, const char *file_name,
                       const char *module_path)
{
    g_autofree char *path = g_build_filename(directory, file_name, NULL);
    g_autofree char *text = NULL;
    g_autofree char *module = NULL;
    g_autofree char *absolute = NULL;
    g_autofree char *init_args = NULL;
    g_autofree char *name = g_strndup(file_name, strlen(file_name) - strlen(SUFFIX));
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return;
    lines = g_strsplit(text, "\n", -1);
    module = registry_value(lines, "module");
    if (!module || !*module)
        return;
    absolute =
        g_path_is_absolute(module) ? g_strdup(module) : g_build_filename(module_path, module, NULL);
    if (!is_for_us(lines)) {
        /* Nor may it come in as a well-known one. */
        g_hash_table_add(found->seen, real_path(absolute));
        return;
    }
    if (access(absolute, F_OK) != 0) {
        /* Registered by a package whose module is for another architecture, or was removed. */
        tb_log(TB_LOG_INFO, "module-missing", "registry=%s path=%s", path, absolute);
        return;
    }
    init_args = registry_value(lines, "x-init-reserved");
    (void)add(found, name, absolute, init_args, "p11-kit", FALSE);
}

static gint
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A file of an earlier directory hides one of the same name in a later one (pkcs11.conf(5)). */
static void
add_from_registry(Found *found, const char *directory, GHashTable *hidden, const char *module_path)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, SUFFIX) && g_hash_table_add(hidden, g_strdup(name)))
            g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++)
        add_from_registry_file(found, directory, names->pdata[i], module_path);
}

static void
add_p11_kit(Found *found, const TbModulesPlaces *places)
{
    g_autofree char *user = g_build_filename(g_get_user_config_dir(), "pkcs11", "modules", NULL);
    /* p11-kit itself ignores the user's registry for root. */
    const char *standard[] = {getuid() != 0 ? user : "/etc/pkcs11/modules", "/etc/pkcs11/modules",
                              TB_P11_SYSTEM_CONFIG_MODULES, TB_P11_MODULE_CONFIGS, NULL};
    const char *const *registries =
        places && places->registries ? places->registries : (const char *const *)standard;
    const char *module_path =
        places && places->module_path ? places->module_path : TB_P11_MODULE_PATH;
    g_autoptr(GHashTable) hidden = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (; *registries; registries++)
        add_from_registry(found, *registries, hidden, module_path);
}

static void
add_if_there(Found *found, const char *name, const char *root, const char *path)
{
    g_autofree char *full = g_strconcat(root, path, NULL);

    if (access(full, F_OK) == 0)
        (void)add(found, name, full, NULL, "well-known", FALSE);
}

static void
add_well_known(Found *found, const char *root)
{
    for (guint i = 0; i < G_N_ELEMENTS(well_known); i++) {
        if (well_known[i].path[0] != '*') {
            add_if_there(found, well_known[i].name, root, well_known[i].path);
            continue;
        }
        for (guint j = 0; j < G_N_ELEMENTS(library_directories); j++) {
            g_autofree char *path =
                g_strconcat(library_directories[j], well_known[i].path + 1, NULL);

            add_if_there(found, well_known[i].name, root, path);
        }
    }
}

static void
module_free(gpointer module)
{
    tb_module_free(module);
}

GPtrArray *
tb_modules_discover(const TbConfig *config, const TbModulesPlaces *places)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Found found = {
        .config = config,
        .modules = g_ptr_array_new_with_free_func(module_free),
        .seen = seen,
    };

    for (guint i = 0; i < config->modules->len; i++) {
        const TbModule *module = config->modules->pdata[i];

        TbModule *added =
            add(&found, module->name, module->path, module->init_args, module->source, module->off);

        if (added) {
            added->sandbox = module->sandbox;
            added->state = g_strdupv(module->state);
        }
    }
    if (config->use_p11_kit)
        add_p11_kit(&found, places);
    if (config->use_well_known)
        add_well_known(&found, places && places->root ? places->root : "");
    return found.modules;
}
