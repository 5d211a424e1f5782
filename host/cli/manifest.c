/* SPDX-License-Identifier: Apache-2.0
 *
 * Native-messaging manifests: see manifest.h.
 */
#include "host/cli/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/fault.h"
#include "host/common/json.h"
#include "tokenbridge-config.h"

#define DESCRIPTION "Tokenbridge: sign in to web sites with the certificate on a hardware token"
#define HOST_PROGRAM "tokenbridge-host"
#define SIZE_LIMIT 65536 /* bytes of a manifest */

static char *
chromium_origin(const char *id)
{
    return g_strdup_printf("chrome-extension://%s/", id);
}

json_t *
tb_manifest_new(const TbConfig *config, gboolean gecko, const char *host)
{
    json_t *allowed = json_array();

    for (char **id = gecko ? config->firefox_ids : config->chromium_ids; *id; id++) {
        g_autofree char *origin = gecko ? g_strdup(*id) : chromium_origin(*id);

        json_array_append_new(allowed, json_string(origin));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", TB_NATIVE_HOST_NAME, "description",
                     DESCRIPTION, "path", host, "type", "stdio",
                     gecko ? "allowed_extensions" : "allowed_origins", allowed);
}

const char *
tb_manifest_result_word(TbManifestResult result)
{
    static const char *const words[] = {
        [TB_MANIFEST_WRITTEN] = "written",   [TB_MANIFEST_UPDATED] = "updated",
        [TB_MANIFEST_REPLACED] = "replaced", [TB_MANIFEST_UNCHANGED] = "unchanged",
        [TB_MANIFEST_REMOVED] = "removed",   [TB_MANIFEST_ABSENT] = "absent",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(words) == TB_MANIFEST_LAST + 1);
    return words[result];
}

/* The manifest at path as JSON. NULL with an error where it is no readable, regular file with an
 * object in it; *out_exists tells whether something is there at all. */
static json_t *
read_manifest(const char *path, gboolean follow, gboolean *out_exists, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
    g_autofree char *text = NULL;
    struct stat info;
    ssize_t got = -1;

    *out_exists = fd >= 0 || (errno != ENOENT && errno != ENOTDIR);
    if (fd < 0) {
        tb_fault(error, TB_REASON_INTERNAL, "%s",
                 errno == ELOOP ? "It is a link." : g_strerror(errno));
        return NULL;
    }
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        text = g_malloc(SIZE_LIMIT);
        got = read(fd, text, SIZE_LIMIT);
    }
    close(fd);
    if (got < 0 || got == SIZE_LIMIT) {
        tb_fault(error, TB_REASON_INTERNAL, "It is not a file of up to 64 KiB.");
        return NULL;
    }
    return tb_json_parse((const guint8 *)text, (gsize)got, error);
}

static const char *
member(const json_t *manifest, const char *name)
{
    const char *value = json_string_value(json_object_get(manifest, name));

    return value ? value : "";
}

static gboolean
is_ours(const json_t *manifest)
{
    g_autofree char *program = g_path_get_basename(member(manifest, "path"));

    return strcmp(member(manifest, "name"), TB_NATIVE_HOST_NAME) == 0 &&
           strcmp(program, HOST_PROGRAM) == 0;
}

static gboolean
errno_fault(GError **error, const char *what, const char *path)
{
    int code = errno;

    return tb_fault(
        error, TB_REASON_INTERNAL, "%s cannot be %s: %s.%s", path, what, g_strerror(code),
        code == EACCES || code == EPERM ? " For the whole system, run this as root." : "");
}

