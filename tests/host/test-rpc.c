/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/rpc.c: JSON-RPC requests read, replies made.
 */
#include "host/rpc.h"

#include <string.h>

#include "host/common/fault.h"
#include "tests/host/harness.h"
#include "tests/support/assert.h"

enum { PARSE_ERROR = -32700, INVALID_REQUEST = -32600 };

static TbRpcRequest *
read_text(const char *text, json_t **out_id, int *out_code, GError **error)
{
    g_autofree char *real = g_strdelimit(g_strdup(text), "'", '"');

    return tb_rpc_read((const guint8 *)real, strlen(real), out_id, out_code, error);
}

static void
test_good(void)
{
    static const char *const rows[] = {
        "{'jsonrpc': '2.0', 'id': 1, 'method': 'status'}",
        "{'jsonrpc': '2.0', 'id': 'a', 'method': 'status', 'params': {}}",
        "{'jsonrpc': '2.0', 'id': -5, 'method': 'no-such-method', 'params': {'a': [1]}}",
        "{'jsonrpc': '2.0', 'id': 9223372036854775807, 'method': 'status'}",
        "{'jsonrpc': '2.0', 'id': "
        "'0123456789012345678901234567890123456789012345678901234567890123', 'method': 'x'}",
        " \n{'jsonrpc': '2.0', 'id': 1, 'method': 'status'}\t ",
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        json_t *id = NULL;
        int code = 0;
        g_autoptr(TbRpcRequest) request = read_text(rows[i], &id, &code, &error);

        if (!request)
            tb_test_row_failed("%s: %s", rows[i], error->message);
        else if (!request->id || !request->method || id)
            tb_test_row_failed("%s: not read whole", rows[i]);
    }
}

