/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests the table of core/algorithm.c against those who define its numbers: the mechanisms of
 * p11-kit's pkcs11.h, OpenSSL's digest sizes and curve degrees, and the names of RFC 7518.
 */
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>

#include "tokenbridge/algorithm.h"

static const struct {
    const char *jwa;
    TbKeyType key_type;
    const char *curve;
    TbPadding padding;
    const char *hash_name;
    CK_MECHANISM_TYPE mechanism;
    CK_MECHANISM_TYPE combined;
} expected[] = {
    {"ES256", TB_KEY_EC, "P-256", TB_PADDING_NONE, "SHA-256", CKM_ECDSA, CKM_ECDSA_SHA256},
    {"ES384", TB_KEY_EC, "P-384", TB_PADDING_NONE, "SHA-384", CKM_ECDSA, CKM_ECDSA_SHA384},
    {"ES512", TB_KEY_EC, "P-521", TB_PADDING_NONE, "SHA-512", CKM_ECDSA, CKM_ECDSA_SHA512},
    {"RS256", TB_KEY_RSA, NULL, TB_PADDING_PKCS1, "SHA-256", CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS},
    {"RS384", TB_KEY_RSA, NULL, TB_PADDING_PKCS1, "SHA-384", CKM_RSA_PKCS, CKM_SHA384_RSA_PKCS},
    {"RS512", TB_KEY_RSA, NULL, TB_PADDING_PKCS1, "SHA-512", CKM_RSA_PKCS, CKM_SHA512_RSA_PKCS},
    {"PS256", TB_KEY_RSA, NULL, TB_PADDING_PSS, "SHA-256", CKM_RSA_PKCS_PSS,
     CKM_SHA256_RSA_PKCS_PSS},
    {"PS384", TB_KEY_RSA, NULL, TB_PADDING_PSS, "SHA-384", CKM_RSA_PKCS_PSS,
     CKM_SHA384_RSA_PKCS_PSS},
    {"PS512", TB_KEY_RSA, NULL, TB_PADDING_PSS, "SHA-512", CKM_RSA_PKCS_PSS,
     CKM_SHA512_RSA_PKCS_PSS},
    {"EdDSA", TB_KEY_ED25519, NULL, TB_PADDING_NONE, "SHA-512", CKM_EDDSA, 0},
};

static void
test_table(void)
{
    size_t count = 0;
    const TbAlgorithm *table = tb_algorithm_table(&count);

    g_assert_cmpuint(count, ==, G_N_ELEMENTS(expected));
    for (size_t i = 0; i < count; i++) {
        g_assert_cmpstr(table[i].jwa, ==, expected[i].jwa);
        g_assert_cmpint(table[i].key_type, ==, expected[i].key_type);
        g_assert_cmpstr(table[i].curve, ==, expected[i].curve);
        g_assert_cmpint(table[i].padding, ==, expected[i].padding);
        g_assert_cmpstr(table[i].hash_name, ==, expected[i].hash_name);
        g_assert_cmphex(table[i].mechanism, ==, expected[i].mechanism);
        g_assert_cmphex(table[i].combined_mechanism, ==, expected[i].combined);
        g_assert_true(tb_algorithm_by_jwa(expected[i].jwa) == &table[i]);
    }
}

/* OpenSSL knows both spellings of a hash as the same digest, of the size that the table says. */
static void
test_digests(void)
{
    size_t count = 0;
    const TbAlgorithm *table = tb_algorithm_table(&count);

    for (size_t i = 0; i < count; i++) {
        EVP_MD *digest = EVP_MD_fetch(NULL, table[i].digest, NULL);

        g_assert_nonnull(digest);
        g_assert_cmpint(EVP_MD_get_size(digest), ==, (int)table[i].digest_size);
        g_assert_true(EVP_MD_is_a(digest, table[i].hash_name));
        if (table[i].key_type != TB_KEY_ED25519)
            g_assert_cmpuint(strtoul(table[i].jwa + 2, NULL, 10), ==, table[i].digest_size * 8);
        EVP_MD_free(digest);
    }
}

