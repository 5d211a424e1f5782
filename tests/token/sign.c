/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: signatures: see sign.h. Test code only.
 */
#include "tests/token/sign.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#define SIGNATURE_MAX 2048

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ECDSA_SIG, ECDSA_SIG_free)

typedef struct Kind {
    CK_MECHANISM_TYPE mechanism;
    int key;          /* EVP_PKEY_... */
    int padding;      /* RSA_..._PADDING; 0: none */
    const char *hash; /* done here; NULL: the caller hashes */
} Kind;

static const Kind kinds[] = {
    {CKM_RSA_X_509, EVP_PKEY_RSA, RSA_NO_PADDING, NULL},
    {CKM_RSA_PKCS, EVP_PKEY_RSA, RSA_PKCS1_PADDING, NULL},
    {CKM_RSA_PKCS_PSS, EVP_PKEY_RSA, RSA_PKCS1_PSS_PADDING, NULL},
    {CKM_SHA256_RSA_PKCS, EVP_PKEY_RSA, RSA_PKCS1_PADDING, "SHA256"},
    {CKM_SHA384_RSA_PKCS, EVP_PKEY_RSA, RSA_PKCS1_PADDING, "SHA384"},
    {CKM_SHA512_RSA_PKCS, EVP_PKEY_RSA, RSA_PKCS1_PADDING, "SHA512"},
    {CKM_SHA256_RSA_PKCS_PSS, EVP_PKEY_RSA, RSA_PKCS1_PSS_PADDING, "SHA256"},
    {CKM_SHA384_RSA_PKCS_PSS, EVP_PKEY_RSA, RSA_PKCS1_PSS_PADDING, "SHA384"},
    {CKM_SHA512_RSA_PKCS_PSS, EVP_PKEY_RSA, RSA_PKCS1_PSS_PADDING, "SHA512"},
    {CKM_ECDSA, EVP_PKEY_EC, 0, NULL},
    {CKM_ECDSA_SHA256, EVP_PKEY_EC, 0, "SHA256"},
    {CKM_ECDSA_SHA384, EVP_PKEY_EC, 0, "SHA384"},
    {CKM_ECDSA_SHA512, EVP_PKEY_EC, 0, "SHA512"},
    {CKM_EDDSA, EVP_PKEY_ED25519, 0, NULL},
};

static const Kind *
find_kind(CK_MECHANISM_TYPE mechanism)
{
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (kinds[i].mechanism == mechanism)
            return &kinds[i];
    }
    return NULL;
}

void
tt_sign_clear(TtSignature *signature)
{
    g_clear_pointer(&signature->key, EVP_PKEY_free);
    g_clear_pointer(&signature->parts, g_byte_array_unref);
    signature->active = signature->needs_login = FALSE;
}

static gboolean
token_has(const TtToken *token, CK_MECHANISM_TYPE mechanism)
{
    for (guint i = 0; i < token->mechanisms->len; i++) {
        if (g_array_index(token->mechanisms, CK_MECHANISM_TYPE, i) == mechanism)
            return TRUE;
    }
    return FALSE;
}

static const EVP_MD *
pss_hash(const CK_RSA_PKCS_PSS_PARAMS *pss)
{
    switch (pss->hashAlg) {
    case CKM_SHA256:
        return EVP_sha256();
    case CKM_SHA384:
        return EVP_sha384();
    case CKM_SHA512:
        return EVP_sha512();
    default:
        return NULL;
    }
}

static CK_RV
read_pss(const CK_MECHANISM *mechanism, CK_RSA_PKCS_PSS_PARAMS *out_pss)
{
    if (!mechanism->pParameter || mechanism->ulParameterLen != sizeof *out_pss)
        return CKR_MECHANISM_PARAM_INVALID;
    memcpy(out_pss, mechanism->pParameter, sizeof *out_pss);
    return pss_hash(out_pss) ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

CK_RV
tt_sign_init(const TtUse *use, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    TtSignature *signature = &use->session->signature;
    const TtObject *object = NULL;
    const Kind *kind;
    CK_RSA_PKCS_PSS_PARAMS pss = {0};

    if (!mechanism)
        return CKR_ARGUMENTS_BAD;
    if (signature->active)
        return CKR_OPERATION_ACTIVE;
    kind = find_kind(mechanism->mechanism);
    if (!kind || !token_has(use->token, mechanism->mechanism))
        return CKR_MECHANISM_INVALID;
    if (tt_session_object(use, key, &object) != CKR_OK || !object->key)
        return CKR_KEY_HANDLE_INVALID;
    if (use->presence->login != CKU_USER && (use->token->info.flags & CKF_LOGIN_REQUIRED))
        return CKR_USER_NOT_LOGGED_IN;
    if (tt_pin_expired(&use->token->pins) != CKR_OK)
        return CKR_PIN_EXPIRED;
    if (EVP_PKEY_get_base_id(object->key) != kind->key)
        return CKR_KEY_TYPE_INCONSISTENT;
    if (!object->may_sign)
        return CKR_KEY_FUNCTION_NOT_PERMITTED;
    if (kind->padding == RSA_PKCS1_PSS_PADDING && read_pss(mechanism, &pss) != CKR_OK)
        return CKR_MECHANISM_PARAM_INVALID;
    EVP_PKEY_up_ref(object->key);
    *signature = (TtSignature){.active = TRUE,
                               .needs_login = object->always_authenticate,
                               .mechanism = mechanism->mechanism,
                               .pss = pss,
                               .key = object->key,
                               .parts = g_byte_array_new()};
    return CKR_OK;
}

static CK_ULONG
signature_size(const TtSignature *signature)
{
    if (EVP_PKEY_get_base_id(signature->key) == EVP_PKEY_EC)
        return 2 * (((CK_ULONG)EVP_PKEY_get_bits(signature->key) + 7) / 8);
    return (CK_ULONG)EVP_PKEY_get_size(signature->key);
}

/* PKCS#11 has r||s where OpenSSL has DER. */
static gboolean
raw_from_der(const guint8 *der, gsize length, guint8 *out_raw, gsize size)
{
    const unsigned char *from = der;
    g_autoptr(ECDSA_SIG) pair = d2i_ECDSA_SIG(NULL, &from, (long)length);
    const int half = (int)(size / 2);

    return pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), out_raw, half) == half &&
           BN_bn2binpad(ECDSA_SIG_get0_s(pair), out_raw + half, half) == half;
}

