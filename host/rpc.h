/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON-RPC 2.0 objects: requests read and checked, replies made (docs/protocol.md, section 3).
 * Pure.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef struct TbRpcRequest {
    json_t *id;         /* a string or an integer; owned */
    const char *method; /* borrowed from message */
    json_t *params;     /* borrowed; NULL when left out */
    json_t *message;    /* owned */
} TbRpcRequest;

/* Reads a frame. On failure *out_id is the request's id where it could be read, else NULL (both are
 * the caller's), and *out_code the JSON-RPC code. */
TbRpcRequest *tb_rpc_read(const guint8 *frame, gsize length, json_t **out_id, int *out_code,
                          GError **error);
void tb_rpc_request_free(TbRpcRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbRpcRequest, tb_rpc_request_free)

/* New references. id: borrowed, NULL becomes null. result: borrowed. */
json_t *tb_rpc_result(json_t *id, json_t *result);

/* code 0: the one that goes with the error's reason. problem may be NULL. */
json_t *tb_rpc_error(json_t *id, int code, const GError *error, const char *problem);
