/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/listing.c: a worker's listing read whole, and every kind of malformed one refused
 * as the module's fault.
 */
#include "host/listing.h"

#include "host/common/fault.h"
#include "tests/host/harness.h"
#include "tests/support/assert.h"

static GPtrArray *
read_token(const char *token_changes, const char *certificate_changes, GError **error)
{
    json_t *listing = tb_test_listing(
        tb_test_token("S1", token_changes, tb_test_certificate("A", certificate_changes), NULL),
        NULL);
    GPtrArray *tokens = tb_listing_read(listing, 5, error);

    json_decref(listing);
    return tokens;
}

static void
test_whole(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) tokens = read_token(
        "{'slot': 4294967297}",
        "{'not_before': -1, 'not_after': 253402300799, 'has_key': 'unknown', 'issuer_name': 'س'}",
        &error);
    g_autofree char *id = tb_test_certificate_id("A");
    const TbToken *token;
    const TbCertificate *certificate;

    g_assert_no_error(error);
    g_assert_cmpuint(tokens->len, ==, 1);
    token = tokens->pdata[0];
    g_assert_cmpuint(token->slot, ==, 4294967297);
    g_assert_cmpstr(token->label, ==, "Card");
    g_assert_cmpstr(token->serial, ==, "S1");
    g_assert_cmpstr(token->reader, ==, "Reader 1");
    g_assert_cmpint(token->pin_state, ==, TB_PIN_OK);
    g_assert_false(token->pin_pad);
    g_assert_cmpuint(token->certificates->len, ==, 1);
    certificate = token->certificates->pdata[0];
    g_assert_true(certificate->token == token);
    g_assert_cmpuint(certificate->module, ==, 5);
    g_assert_cmpstr(certificate->id, ==, id);
    g_assert_cmpstr(certificate->der, ==, "QQ==");
    g_assert_cmpstr(certificate->name, ==, "A");
    g_assert_cmpstr(certificate->issuer_name, ==, "س");
    g_assert_cmpint(certificate->not_before, ==, -1);
    g_assert_cmpint(certificate->not_after, ==, 253402300799);
    g_assert_false(certificate->ca);
    g_assert_false(certificate->has_no_key);
    g_assert_cmpint(certificate->key_type, ==, TB_KEY_EC);
    g_assert_cmpstr(certificate->key_usage[0], ==, "digitalSignature");
    g_assert_cmpstr(certificate->extended_key_usage[0], ==, "1.3.6.1.5.5.7.3.2");
    g_assert_cmpstr(certificate->policies[0], ==, "1.2.3");
    g_assert_cmpstr(certificate->algorithms[0], ==, "ES256");
    g_assert_cmpuint(g_strv_length(certificate->issuers), ==, 2);
    g_assert_cmpuint(g_strv_length(certificate->chain), ==, 1);
}

/* "No such extension" is not "an empty one". */
static void
test_null_usage(void)
{
    g_autoptr(GPtrArray) none =
        read_token(NULL, "{'key_usage': null, 'extended_key_usage': null}", NULL);
    g_autoptr(GPtrArray) empty =
        read_token(NULL, "{'key_usage': [], 'extended_key_usage': []}", NULL);
    const TbToken *first = none->pdata[0], *second = empty->pdata[0];
    const TbCertificate *without = first->certificates->pdata[0];
    const TbCertificate *with = second->certificates->pdata[0];

    g_assert_null(without->key_usage);
    g_assert_null(without->extended_key_usage);
    g_assert_nonnull(with->key_usage);
    g_assert_nonnull(with->extended_key_usage);
}

static void
test_pin_states(void)
{
    static const struct {
        const char *word;
        TbPinState state;
    } rows[] = {{"ok", TB_PIN_OK},
                {"low", TB_PIN_LOW},
                {"final_try", TB_PIN_FINAL_TRY},
                {"locked", TB_PIN_LOCKED},
                {"to_be_changed", TB_PIN_TO_BE_CHANGED},
                {"not_initialised", TB_PIN_NOT_INITIALISED}};

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *changes = g_strdup_printf(
            "{'pin': {'state': '%s', 'pad': true, 'min': 4, 'max': 8}}", rows[i].word);
        g_autoptr(GPtrArray) tokens = read_token(changes, NULL, NULL);
        const TbToken *token;

        g_assert_nonnull(tokens);
        token = tokens->pdata[0];
        g_assert_cmpint(token->pin_state, ==, rows[i].state);
        g_assert_true(token->pin_pad);
        g_assert_cmpstr(json_string_value(json_object_get(token->pin, "state")), ==, rows[i].word);
    }
}

