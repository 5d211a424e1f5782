/* SPDX-License-Identifier: Apache-2.0
 *
 * From mechanism lists to algorithms, and from algorithms to what C_Sign gets.
 */
#include "host/worker/mechanism.h"

#include <string.h>

#include "host/common/fault.h"
#include "tests/support/assert.h"
#include "tests/worker/issue.h"

static const CK_MECHANISM_TYPE raw[] = {CKM_RSA_PKCS, CKM_RSA_PKCS_PSS, CKM_ECDSA, CKM_EDDSA};
static const CK_MECHANISM_TYPE combined[] = {
    CKM_SHA256_RSA_PKCS,     CKM_SHA384_RSA_PKCS,     CKM_SHA512_RSA_PKCS,
    CKM_SHA256_RSA_PKCS_PSS, CKM_SHA384_RSA_PKCS_PSS, CKM_SHA512_RSA_PKCS_PSS,
    CKM_ECDSA_SHA256,        CKM_ECDSA_SHA384,        CKM_ECDSA_SHA512};

static TbCertificate *
certificate_with(const char *kind)
{
    EVP_PKEY *key = tb_test_key(kind);
    TbCertificate *certificate = tb_test_certificate(&(TbTestIssue){.subject = "x", .key = key}, 1);

    EVP_PKEY_free(key);
    return certificate;
}

typedef json_t *(*ListAlgorithms)(const TbMechanisms *mechanisms, const TbCertificate *certificate);

static void
assert_list(ListAlgorithms list_algorithms, const CK_MECHANISM_TYPE *types, gsize count,
            const char *kind, const char *expected)
{
    g_autoptr(TbMechanisms) mechanisms = tb_mechanisms_new(types, count);
    g_autoptr(TbCertificate) certificate = certificate_with(kind);
    json_t *list = list_algorithms(mechanisms, certificate);
    g_autoptr(GString) names = g_string_new(NULL);

    for (size_t i = 0; i < json_array_size(list); i++)
        g_string_append_printf(names, "%s%s", i ? " " : "",
                               json_string_value(json_array_get(list, i)));
    g_assert_cmpstr(names->str, ==, expected);
    json_decref(list);
}

static void
assert_algorithms(const CK_MECHANISM_TYPE *types, gsize count, const char *kind,
                  const char *expected)
{
    assert_list(tb_mechanisms_algorithms, types, count, kind, expected);
}

static void
assert_digests(const CK_MECHANISM_TYPE *types, gsize count, const char *kind, const char *expected)
{
    assert_list(tb_mechanisms_digest_algorithms, types, count, kind, expected);
}

static void
test_algorithms(void)
{
    static const CK_MECHANISM_TYPE odd[] = {CKM_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, CKM_AES_CBC};

    assert_algorithms(raw, G_N_ELEMENTS(raw), "P-256", "ES256");
    assert_algorithms(raw, G_N_ELEMENTS(raw), "P-384", "ES384");
    assert_algorithms(raw, G_N_ELEMENTS(raw), "P-521", "ES512");
    assert_algorithms(raw, G_N_ELEMENTS(raw), "secp256k1", "");
    assert_algorithms(raw, G_N_ELEMENTS(raw), "Ed25519", "EdDSA");
    assert_algorithms(raw, G_N_ELEMENTS(raw), "RSA", "RS256 RS384 RS512 PS256 PS384 PS512");
    /* 128 bytes are too few for a PSS of SHA-512 with a salt of 64 bytes. */
    assert_algorithms(raw, G_N_ELEMENTS(raw), "RSA-1024", "RS256 RS384 RS512 PS256 PS384");
    assert_algorithms(combined, G_N_ELEMENTS(combined), "RSA",
                      "RS256 RS384 RS512 PS256 PS384 PS512");
    assert_algorithms(combined, G_N_ELEMENTS(combined), "P-384", "ES384");
    assert_algorithms(combined, G_N_ELEMENTS(combined), "Ed25519", "");
    assert_algorithms(odd, G_N_ELEMENTS(odd), "RSA", "RS256 RS384 RS512 PS384");
    assert_algorithms(odd, G_N_ELEMENTS(odd), "P-256", "");
    assert_algorithms(NULL, 0, "RSA", "");
}

