/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: what GTest's assertions lack. Test code only.
 */
#pragma once

#include <glib.h>

/* Fails the test, showing both in hexadecimal, unless the two are the same bytes. (g_assert_cmpmem
 * counts in int, which does not compile under -Wconversion.) */
void tb_test_assert_bytes(const void *bytes, gsize length, const void *expected,
                          gsize expected_length);

/* Says which row of a table fails, and goes on with the next. (Of several g_test_fail_printf only
 * one is shown.) */
void tb_test_row_failed(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* g_test_add() where missing is NULL; otherwise a case of that name that is skipped, and says with
 * missing why. (g_test_skip() in a fixture's set-up does not keep the case from running.) */
#define tb_test_add_or_skip(missing, path, Fixture, set_up, run, tear_down)                        \
    do {                                                                                           \
        if (missing)                                                                               \
            g_test_add_data_func(path, missing, tb_test_skip);                                     \
        else                                                                                       \
            g_test_add(path, Fixture, NULL, set_up, run, tear_down);                               \
    } while (0)
void tb_test_skip(gconstpointer why);
