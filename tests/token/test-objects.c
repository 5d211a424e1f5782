/* SPDX-License-Identifier: Apache-2.0
 *
 * Odd tokens over the real channel: malformed and missing things, shared and empty ids, thousands
 * of objects, texts that are none. What is good on a token is always shown, and signs.
 */
#include <string.h>

#include "tests/token/desk.h"

#define LISTING_US (4 * (gint64)G_USEC_PER_SEC) /* the host gives 5 s */

/* One token in slot 1 with these objects beside Ann's. */
#define TOKEN "'slots': [{'id': 1, 'token': {'label': 'Ann', 'serial': '0001', 'objects': [%s]}}]"

static TtDesk *
people(void)
{
    TtDesk *desk = tt_desk_new();

    tt_desk_person(desk, "ann", "P-256", "digitalSignature");
    tt_desk_person(desk, "bob", "P-256", "digitalSignature");
    return desk;
}

static gboolean
shows(TtDesk *desk, const char *name)
{
    return tt_desk_certificate(desk, tt_desk_token(desk, "Ann"), name) != NULL;
}

static void
test_bad_certificates(void)
{
    static const char *const rows[] = {
        "'value': ''",
        "'value': '00'",
        "'value': '3082'",
        "'value': '308202003082'",
        "'value': '3084ffffffff'",
        "'value': '3080'",
        "'value': 'ffffffffffffffffffffffffffffffff'",
        "'file': 'bob.pem', 'size': 0",
        "'file': 'bob.pem', 'size': 1",
        "'file': 'bob.pem', 'size': 100",
        "'file': 'bob.pem', 'size': 16385",
        "'file': 'bob.pem', 'size': 1048576",
        "'file': 'bob.pem', 'size': 30000000",
        "'file': 'bob.pem', 'type': 1",
        "'file': 'bob.pem', 'type': 2147483648",
        "'file': 'bob.pem', 'unreadable': 'CKR_GENERAL_ERROR'",
        "'file': 'bob.pem', 'unreadable': 'CKR_DEVICE_ERROR'",
        "'file': 'bob.pem', 'unreadable': 'CKR_OBJECT_HANDLE_INVALID'",
        "'file': 'bob.pem', 'unreadable': 'CKR_ATTRIBUTE_TYPE_INVALID'",
        "'file': 'bob.pem', 'unreadable': '0x80000001'",
        "'value': '3082', 'repeat': 100",
        "'file': 'bob.pem', 'private': true",
    };
    g_autoptr(TtDesk) desk = people();

    tt_desk_write(desk, "'slots': []");
    tt_desk_start(desk);
    for (gsize i = 0; i < 2 * G_N_ELEMENTS(rows); i++) {
        /* Before Ann's, and after. */
        g_autofree char *bad =
            g_strdup_printf("{'class': 'certificate', 'id': '02', %s}", rows[i / 2]);
        g_autofree char *objects =
            g_strdup_printf("%s, %s", i % 2 ? bad : TT_ANN_OBJECTS, i % 2 ? TT_ANN_OBJECTS : bad);

        g_test_message("%s", bad);
        tt_desk_write(desk, "'slots': []");
        tt_desk_list(desk);
        tt_desk_write(desk, TOKEN, objects);
        tt_desk_list(desk);
        g_assert_true(shows(desk, "ann"));
        g_assert_null(json_object_get(tt_desk_token(desk, "Ann"), "error"));
        tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
    }
}

/* Trailing bytes are padding of the card, not part of the certificate. */
static void
test_padded_certificate(void)
{
    g_autoptr(TtDesk) desk = people();

    tt_desk_write(desk, TOKEN,
                  "{'class': 'certificate', 'file': 'ann.pem', 'id': '01', 'size': 2048},"
                  "{'class': 'private_key', 'file': 'ann.key', 'id': '01'}");
    tt_desk_start(desk);
    tt_desk_list(desk);
    g_assert_true(shows(desk, "ann"));
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
}

/* The key is the one that fits the certificate, whatever the ids say. */
static void
test_ids(void)
{
    static const struct {
        const char *ann;    /* CKA_ID of Ann's certificate */
        const char *key;    /* of her key */
        const char *bob;    /* of Bob's key, which comes first on the token */
        const char *hidden; /* members of both keys */
    } rows[] = {
        {"01", "01", "01", "'public_key': true"},
        {"01", "01", "01", "'show_point': true"},
        {"01", "01", "02", "'private': true"},
        {"", "", "", "'show_point': true"},
        {"", "", "01", "'show_point': true"},
        {"01", "", "01", "'show_point': true"},
        {"01", "02", "01", "'public_key': true"},
        {"0102030405", "01", "02", "'public_key': true"},
        /* Nothing of the public part shows: the signature itself tells. */
        {"01", "01", "01", "'hide_public': true"},
        {"01", "01", "01", "'private': false"},
    };
    g_autoptr(TtDesk) desk = people();

    tt_desk_write(desk, "'slots': []");
    tt_desk_start(desk);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *objects =
            g_strdup_printf("{'class': 'certificate', 'file': 'ann.pem', 'id': '%s'},"
                            "{'class': 'private_key', 'file': 'bob.key', 'id': '%s', %s},"
                            "{'class': 'private_key', 'file': 'ann.key', 'id': '%s', %s}",
                            rows[i].ann, rows[i].bob, rows[i].hidden, rows[i].key, rows[i].hidden);

        g_test_message("row %" G_GSIZE_FORMAT, i);
        tt_desk_write(desk, "'slots': []");
        tt_desk_list(desk);
        tt_desk_write(desk, TOKEN, objects);
        tt_desk_list(desk);
        tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
        tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
    }
}

