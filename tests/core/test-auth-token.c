/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests core/auth-token.c: which nonces are taken, what is signed (against digests that python3's
 * hashlib and the openssl command computed), and the JSON of the token with its limit of 10,000.
 */
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <jansson.h>

#include "tests/support/assert.h"
#include "tokenbridge/auth-token.h"

#define ORIGIN "https://xn--pike-loa.example:8443"
#define NONCE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" /* the bytes 0 to 31 */

static void
test_nonces(void)
{
    static const struct {
        const char *what;
        gsize length; /* characters, of 'A'; then `tail` over the last ones */
        const char *tail;
        gboolean good;
    } rows[] = {
        {"empty", 0, "", FALSE},
        {"40, good base64", 40, "", FALSE},
        {"43, no padding", 43, "", FALSE},
        {"43", 43, "=", FALSE},
        {"44, 33 bytes", 44, "", TRUE},
        {"44, 32 bytes", 44, "=", TRUE},
        {"44, 31 bytes", 44, "==", TRUE},
        {"44, three paddings", 44, "===", FALSE},
        {"45", 45, "", FALSE},
        {"46", 46, "==", FALSE},
        {"47", 47, "=", FALSE},
        {"48", 48, "", TRUE},
        {"124", 124, "=", TRUE},
        {"127", 127, "=", FALSE},
        {"128", 128, "", TRUE},
        {"128, one padding", 128, "=", TRUE},
        {"129", 129, "", FALSE},
        {"132, good base64", 132, "", FALSE},
        {"1 MiB", 1 << 20, "", FALSE},
        {"stray bits, one padding", 44, "B=", FALSE},
        {"stray bits, two paddings", 44, "B==", FALSE},
        {"URL alphabet, minus", 44, "-", FALSE},
        {"URL alphabet, underscore", 44, "_A==", FALSE},
        {"standard alphabet", 44, "+/+/", TRUE},
        {"line feed", 44, "\n", FALSE},
        {"blank", 44, " ", FALSE},
        {"tab before padding", 44, "\t=", FALSE},
        {"padding in the middle", 44, "=AAA", FALSE},
        {"UTF-8", 44, "\xc3\xa4", FALSE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *nonce = g_strnfill(rows[i].length, 'A');
        TbError error = {.message = "untouched"};
        TbStatus status;

        memcpy(nonce + rows[i].length - strlen(rows[i].tail), rows[i].tail, strlen(rows[i].tail));
        status = tb_nonce_check(nonce, &error);
        if (status != (rows[i].good ? TB_OK : TB_ERROR_INVALID))
            tb_test_row_failed("%s: status %d", rows[i].what, (int)status);
        if (status == TB_OK) {
            g_assert_cmpstr(error.message, ==, "untouched");
        } else {
            g_assert_true(g_str_has_prefix(error.message, "the nonce "));
            if (rows[i].length > 0)
                g_assert_null(strstr(error.message, "AAAA")); /* a nonce is not for logs */
        }
    }
}

/* printf %s ORIGIN | openssl dgst -sha256, and so on. */
static const struct {
    const char *suffix; /* of the algorithms' names */
    const char *hex;
} known_answers[] = {
    {"256", "16c280844757d8fdd832a93729faa3ee42bf5f2689453fb6da51d0704377e26e"
            "905f28def18eaac05ae6f12b2c3452744afaf626da1343d57b395b544e0519b6"},
    {"384", "8888ac325a2e5cb693b41337167c79ca729d0c7e194e8d914e40122baf5e66ab"
            "886ef8cb3c0eada13c8243d9da08ce869bcf5f939fd4793fc53e9b196848f679"
            "8293b054ab6a0686fa32c6aead8620311f2e81822b21c84c1c42e80e9d0170ab"},
    {"512", "3f999befb9cc06ef03bd79a7cc6059494e1e1430993b580263a203c55d8261fd"
            "9af94a526eca6db3b1c29301908bbfb7a48fa22a5062d2cffba594c6ff0e0ed7"
            "c73683316d917b40715807e32e90271c4cc61c8cb82e3f4be5ccfac767e4bfb2"
            "1c505970a945a09bdabefa983bf11b3ac4bbdac14fe4292132612d9e3ba58428"},
};

static void
test_to_be_signed(void)
{
    size_t count = 0;
    const TbAlgorithm *table = tb_algorithm_table(&count);

    for (size_t i = 0; i < count; i++) {
        const char *expected = NULL;
        unsigned char bytes[TB_TO_BE_SIGNED_MAX];
        size_t length = 0;
        g_autoptr(GString) hex = g_string_new(NULL);

        for (gsize k = 0; k < G_N_ELEMENTS(known_answers); k++) {
            if (g_str_has_suffix(table[i].jwa, known_answers[k].suffix))
                expected = known_answers[k].hex;
        }
        if (!expected)
            expected = known_answers[2].hex; /* EdDSA: SHA-512 */
        g_assert_cmpint(tb_auth_token_to_be_signed(&table[i], ORIGIN, NONCE, bytes, &length, NULL),
                        ==, TB_OK);
        g_assert_cmpuint(length, ==, 2 * table[i].digest_size);
        for (gsize b = 0; b < length; b++)
            g_string_append_printf(hex, "%02x", bytes[b]);
        g_assert_cmpstr(hex->str, ==, expected);
    }
}

static void
test_to_be_signed_refused(void)
{
    static const struct {
        const char *origin;
        const char *nonce;
        TbStatus status;
    } rows[] = {
        {"http://example.org", NONCE, TB_ERROR_REFUSED},
        {"https://example.org/", NONCE, TB_ERROR_INVALID},
        {"", NONCE, TB_ERROR_INVALID},
        {ORIGIN, "", TB_ERROR_INVALID},
        {ORIGIN, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", TB_ERROR_INVALID},
    };
    const TbAlgorithm *algorithm = tb_algorithm_by_jwa("ES256");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        unsigned char bytes[TB_TO_BE_SIGNED_MAX];
        size_t length = 4711;
        TbError error = {0};

        memset(bytes, 0xa5, sizeof bytes);
        g_assert_cmpint(tb_auth_token_to_be_signed(algorithm, rows[i].origin, rows[i].nonce, bytes,
                                                   &length, &error),
                        ==, rows[i].status);
        g_assert_cmpint(error.status, ==, rows[i].status);
        g_assert_cmpuint(length, ==, 4711);
        for (gsize b = 0; b < sizeof bytes; b++)
            g_assert_cmphex(bytes[b], ==, 0xa5);
    }
}

static void
test_unknown_digest(void)
{
    TbAlgorithm algorithm = *tb_algorithm_by_jwa("ES256");
    unsigned char bytes[TB_TO_BE_SIGNED_MAX];
    size_t length = 4711;
    TbError error = {0};

    algorithm.digest = "SHA0";
    g_assert_cmpint(tb_auth_token_to_be_signed(&algorithm, ORIGIN, NONCE, bytes, &length, &error),
                    ==, TB_ERROR_CRYPTO);
    g_assert_cmpuint(error.crypto_code, !=, 0);
    g_assert_cmpuint(length, ==, 4711);
}

static char *
format(const char *jwa, const char *certificate, const char *const *chain, gsize count,
       TbChainMode mode)
{
    char *text = NULL;

    g_assert_cmpint(tb_auth_token_format(tb_algorithm_by_jwa(jwa), certificate,
                                         (const unsigned char *)"\xfb\xff\xbf\x00", 4, chain, count,
                                         mode, "1.2.3", &text, NULL),
                    ==, TB_OK);
    return text;
}

static void
assert_member(json_t *token, const char *member, const char *value)
{
    g_assert_cmpstr(json_string_value(json_object_get(token, member)), ==, value);
}

static void
test_format(void)
{
    static const char *const chain[] = {"QUFB", "QkJC"};
    size_t count = 0;
    const TbAlgorithm *table = tb_algorithm_table(&count);

    for (size_t i = 0; i < count; i++) {
        char *text = format(table[i].jwa, "Q0NDQw==", chain, 2, TB_CHAIN_IF_IT_FITS);
        json_t *token = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        json_t *intermediates;

        g_assert_nonnull(token);
        g_assert_null(strchr(text, ' '));
        g_assert_null(strchr(text, '\n'));
        g_assert_cmpuint(json_object_size(token), ==, 6);
        assert_member(token, "unverifiedCertificate", "Q0NDQw==");
        assert_member(token, "algorithm", table[i].jwa);
        assert_member(token, "signature", "+/+/AA==");
        assert_member(token, "format",
                      strcmp(table[i].jwa, "EdDSA") == 0 ? "tokenbridge:1.0" : "web-eid:1.0");
        assert_member(token, "appVersion", "https://tokenbridge.invalid/releases/1.2.3");
        intermediates = json_object_get(token, "unverifiedIntermediateCertificates");
        g_assert_cmpuint(json_array_size(intermediates), ==, 2);
        g_assert_cmpstr(json_string_value(json_array_get(intermediates, 0)), ==, "QUFB");
        g_assert_cmpstr(json_string_value(json_array_get(intermediates, 1)), ==, "QkJC");
        json_decref(token);
        free(text);
    }
}

static gboolean
has_chain(const char *text)
{
    json_t *token = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    gboolean found;

    g_assert_nonnull(token);
    found = json_object_get(token, "unverifiedIntermediateCertificates") != NULL;
    g_assert_cmpuint(json_object_size(token), ==, found ? 6 : 5);
    json_decref(token);
    return found;
}

static void
test_empty_chain(void)
{
    static const TbChainMode modes[] = {TB_CHAIN_IF_IT_FITS, TB_CHAIN_ALWAYS, TB_CHAIN_NEVER};

    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        char *text = format("RS256", "Q0ND", NULL, 0, modes[i]);

        g_assert_false(has_chain(text));
        free(text);
    }
}

