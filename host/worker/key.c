/* SPDX-License-Identifier: Apache-2.0
 *
 * Private keys for a certificate: see key.h. No state.
 */
#include "host/worker/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

#include "host/worker/objects.h"

#define VALUE_MAX 4096u     /* bytes of a modulus or point */
#define POINT_HEADER_MAX 4u /* bytes of the OCTET STRING around a point */

typedef enum Match {
    MATCH_NO,
    MATCH_UNKNOWN, /* the token does not show the public part */
    MATCH_YES,
} Match;

typedef struct Search {
    const CK_FUNCTION_LIST *p11;
    CK_SESSION_HANDLE session;
    const TbCertificate *certificate;
} Search;

static CK_KEY_TYPE
wanted_type(const TbCertificate *certificate)
{
    switch (certificate->key_type) {
    case TB_KEY_RSA:
        return CKK_RSA;
    case TB_KEY_EC:
        return CKK_EC;
    case TB_KEY_ED25519:
        return CKK_EC_EDWARDS;
    case TB_KEY_OTHER:
        break;
    }
    return CK_UNAVAILABLE_INFORMATION;
}

static Match
match_modulus(const TbCertificate *certificate, GBytes *modulus)
{
    BIGNUM *expected = NULL;
    BIGNUM *shown =
        BN_bin2bn(g_bytes_get_data(modulus, NULL), (int)g_bytes_get_size(modulus), NULL);
    Match match = MATCH_UNKNOWN;

    if (shown && !BN_is_zero(shown) &&
        EVP_PKEY_get_bn_param(tb_certificate_public_key(certificate), OSSL_PKEY_PARAM_RSA_N,
                              &expected))
        match = BN_cmp(expected, shown) == 0 ? MATCH_YES : MATCH_NO;
    BN_free(expected);
    BN_free(shown);
    return match;
}

/* CKA_EC_POINT is the point in an OCTET STRING (PKCS#11 2.40, 2.3.3); some modules leave that out.
 */
static Match
match_point(const TbCertificate *certificate, GBytes *point)
{
    const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(certificate->x509);
    gsize expected = (gsize)ASN1_STRING_length(bits);
    gsize size;
    const guchar *shown = g_bytes_get_data(point, &size);

    if (size < expected)
        return MATCH_NO;
    if (size - expected > POINT_HEADER_MAX)
        return MATCH_UNKNOWN;
    return memcmp(shown + (size - expected), ASN1_STRING_get0_data(bits), expected) == 0 ? MATCH_YES
                                                                                         : MATCH_NO;
}

static GBytes *
attribute(const Search *search, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    GBytes *value = tb_objects_attribute(search->p11, search->session, object, type, VALUE_MAX);

    if (value && g_bytes_get_size(value) == 0)
        g_clear_pointer(&value, g_bytes_unref);
    return value;
}

/* Private EC keys seldom show their point; the public key object beside them does. */
static GBytes *
public_point(const Search *search, GBytes *id)
{
    CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &public_class, sizeof public_class},
        {CKA_ID, (void *)(guintptr)g_bytes_get_data(id, NULL), g_bytes_get_size(id)},
    };
    g_autoptr(GArray) found = NULL;

    if (tb_objects_find(search->p11, search->session, wanted, G_N_ELEMENTS(wanted), 2, &found) !=
            CKR_OK ||
        found->len != 1)
        return NULL;
    return attribute(search, g_array_index(found, CK_OBJECT_HANDLE, 0), CKA_EC_POINT);
}

static Match
match_key(const Search *search, CK_OBJECT_HANDLE key)
{
    CK_KEY_TYPE wanted = wanted_type(search->certificate);
    g_autoptr(GBytes) value = NULL;
    g_autoptr(GBytes) id = NULL;

    if (tb_objects_ulong(search->p11, search->session, key, CKA_KEY_TYPE, wanted) != wanted)
        return MATCH_NO;
    if (wanted == CKK_RSA) {
        value = attribute(search, key, CKA_MODULUS);
        return value ? match_modulus(search->certificate, value) : MATCH_UNKNOWN;
    }
    value = attribute(search, key, CKA_EC_POINT);
    if (!value) {
        id = attribute(search, key, CKA_ID);
        value = id ? public_point(search, id) : NULL;
    }
    return value ? match_point(search->certificate, value) : MATCH_UNKNOWN;
}

/* Appends the keys of list that match at least so well, best first. */
static void
append_matching(const Search *search, const GArray *list, Match least, GArray *keys)
{
    for (guint i = 0; i < list->len; i++) {
        CK_OBJECT_HANDLE key = g_array_index(list, CK_OBJECT_HANDLE, i);
        Match match = match_key(search, key);

        if (match == MATCH_YES)
            g_array_prepend_val(keys, key);
        else if (match >= least)
            g_array_append_val(keys, key);
    }
}

/* The private keys with the certificate's CKA_ID; none when it has no id. */
static CK_RV
find_same_id(const Search *search, GArray **out_keys)
{
    CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY;
    GBytes *id = search->certificate->key_id;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &private_class, sizeof private_class},
        {CKA_ID, (void *)(guintptr)g_bytes_get_data(id, NULL), g_bytes_get_size(id)},
    };

    if (g_bytes_get_size(id) == 0) {
        *out_keys = g_array_new(FALSE, FALSE, sizeof(CK_OBJECT_HANDLE));
        return CKR_OK;
    }
    return tb_objects_find(search->p11, search->session, wanted, G_N_ELEMENTS(wanted),
                           TB_OBJECTS_KEYS_MAX, out_keys);
}

CK_RV
tb_key_find(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
            const TbCertificate *certificate, GArray **out_keys, gboolean *out_only)
{
    const Search search = {p11, session, certificate};
    g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(CK_OBJECT_HANDLE));
    g_autoptr(GArray) same_id = NULL;
    g_autoptr(GArray) all = NULL;
    CK_RV rv = find_same_id(&search, &same_id);

    if (rv != CKR_OK)
        return rv;
    if (certificate->key_proven && same_id->len == 1) {
        *out_only = TRUE;
        *out_keys = g_steal_pointer(&same_id); /* saves a third of a warm signature's time */
        return CKR_OK;
    }
    append_matching(&search, same_id, MATCH_UNKNOWN, keys);
    if (keys->len == 0) {
        rv = tb_objects_find_class(p11, session, CKO_PRIVATE_KEY, TB_OBJECTS_KEYS_MAX, &all);
        if (rv != CKR_OK)
            return rv;
        append_matching(&search, all, MATCH_YES, keys);
    }
    *out_only = same_id->len == 1 && !all;
    *out_keys = g_steal_pointer(&keys);
    return CKR_OK;
}