static gboolean
write_all(int fd, const char *text)
{
    gsize length = strlen(text);

    while (length > 0) {
        ssize_t written = write(fd, text, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return FALSE;
        text += written;
        length -= (gsize)written;
    }
    return TRUE;
}

/* Through a new file beside it, so that a browser never reads half a manifest. */
static gboolean
replace_file(const char *path, const char *text, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *name = g_strdup_printf("%s/.tokenbridge-XXXXXX", folder);
    gboolean good;
    int fd;

    if (g_mkdir_with_parents(folder, 0755) != 0)
        return errno_fault(error, "made", folder);
    fd = g_mkstemp_full(name, O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno_fault(error, "written", path);
    good =
        write_all(fd, text) && fchmod(fd, 0644) == 0 && fsync(fd) == 0 && rename(name, path) == 0;
    if (!good) {
        errno_fault(error, "written", path);
        (void)unlink(name);
    }
    close(fd);
    return good;
}

static gboolean
refuse_foreign(const char *path, GError **error)
{
    return tb_fault(error, TB_REASON_INTERNAL,
                    "%s is not Tokenbridge's and was left as it is. Look at it; --force replaces "
                    "or removes it.",
                    path);
}

gboolean
tb_manifest_write(const char *path, json_t *manifest, gboolean force, TbManifestResult *out_result,
                  GError **error)
{
    gboolean exists = FALSE;
    json_t *old = read_manifest(path, FALSE, &exists, NULL);
    gboolean ours = old && is_ours(old);
    gboolean same = old && json_equal(old, manifest);
    g_autofree char *line = NULL;
    char *text;
    gboolean good;

    json_decref(old);
    if (same) {
        *out_result = TB_MANIFEST_UNCHANGED;
        return TRUE;
    }
    if (exists && !ours && !force)
        return refuse_foreign(path, error);
    text = json_dumps(manifest, JSON_INDENT(2));
    line = g_strconcat(text, "\n", NULL);
    free(text);
    good = replace_file(path, line, error);
    if (good)
        *out_result = !exists ? TB_MANIFEST_WRITTEN
                      : ours  ? TB_MANIFEST_UPDATED
                              : TB_MANIFEST_REPLACED;
    return good;
}

gboolean
tb_manifest_remove(const char *path, gboolean force, TbManifestResult *out_result, GError **error)
{
    gboolean exists = FALSE;
    json_t *old = read_manifest(path, FALSE, &exists, NULL);
    gboolean ours = old && is_ours(old);

    json_decref(old);
    if (!exists) {
        *out_result = TB_MANIFEST_ABSENT;
        return TRUE;
    }
    if (!ours && !force)
        return refuse_foreign(path, error);
    if (unlink(path) != 0)
        return errno_fault(error, "removed", path);
    *out_result = TB_MANIFEST_REMOVED;
    return TRUE;
}

static gboolean
allows(const json_t *manifest, gboolean gecko)
{
    g_autofree char *origin = chromium_origin(TB_CHROMIUM_EXTENSION_ID);
    const char *wanted = gecko ? TB_FIREFOX_EXTENSION_ID : origin;
    const json_t *list =
        json_object_get(manifest, gecko ? "allowed_extensions" : "allowed_origins");

    for (gsize i = 0; i < json_array_size(list); i++) {
        if (g_strcmp0(json_string_value(json_array_get(list, i)), wanted) == 0)
            return TRUE;
    }
    return FALSE;
}

static char *
find_problem(const json_t *manifest, gboolean gecko, const char *root)
{
    const char *program = member(manifest, "path");
    g_autofree char *file = NULL;

    if (strcmp(member(manifest, "name"), TB_NATIVE_HOST_NAME) != 0)
        return g_strdup_printf("Its name is \"%s\" instead of \"" TB_NATIVE_HOST_NAME "\".",
                               member(manifest, "name"));
    if (strcmp(member(manifest, "type"), "stdio") != 0)
        return g_strdup("Its type is not \"stdio\".");
    if (!g_path_is_absolute(program))
        return g_strdup_printf("Its path \"%s\" is not absolute.", program);
    file = root ? g_build_filename(root, program, NULL) : g_strdup(program);
    if (!g_file_test(file, G_FILE_TEST_EXISTS))
        return g_strdup_printf("The program %s does not exist.", file);
    if (!g_file_test(file, G_FILE_TEST_IS_REGULAR) || access(file, X_OK) != 0)
        return g_strdup_printf("%s is not an executable program.", file);
    if (!allows(manifest, gecko))
        return g_strdup("It does not allow the Tokenbridge extension.");
    return NULL;
}

TbManifestState
tb_manifest_check(const char *path, gboolean gecko, const char *root, char **out_problem)
{
    g_autoptr(GError) error = NULL;
    gboolean exists = FALSE;
    json_t *manifest = read_manifest(path, TRUE, &exists, &error);

    *out_problem = NULL;
    if (!exists)
        return TB_MANIFEST_MISSING;
    *out_problem = manifest ? find_problem(manifest, gecko, root) : g_strdup(error->message);
    json_decref(manifest);
    return *out_problem ? TB_MANIFEST_BAD : TB_MANIFEST_GOOD;
}
