/* SPDX-License-Identifier: Apache-2.0
 *
 * Builds what is signed and what the page gets: see outcome.h. For authentication the bytes are
 * made here from origin and nonce, whatever the page says; there is no other way to a sign-in key.
 */
#include "host/outcome.h"

#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "host/common/fault.h"
#include "tokenbridge-config.h"
#include "tokenbridge/auth-token.h"

static const char *const document_hashes[] = {"SHA-256", "SHA-384", "SHA-512"};

static const char *const padding_words[] = {
    [TB_PADDING_NONE] = "NONE",
    [TB_PADDING_PKCS1] = "PKCS1.5",
    [TB_PADDING_PSS] = "PSS",
};

TbChosen *
tb_chosen_new(const TbCertificate *certificate, const TbRequest *request)
{
    TbChosen *chosen = g_new0(TbChosen, 1);

    chosen->id = g_strdup(certificate->id);
    chosen->der = g_strdup(certificate->der);
    chosen->chain = g_strdupv(certificate->chain);
    chosen->algorithms = g_strdupv(certificate->digest_algorithms);
    chosen->token_serial = g_strdup(certificate->token->serial);
    chosen->slot = certificate->token->slot;
    chosen->module = certificate->module;
    chosen->pin_pad = certificate->token->pin_pad;
    chosen->key_type = certificate->key_type;
    if (request->purpose != TB_PURPOSE_CHOOSE)
        chosen->algorithm =
            tb_selection_algorithm(certificate, request->purpose, request->hash_name);
    return chosen;
}

void
tb_chosen_free(TbChosen *chosen)
{
    if (!chosen)
        return;
    g_free(chosen->id);
    g_free(chosen->der);
    g_strfreev(chosen->chain);
    g_strfreev(chosen->algorithms);
    g_free(chosen->token_serial);
    g_free(chosen);
}

json_t *
tb_outcome_sign_request(const TbRequest *request, const TbChosen *chosen, GError **error)
{
    gboolean prehashed = request->purpose == TB_PURPOSE_SIGN;
    g_autofree char *input = NULL;
    json_t *message;

    if (!chosen->algorithm) {
        tb_fault(error, TB_REASON_UNSUPPORTED,
                 "The token cannot sign this with the key of the chosen certificate.");
        return NULL;
    }
    if (prehashed) {
        input = g_strdup(request->hash);
    } else {
        unsigned char bytes[TB_TO_BE_SIGNED_MAX];
        size_t length;
        TbError detail;
        char *encoded;

        if (tb_auth_token_to_be_signed(chosen->algorithm, request->origin, request->nonce, bytes,
                                       &length, &detail) != TB_OK) {
            tb_fault(error, TB_REASON_INTERNAL, "%s.", detail.message);
            return NULL;
        }
        encoded = tb_base64_encode(bytes, length);
        input = g_strdup(encoded);
        free(encoded);
    }
    message = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:b}", "op", "sign", "slot",
                        (json_int_t)chosen->slot, "token", chosen->token_serial, "certificate",
                        chosen->id, "algorithm", chosen->algorithm->jwa, "input", input,
                        "prehashed", prehashed);
    if (!message)
        tb_fault(error, TB_REASON_INTERNAL, "The token's serial number is not UTF-8.");
    return message;
}

static json_t *
authentication_token(const TbRequest *request, const TbChosen *chosen, const char *signature,
                     GError **error)
{
    size_t length = 0;
    unsigned char *bytes = tb_base64_decode(signature, strlen(signature), &length);
    TbStatus status;
    TbError detail;
    json_t *result;
    char *text;

    if (!bytes) {
        tb_fault(error, TB_REASON_INTERNAL, "There is no memory for the signature.");
        return NULL;
    }
    status = tb_auth_token_format(chosen->algorithm, chosen->der, bytes, length,
                                  (const char *const *)chosen->chain, g_strv_length(chosen->chain),
                                  request->chain, TB_VERSION, &text, &detail);
    free(bytes);
    if (status != TB_OK) {
        tb_fault(error, TB_REASON_INTERNAL, "%s.", detail.message);
        return NULL;
    }
    result = json_loads(text, 0, NULL);
    free(text);
    return result;
}

static json_t *
signature_algorithm(TbKeyType key_type, TbPadding padding, const char *hash_name)
{
    return json_pack("{s:s, s:s, s:s}", "cryptoAlgorithm", key_type == TB_KEY_RSA ? "RSA" : "ECC",
                     "hashFunction", hash_name, "paddingScheme", padding_words[padding]);
}

json_t *
tb_outcome_signed(const TbRequest *request, const TbChosen *chosen, const char *signature,
                  GError **error)
{
    if (!*signature || !tb_base64_check(signature, strlen(signature))) {
        tb_fault(error, TB_REASON_MODULE_FAILED, "The worker's signature is not base64.");
        return NULL;
    }
    if (request->purpose == TB_PURPOSE_AUTHENTICATE)
        return authentication_token(request, chosen, signature, error);
    return json_pack(
        "{s:s, s:o}", "signature", signature, "signatureAlgorithm",
        signature_algorithm(chosen->key_type, chosen->algorithm->padding, request->hash_name));
}

static json_t *
supported_algorithms(const TbChosen *chosen)
{
    json_t *list = json_array();

    if (chosen->key_type == TB_KEY_EC) {
        for (guint i = 0; i < G_N_ELEMENTS(document_hashes); i++)
            json_array_append_new(
                list, signature_algorithm(TB_KEY_EC, TB_PADDING_NONE, document_hashes[i]));
        return list;
    }
    for (char **name = chosen->algorithms; *name; name++) {
        const TbAlgorithm *algorithm = tb_algorithm_by_jwa(*name);

        if (algorithm && algorithm->key_type == TB_KEY_RSA)
            json_array_append_new(
                list, signature_algorithm(TB_KEY_RSA, algorithm->padding, algorithm->hash_name));
    }
    return list;
}

json_t *
tb_outcome_certificate(const TbChosen *chosen)
{
    json_t *intermediates = json_array();

    for (char **der = chosen->chain; *der; der++)
        json_array_append_new(intermediates, json_string(*der));
    return json_pack("{s:s, s:o, s:o}", "certificate", chosen->der, "supportedSignatureAlgorithms",
                     supported_algorithms(chosen), "intermediates", intermediates);
}
