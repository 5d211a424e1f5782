/* SPDX-License-Identifier: Apache-2.0
 *
 * What is read out of a certificate, good or odd.
 */
#include "host/worker/certificate.h"

#include <string.h>
#include <time.h>

#include "host/worker/objects.h"
#include "tests/worker/issue.h"

/* certificatePolicies 2.999.1 and 1.2.3.4. */
#define TWO_POLICIES "2.5.29.32=DER:300e30050603883701300506032a0304"

static json_t *
json_of(const TbTestIssue *what)
{
    g_autoptr(TbCertificate) certificate = tb_test_certificate(what, 1);

    return tb_certificate_to_json(certificate);
}

static const char *
text(json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static void
test_all_members(void)
{
    EVP_PKEY *key = tb_test_key("P-256");
    EVP_PKEY *authority = tb_test_key("P-384");
    json_t *object = json_of(&(TbTestIssue){
        .subject = "سارا, \"احمدی\"",
        .issuer = "Authority",
        .key = key,
        .issuer_key = authority,
        .extensions = {"keyUsage=critical,digitalSignature,nonRepudiation",
                       "extendedKeyUsage=clientAuth,1.3.6.1.4.1.311.20.2.2", TWO_POLICIES}});
    g_autofree char *usage = NULL;

    g_assert_cmpuint(strlen(text(object, "id")), ==, 64);
    g_assert_cmpstr(text(object, "label"), ==, "label");
    g_assert_cmpstr(text(object, "name"), ==, "سارا, \"احمدی\"");
    g_assert_cmpstr(text(object, "subject"), ==, "CN=سارا\\, \\\"احمدی\\\"");
    g_assert_cmpstr(text(object, "issuer_name"), ==, "Authority");
    g_assert_cmpstr(text(object, "issuer"), ==, "CN=Authority");
    g_assert_cmpstr(text(object, "serial"), ==, "0123456789abcdef");
    g_assert_cmpint(json_integer_value(json_object_get(object, "not_after")) -
                        json_integer_value(json_object_get(object, "not_before")),
                    ==, 3660);
    g_assert_cmpint(
        ABS(json_integer_value(json_object_get(object, "not_before")) + 60 - time(NULL)), <, 30);
    g_assert_true(json_is_false(json_object_get(object, "ca")));
    g_assert_cmpuint(strlen(text(json_object_get(object, "key"), "id")), ==, 64);
    json_object_del(json_object_get(object, "key"), "id");
    usage = json_dumps(json_object_get(object, "key"), JSON_COMPACT | JSON_SORT_KEYS);
    g_assert_cmpstr(usage, ==, "{\"bits\":256,\"curve\":\"P-256\",\"type\":\"EC\"}");
    g_free(usage);
    usage = json_dumps(json_object_get(object, "key_usage"), JSON_COMPACT);
    g_assert_cmpstr(usage, ==, "[\"digitalSignature\",\"nonRepudiation\"]");
    g_free(usage);
    usage = json_dumps(json_object_get(object, "extended_key_usage"), JSON_COMPACT);
    g_assert_cmpstr(usage, ==, "[\"1.3.6.1.5.5.7.3.2\",\"1.3.6.1.4.1.311.20.2.2\"]");
    g_free(usage);
    usage = json_dumps(json_object_get(object, "policies"), JSON_COMPACT);
    g_assert_cmpstr(usage, ==, "[\"2.999.1\",\"1.2.3.4\"]");
    json_decref(object);
    EVP_PKEY_free(key);
    EVP_PKEY_free(authority);
}

static void
test_keys(void)
{
    static const struct {
        const char *kind;
        const char *expected;
    } rows[] = {
        {"P-384", "{\"bits\":384,\"curve\":\"P-384\",\"type\":\"EC\"}"},
        {"P-521", "{\"bits\":521,\"curve\":\"P-521\",\"type\":\"EC\"}"},
        {"secp256k1", "{\"bits\":256,\"type\":\"EC\"}"},
        {"RSA", "{\"bits\":2048,\"type\":\"RSA\"}"},
        {"Ed25519", "{\"bits\":256,\"type\":\"Ed25519\"}"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        EVP_PKEY *key = tb_test_key(rows[i].kind);
        json_t *object = json_of(&(TbTestIssue){.subject = "x", .key = key});
        g_autofree char *shown = NULL;

        json_object_del(json_object_get(object, "key"), "id"); /* another for each key */
        shown = json_dumps(json_object_get(object, "key"), JSON_COMPACT | JSON_SORT_KEYS);
        g_assert_cmpstr(shown, ==, rows[i].expected);
        json_decref(object);
        EVP_PKEY_free(key);
    }
}

static void
test_absent_and_broken_extensions_differ(void)
{
    EVP_PKEY *key = tb_test_key("P-256");
    json_t *plain = json_of(&(TbTestIssue){.subject = "x", .key = key});
    /* A key usage that is an OCTET STRING, not a BIT STRING; policies twice. */
    json_t *broken = json_of(&(TbTestIssue){
        .subject = "x",
        .key = key,
        .extensions = {"2.5.29.15=DER:0400", "2.5.29.37=DER:0400", TWO_POLICIES, TWO_POLICIES}});

    g_assert_true(json_is_null(json_object_get(plain, "key_usage")));
    g_assert_true(json_is_null(json_object_get(plain, "extended_key_usage")));
    g_assert_true(json_is_array(json_object_get(broken, "key_usage")));
    g_assert_cmpuint(json_array_size(json_object_get(broken, "key_usage")), ==, 0);
    g_assert_true(json_is_array(json_object_get(broken, "extended_key_usage")));
    g_assert_cmpuint(json_array_size(json_object_get(broken, "extended_key_usage")), ==, 0);
    g_assert_cmpuint(json_array_size(json_object_get(broken, "policies")), ==, 0);
    json_decref(plain);
    json_decref(broken);
    EVP_PKEY_free(key);
}

static void
test_authorities(void)
{
    EVP_PKEY *key = tb_test_key("P-256");
    json_t *authority = json_of(&(TbTestIssue){
        .subject = "x", .key = key, .extensions = {"basicConstraints=critical,CA:TRUE"}});
    json_t *leaf = json_of(
        &(TbTestIssue){.subject = "x", .key = key, .extensions = {"basicConstraints=CA:FALSE"}});

    g_assert_true(json_is_true(json_object_get(authority, "ca")));
    g_assert_true(json_is_false(json_object_get(leaf, "ca")));
    json_decref(authority);
    json_decref(leaf);
    EVP_PKEY_free(key);
}

static void
test_odd_names(void)
{
    EVP_PKEY *key = tb_test_key("P-256");
    json_t *nameless = json_of(&(TbTestIssue){.key = key});
    json_t *control = json_of(&(TbTestIssue){.subject = "a\nb", .key = key});

    g_assert_cmpstr(text(nameless, "name"), ==, "");
    g_assert_cmpstr(text(nameless, "subject"), ==, "");
    g_assert_cmpstr(text(control, "name"), ==,
                    "a\xef\xbf\xbd"
                    "b");
    json_decref(nameless);
    json_decref(control);
    EVP_PKEY_free(key);
}

static void
test_parse(void)
{
    EVP_PKEY *key = tb_test_key("P-256");
    g_autoptr(TbCertificate) good =
        tb_test_certificate(&(TbTestIssue){.subject = "x", .key = key}, 1);
    gsize size;
    const guint8 *der = g_bytes_get_data(good->der, &size);
    guint8 padded[TB_OBJECTS_CERTIFICATE_SIZE_MAX + 1] = {0};
    g_autoptr(TbCertificate) again = NULL;

    memcpy(padded, der, size);
    again = tb_certificate_parse(padded, size + 32, NULL, NULL);
    g_assert_nonnull(again);
    g_assert_cmpstr(again->id, ==, good->id);
    g_assert_cmpuint(g_bytes_get_size(again->key_id), ==, 0);
    g_assert_cmpstr(again->label, ==, "");
    g_assert_null(tb_certificate_parse(padded, TB_OBJECTS_CERTIFICATE_SIZE_MAX + 1, NULL, NULL));
    g_assert_null(tb_certificate_parse("", 0, NULL, NULL));
    for (gsize length = 1; length < size; length++)
        g_assert_null(tb_certificate_parse(der, length, NULL, NULL));
    EVP_PKEY_free(key);
}

/* Each byte changed in turn: parsed or refused, never a crash, and always JSON. */
static void
test_changed_bytes(void)
{
    EVP_PKEY *key = tb_test_key("P-256");
    g_autoptr(TbCertificate) good = tb_test_certificate(
        &(TbTestIssue){.subject = "x",
                       .key = key,
                       .extensions = {"keyUsage=digitalSignature", "extendedKeyUsage=clientAuth",
                                      TWO_POLICIES, "basicConstraints=CA:FALSE"}},
        1);
    gsize size;
    const guint8 *der = g_bytes_get_data(good->der, &size);
    g_autofree guint8 *changed = g_memdup2(der, size);
    guint parsed = 0;

    for (gsize i = 0; i < size; i++) {
        static const guint8 flips[] = {0x01, 0x80, 0xff};

        for (gsize flip = 0; flip < G_N_ELEMENTS(flips); flip++) {
            g_autoptr(TbCertificate) odd = NULL;

            changed[i] = der[i] ^ flips[flip];
            odd = tb_certificate_parse(changed, size, NULL, NULL);
            if (odd) {
                json_t *object = tb_certificate_to_json(odd);

                g_assert_nonnull(text(object, "subject"));
                g_assert_nonnull(text(object, "name"));
                json_decref(object);
                parsed++;
            }
        }
        changed[i] = der[i];
    }
    g_assert_cmpuint(parsed, >, 0);
    EVP_PKEY_free(key);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/certificate/members", test_all_members);
    g_test_add_func("/worker/certificate/keys", test_keys);
    g_test_add_func("/worker/certificate/extensions", test_absent_and_broken_extensions_differ);
    g_test_add_func("/worker/certificate/authorities", test_authorities);
    g_test_add_func("/worker/certificate/odd-names", test_odd_names);
    g_test_add_func("/worker/certificate/parse", test_parse);
    g_test_add_func("/worker/certificate/changed-bytes", test_changed_bytes);
    return g_test_run();
}
