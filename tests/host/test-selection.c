/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/selection.c: which certificates may sign in, which may sign documents, and in what
 * order they come. Listings go through the real reader.
 */
#include "host/selection.h"

#include "tests/host/harness.h"
#include "tests/support/assert.h"

#define CLIENT "'1.3.6.1.5.5.7.3.2'"
#define LOGON "'1.3.6.1.4.1.311.20.2.2'"
#define ANY "'2.5.29.37.0'"
#define EMAIL "'1.3.6.1.5.5.7.3.4'"
#define SERVER "'1.3.6.1.5.5.7.3.1'"
#define KU(words) "'key_usage': [" words "]"
#define EKU(words) "'extended_key_usage': [" words "]"
#define SIGN "'digitalSignature'"
#define COMMIT "'nonRepudiation'"

/* Reads certificates as one token's; *out_listings owns everything. */
static GPtrArray *
read_listings(json_t *listing)
{
    GPtrArray *listings = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    GError *error = NULL;
    GPtrArray *tokens = tb_listing_read(listing, 3, &error);

    g_assert_no_error(error);
    g_ptr_array_add(listings, tokens);
    json_decref(listing);
    return listings;
}

static gboolean
fits(const char *changes, const TbFilter *filter)
{
    g_autoptr(GPtrArray) listings = read_listings(
        tb_test_listing(tb_test_token("1", NULL, tb_test_certificate("A", changes), NULL), NULL));
    g_autoptr(GPtrArray) fitting = tb_selection_fitting(listings, filter);

    return fitting->len == 1;
}

static TbFilter
filter_for(TbPurpose purpose, gboolean any_signer)
{
    return (TbFilter){
        .purpose = purpose, .any_signer = any_signer, .now = g_get_real_time() / G_USEC_PER_SEC};
}

static void
test_usage(void)
{
    static const struct {
        const char *changes;
        gboolean signs_in, document, by_policy;
    } rows[] = {
        {"{" KU(SIGN) ", " EKU(CLIENT) "}", TRUE, FALSE, TRUE},
        {"{'key_usage': null, 'extended_key_usage': null}", TRUE, FALSE, TRUE},
        {"{'key_usage': null, " EKU(CLIENT) "}", TRUE, FALSE, TRUE},
        {"{" KU(SIGN) ", 'extended_key_usage': null}", TRUE, FALSE, TRUE},
        {"{" KU(SIGN) ", " EKU(LOGON) "}", TRUE, FALSE, TRUE},
        {"{" KU(SIGN) ", " EKU(ANY) "}", TRUE, FALSE, TRUE},
        {"{" KU(SIGN) ", " EKU(EMAIL ", " CLIENT) "}", TRUE, FALSE, TRUE},
        {"{" KU(SIGN) ", " EKU(EMAIL) "}", FALSE, FALSE, FALSE},
        {"{" KU(SIGN) ", " EKU(SERVER) "}", FALSE, FALSE, FALSE},
        {"{" KU(SIGN) ", " EKU("") "}", FALSE, FALSE, FALSE},
        {"{" KU("") ", " EKU(CLIENT) "}", FALSE, FALSE, FALSE},
        {"{" KU("'keyEncipherment'") ", " EKU(CLIENT) "}", FALSE, FALSE, FALSE},
        {"{" KU("'keyAgreement'") ", 'extended_key_usage': null}", FALSE, FALSE, FALSE},
        {"{" KU(COMMIT) ", 'extended_key_usage': null}", FALSE, TRUE, TRUE},
        {"{" KU(COMMIT) ", " EKU(EMAIL) "}", FALSE, TRUE, TRUE},
        {"{" KU(COMMIT ", " SIGN) ", " EKU(EMAIL) "}", FALSE, TRUE, TRUE},
        {"{" KU(COMMIT ", " SIGN) ", 'extended_key_usage': null}", TRUE, FALSE, TRUE},
        {"{" KU(COMMIT ", " SIGN) ", " EKU(CLIENT) "}", TRUE, FALSE, TRUE},
        /* Validators in the field look at the extended key usage alone. */
        {"{" KU(COMMIT) ", " EKU(CLIENT) "}", FALSE, FALSE, TRUE},
        {"{" KU(COMMIT) ", " EKU(LOGON) "}", FALSE, FALSE, TRUE},
        {"{" KU(COMMIT) ", " EKU(EMAIL ", " ANY) "}", FALSE, FALSE, TRUE},
        /* Words are exact. */
        {"{" KU("'digitalsignature'") "}", FALSE, FALSE, FALSE},
        {"{" EKU("'1.3.6.1.5.5.7.3.20'") "}", FALSE, FALSE, FALSE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        TbFilter sign_in = filter_for(TB_PURPOSE_AUTHENTICATE, FALSE);
        TbFilter by_policy = filter_for(TB_PURPOSE_AUTHENTICATE, TRUE);

        if (fits(rows[i].changes, &sign_in) != rows[i].signs_in ||
            fits(rows[i].changes, &by_policy) != rows[i].signs_in)
            tb_test_row_failed("sign in: %s", rows[i].changes);
        for (TbPurpose purpose = TB_PURPOSE_CHOOSE; purpose <= TB_PURPOSE_SIGN; purpose++) {
            TbFilter document = filter_for(purpose, FALSE);
            TbFilter any = filter_for(purpose, TRUE);

            if (fits(rows[i].changes, &document) != rows[i].document)
                tb_test_row_failed("document: %s", rows[i].changes);
            if (fits(rows[i].changes, &any) != rows[i].by_policy)
                tb_test_row_failed("document by policy: %s", rows[i].changes);
        }
    }
}

/* Two certificates for one key: the one for documents must not lend the key to a page. */
static void
test_shared_key(void)
{
    static const char document[] =
        "{" KU(COMMIT) ", 'extended_key_usage': null, 'key': {'type': 'EC', 'id': 'aa'}}";
    static const struct {
        const char *other;
        guint fitting, by_policy;
    } rows[] = {
        {"{'key': {'type': 'EC', 'id': 'aa'}}", 0, 2},
        {"{'key': {'type': 'EC', 'id': 'bb'}}", 1, 2},
        {"{" KU(COMMIT) ", 'extended_key_usage': null, 'key': {'type': 'EC', 'id': 'aa'}}", 2, 2},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GPtrArray) listings = read_listings(tb_test_listing(
            tb_test_token("1", NULL, tb_test_certificate("A", document), NULL),
            tb_test_token("2", NULL, tb_test_certificate("B", rows[i].other), NULL), NULL));

        for (TbPurpose purpose = TB_PURPOSE_CHOOSE; purpose <= TB_PURPOSE_SIGN; purpose++) {
            TbFilter strict = filter_for(purpose, FALSE);
            TbFilter any = filter_for(purpose, TRUE);
            g_autoptr(GPtrArray) fitting = tb_selection_fitting(listings, &strict);
            g_autoptr(GPtrArray) by_policy = tb_selection_fitting(listings, &any);

            g_assert_cmpuint(fitting->len, ==, rows[i].fitting);
            g_assert_cmpuint(by_policy->len, ==, rows[i].by_policy);
        }
    }
}

