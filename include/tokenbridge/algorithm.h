/* SPDX-License-Identifier: Apache-2.0
 *
 * The signature algorithms of RFC 7518 (and EdDSA, RFC 8037) that Tokenbridge signs and verifies:
 * one table that ties the JWA name to the key it needs, OpenSSL's digest and the PKCS#11
 * mechanisms.
 */
#pragma once

#include <stddef.h>

typedef enum TbKeyType {
    TB_KEY_OTHER = 0,
    TB_KEY_RSA,
    TB_KEY_EC,
    TB_KEY_ED25519,
} TbKeyType;

typedef enum TbPadding {
    TB_PADDING_NONE = 0, /* ECDSA, EdDSA */
    TB_PADDING_PKCS1,    /* RSASSA-PKCS1-v1_5 */
    TB_PADDING_PSS,      /* RSASSA-PSS, MGF1 with the same hash, salt as long as the hash */
} TbPadding;

typedef struct TbAlgorithm {
    const char *jwa; /* "ES256" */
    TbKeyType key_type;
    const char *curve; /* "P-256"; NULL for RSA and EdDSA */
    TbPadding padding;
    const char *digest;               /* OpenSSL's name of the hash, "SHA256" */
    const char *hash_name;            /* Web eID's name of the hash, "SHA-256" */
    size_t digest_size;               /* bytes */
    size_t component_size;            /* ECDSA: bytes of r and of s; else 0 */
    unsigned long mechanism;          /* CKM over a digest (or, EdDSA, over the message) */
    unsigned long combined_mechanism; /* CKM that hashes too; 0 where there is none */
} TbAlgorithm;

/* Exact, case-sensitive look-up; NULL for a name that is not in the table. */
const TbAlgorithm *tb_algorithm_by_jwa(const char *jwa);

/* The algorithm for a key, padding and hash name ("SHA-256"); for EC the curve is given and need
 * not match the hash (documents may be signed with P-256 over SHA-512). NULL when there is none. */
const TbAlgorithm *tb_algorithm_find(TbKeyType key_type, TbPadding padding, const char *hash_name);

/* The table, best first; *out_count entries. */
const TbAlgorithm *tb_algorithm_table(size_t *out_count);

/* "RSA", "EC", "Ed25519", "other": the words of the channel protocol, and back. */
const char *tb_key_type_word(TbKeyType type);
TbKeyType tb_key_type_from_word(const char *word);
