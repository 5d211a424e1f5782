/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads and checks request parameters: see request.h. They come from a page by way of the extension
 * and are not trusted, except that the origin is the browser's word.
 */
#include "host/request.h"

#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "host/common/fault.h"
#include "host/common/json.h"
#include "tokenbridge/origin.h"

#define LIST_MAX 32
#define TIMEOUT_MIN 1000
#define TIMEOUT_MAX 600000
#define NAME_MAX_BYTES 2048 /* a DER name as base64 */
#define OID_MAX_BYTES 128
#define LANG_MAX_BYTES 35           /* RFC 5646, 4.4.1 */
#define CERTIFICATE_MAX_BYTES 21848 /* 16 KiB as base64 */

static const char *const common_members[] = {"origin", "topOrigin", "lang", "timeout"};
static const char *const filter_members[] = {"issuers", "policies"};
static const char *const authenticate_members[] = {"nonce", "chain"};
static const char *const sign_members[] = {"certificate", "hash", "hashFunction"};

static void
append(GPtrArray *array, const char *const *strings, gsize count)
{
    for (gsize i = 0; i < count; i++)
        g_ptr_array_add(array, (gpointer)(guintptr)strings[i]);
}

static gboolean
check_members(TbPurpose purpose, json_t *params, GError **error)
{
    g_autoptr(GPtrArray) members = g_ptr_array_new();

    append(members, common_members, G_N_ELEMENTS(common_members));
    if (purpose != TB_PURPOSE_SIGN)
        append(members, filter_members, G_N_ELEMENTS(filter_members));
    if (purpose == TB_PURPOSE_AUTHENTICATE)
        append(members, authenticate_members, G_N_ELEMENTS(authenticate_members));
    if (purpose == TB_PURPOSE_SIGN)
        append(members, sign_members, G_N_ELEMENTS(sign_members));
    g_ptr_array_add(members, NULL);
    return tb_json_only(params, "\"params\"", (const char *const *)members->pdata, error);
}

/* Errors of core/ end without a full stop and name no parameter; here they become a sentence. */
static gboolean
fault_from_core(const TbError *detail, TbReason reason, GError **error)
{
    g_autofree char *sentence = g_strdup(detail->message);

    sentence[0] = g_ascii_toupper(sentence[0]);
    return tb_fault(error, reason, "%s.", sentence);
}

static gboolean
read_origin(json_t *params, const char *member, char **out_origin, GError **error)
{
    const char *origin;
    TbError detail;
    TbStatus status;

    if (!tb_json_string(params, member, 4096, &origin, error))
        return FALSE;
    if (!origin)
        return TRUE;
    status = tb_origin_check(origin, &detail);
    if (status != TB_OK)
        return fault_from_core(&detail,
                               status == TB_ERROR_REFUSED ? TB_REASON_ORIGIN_REFUSED
                                                          : TB_REASON_INVALID_REQUEST,
                               error);
    *out_origin = g_strdup(origin);
    return TRUE;
}

static gboolean
read_list(json_t *params, const char *member, gsize max, gboolean (*good)(const char *),
          char ***out_list, GError **error)
{
    g_autoptr(GPtrArray) strings = NULL;

    if (!tb_json_strings(params, member, LIST_MAX, max, &strings, error))
        return FALSE;
    for (guint i = 0; i < strings->len; i++) {
        if (!good(strings->pdata[i]))
            return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"%s\" has a malformed entry.",
                            member);
    }
    g_ptr_array_add(strings, NULL);
    *out_list = (char **)g_ptr_array_free(g_steal_pointer(&strings), FALSE);
    return TRUE;
}

static gboolean
is_base64(const char *text)
{
    return *text && tb_base64_check(text, strlen(text));
}

static gboolean
is_oid(const char *text)
{
    return g_ascii_isdigit(text[0]) && strchr(text, '.') && !strstr(text, "..") &&
           !g_str_has_suffix(text, ".") && strspn(text, "0123456789.") == strlen(text);
}

gboolean
tb_request_read_lang(json_t *params, char **out_lang, GError **error)
{
    const char *lang;

    if (!tb_json_string(params, "lang", LANG_MAX_BYTES, &lang, error))
        return FALSE;
    for (const char *c = lang; c && *c; c++) {
        if (!g_ascii_isalnum(*c) && *c != '-')
            return tb_fault(error, TB_REASON_INVALID_REQUEST,
                            "\"lang\" is not a language tag such as \"en\" or \"fa\".");
    }
    *out_lang = g_strdup(lang);
    return TRUE;
}