/* What holds for every purpose. */
static void
test_key_and_kind(void)
{
    static const struct {
        const char *changes;
        gboolean fits;
    } rows[] = {
        {"{}", TRUE},
        {"{'has_key': 'unknown'}", TRUE},
        {"{'has_key': 'no'}", FALSE},
        {"{'ca': true}", FALSE},
        {"{'algorithms': []}", FALSE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        TbFilter sign_in = filter_for(TB_PURPOSE_AUTHENTICATE, FALSE);
        TbFilter document = filter_for(TB_PURPOSE_SIGN, TRUE);

        if (fits(rows[i].changes, &sign_in) != rows[i].fits ||
            fits(rows[i].changes, &document) != rows[i].fits)
            tb_test_row_failed("%s", rows[i].changes);
    }
}

/* A token that signs only what it hashes itself is good for sign-in, and not for documents. */
static void
test_digest_algorithms(void)
{
    static const char none[] = "{'digest_algorithms': []}";
    TbFilter sign_in = filter_for(TB_PURPOSE_AUTHENTICATE, FALSE);
    TbFilter choose = filter_for(TB_PURPOSE_CHOOSE, TRUE);
    TbFilter document = filter_for(TB_PURPOSE_SIGN, TRUE);

    g_assert_true(fits(none, &sign_in));
    g_assert_false(fits(none, &choose));
    g_assert_false(fits(none, &document));
}

static void
test_filters(void)
{
    static const char *const none[] = {NULL};
    static const char *const issuing[] = {"bm9ib2R5", "SXNzdWluZw==", NULL};
    static const char *const root[] = {"Um9vdA==", NULL};
    static const char *const other_issuer[] = {"bm9ib2R5", "SXNzdWluZw", NULL};
    static const char *const policy[] = {"9.9", "1.2.3", NULL};
    static const char *const other_policy[] = {"1.2", "1.2.3.4", NULL};
    const struct {
        const char *const *issuers;
        const char *const *policies;
        const char *certificate;
        gboolean fits;
    } rows[] = {
        {NULL, NULL, NULL, TRUE},
        {none, none, NULL, TRUE},
        {issuing, NULL, NULL, TRUE},
        {root, NULL, NULL, TRUE},
        {other_issuer, NULL, NULL, FALSE},
        {NULL, policy, NULL, TRUE},
        {NULL, other_policy, NULL, FALSE},
        {root, other_policy, NULL, FALSE},
        {other_issuer, policy, NULL, FALSE},
        {root, policy, NULL, TRUE},
        {NULL, NULL, "QQ==", TRUE},
        {NULL, NULL, "Qg==", FALSE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        TbFilter filter = filter_for(TB_PURPOSE_AUTHENTICATE, FALSE);

        filter.issuers = rows[i].issuers;
        filter.policies = rows[i].policies;
        filter.certificate = rows[i].certificate;
        if (fits("{}", &filter) != rows[i].fits)
            tb_test_row_failed("row %u", i);
    }
}

static void
test_filter_without_policies(void)
{
    static const char *const policy[] = {"1.2.3", NULL};
    TbFilter filter = filter_for(TB_PURPOSE_AUTHENTICATE, FALSE);

    filter.policies = policy;
    g_assert_false(fits("{'policies': []}", &filter));
    filter.policies = NULL;
    filter.issuers = policy;
    g_assert_false(fits("{'issuers': []}", &filter));
}

static void
test_obstacles(void)
{
    static const struct {
        gint64 now;
        const char *pin_state;
        TbObstacle obstacle;
    } rows[] = {
        {1000, "ok", TB_OBSTACLE_NONE},
        {1999, "ok", TB_OBSTACLE_NONE},
        {2000, "ok", TB_OBSTACLE_NONE}, /* RFC 5280, 4.1.2.5: both inclusive */
        {2001, "ok", TB_OBSTACLE_EXPIRED},
        {999, "ok", TB_OBSTACLE_NOT_YET_VALID},
        {1500, "low", TB_OBSTACLE_NONE},
        {1500, "final_try", TB_OBSTACLE_NONE},
        {1500, "locked", TB_OBSTACLE_PIN_LOCKED},
        {1500, "not_initialised", TB_OBSTACLE_PIN_NOT_SET},
        {1500, "to_be_changed", TB_OBSTACLE_PIN_TO_BE_CHANGED},
        {2001, "locked", TB_OBSTACLE_EXPIRED}, /* a new PIN would not help */
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *token =
            g_strdup_printf("{'pin': {'state': '%s', 'pad': false}}", rows[i].pin_state);
        g_autoptr(GPtrArray) listings = read_listings(tb_test_listing(
            tb_test_token("1", token,
                          tb_test_certificate("A", "{'not_before': 1000, 'not_after': 2000}"),
                          NULL),
            NULL));
        const GPtrArray *tokens = listings->pdata[0];
        const TbToken *first = tokens->pdata[0];

        if (tb_selection_obstacle(first->certificates->pdata[0], rows[i].now) != rows[i].obstacle)
            tb_test_row_failed("row %u", i);
    }
}

static void
assert_order(const GPtrArray *fitting, const char *names)
{
    g_autoptr(GString) got = g_string_new(NULL);

    for (guint i = 0; i < fitting->len; i++) {
        const TbCertificate *certificate = fitting->pdata[i];

        g_string_append_printf(got, "%s ", certificate->name);
    }
    g_assert_cmpstr(got->str, ==, names);
}

static void
test_order(void)
{
    TbFilter filter = filter_for(TB_PURPOSE_AUTHENTICATE, FALSE);
    g_autoptr(GPtrArray) listings = read_listings(tb_test_listing(
        tb_test_token("1", "{'pin': {'state': 'locked', 'pad': false}}",
                      tb_test_certificate("locked", "{'not_before': 1, 'not_after': 9000}"), NULL),
        tb_test_token("2", NULL,
                      tb_test_certificate("expired", "{'not_before': 1, 'not_after': 1400}"),
                      tb_test_certificate("long", "{'not_before': 1, 'not_after': 8000}"),
                      tb_test_certificate("short", "{'not_before': 1, 'not_after': 2000}"), NULL),
        tb_test_token(
            "3", NULL, tb_test_certificate("middle", "{'not_before': 1, 'not_after': 5000}"),
            tb_test_certificate("later", "{'not_before': 1600, 'not_after': 9999}"), NULL),
        NULL));
    g_autoptr(GPtrArray) before = NULL;
    g_autoptr(GPtrArray) after = NULL;

    filter.now = 1500;
    before = tb_selection_fitting(listings, &filter);
    assert_order(before, "long middle short later locked expired ");
    filter.now = 1700;
    after = tb_selection_fitting(listings, &filter);
    assert_order(after, "later long middle short locked expired ");
}

/* Equal in all else, the order must not change from listing to listing. */
static void
test_order_is_stable(void)
{
    TbFilter filter = filter_for(TB_PURPOSE_AUTHENTICATE, FALSE);
    g_autofree char *first_id = tb_test_certificate_id("A");
    g_autofree char *second_id = tb_test_certificate_id("B");
    const char *expected = g_strcmp0(first_id, second_id) < 0 ? "A B " : "B A ";
    const char *const changes = "{'not_before': 1, 'not_after': 9000000000}";

    for (guint i = 0; i < 2; i++) {
        g_autoptr(GPtrArray) listings = read_listings(tb_test_listing(
            tb_test_token("1", NULL, tb_test_certificate(i ? "A" : "B", changes), NULL),
            tb_test_token("2", NULL, tb_test_certificate(i ? "B" : "A", changes), NULL), NULL));
        g_autoptr(GPtrArray) fitting = tb_selection_fitting(listings, &filter);

        assert_order(fitting, expected);
    }
}

static void
test_missing_listing(void)
{
    TbFilter filter = filter_for(TB_PURPOSE_AUTHENTICATE, FALSE);
    g_autoptr(GPtrArray) listings = g_ptr_array_new();
    g_autoptr(GPtrArray) fitting = NULL;

    g_ptr_array_add(listings, NULL);
    fitting = tb_selection_fitting(listings, &filter);
    g_assert_cmpuint(fitting->len, ==, 0);
}

static void
test_algorithm(void)
{
    static const struct {
        const char *key;
        const char *algorithms;
        const char *hash; /* NULL: sign in */
        const char *jwa;  /* NULL: none */
    } rows[] = {
        {"EC", "'ES256'", NULL, "ES256"},
        {"EC", "'ES384'", NULL, "ES384"},
        {"RSA", "'RS256', 'PS256'", NULL, "RS256"},
        {"RSA", "'PS512', 'RS256'", NULL, "PS512"},
        {"Ed25519", "'EdDSA'", NULL, "EdDSA"},
        {"EC", "'XX256', 'ES256'", NULL, "ES256"},
        {"EC", "'RS256', 'ES256'", NULL, "ES256"}, /* not of this key */
        {"EC", "'RS256'", NULL, NULL},
        {"other", "'ES256'", NULL, NULL},
        /* Documents: an EC key signs any hash, an RSA key those that the token has. */
        {"EC", "'ES256'", "SHA-256", "ES256"},
        {"EC", "'ES256'", "SHA-384", "ES384"},
        {"EC", "'ES256'", "SHA-512", "ES512"},
        {"RSA", "'RS256', 'RS384', 'RS512'", "SHA-384", "RS384"},
        {"RSA", "'PS256', 'PS512', 'RS256', 'RS384'", "SHA-512", "PS512"},
        {"RSA", "'PS256', 'RS256', 'RS384'", "SHA-384", "RS384"},
        {"RSA", "'RS256'", "SHA-512", NULL},
        {"Ed25519", "'EdDSA'", "SHA-512", NULL}, /* EdDSA signs messages, not digests */
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *changes =
            g_strdup_printf("{'key': {'type': '%s', 'bits': 256}, 'algorithms': [%s]}", rows[i].key,
                            rows[i].algorithms);
        g_autoptr(GPtrArray) listings = read_listings(tb_test_listing(
            tb_test_token("1", NULL, tb_test_certificate("A", changes), NULL), NULL));
        const GPtrArray *tokens = listings->pdata[0];
        const TbToken *token = tokens->pdata[0];
        const TbAlgorithm *algorithm = tb_selection_algorithm(
            token->certificates->pdata[0], rows[i].hash ? TB_PURPOSE_SIGN : TB_PURPOSE_AUTHENTICATE,
            rows[i].hash);

        if (g_strcmp0(algorithm ? algorithm->jwa : NULL, rows[i].jwa) != 0)
            tb_test_row_failed("row %u: %s", i, algorithm ? algorithm->jwa : "none");
    }
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/selection/usage", test_usage);
    g_test_add_func("/selection/shared-key", test_shared_key);
    g_test_add_func("/selection/key-and-kind", test_key_and_kind);
    g_test_add_func("/selection/digest-algorithms", test_digest_algorithms);
    g_test_add_func("/selection/filters", test_filters);
    g_test_add_func("/selection/filter-without-policies", test_filter_without_policies);
    g_test_add_func("/selection/obstacles", test_obstacles);
    g_test_add_func("/selection/order", test_order);
    g_test_add_func("/selection/order-is-stable", test_order_is_stable);
    g_test_add_func("/selection/missing-listing", test_missing_listing);
    g_test_add_func("/selection/algorithm", test_algorithm);
    return tb_test_end();
}