/* What is listed for a digest is what tb_mechanism_choose() then accepts one for. */
static void
test_digest_algorithms(void)
{
    static const CK_MECHANISM_TYPE odd[] = {CKM_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, CKM_AES_CBC};

    assert_digests(raw, G_N_ELEMENTS(raw), "P-256", "ES256 ES384 ES512");
    assert_digests(raw, G_N_ELEMENTS(raw), "P-521", "ES256 ES384 ES512");
    assert_digests(raw, G_N_ELEMENTS(raw), "secp256k1", "");
    assert_digests(raw, G_N_ELEMENTS(raw), "Ed25519", "");
    assert_digests(raw, G_N_ELEMENTS(raw), "RSA", "RS256 RS384 RS512 PS256 PS384 PS512");
    assert_digests(combined, G_N_ELEMENTS(combined), "RSA", "");
    assert_digests(combined, G_N_ELEMENTS(combined), "P-256", "");
    assert_digests(odd, G_N_ELEMENTS(odd), "RSA", "RS256 RS384 RS512");
}

typedef struct Case {
    const char *kind;
    const char *jwa;
    gboolean prehashed;
    gsize input_size;
    CK_MECHANISM_TYPE raw_type;
    gsize raw_size;                  /* of what C_Sign gets */
    CK_MECHANISM_TYPE combined_type; /* 0: refused when only combined ones are there */
    CK_MECHANISM_TYPE pss_hash;
} Case;

static const Case cases[] = {
    {"P-256", "ES256", FALSE, 64, CKM_ECDSA, 32, CKM_ECDSA_SHA256, 0},
    {"P-384", "ES384", FALSE, 96, CKM_ECDSA, 48, CKM_ECDSA_SHA384, 0},
    {"P-521", "ES512", FALSE, 128, CKM_ECDSA, 64, CKM_ECDSA_SHA512, 0},
    {"P-256", "ES256", TRUE, 32, CKM_ECDSA, 32, 0, 0},
    {"P-256", "ES512", TRUE, 64, CKM_ECDSA, 32, 0, 0}, /* cut to the curve's order */
    {"P-521", "ES256", TRUE, 32, CKM_ECDSA, 32, 0, 0},
    {"RSA", "RS256", FALSE, 64, CKM_RSA_PKCS, 19 + 32, CKM_SHA256_RSA_PKCS, 0},
    {"RSA", "RS512", TRUE, 64, CKM_RSA_PKCS, 19 + 64, 0, 0},
    {"RSA", "PS256", FALSE, 64, CKM_RSA_PKCS_PSS, 32, CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256},
    {"RSA", "PS384", FALSE, 96, CKM_RSA_PKCS_PSS, 48, CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384},
    {"RSA", "PS512", TRUE, 64, CKM_RSA_PKCS_PSS, 64, 0, CKM_SHA512},
    {"Ed25519", "EdDSA", FALSE, 128, CKM_EDDSA, 128, 0, 0},
};

static void
check_case(const Case *row, const TbMechanisms *mechanisms, gboolean only_combined)
{
    g_autoptr(TbCertificate) certificate = certificate_with(row->kind);
    const guint8 bytes[128] = {0};
    g_autoptr(GBytes) input = g_bytes_new(bytes, row->input_size);
    g_auto(TbMechanismUse) use = {0};
    g_autoptr(GError) error = NULL;
    CK_MECHANISM_TYPE expected = only_combined ? row->combined_type : row->raw_type;

    if (!tb_mechanism_choose(mechanisms, tb_algorithm_by_jwa(row->jwa), certificate, input,
                             row->prehashed, &use, &error)) {
        g_assert_cmpint(tb_fault_reason(error), ==, TB_REASON_UNSUPPORTED);
        g_assert_cmpuint(expected, ==, 0);
        return;
    }
    g_assert_cmphex(use.type, ==, expected);
    g_assert_cmpuint(g_bytes_get_size(use.data), ==,
                     only_combined ? row->input_size : row->raw_size);
    g_assert_cmpint(use.with_pss, ==, row->pss_hash != 0);
    if (use.with_pss) {
        g_assert_cmphex(use.pss.hashAlg, ==, row->pss_hash);
        g_assert_cmpuint(use.pss.sLen, ==, tb_algorithm_by_jwa(row->jwa)->digest_size);
    }
}

