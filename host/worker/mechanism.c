/* SPDX-License-Identifier: Apache-2.0
 *
 * Mechanisms: see mechanism.h. Hashing is done here rather than on the token wherever there is a
 * choice: it is faster, and more tokens have the raw mechanisms. No state.
 */
#include "host/worker/mechanism.h"

#include <string.h>

#include "host/common/fault.h"
#include "host/worker/signature.h"

#define LIST_MAX 4096u /* mechanisms in a token's list */

struct TbMechanisms {
    GArray *types; /* CK_MECHANISM_TYPE */
    CK_RV rv;      /* of the reading */
};

TbMechanisms *
tb_mechanisms_new(const CK_MECHANISM_TYPE *types, gsize count)
{
    TbMechanisms *mechanisms = g_new0(TbMechanisms, 1);

    mechanisms->types = g_array_new(FALSE, FALSE, sizeof *types);
    g_array_append_vals(mechanisms->types, types, (guint)count);
    return mechanisms;
}

void
tb_mechanisms_free(TbMechanisms *mechanisms)
{
    if (!mechanisms)
        return;
    g_array_unref(mechanisms->types);
    g_free(mechanisms);
}

gboolean
tb_mechanisms_are_none(const TbMechanisms *mechanisms)
{
    return mechanisms->types->len == 0;
}

