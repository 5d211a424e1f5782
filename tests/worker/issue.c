/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: keys and certificates. Test code only.
 */
#include "tests/worker/issue.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

/* RSA keys take long to make, under valgrind many seconds: one of each kind serves a program. */
static EVP_PKEY *
rsa_key(const char *kind)
{
    static const char *const kinds[] = {"RSA", "RSA-other", "RSA-1024"};
    static EVP_PKEY *keys[G_N_ELEMENTS(kinds)];

    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kind, kinds[i]) != 0)
            continue;
        if (!keys[i])
            keys[i] = EVP_RSA_gen(i == 2 ? 1024 : 2048);
        g_assert_nonnull(keys[i]);
        EVP_PKEY_up_ref(keys[i]);
        return keys[i];
    }
    g_assert_not_reached();
}

EVP_PKEY *
tb_test_key(const char *kind)
{
    EVP_PKEY *key;

    if (g_str_has_prefix(kind, "RSA"))
        return rsa_key(kind);
    if (strcmp(kind, "Ed25519") == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else
        key = EVP_EC_gen(kind);
    g_assert_nonnull(key);
    return key;
}

static void
set_name(X509_NAME *name, const char *common_name)
{
    if (common_name)
        g_assert_true(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                                 (const unsigned char *)common_name, -1, -1, 0));
}

static void
add_extension(X509 *x509, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "=", 2);
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    extension = X509V3_EXT_conf(NULL, &context, parts[0], parts[1]);
    if (!extension)
        g_error("extension %s: %s", text, ERR_error_string(ERR_peek_last_error(), NULL));
    g_assert_true(X509_add_ext(x509, extension, -1));
    X509_EXTENSION_free(extension);
}

X509 *
tb_test_issue(const TbTestIssue *what)
{
    EVP_PKEY *signer = what->issuer_key ? what->issuer_key : what->key;
    X509 *x509 = X509_new();

    g_assert_nonnull(x509);
    g_assert_true(X509_set_version(x509, X509_VERSION_3));
    g_assert_true(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), 0x0123456789abcdef));
    g_assert_nonnull(X509_gmtime_adj(X509_getm_notBefore(x509), -60));
    g_assert_nonnull(
        X509_gmtime_adj(X509_getm_notAfter(x509), what->not_after ? what->not_after : 3600));
    set_name(X509_get_subject_name(x509), what->subject);
    set_name(X509_get_issuer_name(x509), what->issuer ? what->issuer : what->subject);
    g_assert_true(X509_set_pubkey(x509, what->key));
    for (gsize i = 0; i < G_N_ELEMENTS(what->extensions) && what->extensions[i]; i++)
        add_extension(x509, what->extensions[i]);
    g_assert_cmpint(
        X509_sign(x509, signer,
                  EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()),
        >, 0);
    return x509;
}

TbCertificate *
tb_test_certificate(const TbTestIssue *what, guint8 key_id)
{
    g_autoptr(X509) x509 = tb_test_issue(what);
    g_autoptr(GBytes) id = g_bytes_new(&key_id, 1);
    TbCertificate *certificate = tb_certificate_new(x509, "label", id);

    g_assert_nonnull(certificate);
    return certificate;
}
