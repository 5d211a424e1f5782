/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: keys and certificates made on the spot with OpenSSL, good ones and odd ones. Test code
 * only.
 */
#pragma once

#include <glib.h>

#include "host/worker/certificate.h"

/* "P-256", "P-384", "P-521", "secp256k1", "RSA" and "RSA-other" (2048 bits, the same
 * each time), "RSA-1024", "Ed25519"; freed with
 * EVP_PKEY_free. */
EVP_PKEY *tb_test_key(const char *kind);

typedef struct TbTestIssue {
    const char *subject; /* a common name in UTF-8; NULL: an empty name */
    const char *issuer;  /* the same; NULL: self-issued */
    EVP_PKEY *key;
    EVP_PKEY *issuer_key;      /* NULL: self-signed */
    long not_after;            /* seconds from now; 0: an hour */
    const char *extensions[8]; /* "name=value" as in OpenSSL's configuration, up to a NULL */
} TbTestIssue;

X509 *tb_test_issue(const TbTestIssue *what);

/* As a TbCertificate with a CKA_ID of one byte. */
TbCertificate *tb_test_certificate(const TbTestIssue *what, guint8 key_id);
