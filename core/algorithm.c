/* SPDX-License-Identifier: Apache-2.0
 *
 * The algorithm table. CKM numbers are PKCS#11 2.40's (3.0 for EdDSA), written out so that core/
 * needs no PKCS#11 header. Order is preference: the first that a key and a token both can is used.
 */
#include "tokenbridge/algorithm.h"

#include <string.h>

enum {
    CKM_RSA_PKCS = 0x1,
    CKM_RSA_PKCS_PSS = 0xd,
    CKM_SHA256_RSA_PKCS = 0x40,
    CKM_SHA384_RSA_PKCS = 0x41,
    CKM_SHA512_RSA_PKCS = 0x42,
    CKM_SHA256_RSA_PKCS_PSS = 0x43,
    CKM_SHA384_RSA_PKCS_PSS = 0x44,
    CKM_SHA512_RSA_PKCS_PSS = 0x45,
    CKM_ECDSA = 0x1041,
    CKM_ECDSA_SHA256 = 0x1044,
    CKM_ECDSA_SHA384 = 0x1045,
    CKM_ECDSA_SHA512 = 0x1046,
    CKM_EDDSA = 0x1057,
};

#define SHA_256 "SHA256", "SHA-256", 32
#define SHA_384 "SHA384", "SHA-384", 48
#define SHA_512 "SHA512", "SHA-512", 64

static const TbAlgorithm table[] = {
    {"ES256", TB_KEY_EC, "P-256", TB_PADDING_NONE, SHA_256, 32, CKM_ECDSA, CKM_ECDSA_SHA256},
    {"ES384", TB_KEY_EC, "P-384", TB_PADDING_NONE, SHA_384, 48, CKM_ECDSA, CKM_ECDSA_SHA384},
    {"ES512", TB_KEY_EC, "P-521", TB_PADDING_NONE, SHA_512, 66, CKM_ECDSA, CKM_ECDSA_SHA512},
    /* PKCS#1 v1.5 before PSS: every token and every validator in the field has it. */
    {"RS256", TB_KEY_RSA, NULL, TB_PADDING_PKCS1, SHA_256, 0, CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS},
    {"RS384", TB_KEY_RSA, NULL, TB_PADDING_PKCS1, SHA_384, 0, CKM_RSA_PKCS, CKM_SHA384_RSA_PKCS},
    {"RS512", TB_KEY_RSA, NULL, TB_PADDING_PKCS1, SHA_512, 0, CKM_RSA_PKCS, CKM_SHA512_RSA_PKCS},
    {"PS256", TB_KEY_RSA, NULL, TB_PADDING_PSS, SHA_256, 0, CKM_RSA_PKCS_PSS,
     CKM_SHA256_RSA_PKCS_PSS},
    {"PS384", TB_KEY_RSA, NULL, TB_PADDING_PSS, SHA_384, 0, CKM_RSA_PKCS_PSS,
     CKM_SHA384_RSA_PKCS_PSS},
    {"PS512", TB_KEY_RSA, NULL, TB_PADDING_PSS, SHA_512, 0, CKM_RSA_PKCS_PSS,
     CKM_SHA512_RSA_PKCS_PSS},
    {"EdDSA", TB_KEY_ED25519, NULL, TB_PADDING_NONE, SHA_512, 0, CKM_EDDSA, 0},
};

static const size_t table_length = sizeof table / sizeof table[0];

static const char *const key_words[] = {
    [TB_KEY_OTHER] = "other",
    [TB_KEY_RSA] = "RSA",
    [TB_KEY_EC] = "EC",
    [TB_KEY_ED25519] = "Ed25519",
};

const TbAlgorithm *
tb_algorithm_by_jwa(const char *jwa)
{
    for (size_t i = 0; i < table_length; i++) {
        if (strcmp(table[i].jwa, jwa) == 0)
            return &table[i];
    }
    return NULL;
}

const TbAlgorithm *
tb_algorithm_find(TbKeyType key_type, TbPadding padding, const char *hash_name)
{
    for (size_t i = 0; i < table_length; i++) {
        if (table[i].key_type == key_type && table[i].padding == padding &&
            strcmp(table[i].hash_name, hash_name) == 0)
            return &table[i];
    }
    return NULL;
}

const TbAlgorithm *
tb_algorithm_table(size_t *out_count)
{
    *out_count = table_length;
    return table;
}

const char *
tb_key_type_word(TbKeyType type)
{
    return key_words[type <= TB_KEY_ED25519 ? type : TB_KEY_OTHER];
}

TbKeyType
tb_key_type_from_word(const char *word)
{
    for (int i = TB_KEY_RSA; i <= TB_KEY_ED25519; i++) {
        if (strcmp(key_words[i], word) == 0)
            return (TbKeyType)i;
    }
    return TB_KEY_OTHER;
}
