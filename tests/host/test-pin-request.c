/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/pin-request.c: each parameter with good and bad values.
 */
#include "host/pin-request.h"

#include <string.h>

#include "host/common/config.h"
#include "host/common/fault.h"
#include "tests/host/harness.h"
#include "tests/support/assert.h"

#define DEFAULT_TIMEOUT 4321
#define BASE "{'module': 'card', 'slot': 3, 'token': 'S1'}"

static GPtrArray *modules;

static TbPinRequest *
read_request(const char *changes, GError **error)
{
    json_t *params = tb_test_json(BASE);
    json_t *values = tb_test_json(changes);
    TbPinRequest *request;
    const char *name;
    json_t *value;

    json_object_foreach (values, name, value) {
        if (json_is_null(value))
            json_object_del(params, name);
        else
            json_object_set(params, name, value);
    }
    request = tb_pin_request_read(TB_PIN_UNBLOCK, params, modules, DEFAULT_TIMEOUT, error);
    json_decref(params);
    json_decref(values);
    return request;
}

static void
test_good(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbPinRequest) plain = read_request("{}", &error);
    g_autoptr(TbPinRequest) full = NULL;

    g_assert_no_error(error);
    g_assert_cmpint(plain->purpose, ==, TB_PIN_UNBLOCK);
    g_assert_cmpuint(plain->module, ==, 1);
    g_assert_cmpuint(plain->slot, ==, 3);
    g_assert_cmpstr(plain->token, ==, "S1");
    g_assert_null(plain->lang);
    g_assert_cmpuint(plain->timeout, ==, DEFAULT_TIMEOUT);
    full = read_request("{'module': 'other', 'slot': -2, 'token': '', 'lang': 'fa-IR', 'timeout': "
                        "1000}",
                        &error);
    g_assert_no_error(error);
    g_assert_cmpuint(full->module, ==, 0);
    g_assert_cmpuint(full->slot, ==, G_MAXUINT64 - 1);
    g_assert_cmpstr(full->token, ==, "");
    g_assert_cmpstr(full->lang, ==, "fa-IR");
    g_assert_cmpuint(full->timeout, ==, 1000);
    tb_pin_request_free(NULL);
}

static void
test_bad(void)
{
    static const struct {
        const char *changes;
        const char *names; /* what the error speaks of */
    } rows[] = {
        {"{'module': null}", "module"},
        {"{'module': 5}", "module"},
        {"{'module': ''}", "module"},
        {"{'module': 'Card'}", "module"},
        {"{'module': '/usr/lib/evil.so'}", "module"},
        {"{'slot': null}", "slot"},
        {"{'slot': '3'}", "slot"},
        {"{'slot': 1.5}", "slot"},
        {"{'token': null}", "token"},
        {"{'token': 5}", "token"},
        {"{'lang': 'e n'}", "lang"},
        {"{'timeout': 999}", "timeout"},
        {"{'timeout': 600001}", "timeout"},
        {"{'origin': 'https://example.org'}", "params"},
        {"{'pin': '1234'}", "params"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(TbPinRequest) request = read_request(rows[i].changes, &error);

        if (request)
            tb_test_row_failed("%s: accepted", rows[i].changes);
        else if (!g_error_matches(error, TB_FAULT, TB_REASON_INVALID_REQUEST) ||
                 !strstr(error->message, rows[i].names))
            tb_test_row_failed("%s: %s", rows[i].changes, error->message);
    }
}

static void
test_no_params(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(tb_pin_request_read(TB_PIN_CHANGE, NULL, modules, 1000, &error));
    g_assert_error(error, TB_FAULT, TB_REASON_INVALID_REQUEST);
}

int
main(int argc, char **argv)
{
    int status;

    tb_test_begin(&argc, &argv);
    modules = tb_test_modules();
    g_ptr_array_add(modules, tb_module_new("other", "/other.so", NULL, "configuration"));
    g_ptr_array_add(modules, tb_module_new("card", "/card.so", NULL, "configuration"));
    g_test_add_func("/pin-request/good", test_good);
    g_test_add_func("/pin-request/bad", test_bad);
    g_test_add_func("/pin-request/no-params", test_no_params);
    status = tb_test_end();
    g_ptr_array_unref(modules);
    return status;
}
