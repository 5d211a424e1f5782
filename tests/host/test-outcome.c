/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/outcome.c: what the worker is asked to sign, and what the page gets.
 */
#include "host/outcome.h"

#include <string.h>

#include "host/common/fault.h"
#include "tests/host/harness.h"
#include "tests/support/assert.h"

#define NONCE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define AUTHENTICATE "{'origin': 'https://example.org', 'nonce': '" NONCE "'}"
#define SIGN                                                                                       \
    "{'origin': 'https://example.org', 'certificate': 'QQ==', 'hash': '" HASH                      \
    "', 'hashFunction': 'SHA-256'}"
#define ED25519 "{'key': {'type': 'Ed25519', 'bits': 256}, 'algorithms': ['EdDSA']}"
#define RSA "{'key': {'type': 'RSA', 'bits': 2048}, 'algorithms': ['RS256', 'PS512']}"

/* 64 bytes, as ES256 has them. */
#define SIGNATURE                                                                                  \
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="

typedef struct Case {
    TbRequest *request;
    TbChosen *chosen;
    GPtrArray *tokens;
} Case;

static Case
make_case(TbPurpose purpose, const char *params, const char *certificate)
{
    json_t *object = tb_test_json(params);
    json_t *listing = tb_test_listing(
        tb_test_token("S1", NULL, tb_test_certificate("A", certificate), NULL), NULL);
    Case made;
    const TbToken *token;

    made.request = tb_request_read(purpose, object, 1000, NULL);
    g_assert_nonnull(made.request);
    made.tokens = tb_listing_read(listing, 2, NULL);
    g_assert_nonnull(made.tokens);
    token = made.tokens->pdata[0];
    made.chosen = tb_chosen_new(token->certificates->pdata[0], made.request);
    json_decref(object);
    json_decref(listing);
    return made;
}

static void
clear_case(Case *made)
{
    tb_request_free(made->request);
    tb_chosen_free(made->chosen);
    if (made->tokens)
        g_ptr_array_unref(made->tokens);
}

/* The listing may go; what was chosen stays. */
static void
test_chosen_is_a_copy(void)
{
    Case made = make_case(TB_PURPOSE_AUTHENTICATE, AUTHENTICATE, NULL);
    g_autofree char *id = tb_test_certificate_id("A");

    g_clear_pointer(&made.tokens, g_ptr_array_unref);
    g_assert_cmpstr(made.chosen->id, ==, id);
    g_assert_cmpstr(made.chosen->token_serial, ==, "S1");
    g_assert_cmpstr(made.chosen->chain[0], ==, "SXNzdWluZyBDQQ==");
    g_assert_cmpuint(made.chosen->slot, ==, 7);
    g_assert_cmpuint(made.chosen->module, ==, 2);
    g_assert_cmpstr(made.chosen->algorithm->jwa, ==, "ES256");
    clear_case(&made);
}

/* The bytes are known answers, made with Python's hashlib: h(origin) || h(nonce). */
static void
test_authenticate_request(void)
{
    static const struct {
        const char *certificate;
        const char *jwa;
        const char *input;
    } rows[] = {
        {NULL, "ES256",
         "UNepBeMEa4hjg2LMNKMaGuU0dmylXjqjl5Ue/mU7BitRZD6sl3e2OnsmgXTR/UJ22u3sm8nqC8blq/aQ"
         "R7xU9g=="},
        {"{'algorithms': ['ES384']}", "ES384",
         "9+YEid25MdSjzfLhhBpDm/O1K/yHXwV10umFry3oXXPQtaLqczaf6zVSjJMfiAmL4sWX5hUdZvOpgBn6"
         "NPwRvShZdt9QC3Pmba9px1twC7u5oXi7skDmxAhL3SC5Fb0y"},
        {RSA, "RS256",
         "UNepBeMEa4hjg2LMNKMaGuU0dmylXjqjl5Ue/mU7BitRZD6sl3e2OnsmgXTR/UJ22u3sm8nqC8blq/aQ"
         "R7xU9g=="},
        {ED25519, "EdDSA",
         "1UwSwbjiWGijQw4QrrjaI93kJcsrpTB8IL+anw4gL0pk57MwcIgDwyuhsAZ8rxqyMLWUTAAvwI5O2LW8"
         "UQaWmai7JB2bS5YluHObdZTtIVZ3PWj1pfifY2q9gBbYswh9yKGOcm2sn6sblDvxpKRf1mGRT7Sxz3tj"
         "mOeceT7tDeQ="},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Case made = make_case(TB_PURPOSE_AUTHENTICATE, AUTHENTICATE, rows[i].certificate);
        g_autofree char *text = g_strdup_printf(
            "{'op': 'sign', 'slot': 7, 'token': 'S1', 'certificate': '%s', 'algorithm': '%s', "
            "'input': '%s', 'prehashed': false}",
            made.chosen->id, rows[i].jwa, rows[i].input);
        json_t *expected = tb_test_json(text);
        g_autoptr(GError) error = NULL;
        json_t *message = tb_outcome_sign_request(made.request, made.chosen, &error);
        char *got = json_dumps(message, JSON_COMPACT);

        g_assert_no_error(error);
        if (!json_equal(message, expected))
            tb_test_row_failed("%s", got);
        free(got);
        json_decref(message);
        json_decref(expected);
        clear_case(&made);
    }
}

