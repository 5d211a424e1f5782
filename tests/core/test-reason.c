/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests core/reason.c against the table of docs/protocol.md, section 1, written out again here:
 * pages rely on these words and codes, so a change must show as a failing test.
 */
#include <glib.h>

#include "tokenbridge/reason.h"

static const struct {
    TbReason reason;
    const char *word;
    int code;
} published[] = {
    {TB_REASON_USER_CANCELLED, "user_cancelled", -32001},
    {TB_REASON_USER_TIMEOUT, "user_timeout", -32002},
    {TB_REASON_TOKEN_MISSING, "token_missing", -32003},
    {TB_REASON_TOKEN_REMOVED, "token_removed", -32004},
    {TB_REASON_NO_CERTIFICATE, "no_certificate", -32005},
    {TB_REASON_PIN_BLOCKED, "pin_blocked", -32006},
    {TB_REASON_PIN_INCORRECT, "pin_incorrect", -32007},
    {TB_REASON_PIN_PAD_FAILED, "pin_pad_failed", -32008},
    {TB_REASON_PIN_INVALID, "pin_invalid", -32015},
    {TB_REASON_PUK_INCORRECT, "puk_incorrect", -32016},
    {TB_REASON_PUK_BLOCKED, "puk_blocked", -32017},
    {TB_REASON_MODULE_FAILED, "module_failed", -32009},
    {TB_REASON_MODULE_TIMEOUT, "module_timeout", -32010},
    {TB_REASON_ORIGIN_REFUSED, "origin_refused", -32011},
    {TB_REASON_BUSY, "busy", -32012},
    {TB_REASON_ABORTED, "aborted", -32013},
    {TB_REASON_INVALID_REQUEST, "invalid_request", -32602},
    {TB_REASON_UNSUPPORTED, "unsupported", -32014},
    {TB_REASON_INTERNAL, "internal", -32603},
};

static void
test_published(void)
{
    g_assert_cmpuint(G_N_ELEMENTS(published), ==, TB_REASON_LAST);
    for (gsize i = 0; i < G_N_ELEMENTS(published); i++) {
        TbReason back = 0;

        g_assert_cmpint(published[i].reason, ==, (int)i + 1);
        g_assert_cmpstr(tb_reason_word(published[i].reason), ==, published[i].word);
        g_assert_cmpint(tb_reason_code(published[i].reason), ==, published[i].code);
        g_assert_true(tb_reason_from_word(published[i].word, &back));
        g_assert_cmpint(back, ==, published[i].reason);
    }
}

static void
test_codes_unique(void)
{
    for (int a = 1; a <= TB_REASON_LAST; a++) {
        for (int b = a + 1; b <= TB_REASON_LAST; b++) {
            g_assert_cmpint(tb_reason_code((TbReason)a), !=, tb_reason_code((TbReason)b));
            g_assert_cmpstr(tb_reason_word((TbReason)a), !=, tb_reason_word((TbReason)b));
        }
    }
}

static void
test_unknown_words(void)
{
    static const char *const unknown[] = {"",
                                          "User_cancelled",
                                          "user_cancelled ",
                                          " busy",
                                          "bus",
                                          "busyy",
                                          "user-cancelled",
                                          "timeout",
                                          "extension_unavailable"};

    for (gsize i = 0; i < G_N_ELEMENTS(unknown); i++) {
        TbReason reason = TB_REASON_BUSY;

        g_assert_false(tb_reason_from_word(unknown[i], &reason));
        g_assert_cmpint(reason, ==, TB_REASON_BUSY);
    }
}

static void
test_out_of_range(void)
{
    static const int values[] = {0, -1, TB_REASON_LAST + 1, 1000, G_MAXINT, G_MININT};

    for (gsize i = 0; i < G_N_ELEMENTS(values); i++) {
        g_assert_cmpstr(tb_reason_word((TbReason)values[i]), ==, "internal");
        g_assert_cmpint(tb_reason_code((TbReason)values[i]), ==, -32603);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/reason/published", test_published);
    g_test_add_func("/core/reason/codes-unique", test_codes_unique);
    g_test_add_func("/core/reason/unknown-words", test_unknown_words);
    g_test_add_func("/core/reason/out-of-range", test_out_of_range);
    return g_test_run();
}
