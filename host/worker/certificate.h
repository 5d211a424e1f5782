/* SPDX-License-Identifier: Apache-2.0
 *
 * One certificate of a token, and what docs/protocol.md, 4.1 says of it. Anybody may have written
 * the certificate; nothing in it is trusted. Objects belong to one thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <openssl/x509.h>

#include "tokenbridge/algorithm.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)

#define TB_CERTIFICATE_ID_LENGTH 64 /* characters: SHA-256 in hex */

typedef struct TbCertificate {
    X509 *x509;
    GBytes *der;
    GBytes *key_id; /* CKA_ID; may be empty */
    char *label;
    char id[TB_CERTIFICATE_ID_LENGTH + 1];
    TbKeyType key_type;
    int bits;
    const char *curve; /* a static string, NULL when the key is on none of our curves */
    gboolean ca;
    /* Set by tb_chain_link(): the certificate whose key signed this one; borrowed, NULL when it is
     * not on the token or this is self-signed. */
    const struct TbCertificate *issuer;
    gboolean key_proven; /* the only key with this CKA_ID has signed for it */
} TbCertificate;

/* Takes a reference to x509. NULL when its DER is over the size limit. label and key_id may be
 * NULL; label need not be UTF-8. */
TbCertificate *tb_certificate_new(X509 *x509, const char *label, GBytes *key_id);

/* As tb_certificate_new, from DER bytes (trailing bytes are ignored: some cards pad). NULL when
 * they are no certificate. */
TbCertificate *tb_certificate_parse(const void *der, gsize length, const char *label,
                                    GBytes *key_id);

void tb_certificate_free(TbCertificate *certificate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbCertificate, tb_certificate_free)

/* The members that follow from the certificate alone: all but has_key, algorithms,
 * digest_algorithms, issuers, chain. */
json_t *tb_certificate_to_json(const TbCertificate *certificate);

/* The public key; borrowed, NULL when OpenSSL does not know its kind. */
EVP_PKEY *tb_certificate_public_key(const TbCertificate *certificate);