/* What goes on to the dialog is what the contract names, nothing else. */
static void
test_pin_is_passed_on_clean(void)
{
    g_autoptr(GPtrArray) tokens = read_token(
        "{'pin': {'state': 'ok', 'pad': false, 'min': 4, 'max': 8, 'extra': {'a': [1, 2]}}}", NULL,
        NULL);
    json_t *expected = tb_test_json("{'state': 'ok', 'pad': false, 'min': 4, 'max': 8}");
    const TbToken *token;

    g_assert_nonnull(tokens);
    token = tokens->pdata[0];
    g_assert_true(json_equal(token->pin, expected));
    json_decref(expected);
}

static void
test_puk_and_hidden(void)
{
    g_autoptr(GPtrArray) without = read_token(NULL, NULL, NULL);
    g_autoptr(GPtrArray) with = read_token(
        "{'hidden': true, 'puk': {'state': 'final_try', 'pad': true, 'min': 6, 'max': 8}}", NULL,
        NULL);
    const TbToken *first = without->pdata[0], *second = with->pdata[0];

    g_assert_cmpint(first->puk_state, ==, TB_PIN_OK);
    g_assert_false(first->hidden);
    g_assert_cmpint(second->puk_state, ==, TB_PIN_FINAL_TRY);
    g_assert_cmpint(json_integer_value(json_object_get(second->puk, "min")), ==, 6);
    g_assert_true(second->hidden);
    g_assert_false(second->pin_pad); /* that is the PIN's */
}

/* Left out, a digest can be signed like the bytes; an empty list says that none can. */
static void
test_digest_algorithms(void)
{
    g_autoptr(GPtrArray) without = read_token(NULL, "{'algorithms': ['EdDSA']}", NULL);
    g_autoptr(GPtrArray) none = read_token(NULL, "{'digest_algorithms': []}", NULL);
    const TbToken *first = without->pdata[0], *second = none->pdata[0];
    const TbCertificate *untold = first->certificates->pdata[0];
    const TbCertificate *told = second->certificates->pdata[0];

    g_assert_cmpstr(untold->digest_algorithms[0], ==, "EdDSA");
    g_assert_cmpstr(told->algorithms[0], ==, "ES256");
    g_assert_null(told->digest_algorithms[0]);
}

static void
assert_refused(GPtrArray *tokens, GError **error, const char *text)
{
    if (tokens) {
        tb_test_row_failed("%.100s: accepted", text);
        g_ptr_array_unref(tokens);
    } else if (!g_error_matches(*error, TB_FAULT, TB_REASON_MODULE_FAILED)) {
        tb_test_row_failed("%.100s: another error", text);
    }
}

static void
test_malformed_answers(void)
{
    static const char *const rows[] = {
        "{}",
        "{'tokens': null}",
        "{'tokens': {}}",
        "{'tokens': 'none'}",
        "{'tokens': [null]}",
        "{'tokens': [[]]}",
        "{'tokens': ['token']}",
        "{'tokens': [{}]}",
        "{'signature': 'QUJD'}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        json_t *answer = tb_test_json(rows[i]);

        assert_refused(tb_listing_read(answer, 0, &error), &error, rows[i]);
        json_decref(answer);
    }
}

/* A slot's number is any CK_ULONG; the worker sends those over 2^63 as negative ones. */
static void
test_largest_slot(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) tokens = read_token("{'slot': -2}", "{}", &error);

    g_assert_no_error(error);
    g_assert_cmpuint(((const TbToken *)tokens->pdata[0])->slot, ==, G_MAXUINT64 - 1);
}

static void
test_malformed_tokens(void)
{
    static const char *const rows[] = {
        "{'slot': null}",
        "{'slot': 1.5}",
        "{'slot': '1'}",
        "{'label': null}",
        "{'label': 5}",
        "{'serial': null}",
        "{'serial': []}",
        "{'reader': null}",
        "{'pin': null}",
        "{'pin': 'ok'}",
        "{'pin': {}}",
        "{'pin': {'pad': false}}",
        "{'pin': {'state': 'fine', 'pad': false}}",
        "{'pin': {'state': 1, 'pad': false}}",
        "{'pin': {'state': 'ok', 'pad': 'no'}}",
        "{'pin': {'state': 'ok', 'pad': false, 'min': '4'}}",
        "{'pin': {'state': 'ok', 'pad': false, 'min': -4}}",
        "{'pin': {'state': 'ok', 'pad': false, 'max': 1e300}}",
        "{'puk': null}",
        "{'puk': 'ok'}",
        "{'puk': {'state': 'not_initialised', 'pad': false}}",
        "{'puk': {}}",
        "{'puk': {'state': 'fine', 'pad': false}}",
        "{'hidden': 'no'}",
        "{'certificates': null}",
        "{'certificates': {}}",
        "{'certificates': [null]}",
        "{'certificates': [[]]}",
    };
    g_autofree char *label = g_strnfill(1025, 'x');
    g_autofree char *long_label = g_strdup_printf("{'label': '%s'}", label);

    for (guint i = 0; i <= G_N_ELEMENTS(rows); i++) {
        const char *row = i < G_N_ELEMENTS(rows) ? rows[i] : long_label;
        g_autoptr(GError) error = NULL;

        assert_refused(read_token(row, NULL, &error), &error, row);
    }
}