gboolean
tb_request_read_timeout(json_t *params, guint *inout_timeout, GError **error)
{
    gint64 timeout = *inout_timeout;

    if (!tb_json_integer(params, "timeout", TIMEOUT_MIN, TIMEOUT_MAX, &timeout, error))
        return FALSE;
    *inout_timeout = (guint)timeout;
    return TRUE;
}

static gboolean
read_authenticate(json_t *params, TbRequest *request, GError **error)
{
    const char *nonce;
    gboolean chain = FALSE;
    TbError detail;

    if (!tb_json_required_string(params, "nonce", 4096, &nonce, error) ||
        !tb_json_boolean(params, "chain", &chain, error))
        return FALSE;
    if (tb_nonce_check(nonce, &detail) != TB_OK)
        return fault_from_core(&detail, TB_REASON_INVALID_REQUEST, error);
    request->nonce = g_strdup(nonce);
    request->chain = !json_object_get(params, "chain") ? TB_CHAIN_IF_IT_FITS
                     : chain                           ? TB_CHAIN_ALWAYS
                                                       : TB_CHAIN_NEVER;
    return TRUE;
}

static char *
hex(const unsigned char *bytes, gsize length)
{
    GString *text = g_string_sized_new(length * 2);

    for (gsize i = 0; i < length; i++)
        g_string_append_printf(text, "%02x", bytes[i]);
    return g_string_free(text, FALSE);
}

static gboolean
read_sign(json_t *params, TbRequest *request, GError **error)
{
    const char *certificate, *hash, *hash_name;
    const TbAlgorithm *algorithm;
    unsigned char *bytes;
    size_t length = 0;

    if (!tb_json_required_string(params, "certificate", CERTIFICATE_MAX_BYTES, &certificate,
                                 error) ||
        !tb_json_required_string(params, "hash", 256, &hash, error) ||
        !tb_json_required_string(params, "hashFunction", 16, &hash_name, error))
        return FALSE;
    if (!is_base64(certificate))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"certificate\" is not base64.");
    algorithm = tb_algorithm_find(TB_KEY_RSA, TB_PADDING_PKCS1, hash_name);
    if (!algorithm)
        return tb_fault(error, TB_REASON_UNSUPPORTED,
                        "\"hashFunction\" is none of SHA-256, SHA-384 and SHA-512.");
    bytes = tb_base64_decode(hash, strlen(hash), &length);
    if (!bytes || length != algorithm->digest_size) {
        free(bytes);
        return tb_fault(error, TB_REASON_INVALID_REQUEST,
                        "\"hash\" is not the base64 of the %" G_GSIZE_FORMAT " bytes that %s has.",
                        algorithm->digest_size, hash_name);
    }
    request->hash_hex = hex(bytes, length);
    free(bytes);
    request->certificate = g_strdup(certificate);
    request->hash_name = g_strdup(hash_name);
    request->hash = g_strdup(hash);
    return TRUE;
}

static gboolean
read_all(json_t *params, TbRequest *request, GError **error)
{
    if (!check_members(request->purpose, params, error) ||
        !read_origin(params, "origin", &request->origin, error) ||
        !read_origin(params, "topOrigin", &request->top_origin, error))
        return FALSE;
    if (!request->origin)
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"origin\" is missing.");
    if (!tb_request_read_lang(params, &request->lang, error) ||
        !read_list(params, "issuers", NAME_MAX_BYTES, is_base64, &request->issuers, error) ||
        !read_list(params, "policies", OID_MAX_BYTES, is_oid, &request->policies, error) ||
        !tb_request_read_timeout(params, &request->timeout, error))
        return FALSE;
    switch (request->purpose) {
    case TB_PURPOSE_AUTHENTICATE:
        return read_authenticate(params, request, error);
    case TB_PURPOSE_SIGN:
        return read_sign(params, request, error);
    case TB_PURPOSE_CHOOSE:
        break;
    }
    return TRUE;
}

TbRequest *
tb_request_read(TbPurpose purpose, json_t *params, guint default_timeout, GError **error)
{
    g_autoptr(TbRequest) request = g_new0(TbRequest, 1);

    request->purpose = purpose;
    request->timeout = default_timeout;
    if (!params) {
        tb_fault(error, TB_REASON_INVALID_REQUEST, "\"params\" is missing.");
        return NULL;
    }
    return read_all(params, request, error) ? g_steal_pointer(&request) : NULL;
}

void
tb_request_free(TbRequest *request)
{
    if (!request)
        return;
    g_free(request->origin);
    g_free(request->top_origin);
    g_free(request->nonce);
    g_free(request->lang);
    g_strfreev(request->issuers);
    g_strfreev(request->policies);
    g_free(request->certificate);
    g_free(request->hash_name);
    g_free(request->hash);
    g_free(request->hash_hex);
    g_free(request);
}
