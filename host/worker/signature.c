/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests and signatures: see signature.h. The signature comes from a module and is not trusted.
 */
#include "host/worker/signature.h"

#include <limits.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ECDSA_SIG, ECDSA_SIG_free)

static const EVP_MD *
message_digest(const TbAlgorithm *algorithm)
{
    return EVP_get_digestbyname(algorithm->digest);
}

GBytes *
tb_signature_digest(const TbAlgorithm *algorithm, GBytes *input)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    gsize size;
    const void *bytes = g_bytes_get_data(input, &size);

    if (!EVP_Digest(bytes, size, digest, &length, message_digest(algorithm), NULL)) {
        ERR_clear_error();
        return NULL;
    }
    return g_bytes_new(digest, length);
}

GBytes *
tb_signature_digest_info(const TbAlgorithm *algorithm, GBytes *digest)
{
    /* The prefixes of SHA-256, 384 and 512 differ in the last byte of the OID and in lengths. */
    guint8 info[TB_DIGEST_INFO_MAX + EVP_MAX_MD_SIZE] = {0x30, 0,    0x30, 0x0d, 0x06, 0x09, 0x60,
                                                         0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                                         0,    0x05, 0x00, 0x04, 0};
    gsize size;
    const void *bytes = g_bytes_get_data(digest, &size);

    g_return_val_if_fail(size == algorithm->digest_size, NULL);
    info[1] = (guint8)(TB_DIGEST_INFO_MAX - 2 + size);
    info[14] = size == 32 ? 1 : size == 48 ? 2 : 3;
    info[18] = (guint8)size;
    memcpy(info + TB_DIGEST_INFO_MAX, bytes, size);
    return g_bytes_new(info, TB_DIGEST_INFO_MAX + size);
}

gsize
tb_signature_component_size(const char *curve)
{
    size_t count = 0;
    const TbAlgorithm *table = tb_algorithm_table(&count);

    for (size_t i = 0; curve && i < count; i++) {
        if (table[i].curve && strcmp(table[i].curve, curve) == 0)
            return table[i].component_size;
    }
    return 0;
}

/* OpenSSL takes ECDSA signatures as DER only. */
static unsigned char *
der_from_raw(const guchar *raw, gsize component_size, int *out_length)
{
    g_autoptr(ECDSA_SIG) pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)component_size, NULL);
    BIGNUM *s = BN_bin2bn(raw + component_size, (int)component_size, NULL);
    unsigned char *der = NULL;
    int length;

    if (!pair || !r || !s || !ECDSA_SIG_set0(pair, r, s)) {
        BN_free(r);
        BN_free(s);
        return NULL;
    }
    length = i2d_ECDSA_SIG(pair, &der);
    if (length <= 0)
        return NULL;
    *out_length = length;
    return der;
}

static gboolean
verify_digest(EVP_PKEY *key, const TbAlgorithm *algorithm, GBytes *digest, const guchar *signature,
              gsize length)
{
    g_autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new(key, NULL);
    gsize size;
    const guchar *bytes = g_bytes_get_data(digest, &size);

    if (!context || EVP_PKEY_verify_init(context) <= 0)
        return FALSE;
    if (algorithm->key_type == TB_KEY_RSA) {
        gboolean pss = algorithm->padding == TB_PADDING_PSS;

        if (EVP_PKEY_CTX_set_rsa_padding(context,
                                         pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) <= 0 ||
            EVP_PKEY_CTX_set_signature_md(context, message_digest(algorithm)) <= 0 ||
            (pss && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) <= 0))
            return FALSE;
    }
    return EVP_PKEY_verify(context, signature, length, bytes, size) == 1;
}

static gboolean
verify_ed25519(EVP_PKEY *key, GBytes *input, const guchar *signature, gsize length)
{
    g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    gsize size;
    const guchar *bytes = g_bytes_get_data(input, &size);

    return context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
           EVP_DigestVerify(context, signature, length, bytes, size) == 1;
}

static gboolean
verify_ecdsa(EVP_PKEY *key, const TbAlgorithm *algorithm, gsize component_size, GBytes *digest,
             const guchar *signature, gsize length)
{
    unsigned char *der;
    int der_length = 0;
    gboolean good;

    if (component_size == 0 || length != 2 * component_size)
        return FALSE;
    der = der_from_raw(signature, component_size, &der_length);
    good = der && verify_digest(key, algorithm, digest, der, (gsize)der_length);
    OPENSSL_free(der);
    return good;
}

gboolean
tb_signature_verify(EVP_PKEY *key, const TbAlgorithm *algorithm, gsize component_size,
                    GBytes *input, gboolean prehashed, const guchar *signature, gsize length)
{
    g_autoptr(GBytes) digest = NULL;
    gboolean good;

    if (algorithm->key_type == TB_KEY_ED25519) {
        good = !prehashed && verify_ed25519(key, input, signature, length);
    } else {
        digest = prehashed ? g_bytes_ref(input) : tb_signature_digest(algorithm, input);
        if (!digest)
            return FALSE;
        good = algorithm->key_type == TB_KEY_EC
                   ? verify_ecdsa(key, algorithm, component_size, digest, signature, length)
                   : verify_digest(key, algorithm, digest, signature, length);
    }
    ERR_clear_error();
    return good;
}
