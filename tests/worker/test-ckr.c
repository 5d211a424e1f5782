/* SPDX-License-Identifier: Apache-2.0
 *
 * Return values as words: the table of docs/protocol.md, and that no failure is folded into
 * another.
 */
#include "host/worker/ckr.h"

#include <string.h>

#include "host/common/fault.h"

static void
test_reasons(void)
{
    static const struct {
        CK_RV rv;
        TbCkrStage stage;
        TbReason reason;
    } rows[] = {
        {CKR_DEVICE_REMOVED, TB_CKR_LOOKING, TB_REASON_TOKEN_MISSING},
        {CKR_DEVICE_REMOVED, TB_CKR_IN_USE, TB_REASON_TOKEN_REMOVED},
        {CKR_DEVICE_REMOVED, TB_CKR_LOGIN, TB_REASON_TOKEN_REMOVED},
        {CKR_DEVICE_REMOVED, TB_CKR_PAD_LOGIN, TB_REASON_TOKEN_REMOVED},
        {CKR_TOKEN_NOT_PRESENT, TB_CKR_LOOKING, TB_REASON_TOKEN_MISSING},
        {CKR_TOKEN_NOT_PRESENT, TB_CKR_IN_USE, TB_REASON_TOKEN_REMOVED},
        {CKR_SESSION_HANDLE_INVALID, TB_CKR_IN_USE, TB_REASON_TOKEN_REMOVED},
        {CKR_SESSION_CLOSED, TB_CKR_IN_USE, TB_REASON_TOKEN_REMOVED},
        {CKR_USER_NOT_LOGGED_IN, TB_CKR_IN_USE, TB_REASON_TOKEN_REMOVED},
        {CKR_SLOT_ID_INVALID, TB_CKR_LOOKING, TB_REASON_TOKEN_MISSING},
        {CKR_TOKEN_NOT_RECOGNIZED, TB_CKR_LOOKING, TB_REASON_UNSUPPORTED},
        {CKR_PIN_INCORRECT, TB_CKR_LOGIN, TB_REASON_PIN_INCORRECT},
        {CKR_PIN_LEN_RANGE, TB_CKR_LOGIN, TB_REASON_PIN_INCORRECT},
        {CKR_PIN_INVALID, TB_CKR_LOGIN, TB_REASON_PIN_INCORRECT},
        {CKR_PIN_LOCKED, TB_CKR_LOGIN, TB_REASON_PIN_BLOCKED},
        {CKR_PIN_LOCKED, TB_CKR_PAD_LOGIN, TB_REASON_PIN_BLOCKED},
        {CKR_PIN_EXPIRED, TB_CKR_LOGIN, TB_REASON_PIN_BLOCKED},
        {CKR_USER_PIN_NOT_INITIALIZED, TB_CKR_LOGIN, TB_REASON_PIN_BLOCKED},
        {CKR_GENERAL_ERROR, TB_CKR_LOGIN, TB_REASON_MODULE_FAILED},
        {CKR_GENERAL_ERROR, TB_CKR_PAD_LOGIN, TB_REASON_PIN_PAD_FAILED},
        {CKR_DEVICE_ERROR, TB_CKR_PAD_LOGIN, TB_REASON_PIN_PAD_FAILED},
        {CKR_FUNCTION_CANCELED, TB_CKR_PAD_LOGIN, TB_REASON_USER_CANCELLED},
        {CKR_FUNCTION_CANCELED, TB_CKR_LOGIN, TB_REASON_MODULE_FAILED},
        {CKR_FUNCTION_CANCELED, TB_CKR_IN_USE, TB_REASON_MODULE_FAILED},
        {CKR_MECHANISM_INVALID, TB_CKR_IN_USE, TB_REASON_UNSUPPORTED},
        {CKR_KEY_FUNCTION_NOT_PERMITTED, TB_CKR_IN_USE, TB_REASON_UNSUPPORTED},
        {CKR_MECHANISM_INVALID, TB_CKR_LOGIN, TB_REASON_MODULE_FAILED},
        {CKR_VENDOR_DEFINED | 7, TB_CKR_IN_USE, TB_REASON_MODULE_FAILED},
        {CKR_VENDOR_DEFINED | 7, TB_CKR_LOGIN, TB_REASON_MODULE_FAILED},
        {0xffffffffUL, TB_CKR_LOOKING, TB_REASON_MODULE_FAILED},
        {CKR_TOKEN_WRITE_PROTECTED, TB_CKR_LOOKING, TB_REASON_UNSUPPORTED},
        {CKR_SESSION_READ_ONLY, TB_CKR_NEW_PIN, TB_REASON_UNSUPPORTED},
        {CKR_DEVICE_REMOVED, TB_CKR_PUK, TB_REASON_TOKEN_REMOVED},
        {CKR_DEVICE_REMOVED, TB_CKR_NEW_PIN, TB_REASON_TOKEN_REMOVED},
        {CKR_PIN_INCORRECT, TB_CKR_PUK, TB_REASON_PUK_INCORRECT},
        {CKR_PIN_INCORRECT, TB_CKR_PAD_PUK, TB_REASON_PUK_INCORRECT},
        {CKR_PIN_LEN_RANGE, TB_CKR_PUK, TB_REASON_PUK_INCORRECT},
        {CKR_PIN_LOCKED, TB_CKR_PUK, TB_REASON_PUK_BLOCKED},
        {CKR_PIN_EXPIRED, TB_CKR_PUK, TB_REASON_PUK_BLOCKED},
        {CKR_USER_PIN_NOT_INITIALIZED, TB_CKR_PUK, TB_REASON_UNSUPPORTED},
        {CKR_FUNCTION_NOT_SUPPORTED, TB_CKR_PUK, TB_REASON_UNSUPPORTED},
        {CKR_USER_TYPE_INVALID, TB_CKR_PUK, TB_REASON_UNSUPPORTED},
        {CKR_FUNCTION_NOT_SUPPORTED, TB_CKR_LOGIN, TB_REASON_MODULE_FAILED},
        {CKR_GENERAL_ERROR, TB_CKR_PUK, TB_REASON_MODULE_FAILED},
        {CKR_GENERAL_ERROR, TB_CKR_PAD_PUK, TB_REASON_PIN_PAD_FAILED},
        {CKR_PIN_INCORRECT, TB_CKR_NEW_PIN, TB_REASON_PIN_INCORRECT},
        {CKR_PIN_LEN_RANGE, TB_CKR_NEW_PIN, TB_REASON_PIN_INVALID},
        {CKR_PIN_INVALID, TB_CKR_PAD_NEW_PIN, TB_REASON_PIN_INVALID},
        {CKR_PIN_TOO_WEAK, TB_CKR_NEW_PIN, TB_REASON_PIN_INVALID},
        {0x1b8UL, TB_CKR_NEW_PIN, TB_REASON_PIN_INVALID}, /* the same in PKCS#11 3.0 */
        {CKR_PIN_LOCKED, TB_CKR_NEW_PIN, TB_REASON_PIN_BLOCKED},
        {CKR_FUNCTION_CANCELED, TB_CKR_PAD_NEW_PIN, TB_REASON_USER_CANCELLED},
        {CKR_FUNCTION_CANCELED, TB_CKR_NEW_PIN, TB_REASON_MODULE_FAILED},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpstr(tb_reason_word(tb_ckr_reason(rows[i].rv, rows[i].stage)), ==,
                        tb_reason_word(rows[i].reason));
}

static void
test_only_a_pad_cancel_is_the_users(void)
{
    for (CK_RV rv = 1; rv < 0x300; rv++) {
        g_assert_cmpint(tb_ckr_reason(rv, TB_CKR_LOOKING), !=, TB_REASON_USER_CANCELLED);
        g_assert_cmpint(tb_ckr_reason(rv, TB_CKR_IN_USE), !=, TB_REASON_USER_CANCELLED);
        g_assert_cmpint(tb_ckr_reason(rv, TB_CKR_LOGIN), !=, TB_REASON_USER_CANCELLED);
        g_assert_cmpint(tb_ckr_reason(rv, TB_CKR_PUK), !=, TB_REASON_USER_CANCELLED);
        g_assert_cmpint(tb_ckr_reason(rv, TB_CKR_NEW_PIN), !=, TB_REASON_USER_CANCELLED);
        if (rv != CKR_CANCEL && rv != CKR_FUNCTION_CANCELED)
            g_assert_cmpint(tb_ckr_reason(rv, TB_CKR_PAD_LOGIN), !=, TB_REASON_USER_CANCELLED);
    }
}

static void
test_names(void)
{
    char buffer[TB_CKR_NAME_MAX];

    g_assert_cmpstr(tb_ckr_name(CKR_PIN_INCORRECT, buffer), ==, "CKR_PIN_INCORRECT");
    g_assert_cmpstr(tb_ckr_name(0x6789, buffer), ==, "CKR 0x6789");
    g_assert_cmpstr(tb_ckr_name(0x80000001UL, buffer), ==, "CKR 0x80000001 (the maker's own)");
    g_assert_cmpstr(tb_ckr_name(~0UL, buffer), ==, "CKR 0xffffffffffffffff (the maker's own)");
}

static void
test_fault_names_call_and_value(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(tb_ckr_fault(&error, CKR_DEVICE_REMOVED, TB_CKR_IN_USE, "C_Sign"));
    g_assert_cmpint(tb_fault_reason(error), ==, TB_REASON_TOKEN_REMOVED);
    g_assert_nonnull(strstr(error->message, "(C_Sign: CKR_DEVICE_REMOVED)"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/ckr/reasons", test_reasons);
    g_test_add_func("/worker/ckr/user-cancelled", test_only_a_pad_cancel_is_the_users);
    g_test_add_func("/worker/ckr/names", test_names);
    g_test_add_func("/worker/ckr/fault", test_fault_names_call_and_value);
    return g_test_run();
}
