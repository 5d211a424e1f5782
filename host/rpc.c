/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON-RPC: see rpc.h. The frame comes from the extension and is not trusted.
 */
#include "host/rpc.h"

#include <string.h>

#include "host/common/fault.h"
#include "host/common/json.h"

#define ID_MAX_BYTES 64
#define METHOD_MAX_BYTES 64

enum {
    PARSE_ERROR = -32700,
    INVALID_REQUEST = -32600,
};

static const char *const members[] = {"jsonrpc", "id", "method", "params", NULL};

static gboolean
id_is_good(json_t *id)
{
    if (json_is_integer(id))
        return TRUE;
    return json_is_string(id) && json_string_length(id) >= 1 &&
           json_string_length(id) <= ID_MAX_BYTES;
}

static gboolean
check(json_t *message, TbRpcRequest *request, GError **error)
{
    const char *version;

    if (!tb_json_only(message, "The request", members, error))
        return FALSE;
    if (!request->id)
        return tb_fault(error, TB_REASON_INVALID_REQUEST,
                        "\"id\" is not an integer or a string of 1 to %d bytes.", ID_MAX_BYTES);
    if (!tb_json_required_string(message, "jsonrpc", 16, &version, error))
        return FALSE;
    if (strcmp(version, "2.0") != 0)
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"jsonrpc\" is not \"2.0\".");
    if (!tb_json_required_string(message, "method", METHOD_MAX_BYTES, &request->method, error))
        return FALSE;
    request->params = json_object_get(message, "params");
    if (request->params && !json_is_object(request->params))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"params\" is not an object.");
    return TRUE;
}

TbRpcRequest *
tb_rpc_read(const guint8 *frame, gsize length, json_t **out_id, int *out_code, GError **error)
{
    g_autoptr(TbRpcRequest) request = g_new0(TbRpcRequest, 1);
    json_t *id;

    *out_id = NULL;
    *out_code = PARSE_ERROR;
    request->message = tb_json_parse(frame, length, error);
    if (!request->message)
        return NULL;
    id = json_object_get(request->message, "id");
    if (id && id_is_good(id))
        request->id = json_incref(id);
    if (check(request->message, request, error))
        return g_steal_pointer(&request);
    *out_code = INVALID_REQUEST;
    *out_id = json_incref(request->id);
    return NULL;
}

void
tb_rpc_request_free(TbRpcRequest *request)
{
    if (!request)
        return;
    json_decref(request->id);
    json_decref(request->message);
    g_free(request);
}

json_t *
tb_rpc_result(json_t *id, json_t *result)
{
    return json_pack("{s:s, s:O, s:O}", "jsonrpc", "2.0", "id", id, "result", result);
}

json_t *
tb_rpc_error(json_t *id, int code, const GError *error, const char *problem)
{
    TbReason reason = tb_fault_reason(error);

    /* A message may quote a path that is not UTF-8; JSON cannot. */
    g_autofree char *message = g_utf8_make_valid(error->message, -1);

    return json_pack("{s:s, s:O?, s:{s:i, s:s, s:{s:s, s:s*}}}", "jsonrpc", "2.0", "id", id,
                     "error", "code", code ? code : tb_reason_code(reason), "message", message,
                     "data", "reason", tb_reason_word(reason), "problem", problem);
}