static void
test_malformed_certificates(void)
{
    static const char *const rows[] = {
        "{'id': null}",
        "{'id': ''}",
        "{'id': 'abc'}",
        "{'id': 'ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ'}",
        "{'id': 7}",
        "{'der': null}",
        "{'der': 7}",
        "{'name': null}",
        "{'name': false}",
        "{'issuer_name': null}",
        "{'not_before': 'today'}",
        "{'not_after': 1.5}",
        "{'ca': 'no'}",
        "{'key': null}",
        "{'key': 'EC'}",
        "{'key': {}}",
        "{'key': {'type': 5}}",
        "{'has_key': null}",
        "{'has_key': true}",
        "{'key_usage': 'digitalSignature'}",
        "{'key_usage': [1]}",
        "{'key_usage': {}}",
        "{'extended_key_usage': [null]}",
        "{'policies': 'any'}",
        "{'algorithms': 'ES256'}",
        "{'algorithms': ['an-algorithm-with-a-long-name']}",
        "{'digest_algorithms': 'ES256'}",
        "{'digest_algorithms': [1]}",
        "{'issuers': [[]]}",
        "{'chain': 'QUJD'}",
        "{'chain': [5]}",
    };
    g_autofree char *name = g_strnfill(1025, 'x');
    g_autofree char *long_name = g_strdup_printf("{'name': '%s'}", name);
    g_autofree char *der = g_strnfill(30000, 'A');
    g_autofree char *long_der = g_strdup_printf("{'der': '%s'}", der);

    for (guint i = 0; i < G_N_ELEMENTS(rows) + 2; i++) {
        const char *row = i < G_N_ELEMENTS(rows)    ? rows[i]
                          : i == G_N_ELEMENTS(rows) ? long_name
                                                    : long_der;
        g_autoptr(GError) error = NULL;

        assert_refused(read_token(NULL, row, &error), &error, row);
    }
}

/* A word that a later version may add is no reason to refuse the whole token. */
static void
test_unknown_words(void)
{
    g_autoptr(GPtrArray) tokens = read_token(
        "{'colour': 'blue'}",
        "{'key': {'type': 'ML-DSA', 'bits': 1}, 'key_usage': ['somethingNew'], 'size': 5}", NULL);
    const TbToken *token;
    const TbCertificate *certificate;

    g_assert_nonnull(tokens);
    token = tokens->pdata[0];
    certificate = token->certificates->pdata[0];
    g_assert_cmpint(certificate->key_type, ==, TB_KEY_OTHER);
}

static void
test_too_many(void)
{
    g_autoptr(GError) error = NULL;
    json_t *tokens = json_array();
    json_t *answer = json_pack("{s:o}", "tokens", tokens);

    for (guint i = 0; i < 257; i++)
        json_array_append_new(tokens, tb_test_token("1", NULL, NULL));
    assert_refused(tb_listing_read(answer, 0, &error), &error, "257 tokens");
    json_array_remove(tokens, 0);
    g_ptr_array_unref(tb_listing_read(answer, 0, NULL));
    json_decref(answer);
}

/* The second certificate is malformed: the first one's memory goes with it (sanitizers look). */
static void
test_half_good(void)
{
    g_autoptr(GError) error = NULL;
    json_t *answer = tb_test_listing(tb_test_token("1", NULL, tb_test_certificate("A", NULL),
                                                   tb_test_certificate("B", "{'der': 5}"), NULL),
                                     NULL);

    assert_refused(tb_listing_read(answer, 0, &error), &error, "second certificate");
    json_decref(answer);
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/listing/puk-and-hidden", test_puk_and_hidden);
    g_test_add_func("/listing/digest-algorithms", test_digest_algorithms);
    g_test_add_func("/listing/whole", test_whole);
    g_test_add_func("/listing/null-usage", test_null_usage);
    g_test_add_func("/listing/pin-states", test_pin_states);
    g_test_add_func("/listing/pin-is-passed-on-clean", test_pin_is_passed_on_clean);
    g_test_add_func("/listing/malformed-answers", test_malformed_answers);
    g_test_add_func("/listing/largest-slot", test_largest_slot);
    g_test_add_func("/listing/malformed-tokens", test_malformed_tokens);
    g_test_add_func("/listing/malformed-certificates", test_malformed_certificates);
    g_test_add_func("/listing/unknown-words", test_unknown_words);
    g_test_add_func("/listing/too-many", test_too_many);
    g_test_add_func("/listing/half-good", test_half_good);
    return tb_test_end();
}
