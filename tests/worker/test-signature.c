/* SPDX-License-Identifier: Apache-2.0
 *
 * The check of signatures: OpenSSL's own are good, and nothing changed in any bit is.
 */
#include "host/worker/signature.h"

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <string.h>

#include "tests/worker/issue.h"

#define MESSAGE "h(origin) || h(nonce)"

static gsize
raw_from_der(const guchar *der, gsize length, gsize component_size, guchar *out_raw)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);

    g_assert_nonnull(pair);
    g_assert_cmpint(BN_bn2binpad(ECDSA_SIG_get0_r(pair), out_raw, (int)component_size), >, 0);
    g_assert_cmpint(
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), out_raw + component_size, (int)component_size), >, 0);
    ECDSA_SIG_free(pair);
    return 2 * component_size;
}

static gsize
sign(EVP_PKEY *key, const TbAlgorithm *algorithm, guchar signature[TB_SIGNATURE_MAX])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *details = NULL;
    guchar made[TB_SIGNATURE_MAX];
    size_t length = sizeof made;
    const EVP_MD *digest =
        algorithm->key_type == TB_KEY_ED25519 ? NULL : EVP_get_digestbyname(algorithm->digest);

    g_assert_cmpint(EVP_DigestSignInit(context, &details, digest, NULL, key), ==, 1);
    if (algorithm->padding == TB_PADDING_PSS) {
        g_assert_cmpint(EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING), ==, 1);
        g_assert_cmpint(EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST), ==, 1);
    }
    g_assert_cmpint(
        EVP_DigestSign(context, made, &length, (const guchar *)MESSAGE, strlen(MESSAGE)), ==, 1);
    EVP_MD_CTX_free(context);
    if (algorithm->key_type == TB_KEY_EC)
        return raw_from_der(made, length, algorithm->component_size, signature);
    memcpy(signature, made, length);
    return length;
}

static const struct {
    const char *kind;
    const char *jwa;
} rows[] = {
    {"P-256", "ES256"}, {"P-384", "ES384"}, {"P-521", "ES512"},
    {"RSA", "RS256"},   {"RSA", "RS512"},   {"RSA", "PS256"},
    {"RSA", "PS384"},   {"RSA", "PS512"},   {"Ed25519", "EdDSA"},
};

static void
test_good_and_changed(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const TbAlgorithm *algorithm = tb_algorithm_by_jwa(rows[i].jwa);
        EVP_PKEY *key = tb_test_key(rows[i].kind);
        EVP_PKEY *other =
            tb_test_key(strcmp(rows[i].kind, "RSA") == 0 ? "RSA-other" : rows[i].kind);
        g_autoptr(GBytes) input = g_bytes_new(MESSAGE, strlen(MESSAGE));
        g_autoptr(GBytes) another = g_bytes_new("another", 7);
        g_autoptr(GBytes) digest = tb_signature_digest(algorithm, input);
        guchar signature[TB_SIGNATURE_MAX + 1] = {0};
        gsize length = sign(key, algorithm, signature);
        gsize component = algorithm->component_size;

#define VERIFY(a_key, a_input, prehashed, a_length)                                                \
    tb_signature_verify(a_key, algorithm, component, a_input, prehashed, signature, a_length)
        g_assert_true(VERIFY(key, input, FALSE, length));
        g_assert_cmpint(VERIFY(key, digest, TRUE, length), ==,
                        algorithm->key_type != TB_KEY_ED25519);
        g_assert_false(VERIFY(other, input, FALSE, length));
        g_assert_false(VERIFY(key, another, FALSE, length));
        g_assert_false(VERIFY(key, digest, FALSE, length));
        g_assert_false(VERIFY(key, input, FALSE, length - 1));
        g_assert_false(VERIFY(key, input, FALSE, length + 1));
        g_assert_false(VERIFY(key, input, FALSE, 0));
        for (gsize at = 0; at < length; at += 13) {
            signature[at] ^= 1;
            g_assert_false(VERIFY(key, input, FALSE, length));
            signature[at] ^= 1;
        }
#undef VERIFY
        EVP_PKEY_free(key);
        EVP_PKEY_free(other);
    }
}

/* r = s = 0 verified anything in a well-known implementation. */
static void
test_zero_ecdsa(void)
{
    EVP_PKEY *key = tb_test_key("P-256");
    g_autoptr(GBytes) input = g_bytes_new(MESSAGE, strlen(MESSAGE));
    const guchar zero[64] = {0};

    g_assert_false(tb_signature_verify(key, tb_algorithm_by_jwa("ES256"), 32, input, FALSE, zero,
                                       sizeof zero));
    EVP_PKEY_free(key);
}

static void
test_component_sizes(void)
{
    g_assert_cmpuint(tb_signature_component_size("P-256"), ==, 32);
    g_assert_cmpuint(tb_signature_component_size("P-384"), ==, 48);
    g_assert_cmpuint(tb_signature_component_size("P-521"), ==, 66);
    g_assert_cmpuint(tb_signature_component_size("P-224"), ==, 0);
    g_assert_cmpuint(tb_signature_component_size(NULL), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/signature/good-and-changed", test_good_and_changed);
    g_test_add_func("/worker/signature/zero", test_zero_ecdsa);
    g_test_add_func("/worker/signature/component-sizes", test_component_sizes);
    return g_test_run();
}