/* Only somebody else's key is there: no signature of it leaves. */
static void
test_wrong_keys(void)
{
    static const struct {
        const char *key;
        const char *reason;
    } rows[] = {
        {"'file': 'bob.key', 'id': '01', 'show_point': true", "no_certificate"},
        {"'file': 'bob.key', 'id': '01', 'hide_public': true", "module_failed"},
        {"'file': 'bob.key', 'id': '02', 'hide_public': true", "no_certificate"},
        {"'file': 'rsa.key', 'id': '01'", "no_certificate"},
        {"'file': 'ann.key', 'id': '01', 'sign': false", "unsupported"},
    };
    g_autoptr(TtDesk) desk = people();

    tt_desk_person(desk, "rsa", "RSA", "digitalSignature");
    tt_desk_write(desk, "'slots': []");
    tt_desk_start(desk);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *objects = g_strdup_printf(
            "{'class': 'certificate', 'file': 'ann.pem', 'id': '01'}, {'class': 'private_key', %s}",
            rows[i].key);

        g_test_message("%s", rows[i].key);
        tt_desk_write(desk, TOKEN, objects);
        tt_desk_assert_refused(tt_desk_sign(desk, "ann", TT_PIN), rows[i].reason, NULL);
    }
}

static const char *
usage_of(TtDesk *desk, const char *name, gsize index)
{
    json_t *certificate = tt_desk_certificate(desk, tt_desk_token(desk, "Ann"), name);

    g_assert_nonnull(certificate);
    return json_string_value(json_array_get(json_object_get(certificate, "key_usage"), index));
}

/* The worker lists them all and tells their usage; which may be used for what, the host says. */
static void
test_usages(void)
{
    g_autoptr(TtDesk) desk = tt_desk_new();

    tt_desk_person(desk, "both", "P-256", "digitalSignature,nonRepudiation");
    tt_desk_person(desk, "documents", "P-256", "nonRepudiation");
    tt_desk_person(desk, "neither", "P-256", "keyAgreement");
    tt_desk_write(desk, TOKEN,
                  "{'class': 'certificate', 'file': 'both.pem', 'id': '01'},"
                  "{'class': 'certificate', 'file': 'documents.pem', 'id': '02'},"
                  "{'class': 'certificate', 'file': 'neither.pem', 'id': '03'},"
                  "{'class': 'private_key', 'file': 'both.key', 'id': '01', 'private': false}");
    tt_desk_start(desk);
    tt_desk_list(desk);
    g_assert_cmpstr(usage_of(desk, "both", 0), ==, "digitalSignature");
    g_assert_cmpstr(usage_of(desk, "both", 1), ==, "nonRepudiation");
    g_assert_cmpstr(usage_of(desk, "documents", 0), ==, "nonRepudiation");
    g_assert_null(usage_of(desk, "documents", 1));
    g_assert_cmpstr(usage_of(desk, "neither", 0), ==, "keyAgreement");
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "both", TT_PIN), "both", "ES256");
}

static void
test_every_kind_of_key(void)
{
    static const struct {
        const char *kind;
        const char *algorithm;
        const char *mechanisms;
    } rows[] = {
        {"P-256", "ES256", "'CKM_ECDSA'"},         {"P-384", "ES384", "'CKM_ECDSA'"},
        {"P-521", "ES512", "'CKM_ECDSA'"},         {"P-384", "ES384", "'CKM_ECDSA_SHA384'"},
        {"RSA", "RS256", "'CKM_RSA_PKCS'"},        {"RSA", "PS256", "'CKM_RSA_PKCS_PSS'"},
        {"RSA", "RS512", "'CKM_SHA512_RSA_PKCS'"}, {"RSA", "PS384", "'CKM_SHA384_RSA_PKCS_PSS'"},
        {"Ed25519", "EdDSA", "'CKM_EDDSA'"},
    };
    g_autoptr(TtDesk) desk = tt_desk_new();

    tt_desk_write(desk, "'slots': []");
    tt_desk_start(desk);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_t *answer;

        g_test_message("%s %s %s", rows[i].kind, rows[i].algorithm, rows[i].mechanisms);
        tt_desk_person(desk, "ann", rows[i].kind, "digitalSignature");
        tt_desk_write(desk,
                      "'slots': [{'id': 1, 'token': {'label': 'Ann', 'serial': '0001', "
                      "'mechanisms': [%s], 'objects': [" TT_ANN_OBJECTS "]}}]",
                      rows[i].mechanisms);
        answer = tb_test_worker_ask_with_pin(
            desk->worker, tt_desk_request(desk, 1, "0001", "ann", rows[i].algorithm), TT_PIN);
        tt_desk_assert_signed(desk, answer, "ann", rows[i].algorithm);
    }
}