static void
test_limit(void)
{
    static const struct {
        gsize size; /* of the token with its chain */
        TbChainMode mode;
        gboolean chain;
    } rows[] = {
        {9999, TB_CHAIN_IF_IT_FITS, TRUE},   {10000, TB_CHAIN_IF_IT_FITS, TRUE},
        {10001, TB_CHAIN_IF_IT_FITS, FALSE}, {20000, TB_CHAIN_IF_IT_FITS, FALSE},
        {10001, TB_CHAIN_ALWAYS, TRUE},      {500000, TB_CHAIN_ALWAYS, TRUE},
        {10000, TB_CHAIN_NEVER, FALSE},      {1000, TB_CHAIN_NEVER, FALSE},
    };
    static const char *const smallest[] = {""};
    char *frame = format("RS256", "Q0ND", smallest, 1, TB_CHAIN_ALWAYS);
    gsize frame_size = strlen(frame);

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *filling = g_strnfill(rows[i].size - frame_size, 'A');
        const char *const chain[] = {filling};
        char *text = format("RS256", "Q0ND", chain, 1, rows[i].mode);

        if (has_chain(text) != rows[i].chain)
            tb_test_row_failed("size %" G_GSIZE_FORMAT ", mode %d", rows[i].size,
                               (int)rows[i].mode);
        if (rows[i].chain)
            g_assert_cmpuint(strlen(text), ==, rows[i].size);
        else
            g_assert_cmpuint(strlen(text), <, frame_size);
        free(text);
    }
    free(frame);
}

/* The leaf alone passes the limit: it is sent all the same, there is nothing to leave out. */
static void
test_large_leaf(void)
{
    static const char *const chain[] = {"QUFB"};
    g_autofree char *leaf = g_strnfill(12000, 'A');
    char *text = format("RS256", leaf, chain, 1, TB_CHAIN_IF_IT_FITS);

    g_assert_false(has_chain(text));
    g_assert_cmpuint(strlen(text), >, 12000);
    free(text);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/auth-token/nonces", test_nonces);
    g_test_add_func("/core/auth-token/to-be-signed", test_to_be_signed);
    g_test_add_func("/core/auth-token/to-be-signed-refused", test_to_be_signed_refused);
    g_test_add_func("/core/auth-token/unknown-digest", test_unknown_digest);
    g_test_add_func("/core/auth-token/format", test_format);
    g_test_add_func("/core/auth-token/empty-chain", test_empty_chain);
    g_test_add_func("/core/auth-token/limit", test_limit);
    g_test_add_func("/core/auth-token/large-leaf", test_large_leaf);
    return g_test_run();
}