static gboolean
has(const TbMechanisms *mechanisms, CK_MECHANISM_TYPE type)
{
    for (guint i = 0; type != 0 && i < mechanisms->types->len; i++) {
        if (g_array_index(mechanisms->types, CK_MECHANISM_TYPE, i) == type)
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_ours(CK_MECHANISM_TYPE type)
{
    size_t count = 0;
    const TbAlgorithm *table = tb_algorithm_table(&count);

    for (size_t i = 0; type != 0 && i < count; i++) {
        if (table[i].mechanism == type || table[i].combined_mechanism == type)
            return TRUE;
    }
    return FALSE;
}

CK_RV
tb_mechanisms_rv(const TbMechanisms *mechanisms)
{
    return mechanisms->rv;
}

static CK_RV
read_list(const CK_FUNCTION_LIST *p11, CK_SLOT_ID slot, CK_MECHANISM_TYPE **out_list,
          CK_ULONG *out_count)
{
    g_autofree CK_MECHANISM_TYPE *list = NULL;
    CK_ULONG count = 0;
    CK_ULONG room;
    CK_RV rv = p11->C_GetMechanismList(slot, NULL, &count);

    if (rv == CKR_OK && count > LIST_MAX)
        rv = CKR_GENERAL_ERROR;
    if (rv != CKR_OK)
        return rv;
    room = count;
    list = g_new0(CK_MECHANISM_TYPE, room + 1);
    rv = p11->C_GetMechanismList(slot, list, &count);
    if (rv == CKR_OK && count > room)
        rv = CKR_GENERAL_ERROR;
    if (rv != CKR_OK)
        return rv;
    *out_list = g_steal_pointer(&list);
    *out_count = count;
    return CKR_OK;
}

TbMechanisms *
tb_mechanisms_read(const CK_FUNCTION_LIST *p11, CK_SLOT_ID slot)
{
    g_autofree CK_MECHANISM_TYPE *list = NULL;
    TbMechanisms *mechanisms = tb_mechanisms_new(NULL, 0);
    CK_ULONG count = 0;

    mechanisms->rv = read_list(p11, slot, &list, &count);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_MECHANISM_INFO info = {0};

        /* A token that lists a mechanism but cannot describe it may still be able to sign. */
        if (is_ours(list[i]) && (p11->C_GetMechanismInfo(slot, list[i], &info) != CKR_OK ||
                                 (info.flags & CKF_SIGN) != 0))
            g_array_append_val(mechanisms->types, list[i]);
    }
    return mechanisms;
}

/* RFC 8017: the encoded message must fit into the key's modulus. */
static gboolean
fits_rsa_key(const TbAlgorithm *algorithm, int bits)
{
    gsize needed = algorithm->padding == TB_PADDING_PSS
                       ? 2 * algorithm->digest_size + 2                    /* 9.1.1, salt = hash */
                       : algorithm->digest_size + TB_DIGEST_INFO_MAX + 11; /* 9.2 */

    return bits > 8 && ((gsize)bits + 6) / 8 >= needed;
}

static gboolean
fits_key(const TbAlgorithm *algorithm, const TbCertificate *certificate, gboolean any_hash)
{
    if (algorithm->key_type != certificate->key_type)
        return FALSE;
    if (algorithm->key_type == TB_KEY_RSA)
        return fits_rsa_key(algorithm, certificate->bits);
    if (algorithm->key_type != TB_KEY_EC)
        return TRUE;
    return certificate->curve && (any_hash || strcmp(algorithm->curve, certificate->curve) == 0);
}

json_t *
tb_mechanisms_algorithms(const TbMechanisms *mechanisms, const TbCertificate *certificate)
{
    json_t *list = json_array();
    size_t count = 0;
    const TbAlgorithm *table = tb_algorithm_table(&count);

    for (size_t i = 0; i < count; i++) {
        if (fits_key(&table[i], certificate, FALSE) &&
            (has(mechanisms, table[i].mechanism) || has(mechanisms, table[i].combined_mechanism)))
            json_array_append_new(list, json_string(table[i].jwa));
    }
    return list;
}

json_t *
tb_mechanisms_digest_algorithms(const TbMechanisms *mechanisms, const TbCertificate *certificate)
{
    json_t *list = json_array();
    size_t count = 0;
    const TbAlgorithm *table = tb_algorithm_table(&count);

    for (size_t i = 0; i < count; i++) {
        if (table[i].key_type != TB_KEY_ED25519 && fits_key(&table[i], certificate, TRUE) &&
            has(mechanisms, table[i].mechanism))
            json_array_append_new(list, json_string(table[i].jwa));
    }
    return list;
}

void
tb_mechanism_use_clear(TbMechanismUse *use)
{
    g_clear_pointer(&use->data, g_bytes_unref);
}

static void
set_pss(TbMechanismUse *use, const TbAlgorithm *algorithm)
{
    static const struct {
        gsize size;
        CK_MECHANISM_TYPE hash;
        CK_RSA_PKCS_MGF_TYPE mgf;
    } hashes[] = {
        {32, CKM_SHA256, CKG_MGF1_SHA256},
        {48, CKM_SHA384, CKG_MGF1_SHA384},
        {64, CKM_SHA512, CKG_MGF1_SHA512},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(hashes); i++) {
        if (hashes[i].size != algorithm->digest_size)
            continue;
        use->with_pss = TRUE;
        use->pss.hashAlg = hashes[i].hash;
        use->pss.mgf = hashes[i].mgf;
        use->pss.sLen = hashes[i].size; /* RFC 7518, 3.5 */
    }
}

/* What the raw mechanism signs: the message itself (EdDSA), a DigestInfo (PKCS#1 v1.5), the digest
 * (PSS), or the digest cut to the length of the curve's order (ECDSA; FIPS 186-4, 6.4: tokens
 * differ in whether they cut it themselves). */
static GBytes *
raw_data(const TbAlgorithm *algorithm, const TbCertificate *certificate, GBytes *input,
         gboolean prehashed)
{
    g_autoptr(GBytes) digest = NULL;

    if (algorithm->key_type == TB_KEY_ED25519)
        return g_bytes_ref(input);
    digest = prehashed ? g_bytes_ref(input) : tb_signature_digest(algorithm, input);
    if (!digest)
        return NULL;
    if (algorithm->padding == TB_PADDING_PKCS1)
        return tb_signature_digest_info(algorithm, digest);
    if (algorithm->key_type == TB_KEY_EC) {
        gsize order = tb_signature_component_size(certificate->curve);

        return g_bytes_new_from_bytes(digest, 0, MIN(order, g_bytes_get_size(digest)));
    }
    return g_steal_pointer(&digest);
}

gboolean
tb_mechanism_choose(const TbMechanisms *mechanisms, const TbAlgorithm *algorithm,
                    const TbCertificate *certificate, GBytes *input, gboolean prehashed,
                    TbMechanismUse *out_use, GError **error)
{
    TbMechanismUse use = {0};

    if (prehashed && algorithm->key_type == TB_KEY_ED25519)
        return tb_fault(error, TB_REASON_UNSUPPORTED, "EdDSA cannot sign a ready-made hash.");
    if (prehashed && g_bytes_get_size(input) != algorithm->digest_size)
        return tb_fault(error, TB_REASON_INVALID_REQUEST,
                        "The hash has %" G_GSIZE_FORMAT " bytes, but %s needs %" G_GSIZE_FORMAT ".",
                        g_bytes_get_size(input), algorithm->jwa, algorithm->digest_size);
    if (!fits_key(algorithm, certificate, prehashed))
        return tb_fault(error, TB_REASON_UNSUPPORTED, "The certificate's key cannot sign with %s.",
                        algorithm->jwa);
    if (has(mechanisms, algorithm->mechanism)) {
        use.type = algorithm->mechanism;
        use.data = raw_data(algorithm, certificate, input, prehashed);
        if (!use.data)
            return tb_fault(error, TB_REASON_INTERNAL, "OpenSSL could not hash the data.");
    } else if (!prehashed && has(mechanisms, algorithm->combined_mechanism)) {
        use.type = algorithm->combined_mechanism;
        use.data = g_bytes_ref(input);
    } else {
        return tb_fault(error, TB_REASON_UNSUPPORTED, "The token has no mechanism for %s%s.",
                        algorithm->jwa, prehashed ? " over a ready-made hash" : "");
    }
    if (algorithm->padding == TB_PADDING_PSS)
        set_pss(&use, algorithm);
    *out_use = use;
    return TRUE;
}
