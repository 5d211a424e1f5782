/* SPDX-License-Identifier: Apache-2.0
 *
 * From what a token reports (C_GetMechanismList, C_GetMechanismInfo) to the algorithms it can sign
 * with, and from an algorithm to the mechanism and the bytes for C_Sign. The lists come from the
 * module. One thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <p11-kit/pkcs11.h>

#include "host/worker/certificate.h"
#include "tokenbridge/algorithm.h"

/* The mechanisms of a token that can sign, of those in the algorithm table. */
typedef struct TbMechanisms TbMechanisms;

/* Asks the token. A token that does not answer has none. */
TbMechanisms *tb_mechanisms_read(const CK_FUNCTION_LIST *p11, CK_SLOT_ID slot);

/* What the token answered when it was asked. */
CK_RV tb_mechanisms_rv(const TbMechanisms *mechanisms);

TbMechanisms *tb_mechanisms_new(const CK_MECHANISM_TYPE *types, gsize count);
void tb_mechanisms_free(TbMechanisms *mechanisms);
gboolean tb_mechanisms_are_none(const TbMechanisms *mechanisms);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbMechanisms, tb_mechanisms_free)

/* The JWA names that the token can make with the certificate's key, best first. */
json_t *tb_mechanisms_algorithms(const TbMechanisms *mechanisms, const TbCertificate *certificate);

/* The same for a digest made elsewhere, as documents need: never EdDSA, nor what only a mechanism
 * that hashes on the token makes; with any of our hashes for a P-256, P-384 or P-521 key. */
json_t *tb_mechanisms_digest_algorithms(const TbMechanisms *mechanisms,
                                        const TbCertificate *certificate);

typedef struct TbMechanismUse {
    CK_MECHANISM_TYPE type;
    gboolean with_pss; /* pss is the mechanism's parameter */
    CK_RSA_PKCS_PSS_PARAMS pss;
    GBytes *data; /* what C_Sign gets */
} TbMechanismUse;

void tb_mechanism_use_clear(TbMechanismUse *use);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbMechanismUse, tb_mechanism_use_clear)

/* Chooses the mechanism for an algorithm: over a digest made here where the token can, else the one
 * that hashes on the token. input is the message, or its digest when prehashed. A P-256, P-384 or
 * P-521 key signs a digest of any of our hashes when prehashed, as documents need; else only with
 * the hash that RFC 7518 gives its curve. Errors: unsupported, invalid_request. */
gboolean tb_mechanism_choose(const TbMechanisms *mechanisms, const TbAlgorithm *algorithm,
                             const TbCertificate *certificate, GBytes *input, gboolean prehashed,
                             TbMechanismUse *out_use, GError **error);