static gboolean
set_padding(EVP_PKEY_CTX *context, const TtSignature *signature, const Kind *kind)
{
    const EVP_MD *hash = kind->hash ? EVP_get_digestbyname(kind->hash) : NULL;

    if (kind->key != EVP_PKEY_RSA)
        return TRUE;
    if (EVP_PKEY_CTX_set_rsa_padding(context, kind->padding) <= 0)
        return FALSE;
    if (kind->padding != RSA_PKCS1_PSS_PADDING)
        return !hash || EVP_PKEY_CTX_set_signature_md(context, hash) > 0;
    return EVP_PKEY_CTX_set_signature_md(context, pss_hash(&signature->pss)) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, (int)signature->pss.sLen) > 0;
}

static gboolean
make(const TtSignature *signature, const Kind *kind, const GByteArray *data, guint8 *out_bytes,
     CK_ULONG size)
{
    g_autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new(signature->key, NULL);
    guint8 digest[EVP_MAX_MD_SIZE];
    unsigned int digest_size = 0;
    const guint8 *input = data->data;
    gsize input_size = data->len;
    guint8 bytes[SIGNATURE_MAX];
    gsize length = sizeof bytes;

    if (kind->hash) {
        if (!EVP_Digest(input, input_size, digest, &digest_size, EVP_get_digestbyname(kind->hash),
                        NULL))
            return FALSE;
        input = digest;
        input_size = digest_size;
    }
    if (!context || EVP_PKEY_sign_init(context) <= 0 || !set_padding(context, signature, kind) ||
        EVP_PKEY_sign(context, bytes, &length, input, input_size) <= 0)
        return FALSE;
    if (kind->key == EVP_PKEY_EC)
        return raw_from_der(bytes, length, out_bytes, size);
    memcpy(out_bytes, bytes, MIN(length, size));
    return length == size;
}

static gboolean
make_ed25519(const TtSignature *signature, const GByteArray *data, guint8 *out_bytes, CK_ULONG size)
{
    g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
    gsize length = size;

    return context && EVP_DigestSignInit(context, NULL, NULL, NULL, signature->key) == 1 &&
           EVP_DigestSign(context, out_bytes, &length, data->data, data->len) == 1 &&
           length == size;
}

CK_RV
tt_sign_update(TtSignature *signature, const CK_BYTE *part, CK_ULONG length)
{
    if (!signature->active)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (length > G_MAXINT || (!part && length > 0))
        return CKR_ARGUMENTS_BAD;
    if (length > 0)
        g_byte_array_append(signature->parts, part, (guint)length);
    return CKR_OK;
}

CK_RV
tt_sign(TtSignature *signature, const CK_BYTE *data, CK_ULONG length, CK_BYTE *out_signature,
        CK_ULONG *inout_length)
{
    const Kind *kind;
    CK_ULONG size;
    CK_ULONG room;
    gboolean made;

    if (!signature->active)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (!inout_length)
        return CKR_ARGUMENTS_BAD;
    size = signature_size(signature);
    room = *inout_length;
    *inout_length = size;
    if (!out_signature)
        return CKR_OK;
    if (room < size)
        return CKR_BUFFER_TOO_SMALL;
    if (signature->needs_login) {
        tt_sign_clear(signature);
        return CKR_USER_NOT_LOGGED_IN;
    }
    if (tt_sign_update(signature, data, length) != CKR_OK)
        return CKR_ARGUMENTS_BAD;
    kind = find_kind(signature->mechanism);
    ERR_set_mark();
    made = kind->key == EVP_PKEY_ED25519
               ? make_ed25519(signature, signature->parts, out_signature, size)
               : make(signature, kind, signature->parts, out_signature, size);
    ERR_pop_to_mark();
    tt_sign_clear(signature);
    return made ? CKR_OK : CKR_DATA_LEN_RANGE;
}
