/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests and signatures, with OpenSSL: what is prepared for the token, and the check of what it
 * answered. No state.
 */
#pragma once

#include <glib.h>
#include <openssl/evp.h>

#include "tokenbridge/algorithm.h"

#define TB_DIGEST_INFO_MAX 19u /* bytes before the digest */
#define TB_SIGNATURE_MAX 2048u /* bytes: RSA with 16384 bits */

/* The algorithm's digest of input; NULL when OpenSSL fails. */
GBytes *tb_signature_digest(const TbAlgorithm *algorithm, GBytes *input);

/* The DER of DigestInfo (RFC 8017, 9.2) around a digest. */
GBytes *tb_signature_digest_info(const TbAlgorithm *algorithm, GBytes *digest);

/* Bytes of r and of s on a curve ("P-256"); 0 for an unknown one. */
gsize tb_signature_component_size(const char *curve);

/* Whether signature is key's over input (its digest, when prehashed). ECDSA: raw r||s, both of
 * component_size bytes. */
gboolean tb_signature_verify(EVP_PKEY *key, const TbAlgorithm *algorithm, gsize component_size,
                             GBytes *input, gboolean prehashed, const guchar *signature,
                             gsize length);
