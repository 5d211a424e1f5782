/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/policy.c: which origins may ask what.
 */
#include "host/policy.h"

#include "host/common/fault.h"
#include "tests/host/harness.h"
#include "tests/support/assert.h"

#define ALLOWED "allowed-origins=https://a.example;https://both.example:8443\n"
#define BLOCKED "blocked-origins=https://bad.example;https://both.example:8443\n"
#define FRAMED "framed-origins=https://a.example;https://bad.example\n"
#define SIGNER "sign-with-authentication-certificate=https://a.example\n"

static TbConfig *
load(const char *keys)
{
    g_autofree char *text = g_strconcat("[policy]\n", keys, NULL);
    g_autofree char *path = tb_test_write("policy.conf", text);
    g_autoptr(GError) error = NULL;
    TbConfig *config = tb_config_load(path, NULL, &error);

    g_assert_no_error(error);
    return config;
}

static void
test_origins(void)
{
    static const struct {
        const char *keys;
        const char *origin;
        const char *top_origin;
        gboolean may;
    } rows[] = {
        {"", "https://any.example", NULL, TRUE},
        {ALLOWED, "https://a.example", NULL, TRUE},
        {ALLOWED, "https://other.example", NULL, FALSE},
        {ALLOWED, "https://a.example:8443", NULL, FALSE},
        {ALLOWED, "http://a.example", NULL, FALSE},
        {ALLOWED, "https://sub.a.example", NULL, FALSE},
        {BLOCKED, "https://bad.example", NULL, FALSE},
        {BLOCKED, "https://other.example", NULL, TRUE},
        {BLOCKED, "https://sub.bad.example", NULL, TRUE},
        {ALLOWED BLOCKED, "https://both.example:8443", NULL, FALSE}, /* blocked wins */
        {ALLOWED BLOCKED, "https://a.example", NULL, TRUE},
        /* The extension lets frames ask or not; a list here narrows it further. */
        {"", "https://a.example", "https://top.example", TRUE},
        {BLOCKED, "https://a.example", "https://bad.example", FALSE},
        {FRAMED, "https://a.example", "https://top.example", TRUE},
        {FRAMED, "https://other.example", "https://top.example", FALSE},
        {FRAMED, "https://top.example", "https://a.example", FALSE}, /* the frame's is meant */
        {FRAMED BLOCKED, "https://bad.example", "https://top.example", FALSE},
        {FRAMED ALLOWED, "https://bad.example", "https://top.example", FALSE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(TbConfig) config = load(rows[i].keys);
        g_autoptr(GError) error = NULL;
        gboolean may = tb_policy_check(config, rows[i].origin, rows[i].top_origin, &error);

        if (may != rows[i].may ||
            (!may && !g_error_matches(error, TB_FAULT, TB_REASON_ORIGIN_REFUSED)))
            tb_test_row_failed("row %u", i);
    }
}

static void
test_any_signer(void)
{
    g_autoptr(TbConfig) none = load("");
    g_autoptr(TbConfig) some = load(SIGNER);

    g_assert_false(tb_policy_any_signer(none, "https://a.example"));
    g_assert_true(tb_policy_any_signer(some, "https://a.example"));
    g_assert_false(tb_policy_any_signer(some, "https://a.example:444"));
    g_assert_false(tb_policy_any_signer(some, "https://b.example"));
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/policy/origins", test_origins);
    g_test_add_func("/policy/any-signer", test_any_signer);
    return tb_test_end();
}
