/* SPDX-License-Identifier: Apache-2.0
 *
 * Assertions for tests: see assert.h. Test code only; inputs are the tests' own.
 */
#include "tests/support/assert.h"

static char *
hex(const void *bytes, gsize length)
{
    GString *text = g_string_new(NULL);

    for (gsize i = 0; i < MIN(length, 64); i++)
        g_string_append_printf(text, "%02x", ((const guint8 *)bytes)[i]);
    g_string_append_printf(text, "%s (%" G_GSIZE_FORMAT " bytes)", length > 64 ? "..." : "",
                           length);
    return g_string_free(text, FALSE);
}

void
tb_test_assert_bytes(const void *bytes, gsize length, const void *expected, gsize expected_length)
{
    g_autofree char *got = NULL;
    g_autofree char *wanted = NULL;
    gboolean same = length == expected_length;

    for (gsize i = 0; same && i < length; i++)
        same = ((const guint8 *)bytes)[i] == ((const guint8 *)expected)[i];
    if (same)
        return;
    got = hex(bytes, length);
    wanted = hex(expected, expected_length);
    g_error("got %s, expected %s", got, wanted);
}

void
tb_test_row_failed(const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_test_message("FAILED: %s", text);
    g_test_fail();
}

void
tb_test_skip(gconstpointer why)
{
    g_test_skip(why);
}
