/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains: by signature, not by name alone; without the root; loops end.
 */
#include "host/worker/chain.h"

#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "tests/worker/issue.h"

#define CA "basicConstraints=critical,CA:TRUE"

typedef struct Fixture {
    EVP_PKEY *root_key;
    EVP_PKEY *middle_key;
    EVP_PKEY *leaf_key;
    GPtrArray *certificates; /* TbCertificate */
    TbCertificate *leaf;
    TbCertificate *middle;
    TbCertificate *root;
} Fixture;

static TbCertificate *
add(Fixture *fixture, const TbTestIssue *what)
{
    TbCertificate *certificate = tb_test_certificate(what, 0);

    g_ptr_array_add(fixture->certificates, certificate);
    return certificate;
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->root_key = tb_test_key("P-256");
    fixture->middle_key = tb_test_key("RSA");
    fixture->leaf_key = tb_test_key("P-256");
    fixture->certificates = g_ptr_array_new_with_free_func((GDestroyNotify)tb_certificate_free);
    fixture->leaf = add(fixture, &(TbTestIssue){.subject = "leaf",
                                                .issuer = "middle",
                                                .key = fixture->leaf_key,
                                                .issuer_key = fixture->middle_key});
    fixture->root = add(
        fixture, &(TbTestIssue){.subject = "root", .key = fixture->root_key, .extensions = {CA}});
    fixture->middle = add(fixture, &(TbTestIssue){.subject = "middle",
                                                  .issuer = "root",
                                                  .key = fixture->middle_key,
                                                  .issuer_key = fixture->root_key,
                                                  .extensions = {CA}});
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    g_ptr_array_unref(fixture->certificates);
    EVP_PKEY_free(fixture->root_key);
    EVP_PKEY_free(fixture->middle_key);
    EVP_PKEY_free(fixture->leaf_key);
}

/* The chain of the leaf is exactly the given certificates. */
static void
assert_chain(const TbCertificate *leaf, const TbCertificate *const *expected)
{
    json_t *chain = tb_chain_to_json(leaf);
    gsize count = 0;

    for (; expected[count]; count++) {
        g_autofree char *base64 = tb_base64_encode(g_bytes_get_data(expected[count]->der, NULL),
                                                   g_bytes_get_size(expected[count]->der));

        g_assert_cmpstr(json_string_value(json_array_get(chain, count)), ==, base64);
    }
    g_assert_cmpuint(json_array_size(chain), ==, count);
    json_decref(chain);
}

static void
test_whole_chain(Fixture *fixture, gconstpointer data)
{
    json_t *issuers;

    tb_chain_link(fixture->certificates);
    assert_chain(fixture->leaf, (const TbCertificate *const[]){fixture->middle, NULL});
    assert_chain(fixture->middle, (const TbCertificate *const[]){NULL});
    assert_chain(fixture->root, (const TbCertificate *const[]){NULL});
    issuers = tb_chain_issuers_to_json(fixture->leaf);
    g_assert_cmpuint(json_array_size(issuers), ==, 2);
    for (gsize i = 0; i < 2; i++) {
        const TbCertificate *issuer = i == 0 ? fixture->middle : fixture->root;
        const unsigned char *der = NULL;
        size_t length = 0;
        g_autofree char *base64 = NULL;

        X509_NAME_get0_der(X509_get_subject_name(issuer->x509), &der, &length);
        base64 = tb_base64_encode(der, length);
        g_assert_cmpstr(json_string_value(json_array_get(issuers, i)), ==, base64);
    }
    json_decref(issuers);
}

static void
test_name_without_signature(Fixture *fixture, gconstpointer data)
{
    EVP_PKEY *other_key = tb_test_key("P-256");
    TbCertificate *impostor = add(fixture, &(TbTestIssue){.subject = "middle",
                                                          .issuer = "root",
                                                          .key = other_key,
                                                          .issuer_key = fixture->root_key,
                                                          .not_after = 99999,
                                                          .extensions = {CA}});

    tb_chain_link(fixture->certificates);
    g_assert_true(fixture->leaf->issuer == fixture->middle);
    g_ptr_array_remove(fixture->certificates, fixture->middle);
    tb_chain_link(fixture->certificates);
    g_assert_null(fixture->leaf->issuer);
    g_assert_true(impostor->issuer == fixture->root);
    assert_chain(fixture->leaf, (const TbCertificate *const[]){NULL});
    EVP_PKEY_free(other_key);
}

static void
test_renewed_authority(Fixture *fixture, gconstpointer data)
{
    TbCertificate *renewed = add(fixture, &(TbTestIssue){.subject = "middle",
                                                         .issuer = "root",
                                                         .key = fixture->middle_key,
                                                         .issuer_key = fixture->root_key,
                                                         .not_after = 99999,
                                                         .extensions = {CA}});

    tb_chain_link(fixture->certificates);
    g_assert_true(fixture->leaf->issuer == renewed);
}

static void
test_person_is_no_authority(Fixture *fixture, gconstpointer data)
{
    TbCertificate *below = add(fixture, &(TbTestIssue){.subject = "below",
                                                       .issuer = "leaf",
                                                       .key = fixture->root_key,
                                                       .issuer_key = fixture->leaf_key});

    tb_chain_link(fixture->certificates);
    g_assert_null(below->issuer);
}

/* a is issued by b, and b by a. */
static void
test_loop_ends(Fixture *fixture, gconstpointer data)
{
    TbCertificate *a = add(fixture, &(TbTestIssue){.subject = "a",
                                                   .issuer = "b",
                                                   .key = fixture->leaf_key,
                                                   .issuer_key = fixture->middle_key,
                                                   .extensions = {CA}});
    TbCertificate *b = add(fixture, &(TbTestIssue){.subject = "b",
                                                   .issuer = "a",
                                                   .key = fixture->middle_key,
                                                   .issuer_key = fixture->leaf_key,
                                                   .extensions = {CA}});
    TbCertificate *leaf = add(fixture, &(TbTestIssue){.subject = "c",
                                                      .issuer = "a",
                                                      .key = fixture->root_key,
                                                      .issuer_key = fixture->leaf_key});

    tb_chain_link(fixture->certificates);
    g_assert_true(a->issuer == b && b->issuer == a);
    assert_chain(leaf, (const TbCertificate *const[]){a, b, NULL});
    assert_chain(a, (const TbCertificate *const[]){b, NULL});
}

static void
test_long_chain_is_cut(Fixture *fixture, gconstpointer data)
{
    TbCertificate *last = NULL;
    json_t *chain;

    for (int i = 0; i < 20; i++) {
        g_autofree char *subject = g_strdup_printf("n%d", i);
        g_autofree char *issuer = g_strdup_printf("n%d", i - 1);

        last = add(fixture, &(TbTestIssue){.subject = subject,
                                           .issuer = issuer,
                                           .key = fixture->leaf_key,
                                           .issuer_key = fixture->leaf_key,
                                           .extensions = {CA}});
    }
    tb_chain_link(fixture->certificates);
    chain = tb_chain_to_json(last);
    g_assert_cmpuint(json_array_size(chain), ==, TB_CHAIN_MAX);
    json_decref(chain);
}

#define ADD(name, function)                                                                        \
    g_test_add("/worker/chain/" name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("whole", test_whole_chain);
    ADD("name-without-signature", test_name_without_signature);
    ADD("renewed-authority", test_renewed_authority);
    ADD("person-is-no-authority", test_person_is_no_authority);
    ADD("loop", test_loop_ends);
    ADD("long", test_long_chain_is_cut);
    return g_test_run();
}