static void
test_choice(void)
{
    g_autoptr(TbMechanisms) only_raw = tb_mechanisms_new(raw, G_N_ELEMENTS(raw));
    g_autoptr(TbMechanisms) only_combined = tb_mechanisms_new(combined, G_N_ELEMENTS(combined));

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_case(&cases[i], only_raw, FALSE);
        check_case(&cases[i], only_combined, TRUE);
    }
}

static void
assert_refused(const char *kind, const char *jwa, gsize size, gboolean prehashed, TbReason reason)
{
    g_autoptr(TbMechanisms) mechanisms = tb_mechanisms_new(raw, G_N_ELEMENTS(raw));
    g_autoptr(TbCertificate) certificate = certificate_with(kind);
    const guint8 bytes[128] = {0};
    g_autoptr(GBytes) input = g_bytes_new(bytes, size);
    g_auto(TbMechanismUse) use = {0};
    g_autoptr(GError) error = NULL;

    g_assert_false(tb_mechanism_choose(mechanisms, tb_algorithm_by_jwa(jwa), certificate, input,
                                       prehashed, &use, &error));
    g_assert_cmpint(tb_fault_reason(error), ==, reason);
}

static void
test_refusals(void)
{
    assert_refused("P-256", "RS256", 64, FALSE, TB_REASON_UNSUPPORTED);
    assert_refused("RSA", "ES256", 64, FALSE, TB_REASON_UNSUPPORTED);
    assert_refused("P-256", "ES384", 96, FALSE, TB_REASON_UNSUPPORTED);
    assert_refused("secp256k1", "ES256", 32, TRUE, TB_REASON_UNSUPPORTED);
    assert_refused("Ed25519", "EdDSA", 64, TRUE, TB_REASON_UNSUPPORTED);
    assert_refused("RSA-1024", "PS512", 64, TRUE, TB_REASON_UNSUPPORTED);
    assert_refused("P-256", "ES256", 31, TRUE, TB_REASON_INVALID_REQUEST);
    assert_refused("RSA", "RS256", 48, TRUE, TB_REASON_INVALID_REQUEST);
}

/* A DigestInfo as OpenSSL itself writes it: what it puts under a PKCS#1 v1.5 signature. */
static void
test_digest_info(void)
{
    static const char *const names[] = {"RS256", "RS384", "RS512"};
    g_autoptr(TbMechanisms) mechanisms = tb_mechanisms_new(raw, G_N_ELEMENTS(raw));
    EVP_PKEY *key = tb_test_key("RSA");
    g_autoptr(TbCertificate) certificate =
        tb_test_certificate(&(TbTestIssue){.subject = "x", .key = key}, 1);

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        const TbAlgorithm *algorithm = tb_algorithm_by_jwa(names[i]);
        g_autoptr(GBytes) input = g_bytes_new("tokenbridge", 11);
        g_auto(TbMechanismUse) use = {0};
        EVP_MD_CTX *signer = EVP_MD_CTX_new();
        EVP_PKEY_CTX *recover = EVP_PKEY_CTX_new(key, NULL);
        guchar signature[256];
        guchar info[256];
        size_t signature_length = sizeof signature;
        size_t info_length = sizeof info;

        g_assert_true(
            tb_mechanism_choose(mechanisms, algorithm, certificate, input, FALSE, &use, NULL));
        g_assert_cmpint(
            EVP_DigestSignInit(signer, NULL, EVP_get_digestbyname(algorithm->digest), NULL, key),
            ==, 1);
        g_assert_cmpint(EVP_DigestSign(signer, signature, &signature_length,
                                       (const unsigned char *)"tokenbridge", 11),
                        ==, 1);
        g_assert_cmpint(EVP_PKEY_verify_recover_init(recover), ==, 1);
        g_assert_cmpint(
            EVP_PKEY_verify_recover(recover, info, &info_length, signature, signature_length), ==,
            1);
        tb_test_assert_bytes(g_bytes_get_data(use.data, NULL), g_bytes_get_size(use.data), info,
                             info_length);
        EVP_MD_CTX_free(signer);
        EVP_PKEY_CTX_free(recover);
    }
    EVP_PKEY_free(key);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/mechanism/algorithms", test_algorithms);
    g_test_add_func("/worker/mechanism/digest-algorithms", test_digest_algorithms);
    g_test_add_func("/worker/mechanism/choice", test_choice);
    g_test_add_func("/worker/mechanism/refusals", test_refusals);
    g_test_add_func("/worker/mechanism/digest-info", test_digest_info);
    return g_test_run();
}