static void
test_sign_request(void)
{
    Case made = make_case(TB_PURPOSE_SIGN, SIGN, NULL);
    json_t *message = tb_outcome_sign_request(made.request, made.chosen, NULL);

    g_assert_nonnull(message);
    g_assert_cmpstr(json_string_value(json_object_get(message, "input")), ==, HASH);
    g_assert_true(json_is_true(json_object_get(message, "prehashed")));
    g_assert_cmpstr(json_string_value(json_object_get(message, "algorithm")), ==, "ES256");
    json_decref(message);
    clear_case(&made);
}

/* A page's digest must never be what a sign-in signature is over. */
static void
test_only_documents_are_prehashed(void)
{
    static const char *const certificates[] = {NULL, RSA, ED25519};

    for (guint i = 0; i < G_N_ELEMENTS(certificates); i++) {
        Case made = make_case(TB_PURPOSE_AUTHENTICATE, AUTHENTICATE, certificates[i]);
        json_t *message = tb_outcome_sign_request(made.request, made.chosen, NULL);
        gsize length = 0;
        g_autofree guchar *input =
            g_base64_decode(json_string_value(json_object_get(message, "input")), &length);

        g_assert_true(json_is_false(json_object_get(message, "prehashed")));
        g_assert_cmpuint(length, ==, 2 * made.chosen->algorithm->digest_size);
        json_decref(message);
        clear_case(&made);
    }
}

static void
test_no_algorithm(void)
{
    Case made = make_case(TB_PURPOSE_SIGN, SIGN, ED25519);
    g_autoptr(GError) error = NULL;

    g_assert_null(tb_outcome_sign_request(made.request, made.chosen, &error));
    g_assert_error(error, TB_FAULT, TB_REASON_UNSUPPORTED);
    clear_case(&made);
}

static void
test_token(void)
{
    Case made = make_case(TB_PURPOSE_AUTHENTICATE, AUTHENTICATE, NULL);
    json_t *token = tb_outcome_signed(made.request, made.chosen, SIGNATURE, NULL);
    json_t *chain = json_object_get(token, "unverifiedIntermediateCertificates");

    g_assert_nonnull(token);
    g_assert_cmpuint(json_object_size(token), ==, 6);
    g_assert_cmpstr(json_string_value(json_object_get(token, "unverifiedCertificate")), ==, "QQ==");
    g_assert_cmpstr(json_string_value(json_object_get(token, "algorithm")), ==, "ES256");
    g_assert_cmpstr(json_string_value(json_object_get(token, "signature")), ==, SIGNATURE);
    g_assert_cmpstr(json_string_value(json_object_get(token, "format")), ==, "web-eid:1.0");
    g_assert_true(g_str_has_prefix(json_string_value(json_object_get(token, "appVersion")),
                                   "https://tokenbridge.invalid/releases/"));
    g_assert_cmpuint(json_array_size(chain), ==, 1);
    g_assert_cmpstr(json_string_value(json_array_get(chain, 0)), ==, "SXNzdWluZyBDQQ==");
    json_decref(token);
    clear_case(&made);
}

