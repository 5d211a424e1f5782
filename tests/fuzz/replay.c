/* SPDX-License-Identifier: Apache-2.0
 *
 * A main for fuzz targets where the compiler has no libFuzzer: runs the target once on each file
 * named, and on each file of each directory named. Options ("-runs=0") are libFuzzer's, and passed
 * over. Running nothing at all is a failure.
 */
#include <glib.h>

#include "tests/fuzz/fuzz.h"

static guint
replay_file(const char *path)
{
    g_autofree char *bytes = NULL;
    g_autofree uint8_t *exact = NULL;
    g_autoptr(GError) error = NULL;
    gsize size = 0;

    if (!g_file_get_contents(path, &bytes, &size, &error))
        g_error("%s", error->message);
    /* g_file_get_contents adds a NUL, which would hide reading past the end. */
    exact = g_memdup2(bytes, MAX(size, 1));
    (void)LLVMFuzzerTestOneInput(exact, size);
    return 1;
}

static guint
replay_directory(const char *path)
{
    g_autoptr(GError) error = NULL;
    GDir *directory = g_dir_open(path, 0, &error);
    const char *name;
    guint count = 0;

    if (!directory)
        g_error("%s", error->message);
    while ((name = g_dir_read_name(directory))) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        count += replay_file(file);
    }
    g_dir_close(directory);
    return count;
}

int
main(int argc, char **argv)
{
    guint count = 0;

    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-')
            continue;
        if (g_file_test(argv[i], G_FILE_TEST_IS_DIR))
            count += replay_directory(argv[i]);
        else
            count += replay_file(argv[i]);
    }
    g_print("%u inputs\n", count);
    return count > 0 ? 0 : 1;
}
