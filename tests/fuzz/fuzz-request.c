/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: host/rpc.c, host/request.c and host/pin-request.c, as the host reads a frame of the
 * extension's. What is accepted is within the limits of docs/protocol.md, section 3; what is
 * refused can be answered.
 */
#include <string.h>

#include "core/base64.h"
#include "host/common/config.h"
#include "host/common/fault.h"
#include "host/pin-request.h"
#include "host/request.h"
#include "host/rpc.h"
#include "tests/fuzz/fuzz.h"
#include "tokenbridge/origin.h"

#define DEFAULT_TIMEOUT 120000

/* An error as a reply: JSON that jansson can write, with a known word. */
static void
check_refusal(json_t *id, int code, const GError *error)
{
    json_t *reply;
    char *text;

    FUZZ_CHECK(error && error->domain == TB_FAULT);
    reply = tb_rpc_error(id, code, error, NULL);
    text = json_dumps(reply, JSON_COMPACT);
    FUZZ_CHECK(text && strlen(text) < 4096);
    FUZZ_CHECK(json_is_integer(json_object_get(json_object_get(reply, "error"), "code")));
    free(text);
    json_decref(reply);
}

static void
check_list(char **list, gsize max)
{
    FUZZ_CHECK(list && g_strv_length(list) <= 32);
    for (char **entry = list; *entry; entry++)
        FUZZ_CHECK(strlen(*entry) <= max);
}

static void
check_request(const TbRequest *request, TbPurpose purpose)
{
    FUZZ_CHECK(request->purpose == purpose);
    FUZZ_CHECK(tb_origin_check(request->origin, NULL) == TB_OK);
    FUZZ_CHECK(!request->top_origin || tb_origin_check(request->top_origin, NULL) == TB_OK);
    FUZZ_CHECK(request->timeout >= 1000 && request->timeout <= 600000);
    FUZZ_CHECK(!request->lang || strlen(request->lang) <= 35);
    check_list(request->issuers, 2048);
    check_list(request->policies, 128);
    if (purpose == TB_PURPOSE_AUTHENTICATE)
        FUZZ_CHECK(tb_nonce_check(request->nonce, NULL) == TB_OK);
    else
        FUZZ_CHECK(!request->nonce);
    if (purpose == TB_PURPOSE_SIGN) {
        const TbAlgorithm *algorithm =
            tb_algorithm_find(TB_KEY_RSA, TB_PADDING_PKCS1, request->hash_name);

        FUZZ_CHECK(algorithm && strlen(request->hash_hex) == 2 * algorithm->digest_size);
        FUZZ_CHECK(tb_base64_check(request->certificate, strlen(request->certificate)));
    } else {
        FUZZ_CHECK(!request->hash && !request->certificate);
    }
}

/* Whatever the method's name, as each of the methods. */
static void
read_params(json_t *id, json_t *params)
{
    static const TbPurpose purposes[] = {TB_PURPOSE_AUTHENTICATE, TB_PURPOSE_CHOOSE,
                                         TB_PURPOSE_SIGN};

    for (gsize i = 0; i < G_N_ELEMENTS(purposes); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(TbRequest) request =
            tb_request_read(purposes[i], params, DEFAULT_TIMEOUT, &error);

        FUZZ_CHECK((request == NULL) == (error != NULL));
        if (request)
            check_request(request, purposes[i]);
        else
            check_refusal(id, 0, error);
    }
}

static void
read_pin_params(json_t *id, json_t *params)
{
    static GPtrArray *modules = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(TbPinRequest) request = NULL;

    if (!modules) {
        modules = g_ptr_array_new();
        g_ptr_array_add(modules, tb_module_new("opensc", "/a.so", NULL, "configuration"));
        g_ptr_array_add(modules, tb_module_new("softhsm2", "/b.so", NULL, "configuration"));
    }
    request = tb_pin_request_read(TB_PIN_CHANGE, params, modules, DEFAULT_TIMEOUT, &error);
    FUZZ_CHECK((request == NULL) == (error != NULL));
    if (!request) {
        check_refusal(id, 0, error);
        return;
    }
    FUZZ_CHECK(request->module < modules->len && request->token);
    FUZZ_CHECK(request->timeout >= 1000 && request->timeout <= 600000);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    json_t *id = NULL;
    int code = 0;
    g_autoptr(TbRpcRequest) request = tb_rpc_read(data, size, &id, &code, &error);

    if (request) {
        FUZZ_CHECK(!error && !id && strlen(request->method) <= 64);
        read_params(request->id, request->params);
        read_pin_params(request->id, request->params);
    } else {
        FUZZ_CHECK(code == -32700 || code == -32600);
        check_refusal(id, code, error);
        json_decref(id);
    }
    return 0;
}
