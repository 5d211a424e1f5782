/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests host/common/fault.c: reasons as GError codes, and errors of other domains.
 */
#include <glib.h>

#include "host/common/fault.h"

static void
test_set(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(tb_fault(&error, TB_REASON_BUSY, "Slot %d: %s.", 3, "100 %s"));
    g_assert_error(error, TB_FAULT, TB_REASON_BUSY);
    g_assert_cmpstr(error->message, ==, "Slot 3: 100 %s.");
    g_assert_cmpint(tb_fault_reason(error), ==, TB_REASON_BUSY);
}

static void
test_null(void)
{
    g_assert_false(tb_fault(NULL, TB_REASON_INTERNAL, "%s", "nobody listens"));
}

/* JSON takes nothing else, and an answer without its message would be malformed. */
static void
test_not_utf8(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(tb_fault(&error, TB_REASON_INTERNAL, "%s is missing.", "/caf\xe9"));
    g_assert_cmpstr(error->message, ==, "/caf\xef\xbf\xbd is missing.");
}

static void
test_every_reason(void)
{
    for (int i = 1; i <= TB_REASON_LAST; i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(tb_fault(&error, (TbReason)i, "x"));
        g_assert_cmpint(tb_fault_reason(error), ==, i);
    }
}

static void
test_other_domain(void)
{
    /* its code is also a number of ours, and must not be taken for it */
    g_autoptr(GError) error =
        g_error_new_literal(G_FILE_ERROR, TB_REASON_USER_CANCELLED, "elsewhere");

    g_assert_cmpint(tb_fault_reason(error), ==, TB_REASON_INTERNAL);
}

static void
test_domain(void)
{
    g_assert_cmpstr(g_quark_to_string(TB_FAULT), ==, "tb-fault");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/common/fault/set", test_set);
    g_test_add_func("/common/fault/null", test_null);
    g_test_add_func("/common/fault/not-utf8", test_not_utf8);
    g_test_add_func("/common/fault/every-reason", test_every_reason);
    g_test_add_func("/common/fault/other-domain", test_other_domain);
    g_test_add_func("/common/fault/domain", test_domain);
    return g_test_run();
}
