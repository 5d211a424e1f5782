/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/caller.c: the arguments that browsers start the host with.
 */
#include "host/caller.h"

#include "tests/host/harness.h"
#include "tests/support/assert.h"
#include "tokenbridge-config.h"

#define OTHER_ID "abcdefghijklmnopabcdefghijklmnop"
#define CHROMIUM "chrome-extension://" TB_CHROMIUM_EXTENSION_ID "/"
#define MANIFEST "/usr/lib/mozilla/native-messaging-hosts/tokenbridge.json"

static void
test_arguments(void)
{
    static const struct {
        const char *argv[5];
        gboolean known;
    } rows[] = {
        {{"host"}, FALSE},
        {{"host", CHROMIUM}, TRUE},
        {{"host", CHROMIUM, "--parent-window=0"}, TRUE},
        {{"host", "--parent-window=0", CHROMIUM}, FALSE},
        {{"host", "chrome-extension://" TB_CHROMIUM_EXTENSION_ID}, FALSE},
        {{"host", CHROMIUM "x"}, FALSE},
        {{"host", "chrome-extension:///"}, FALSE},
        {{"host", "chrome-extension://" OTHER_ID "/"}, FALSE},
        {{"host", "Chrome-extension://" TB_CHROMIUM_EXTENSION_ID "/"}, FALSE},
        {{"host", "moz-extension://" TB_CHROMIUM_EXTENSION_ID "/"}, FALSE},
        {{"host", TB_CHROMIUM_EXTENSION_ID}, FALSE},
        {{"host", ""}, FALSE},
        {{"host", "https://example.org/"}, FALSE},
        {{"host", MANIFEST, TB_FIREFOX_EXTENSION_ID}, TRUE},
        {{"host", MANIFEST, TB_FIREFOX_EXTENSION_ID, "more"}, TRUE},
        {{"host", MANIFEST}, FALSE},
        {{"host", MANIFEST, "other@example.org"}, FALSE},
        {{"host", MANIFEST, ""}, FALSE},
        {{"host", "tokenbridge.json", TB_FIREFOX_EXTENSION_ID}, FALSE},
        {{"host", TB_FIREFOX_EXTENSION_ID, MANIFEST}, FALSE},
        /* A Chromium caller must not pass for a Firefox one. */
        {{"host", "chrome-extension://" OTHER_ID "/", TB_FIREFOX_EXTENSION_ID}, FALSE},
    };
    g_autoptr(TbConfig) config = tb_config_load(NULL, NULL, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        int argc = 0;

        while (rows[i].argv[argc])
            argc++;
        if (tb_caller_is_known(config, argc, (char **)(guintptr)rows[i].argv) != rows[i].known)
            tb_test_row_failed("row %u", i);
    }
}

static void
test_configured(void)
{
    g_autofree char *path = tb_test_write("caller.conf", "[extensions]\nchromium=" OTHER_ID
                                                         "\nfirefox=other@example.org\n");
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = tb_config_load(path, NULL, &error);
    const char *const chromium[] = {"host", "chrome-extension://" OTHER_ID "/", NULL};
    const char *const built_in[] = {"host", CHROMIUM, NULL};
    const char *const firefox[] = {"host", MANIFEST, "other@example.org", NULL};

    g_assert_no_error(error);
    g_assert_true(tb_caller_is_known(config, 2, (char **)(guintptr)chromium));
    g_assert_true(tb_caller_is_known(config, 2, (char **)(guintptr)built_in));
    g_assert_true(tb_caller_is_known(config, 3, (char **)(guintptr)firefox));
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/caller/arguments", test_arguments);
    g_test_add_func("/caller/configured", test_configured);
    return tb_test_end();
}
