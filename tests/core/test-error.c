/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests core/error.c: filling a TbError, its limits, and the hand-over of OpenSSL's error queue.
 */
#include <string.h>

#include <glib.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "tokenbridge/error.h"

static void
test_set(void)
{
    TbError error = {.status = TB_OK, .crypto_code = 7, .message = "old"};

    g_assert_cmpint(tb_error_set(&error, TB_ERROR_REFUSED, "%s %d", "no", 3), ==, TB_ERROR_REFUSED);
    g_assert_cmpint(error.status, ==, TB_ERROR_REFUSED);
    g_assert_cmpuint(error.crypto_code, ==, 0);
    g_assert_cmpstr(error.message, ==, "no 3");
}

static void
test_null(void)
{
    g_assert_cmpint(tb_error_set(NULL, TB_ERROR_INVALID, "%s", "x"), ==, TB_ERROR_INVALID);
    g_assert_cmpint(tb_error_set_crypto(NULL, "x"), ==, TB_ERROR_CRYPTO);
}

static void
test_long_message(void)
{
    struct {
        TbError error;
        char after[8];
    } guarded = {.after = "guard"};
    g_autofree char *text = g_strnfill(1000, 'x');

    tb_error_set(&guarded.error, TB_ERROR_INVALID, "%s", text);
    g_assert_cmpuint(strlen(guarded.error.message), ==, sizeof guarded.error.message - 1);
    g_assert_cmpstr(guarded.after, ==, "guard");
}

static void
test_crypto(void)
{
    TbError error = {0};
    EVP_MD *md;
    unsigned long first;

    ERR_clear_error();
    md = EVP_MD_fetch(NULL, "no-such-digest", NULL);
    g_assert_null(md);
    first = ERR_peek_error();
    g_assert_cmpuint(first, !=, 0);
    ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR); /* a later one, which must not win */

    g_assert_cmpint(tb_error_set_crypto(&error, "SHA0"), ==, TB_ERROR_CRYPTO);
    g_assert_cmpint(error.status, ==, TB_ERROR_CRYPTO);
    g_assert_cmpuint(error.crypto_code, ==, first);
    g_assert_cmpuint(ERR_peek_error(), ==, 0);
    g_assert_true(g_str_has_prefix(error.message, "SHA0: "));
    g_assert_nonnull(strstr(error.message, ERR_reason_error_string(first)));
}

static void
test_crypto_empty_queue(void)
{
    TbError error = {0};

    ERR_clear_error();
    g_assert_cmpint(tb_error_set_crypto(&error, "SHA256"), ==, TB_ERROR_CRYPTO);
    g_assert_cmpuint(error.crypto_code, ==, 0);
    g_assert_cmpstr(error.message, ==, "SHA256: unknown OpenSSL error");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/error/set", test_set);
    g_test_add_func("/core/error/null", test_null);
    g_test_add_func("/core/error/long-message", test_long_message);
    g_test_add_func("/core/error/crypto", test_crypto);
    g_test_add_func("/core/error/crypto-empty-queue", test_crypto_empty_queue);
    return g_test_run();
}