static void
test_token_without_chain(void)
{
    static const struct {
        const char *params;
        const char *certificate;
        gboolean chain;
    } rows[] = {
        {AUTHENTICATE, "{'chain': []}", FALSE},
        {"{'origin': 'https://example.org', 'nonce': '" NONCE "', 'chain': false}", NULL, FALSE},
        {"{'origin': 'https://example.org', 'nonce': '" NONCE "', 'chain': true}", NULL, TRUE},
        {AUTHENTICATE, NULL, TRUE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Case made = make_case(TB_PURPOSE_AUTHENTICATE, rows[i].params, rows[i].certificate);
        json_t *token = tb_outcome_signed(made.request, made.chosen, SIGNATURE, NULL);

        if (!!json_object_get(token, "unverifiedIntermediateCertificates") != rows[i].chain)
            tb_test_row_failed("row %u", i);
        json_decref(token);
        clear_case(&made);
    }
}

static void
test_eddsa_token(void)
{
    Case made = make_case(TB_PURPOSE_AUTHENTICATE, AUTHENTICATE, ED25519);
    json_t *token = tb_outcome_signed(made.request, made.chosen, SIGNATURE, NULL);

    g_assert_cmpstr(json_string_value(json_object_get(token, "algorithm")), ==, "EdDSA");
    g_assert_cmpstr(json_string_value(json_object_get(token, "format")), ==, "tokenbridge:1.0");
    json_decref(token);
    clear_case(&made);
}

static void
test_bad_signature(void)
{
    static const char *const signatures[] = {"", "!!!!", "QUJ", "QU JD", "QUJD\n"};

    for (guint i = 0; i < G_N_ELEMENTS(signatures); i++) {
        for (guint j = 0; j < 2; j++) {
            Case made = j == 0 ? make_case(TB_PURPOSE_AUTHENTICATE, AUTHENTICATE, NULL)
                               : make_case(TB_PURPOSE_SIGN, SIGN, NULL);
            g_autoptr(GError) error = NULL;
            json_t *result = tb_outcome_signed(made.request, made.chosen, signatures[i], &error);

            if (result || !g_error_matches(error, TB_FAULT, TB_REASON_MODULE_FAILED))
                tb_test_row_failed("\"%s\" (%u)", signatures[i], j);
            json_decref(result);
            clear_case(&made);
        }
    }
}

static void
test_document_signature(void)
{
    static const struct {
        const char *certificate;
        const char *hash_function;
        const char *expected;
    } rows[] = {
        {NULL, "SHA-256",
         "{'cryptoAlgorithm': 'ECC', 'hashFunction': 'SHA-256', 'paddingScheme': 'NONE'}"},
        {RSA, "SHA-256",
         "{'cryptoAlgorithm': 'RSA', 'hashFunction': 'SHA-256', 'paddingScheme': 'PKCS1.5'}"},
        {RSA, "SHA-512",
         "{'cryptoAlgorithm': 'RSA', 'hashFunction': 'SHA-512', 'paddingScheme': 'PSS'}"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        gboolean is_512 = strcmp(rows[i].hash_function, "SHA-512") == 0;
        g_autofree guchar *bytes = g_malloc0(64);
        g_autofree char *hash = g_base64_encode(bytes, is_512 ? 64 : 32);
        g_autofree char *params = g_strdup_printf(
            "{'origin': 'https://example.org', 'certificate': 'QQ==', 'hash': '%s', "
            "'hashFunction': '%s'}",
            hash, rows[i].hash_function);
        Case made = make_case(TB_PURPOSE_SIGN, params, rows[i].certificate);
        json_t *result = tb_outcome_signed(made.request, made.chosen, SIGNATURE, NULL);
        json_t *expected = tb_test_json(rows[i].expected);

        g_assert_cmpuint(json_object_size(result), ==, 2);
        g_assert_cmpstr(json_string_value(json_object_get(result, "signature")), ==, SIGNATURE);
        if (!json_equal(json_object_get(result, "signatureAlgorithm"), expected))
            tb_test_row_failed("row %u", i);
        json_decref(result);
        json_decref(expected);
        clear_case(&made);
    }
}

static void
test_certificate(void)
{
    static const struct {
        const char *certificate;
        const char *algorithms;
    } rows[] = {
        {NULL, "[{'cryptoAlgorithm': 'ECC', 'hashFunction': 'SHA-256', 'paddingScheme': 'NONE'}, "
               "{'cryptoAlgorithm': 'ECC', 'hashFunction': 'SHA-384', 'paddingScheme': 'NONE'}, "
               "{'cryptoAlgorithm': 'ECC', 'hashFunction': 'SHA-512', 'paddingScheme': 'NONE'}]"},
        {RSA, "[{'cryptoAlgorithm': 'RSA', 'hashFunction': 'SHA-256', 'paddingScheme': 'PKCS1.5'},"
              "{'cryptoAlgorithm': 'RSA', 'hashFunction': 'SHA-512', 'paddingScheme': 'PSS'}]"},
        {ED25519, "[]"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Case made =
            make_case(TB_PURPOSE_CHOOSE, "{'origin': 'https://example.org'}", rows[i].certificate);
        json_t *result = tb_outcome_certificate(made.chosen);
        json_t *expected = tb_test_json(rows[i].algorithms);

        g_assert_null(made.chosen->algorithm);
        g_assert_cmpuint(json_object_size(result), ==, 3);
        g_assert_cmpstr(json_string_value(json_object_get(result, "certificate")), ==, "QQ==");
        g_assert_cmpuint(json_array_size(json_object_get(result, "intermediates")), ==, 1);
        if (!json_equal(json_object_get(result, "supportedSignatureAlgorithms"), expected))
            tb_test_row_failed("row %u", i);
        json_decref(result);
        json_decref(expected);
        clear_case(&made);
    }
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/outcome/chosen-is-a-copy", test_chosen_is_a_copy);
    g_test_add_func("/outcome/authenticate-request", test_authenticate_request);
    g_test_add_func("/outcome/sign-request", test_sign_request);
    g_test_add_func("/outcome/only-documents-are-prehashed", test_only_documents_are_prehashed);
    g_test_add_func("/outcome/no-algorithm", test_no_algorithm);
    g_test_add_func("/outcome/token", test_token);
    g_test_add_func("/outcome/token-without-chain", test_token_without_chain);
    g_test_add_func("/outcome/eddsa-token", test_eddsa_token);
    g_test_add_func("/outcome/bad-signature", test_bad_signature);
    g_test_add_func("/outcome/document-signature", test_document_signature);
    g_test_add_func("/outcome/certificate", test_certificate);
    return tb_test_end();
}
