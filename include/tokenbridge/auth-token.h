/* SPDX-License-Identifier: Apache-2.0
 *
 * The web-eid:1.0 authentication token: what is signed, and the JSON it becomes (docs/protocol.md,
 * 6).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tokenbridge/algorithm.h"
#include "tokenbridge/error.h"

#define TB_NONCE_MIN 44         /* characters: 32 bytes as base64 */
#define TB_NONCE_MAX 128        /* characters */
#define TB_TOKEN_TEXT_MAX 10000 /* characters that the existing validators take */
#define TB_TO_BE_SIGNED_MAX 128 /* bytes: two SHA-512 digests */

/* TB_OK when nonce is 44 to 128 characters of standard base64 with padding. */
TbStatus tb_nonce_check(const char *nonce, TbError *error);

/* Writes h(origin) || h(nonce) to out and its length (64, 96 or 128 bytes) to *out_length. Checks
 * both inputs first, so nothing else can ever be signed for authentication. */
TbStatus tb_auth_token_to_be_signed(const TbAlgorithm *algorithm, const char *origin,
                                    const char *nonce, unsigned char out[TB_TO_BE_SIGNED_MAX],
                                    size_t *out_length, TbError *error);

typedef enum TbChainMode {
    TB_CHAIN_IF_IT_FITS, /* left out when the token would pass TB_TOKEN_TEXT_MAX */
    TB_CHAIN_ALWAYS,
    TB_CHAIN_NEVER,
} TbChainMode;

/* Makes the token's JSON text. certificate and each of intermediates are base64 DER, the leaf's
 * issuer first. *out_text is allocated with malloc; the caller frees it. */
TbStatus tb_auth_token_format(const TbAlgorithm *algorithm, const char *certificate,
                              const unsigned char *signature, size_t signature_length,
                              const char *const *intermediates, size_t intermediate_count,
                              TbChainMode chain, const char *version, char **out_text,
                              TbError *error);
