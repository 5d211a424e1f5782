/* SPDX-License-Identifier: Apache-2.0
 *
 * What is added to OpenSC's configuration, and where it is left alone. That OpenSC takes it is
 * shown by tests/piv.
 */
#include "host/worker/opensc.h"

#include <glib/gstdio.h>
#include <string.h>

static void
test_extended(void)
{
    static const char *const texts[] = {
        "",
        "app default {\n    framework pkcs15 {\n    }\n}\n",
        "app default {\n    # pkcs11 { }\n    debug = 3; # of pkcs11\n}",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *extended = tb_opensc_extend(texts[i]);

        g_assert_nonnull(extended);
        g_assert_true(g_str_has_prefix(extended, texts[i]));
        g_assert_nonnull(strstr(extended, "\napp opensc-pkcs11 {"));
        g_assert_nonnull(strstr(extended, "\napp onepin-opensc-pkcs11 {"));
    }
}

static void
test_left_alone(void)
{
    static const char *const texts[] = {
        "app default {\n    pkcs11 {\n    }\n}\n",
        "app opensc-pkcs11 {\n}\n",
        "app default { pkcs11 { lock_login = true; } } # comment",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_null(tb_opensc_extend(texts[i]));
}

static void
test_kind(void)
{
    static const unsigned char opensc[32] = "OpenSC Project                  ";
    static const unsigned char other[32] = "SoftHSM                         ";

    tb_opensc_configure("/usr/lib/softhsm/libsofthsm2.so");
    g_assert_null(g_getenv("OPENSC_CONF"));
    g_assert_cmpint(tb_opensc_kind(opensc), ==, TB_OPENSC_UNKNOWN);
    g_assert_cmpint(tb_opensc_kind(other), ==, TB_OPENSC_NOT);
}

/* The file without a name has the configuration that was named before. */
static void
test_configured(void)
{
    static const unsigned char opensc[32] = "OpenSC Project                  ";
    g_autofree char *path = NULL;
    g_autofree char *text = NULL;
    int fd = g_file_open_tmp("opensc-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    g_assert_true(g_file_set_contents(path, "app default {\n}\n", -1, NULL));
    g_assert_true(g_setenv("OPENSC_CONF", path, TRUE));
    tb_opensc_configure("/nowhere/opensc-pkcs11.so");
    g_assert_cmpstr(g_getenv("OPENSC_CONF"), !=, path);
    g_assert_true(g_file_get_contents(g_getenv("OPENSC_CONF"), &text, NULL, NULL));
    g_assert_true(g_str_has_prefix(text, "app default {\n}\n"));
    g_assert_nonnull(strstr(text, "user_pin_unblock_style"));
    g_assert_cmpint(tb_opensc_kind(opensc), ==, TB_OPENSC_UNBLOCKS);
    g_assert_cmpint(g_unlink(path), ==, 0);
}

int
main(int argc, char **argv)
{
    g_unsetenv("OPENSC_CONF");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/opensc/extended", test_extended);
    g_test_add_func("/worker/opensc/left-alone", test_left_alone);
    g_test_add_func("/worker/opensc/kind", test_kind);
    g_test_add_func("/worker/opensc/configured", test_configured);
    return g_test_run();
}