static void
test_component_sizes(void)
{
    size_t count = 0;
    const TbAlgorithm *table = tb_algorithm_table(&count);

    for (size_t i = 0; i < count; i++) {
        EC_GROUP *group;

        if (!table[i].curve) {
            g_assert_cmpuint(table[i].component_size, ==, 0);
            continue;
        }
        group = EC_GROUP_new_by_curve_name(EC_curve_nist2nid(table[i].curve));
        g_assert_nonnull(group);
        g_assert_cmpuint(table[i].component_size, ==, (gsize)(EC_GROUP_order_bits(group) + 7) / 8);
        EC_GROUP_free(group);
    }
}

static void
test_find(void)
{
    static const struct {
        TbKeyType key_type;
        TbPadding padding;
        const char *hash_name;
        const char *jwa; /* NULL: there is none */
    } rows[] = {
        {TB_KEY_EC, TB_PADDING_NONE, "SHA-256", "ES256"},
        {TB_KEY_EC, TB_PADDING_NONE, "SHA-512", "ES512"},
        {TB_KEY_RSA, TB_PADDING_PKCS1, "SHA-384", "RS384"},
        {TB_KEY_RSA, TB_PADDING_PSS, "SHA-256", "PS256"},
        {TB_KEY_ED25519, TB_PADDING_NONE, "SHA-512", "EdDSA"},
        {TB_KEY_ED25519, TB_PADDING_NONE, "SHA-256", NULL},
        {TB_KEY_EC, TB_PADDING_PKCS1, "SHA-256", NULL},
        {TB_KEY_RSA, TB_PADDING_NONE, "SHA-256", NULL},
        {TB_KEY_OTHER, TB_PADDING_NONE, "SHA-256", NULL},
        {TB_KEY_RSA, TB_PADDING_PKCS1, "SHA256", NULL},
        {TB_KEY_RSA, TB_PADDING_PKCS1, "sha-256", NULL},
        {TB_KEY_RSA, TB_PADDING_PKCS1, "SHA-1", NULL},
        {TB_KEY_RSA, TB_PADDING_PKCS1, "", NULL},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const TbAlgorithm *found =
            tb_algorithm_find(rows[i].key_type, rows[i].padding, rows[i].hash_name);

        g_assert_cmpstr(found ? found->jwa : NULL, ==, rows[i].jwa);
    }
}

static void
test_unknown_names(void)
{
    static const char *const unknown[] = {"",       "none",   "HS256",  "es256", "ES256 ",
                                          " ES256", "ES25",   "ES2566", "EDDSA", "Ed25519",
                                          "RSA",    "ES256K", "PS224",  "RS1"};

    for (gsize i = 0; i < G_N_ELEMENTS(unknown); i++)
        g_assert_null(tb_algorithm_by_jwa(unknown[i]));
}

static void
test_key_words(void)
{
    static const struct {
        TbKeyType type;
        const char *word;
    } rows[] = {{TB_KEY_RSA, "RSA"},
                {TB_KEY_EC, "EC"},
                {TB_KEY_ED25519, "Ed25519"},
                {TB_KEY_OTHER, "other"}};
    static const char *const unknown[] = {"", "rsa", "ECC", "ed25519", "DSA", "RSA "};

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpstr(tb_key_type_word(rows[i].type), ==, rows[i].word);
        g_assert_cmpint(tb_key_type_from_word(rows[i].word), ==, rows[i].type);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(unknown); i++)
        g_assert_cmpint(tb_key_type_from_word(unknown[i]), ==, TB_KEY_OTHER);
    g_assert_cmpstr(tb_key_type_word((TbKeyType)99), ==, "other");
    g_assert_cmpstr(tb_key_type_word((TbKeyType)-1), ==, "other");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/algorithm/table", test_table);
    g_test_add_func("/core/algorithm/digests", test_digests);
    g_test_add_func("/core/algorithm/component-sizes", test_component_sizes);
    g_test_add_func("/core/algorithm/find", test_find);
    g_test_add_func("/core/algorithm/unknown-names", test_unknown_names);
    g_test_add_func("/core/algorithm/key-words", test_key_words);
    return g_test_run();
}
