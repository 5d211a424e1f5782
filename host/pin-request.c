/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads and checks the parameters of changePin and unblockPin: see pin-request.h. They come from
 * the extension's own pages, which have them from a listing; they are not trusted all the same.
 */
#include "host/pin-request.h"

#include <string.h>

#include "host/common/config.h"
#include "host/common/fault.h"
#include "host/common/json.h"
#include "host/request.h"

#define NAME_MAX_BYTES 1024 /* as a listing's */

static gboolean
find_module(const GPtrArray *modules, const char *name, guint *out_index, GError **error)
{
    for (guint i = 0; i < modules->len; i++) {
        const TbModule *module = modules->pdata[i];

        if (strcmp(module->name, name) == 0) {
            *out_index = i;
            return TRUE;
        }
    }
    return tb_fault(error, TB_REASON_INVALID_REQUEST, "There is no PKCS#11 module of this name.");
}

static gboolean
read_all(json_t *params, const GPtrArray *modules, TbPinRequest *request, GError **error)
{
    static const char *const members[] = {"module", "slot", "token", "lang", "timeout", NULL};
    const char *module, *token;
    gint64 slot = 0;

    if (!tb_json_only(params, "\"params\"", members, error) ||
        !tb_json_required_string(params, "module", NAME_MAX_BYTES, &module, error) ||
        !tb_json_required_string(params, "token", NAME_MAX_BYTES, &token, error) ||
        !tb_json_integer(params, "slot", G_MININT64, G_MAXINT64, &slot, error) ||
        !tb_request_read_lang(params, &request->lang, error) ||
        !tb_request_read_timeout(params, &request->timeout, error))
        return FALSE;
    if (!json_object_get(params, "slot"))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"slot\" is missing.");
    request->slot = (guint64)slot; /* as a listing has it: over 2^63 it is negative in JSON */
    request->token = g_strdup(token);
    return find_module(modules, module, &request->module, error);
}

TbPinRequest *
tb_pin_request_read(TbPinPurpose purpose, json_t *params, const GPtrArray *modules,
                    guint default_timeout, GError **error)
{
    g_autoptr(TbPinRequest) request = g_new0(TbPinRequest, 1);

    request->purpose = purpose;
    request->timeout = default_timeout;
    if (!params) {
        tb_fault(error, TB_REASON_INVALID_REQUEST, "\"params\" is missing.");
        return NULL;
    }
    return read_all(params, modules, request, error) ? g_steal_pointer(&request) : NULL;
}

void
tb_pin_request_free(TbPinRequest *request)
{
    if (!request)
        return;
    g_free(request->token);
    g_free(request->lang);
    g_free(request);
}
