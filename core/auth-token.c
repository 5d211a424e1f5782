/* SPDX-License-Identifier: Apache-2.0
 *
 * Builds the bytes that an authentication signs, and the token around the signature. The nonce
 * comes from a page and is not trusted; the origin comes from the browser. The two are hashed
 * separately, so a page can choose neither the signed bytes nor a digest of them.
 */
#include "tokenbridge/auth-token.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "core/base64.h"
#include "tokenbridge/origin.h"

TbStatus
tb_nonce_check(const char *nonce, TbError *error)
{
    size_t length = strlen(nonce);

    if (length < TB_NONCE_MIN || length > TB_NONCE_MAX)
        return tb_error_set(error, TB_ERROR_INVALID,
                            "the nonce has %zu characters; it must have %d to %d (32 random bytes "
                            "as base64 have 44)",
                            length, TB_NONCE_MIN, TB_NONCE_MAX);
    if (!tb_base64_check(nonce, length))
        return tb_error_set(error, TB_ERROR_INVALID,
                            "the nonce is not standard base64 with padding");
    return TB_OK;
}

static TbStatus
digest(const TbAlgorithm *algorithm, const char *text, unsigned char *out, TbError *error)
{
    size_t length = 0;

    if (!EVP_Q_digest(NULL, algorithm->digest, NULL, text, strlen(text), out, &length) ||
        length != algorithm->digest_size)
        return tb_error_set_crypto(error, algorithm->digest);
    return TB_OK;
}

TbStatus
tb_auth_token_to_be_signed(const TbAlgorithm *algorithm, const char *origin, const char *nonce,
                           unsigned char out[TB_TO_BE_SIGNED_MAX], size_t *out_length,
                           TbError *error)
{
    unsigned char bytes[TB_TO_BE_SIGNED_MAX];
    TbStatus status = tb_origin_check(origin, error);

    if (status == TB_OK)
        status = tb_nonce_check(nonce, error);
    if (status == TB_OK)
        status = digest(algorithm, origin, bytes, error);
    if (status == TB_OK)
        status = digest(algorithm, nonce, bytes + algorithm->digest_size, error);
    if (status != TB_OK)
        return status;
    *out_length = 2 * algorithm->digest_size;
    memcpy(out, bytes, *out_length);
    return TB_OK;
}

static json_t *
string_array(const char *const *strings, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(array, json_string(strings[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static TbStatus
add_intermediates(json_t *token, char **text, const char *const *intermediates, size_t count,
                  TbChainMode chain, TbError *error)
{
    char *longer;

    if (count == 0 || chain == TB_CHAIN_NEVER)
        return TB_OK;
    if (json_object_set_new(token, "unverifiedIntermediateCertificates",
                            string_array(intermediates, count)) < 0)
        return tb_error_set(error, TB_ERROR_MEMORY, "out of memory");
    longer = json_dumps(token, JSON_COMPACT);
    if (!longer)
        return tb_error_set(error, TB_ERROR_MEMORY, "out of memory");
    if (chain == TB_CHAIN_IF_IT_FITS && strlen(longer) > TB_TOKEN_TEXT_MAX) {
        free(longer);
        return TB_OK;
    }
    free(*text);
    *text = longer;
    return TB_OK;
}

TbStatus
tb_auth_token_format(const TbAlgorithm *algorithm, const char *certificate,
                     const unsigned char *signature, size_t signature_length,
                     const char *const *intermediates, size_t intermediate_count, TbChainMode chain,
                     const char *version, char **out_text, TbError *error)
{
    /* EdDSA is in no web-eid validator, so its token must not claim to be theirs. */
    const char *format = algorithm->key_type == TB_KEY_ED25519 ? "tokenbridge:1.0" : "web-eid:1.0";
    char *encoded = tb_base64_encode(signature, signature_length);
    char *text = NULL;
    json_t *token = NULL;
    TbStatus status = TB_ERROR_MEMORY;

    if (encoded)
        token = json_pack("{s:s, s:s, s:s, s:s, s:o}", "unverifiedCertificate", certificate,
                          "algorithm", algorithm->jwa, "signature", encoded, "format", format,
                          "appVersion",
                          json_sprintf("https://tokenbridge.invalid/releases/%s", version));
    if (token)
        text = json_dumps(token, JSON_COMPACT);
    if (!text)
        tb_error_set(error, status, "out of memory");
    else
        status = add_intermediates(token, &text, intermediates, intermediate_count, chain, error);
    if (status == TB_OK)
        *out_text = text;
    else
        free(text);
    json_decref(token);
    free(encoded);
    return status;
}