/* Thousands: within the host's deadline, within a frame, and what is there still signs. */
static void
test_thousands(void)
{
    static const char *const rows[] = {
        "{'class': 'certificate', 'file': 'bob.pem', 'id': '02', 'repeat': 5000}",
        "{'class': 'certificate', 'file': 'bob.pem', 'id': '01', 'size': 16384, 'repeat': 5000}",
        "{'class': 'private_key', 'file': 'bob.key', 'id': '01', 'repeat': 5000, 'private': false}",
        "{'class': 'private_key', 'file': 'bob.key', 'public_key': true, 'repeat': 5000}",
        "{'class': 'data', 'repeat': 20000}",
        "{'class': 'certificate', 'value': '3082', 'repeat': 5000}",
    };
    g_autoptr(TtDesk) desk = people();

    tt_desk_write(desk, "'slots': []");
    tt_desk_start(desk);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *objects = g_strconcat(TT_ANN_OBJECTS ", ", rows[i], NULL);
        gint64 start;

        g_test_message("%s", rows[i]);
        tt_desk_write(desk, "'slots': []");
        tt_desk_list(desk);
        tt_desk_write(desk, TOKEN, objects);
        start = g_get_monotonic_time();
        tt_desk_list(desk);
        g_assert_cmpint(g_get_monotonic_time() - start, <, LISTING_US);
        g_assert_true(shows(desk, "ann"));
        json_decref(tt_desk_sign(desk, "ann", TT_PIN));
    }
}

/* More certificates than the limit: the first 256 are shown, in one frame. */
static void
test_many_certificates(void)
{
    enum { COUNT = 300 };
    g_autoptr(TtDesk) desk = people();
    GString *objects = g_string_new(TT_ANN_OBJECTS);

    for (guint i = 0; i < COUNT; i++) {
        g_autofree char *name = g_strdup_printf("person%u", i);

        tt_desk_person(desk, name, "P-256", "digitalSignature");
        g_string_append_printf(objects, ", {'class': 'certificate', 'file': '%s.pem'}", name);
    }
    tt_desk_write(desk, TOKEN, objects->str);
    g_string_free(objects, TRUE);
    tt_desk_start(desk);
    tt_desk_list(desk);
    g_assert_cmpuint(json_array_size(json_object_get(tt_desk_token(desk, "Ann"), "certificates")),
                     ==, 256);
    g_assert_true(shows(desk, "ann"));
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
}

/* Texts of a token that are no text. */
static void
test_texts(void)
{
    static const char *const rows[] = {
        "'label': {'hex': '00'}",
        "'label': {'hex': 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'}",
        "'label': {'hex': '0a0d091b5b324a'}",
        "'label': {'hex': 'e2808e'}",
        "'label': {'hex': '41ff42c3'}",
        "'serial': {'hex': 'ffffffffffffffffffffffffffffffff'}",
        "'serial': {'hex': '00'}",
        "'serial': ''",
        "'model': {'hex': 'c3'}, 'manufacturer': {'hex': 'eda080'}",
    };
    g_autoptr(TtDesk) desk = people();

    tt_desk_write(desk, "'slots': []");
    tt_desk_start(desk);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_t *token;
        json_t *request;

        g_test_message("%s", rows[i]);
        tt_desk_write(desk, "'slots': [{'id': 1, 'token': {%s, 'objects': [" TT_ANN_OBJECTS "]}}]",
                      rows[i]);
        tt_desk_list(desk);
        g_assert_cmpuint(tt_desk_tokens(desk), ==, 1);
        token = json_array_get(json_object_get(desk->listing, "tokens"), 0);
        g_assert_nonnull(tt_desk_certificate(desk, token, "ann"));
        /* The token signs under the serial that the listing shows. */
        request = tt_desk_request(desk, 1, json_string_value(json_object_get(token, "serial")),
                                  "ann", "ES256");
        tt_desk_assert_signed(desk, tb_test_worker_ask_with_pin(desk->worker, request, TT_PIN),
                              "ann", "ES256");
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/token/objects/bad-certificates", test_bad_certificates);
    g_test_add_func("/token/objects/padded", test_padded_certificate);
    g_test_add_func("/token/objects/ids", test_ids);
    g_test_add_func("/token/objects/wrong-keys", test_wrong_keys);
    g_test_add_func("/token/objects/usages", test_usages);
    g_test_add_func("/token/objects/every-key", test_every_kind_of_key);
    g_test_add_func("/token/objects/thousands", test_thousands);
    g_test_add_func("/token/objects/many-certificates", test_many_certificates);
    g_test_add_func("/token/objects/texts", test_texts);
    return g_test_run();
}
