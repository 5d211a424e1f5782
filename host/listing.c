/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a worker's listing: see listing.h.
 */
#include "host/listing.h"

#include <string.h>

#include "host/common/fault.h"
#include "host/common/json.h"
#include "host/failure.h"

#define NAME_MAX_BYTES 1024
#define DER_MAX_BYTES (16384 / 3 * 4 + 4) /* a certificate of 16 KiB as base64 */
#define LIST_MAX 256
#define ID_LENGTH 64         /* SHA-256 in hexadecimal */
#define PIN_LENGTH_MAX 65535 /* no token's; bounds what the dialog computes with */

static const char *const pin_states[] = {
    [TB_PIN_OK] = "ok",
    [TB_PIN_LOW] = "low",
    [TB_PIN_FINAL_TRY] = "final_try",
    [TB_PIN_LOCKED] = "locked",
    [TB_PIN_TO_BE_CHANGED] = "to_be_changed",
    [TB_PIN_NOT_INITIALISED] = "not_initialised",
};

static void
certificate_free(gpointer data)
{
    TbCertificate *certificate = data;

    g_free(certificate->id);
    g_free(certificate->key_id);
    g_free(certificate->der);
    g_free(certificate->name);
    g_free(certificate->issuer_name);
    g_strfreev(certificate->key_usage);
    g_strfreev(certificate->extended_key_usage);
    g_strfreev(certificate->policies);
    g_strfreev(certificate->algorithms);
    g_strfreev(certificate->digest_algorithms);
    g_strfreev(certificate->issuers);
    g_strfreev(certificate->chain);
    g_free(certificate);
}

static void
token_free(gpointer data)
{
    TbToken *token = data;

    g_free(token->label);
    g_free(token->serial);
    g_free(token->reader);
    json_decref(token->pin);
    json_decref(token->puk);
    g_clear_error(&token->fault);
    g_ptr_array_unref(token->certificates);
    g_free(token);
}

static gboolean
read_text(json_t *object, const char *member, gsize max, char **out_text, GError **error)
{
    const char *text;

    if (!tb_json_required_string(object, member, max, &text, error))
        return FALSE;
    *out_text = g_strdup(text);
    return TRUE;
}

/* With nullable, JSON's null (or no member) gives NULL: "no such extension" is not "an empty one".
 */
static gboolean
read_list(json_t *object, const char *member, gsize max, gboolean nullable, char ***out_list,
          GError **error)
{
    g_autoptr(GPtrArray) strings = NULL;
    json_t *value = json_object_get(object, member);

    if (nullable && (!value || json_is_null(value))) {
        *out_list = NULL;
        return TRUE;
    }
    if (!tb_json_strings(object, member, LIST_MAX, max, &strings, error))
        return FALSE;
    g_ptr_array_add(strings, NULL);
    *out_list = (char **)g_ptr_array_free(g_steal_pointer(&strings), FALSE);
    return TRUE;
}

static gboolean
read_key(json_t *object, TbCertificate *certificate, GError **error)
{
    json_t *key = json_object_get(object, "key");
    const char *type;
    const char *has_key;
    const char *id;

    if (!json_is_object(key))
        return tb_fault(error, TB_REASON_MODULE_FAILED, "A certificate is listed without \"key\".");
    if (!tb_json_required_string(key, "type", 16, &type, error) ||
        !tb_json_string(key, "id", 64, &id, error) ||
        !tb_json_required_string(object, "has_key", 16, &has_key, error))
        return FALSE;
    certificate->key_id = g_strdup(id);
    certificate->key_type = tb_key_type_from_word(type);
    certificate->has_no_key = strcmp(has_key, "no") == 0;
    return TRUE;
}

static gboolean
read_id(json_t *object, TbCertificate *certificate, GError **error)
{
    if (!read_text(object, "id", ID_LENGTH, &certificate->id, error))
        return FALSE;
    if (strlen(certificate->id) != ID_LENGTH ||
        strspn(certificate->id, "0123456789abcdef") != ID_LENGTH)
        return tb_fault(error, TB_REASON_MODULE_FAILED,
                        "A certificate is listed with an \"id\" that is no SHA-256.");
    return TRUE;
}

/* Left out, the token can do with a digest what it can do with the bytes. */
static gboolean
read_algorithms(json_t *object, TbCertificate *certificate, GError **error)
{
    if (!read_list(object, "algorithms", 16, FALSE, &certificate->algorithms, error) ||
        !read_list(object, "digest_algorithms", 16, TRUE, &certificate->digest_algorithms, error))
        return FALSE;
    if (!certificate->digest_algorithms)
        certificate->digest_algorithms = g_strdupv(certificate->algorithms);
    return TRUE;
}

static gboolean
read_certificate(json_t *object, TbCertificate *certificate, GError **error)
{
    return read_id(object, certificate, error) &&
           read_text(object, "der", DER_MAX_BYTES, &certificate->der, error) &&
           read_text(object, "name", NAME_MAX_BYTES, &certificate->name, error) &&
           read_text(object, "issuer_name", NAME_MAX_BYTES, &certificate->issuer_name, error) &&
           tb_json_integer(object, "not_before", G_MININT64, G_MAXINT64, &certificate->not_before,
                           error) &&
           tb_json_integer(object, "not_after", G_MININT64, G_MAXINT64, &certificate->not_after,
                           error) &&
           tb_json_boolean(object, "ca", &certificate->ca, error) &&
           read_key(object, certificate, error) &&
           read_list(object, "key_usage", 64, TRUE, &certificate->key_usage, error) &&
           read_list(object, "extended_key_usage", 256, TRUE, &certificate->extended_key_usage,
                     error) &&
           read_list(object, "policies", 256, FALSE, &certificate->policies, error) &&
           read_algorithms(object, certificate, error) &&
           read_list(object, "issuers", DER_MAX_BYTES, FALSE, &certificate->issuers, error) &&
           read_list(object, "chain", DER_MAX_BYTES, FALSE, &certificate->chain, error);
}