/* With the id where it can be read, so that the page gets its answer. */
static void
test_bad(void)
{
    static const struct {
        const char *text;
        int code;
        gboolean id;
    } rows[] = {
        {"", PARSE_ERROR, FALSE},
        {"{", PARSE_ERROR, FALSE},
        {"[]", PARSE_ERROR, FALSE},
        {"'text'", PARSE_ERROR, FALSE},
        {"null", PARSE_ERROR, FALSE},
        {"{} {}", PARSE_ERROR, FALSE},
        {"{'jsonrpc': '2.0', 'id': 1, 'id': 2, 'method': 'status'}", PARSE_ERROR, FALSE},
        {"{}", INVALID_REQUEST, FALSE},
        {"{'jsonrpc': '2.0', 'method': 'status'}", INVALID_REQUEST, FALSE},
        {"{'jsonrpc': '2.0', 'id': null, 'method': 'status'}", INVALID_REQUEST, FALSE},
        {"{'jsonrpc': '2.0', 'id': '', 'method': 'status'}", INVALID_REQUEST, FALSE},
        {"{'jsonrpc': '2.0', 'id': 1.5, 'method': 'status'}", INVALID_REQUEST, FALSE},
        {"{'jsonrpc': '2.0', 'id': true, 'method': 'status'}", INVALID_REQUEST, FALSE},
        {"{'jsonrpc': '2.0', 'id': [1], 'method': 'status'}", INVALID_REQUEST, FALSE},
        {"{'jsonrpc': '2.0', 'id': {}, 'method': 'status'}", INVALID_REQUEST, FALSE},
        {"{'jsonrpc': '2.0', 'id': "
         "'01234567890123456789012345678901234567890123456789012345678901234', 'method': 'x'}",
         INVALID_REQUEST, FALSE},
        {"{'id': 1, 'method': 'status'}", INVALID_REQUEST, TRUE},
        {"{'jsonrpc': '1.0', 'id': 1, 'method': 'status'}", INVALID_REQUEST, TRUE},
        {"{'jsonrpc': 2.0, 'id': 1, 'method': 'status'}", INVALID_REQUEST, TRUE},
        {"{'jsonrpc': '2.0', 'id': 1}", INVALID_REQUEST, TRUE},
        {"{'jsonrpc': '2.0', 'id': 1, 'method': 5}", INVALID_REQUEST, TRUE},
        {"{'jsonrpc': '2.0', 'id': 1, 'method': "
         "'01234567890123456789012345678901234567890123456789012345678901234'}",
         INVALID_REQUEST, TRUE},
        {"{'jsonrpc': '2.0', 'id': 1, 'method': 'status', 'params': []}", INVALID_REQUEST, TRUE},
        {"{'jsonrpc': '2.0', 'id': 1, 'method': 'status', 'params': null}", INVALID_REQUEST, TRUE},
        {"{'jsonrpc': '2.0', 'id': 1, 'method': 'status', 'params': 'x'}", INVALID_REQUEST, TRUE},
        {"{'jsonrpc': '2.0', 'id': 1, 'method': 'status', 'origin': 'x'}", INVALID_REQUEST, TRUE},
        {"{'jsonrpc': '2.0', 'id': 1, 'result': {}}", INVALID_REQUEST, TRUE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        json_t *id = NULL;
        int code = 0;
        g_autoptr(TbRpcRequest) request = read_text(rows[i].text, &id, &code, &error);

        if (request)
            tb_test_row_failed("%s: accepted", rows[i].text);
        else if (!g_error_matches(error, TB_FAULT, TB_REASON_INVALID_REQUEST) ||
                 code != rows[i].code || !!id != rows[i].id)
            tb_test_row_failed("%s: code %d, id %d", rows[i].text, code, !!id);
        json_decref(id);
    }
}

static void
assert_json(json_t *got, const char *text)
{
    json_t *expected = tb_test_json(text);
    char *dump = json_dumps(got, JSON_COMPACT);

    if (!json_equal(got, expected))
        g_error("got %s", dump);
    free(dump);
    json_decref(expected);
    json_decref(got);
}

static void
test_replies(void)
{
    g_autoptr(GError) error =
        g_error_new(TB_FAULT, TB_REASON_TOKEN_REMOVED, "The token was removed.");
    g_autoptr(GError) foreign = g_error_new(G_FILE_ERROR, G_FILE_ERROR_IO, "Broken.");
    json_t *id = json_string("x");
    json_t *number = json_integer(7);
    json_t *result = tb_test_json("{'a': 1}");

    assert_json(tb_rpc_result(id, result), "{'jsonrpc': '2.0', 'id': 'x', 'result': {'a': 1}}");
    assert_json(tb_rpc_error(number, 0, error, NULL),
                "{'jsonrpc': '2.0', 'id': 7, 'error': {'code': -32004, 'message': 'The token was "
                "removed.', 'data': {'reason': 'token_removed'}}}");
    assert_json(tb_rpc_error(NULL, -32600, error, "no_certificate"),
                "{'jsonrpc': '2.0', 'id': null, 'error': {'code': -32600, 'message': 'The token "
                "was removed.', 'data': {'reason': 'token_removed', 'problem': "
                "'no_certificate'}}}");
    assert_json(tb_rpc_error(id, 0, foreign, NULL),
                "{'jsonrpc': '2.0', 'id': 'x', 'error': {'code': -32603, 'message': 'Broken.', "
                "'data': {'reason': 'internal'}}}");
    json_decref(id);
    json_decref(number);
    json_decref(result);
}

/* A path in a message need not be UTF-8; the reply must be. */
static void
test_message_that_is_not_utf8(void)
{
    g_autoptr(GError) error = g_error_new_literal(TB_FAULT, TB_REASON_INTERNAL, "Bad \xff path.");
    json_t *reply = tb_rpc_error(NULL, 0, error, NULL);

    g_assert_nonnull(reply);
    json_decref(reply);
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/rpc/good", test_good);
    g_test_add_func("/rpc/bad", test_bad);
    g_test_add_func("/rpc/replies", test_replies);
    g_test_add_func("/rpc/message-that-is-not-utf8", test_message_that_is_not_utf8);
    return tb_test_end();
}
