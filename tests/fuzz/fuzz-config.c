/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: host/common/config.c, config-file.c and modules.c. The input is the system's file,
 * the user's, and one of p11-kit's registry, with a NUL between them. What is accepted is within
 * its limits; what is refused names file and line.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/config.h"
#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/common/modules.h"
#include "tests/fuzz/fuzz.h"
#include "tokenbridge/origin.h"

#define FILES 3

static char *folder; /* for p11-kit's registry; all that is written lies in it */

static void
remove_folder(void)
{
    g_autofree char *file = g_build_filename(folder, "fuzz.module", NULL);

    (void)g_unlink(file);
    (void)g_rmdir(folder);
}

static void
set_up(void)
{
    folder = g_dir_make_tmp("tokenbridge-fuzz-XXXXXX", NULL);
    FUZZ_CHECK(folder && atexit(remove_folder) == 0);
    (void)g_setenv("TOKENBRIDGE_LOG", "error", TRUE);
    tb_log_init("fuzz-config");
}

/* A file in memory, and the path by which it can be opened. */
static int
memory_file(const uint8_t *bytes, size_t size, char **out_path)
{
    int fd = memfd_create("configuration", MFD_CLOEXEC);

    FUZZ_CHECK(fd >= 0 && fchmod(fd, 0600) == 0);
    FUZZ_CHECK(size == 0 || write(fd, bytes, size) == (ssize_t)size);
    *out_path = g_strdup_printf("/proc/self/fd/%d", fd);
    return fd;
}

static void
check_origins(char **origins)
{
    FUZZ_CHECK(origins);
    for (; *origins; origins++)
        FUZZ_CHECK(tb_origin_check(*origins, NULL) == TB_OK);
}

static void
check_modules(const GPtrArray *modules)
{
    for (guint i = 0; i < modules->len; i++) {
        const TbModule *module = modules->pdata[i];

        FUZZ_CHECK(*module->name && g_path_is_absolute(module->path));
        for (guint j = 0; j < i; j++)
            FUZZ_CHECK(strcmp(((const TbModule *)modules->pdata[j])->name, module->name) != 0);
    }
}

static void
check_config(const TbConfig *config)
{
    FUZZ_CHECK(config->list_timeout >= 100 && config->list_timeout <= 60000);
    FUZZ_CHECK(config->sign_timeout >= 1000 && config->sign_timeout <= 300000);
    FUZZ_CHECK(config->user_timeout >= 1000 && config->user_timeout <= 600000);
    FUZZ_CHECK(!config->pinentry || g_path_is_absolute(config->pinentry));
    FUZZ_CHECK(config->chromium_ids[0] && config->firefox_ids[0]);
    check_origins(config->allowed_origins);
    check_origins(config->blocked_origins);
    check_origins(config->framed_origins);
    check_origins(config->authentication_signer_origins);
    check_modules(config->modules);
}

/* "PATH: ..." or "PATH:LINE: ...". */
static void
check_refusal(const GError *error, char *const *paths)
{
    FUZZ_CHECK(error && g_utf8_validate(error->message, -1, NULL));
    FUZZ_CHECK(g_str_has_prefix(error->message, paths[0]) ||
               g_str_has_prefix(error->message, paths[1]));
}

static void
discover(TbConfig *config, const uint8_t *bytes, size_t size)
{
    const char *const registries[] = {folder, NULL};
    const TbModulesPlaces places = {registries, folder, folder};
    g_autofree char *file = g_build_filename(folder, "fuzz.module", NULL);
    g_autoptr(GPtrArray) modules = NULL;

    FUZZ_CHECK(g_file_set_contents_full(file, (const char *)bytes, (gssize)size,
                                        G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    modules = tb_modules_discover(config, &places);
    check_modules(modules);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *parts[FILES] = {data, data, data};
    size_t sizes[FILES] = {0};
    g_autofree char *system_path = NULL;
    g_autofree char *user_path = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = NULL;
    int system_fd, user_fd;

    if (!folder)
        set_up();
    for (int i = 0; i < FILES; i++) {
        const uint8_t *end = size && i < FILES - 1 ? memchr(data, '\0', size) : NULL;

        parts[i] = data;
        sizes[i] = end ? (size_t)(end - data) : size;
        data += sizes[i] + (end ? 1 : 0);
        size -= sizes[i] + (end ? 1 : 0);
    }
    system_fd = memory_file(parts[0], sizes[0], &system_path);
    user_fd = memory_file(parts[1], sizes[1], &user_path);
    config = tb_config_load(system_path, user_path, &error);
    if (config) {
        check_config(config);
        discover(config, parts[2], sizes[2]);
    } else {
        check_refusal(error, (char *const[]){system_path, user_path});
    }
    FUZZ_CHECK(close(system_fd) == 0 && close(user_fd) == 0);
    return 0;
}