static gboolean
read_certificates(json_t *object, guint module, TbToken *token, GError **error)
{
    json_t *certificates = json_object_get(object, "certificates");

    if (!json_is_array(certificates))
        return tb_fault(error, TB_REASON_MODULE_FAILED,
                        "A token is listed without \"certificates\".");
    for (gsize i = 0; i < json_array_size(certificates); i++) {
        TbCertificate *certificate = g_new0(TbCertificate, 1);

        g_ptr_array_add(token->certificates, certificate);
        certificate->token = token;
        certificate->module = module;
        if (!read_certificate(json_array_get(certificates, i), certificate, error))
            return FALSE;
    }
    return TRUE;
}

json_t *
tb_listing_read_pin(json_t *pin, TbPinState *out_state, gboolean *out_pad, GError **error)
{
    gint64 min = 0, max = PIN_LENGTH_MAX;
    gboolean pad = FALSE;
    const char *word;

    if (!tb_json_required_string(pin, "state", 32, &word, error) ||
        !tb_json_boolean(pin, "pad", &pad, error) ||
        !tb_json_integer(pin, "min", 0, PIN_LENGTH_MAX, &min, error) ||
        !tb_json_integer(pin, "max", 0, PIN_LENGTH_MAX, &max, error))
        return NULL;
    for (guint i = 0; i < G_N_ELEMENTS(pin_states); i++) {
        if (strcmp(pin_states[i], word) != 0)
            continue;
        *out_state = (TbPinState)i;
        *out_pad = pad;
        return json_pack("{s:s, s:b, s:I, s:I}", "state", word, "pad", pad, "min", (json_int_t)min,
                         "max", (json_int_t)max);
    }
    tb_fault(error, TB_REASON_MODULE_FAILED, "A token is listed with an unknown PIN state.");
    return NULL;
}

static gboolean
read_pins(json_t *object, TbToken *token, GError **error)
{
    json_t *pin = json_object_get(object, "pin");
    json_t *puk = json_object_get(object, "puk");
    gboolean pad;

    if (!json_is_object(pin) || !json_is_object(puk))
        return tb_fault(error, TB_REASON_MODULE_FAILED,
                        "A token is listed without \"pin\" or \"puk\".");
    token->pin = tb_listing_read_pin(pin, &token->pin_state, &token->pin_pad, error);
    if (!token->pin || !tb_json_boolean(object, "hidden", &token->hidden, error))
        return FALSE;
    token->puk = tb_listing_read_pin(puk, &token->puk_state, &pad, error);
    if (token->puk && token->puk_state == TB_PIN_NOT_INITIALISED)
        return tb_fault(error, TB_REASON_MODULE_FAILED,
                        "A token is listed with an unknown PUK state.");
    return token->puk != NULL;
}

/* A token that is there and could not be read. */
static void
read_fault(json_t *object, TbToken *token)
{
    json_t *failure = json_object_get(object, "error");

    if (failure)
        token->fault =
            g_error_new(TB_FAULT, (int)tb_failure_reason(failure, TB_TASK_SIGN, FALSE), "%s",
                        tb_failure_message(failure, "The token could not be read."));
}

static gboolean
read_token(json_t *object, guint module, TbToken *token, GError **error)
{
    json_t *slot = json_object_get(object, "slot");

    /* A CK_ULONG; over 2^63 it comes, and goes back to the worker, as a negative number. */
    if (!json_is_integer(slot))
        return tb_fault(error, TB_REASON_MODULE_FAILED, "A token is listed without \"slot\".");
    token->module = module;
    token->slot = (guint64)json_integer_value(slot);
    read_fault(object, token);
    return read_text(object, "label", NAME_MAX_BYTES, &token->label, error) &&
           read_text(object, "serial", NAME_MAX_BYTES, &token->serial, error) &&
           read_text(object, "reader", NAME_MAX_BYTES, &token->reader, error) &&
           read_pins(object, token, error) && read_certificates(object, module, token, error);
}

GPtrArray *
tb_listing_read(json_t *answer, guint module, GError **error)
{
    g_autoptr(GPtrArray) tokens = g_ptr_array_new_with_free_func(token_free);
    json_t *list = json_object_get(answer, "tokens");

    if (!json_is_array(list) || json_array_size(list) > LIST_MAX) {
        tb_fault(error, TB_REASON_MODULE_FAILED, "The worker's answer has no list of tokens.");
        return NULL;
    }
    for (gsize i = 0; i < json_array_size(list); i++) {
        TbToken *token = g_new0(TbToken, 1);

        token->certificates = g_ptr_array_new_with_free_func(certificate_free);
        g_ptr_array_add(tokens, token);
        if (!read_token(json_array_get(list, i), module, token, error)) {
            /* What the worker says is the module's fault, not the page's. */
            if (error && *error)
                (*error)->code = TB_REASON_MODULE_FAILED;
            return NULL;
        }
    }
    return g_steal_pointer(&tokens);
}
