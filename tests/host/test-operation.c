/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/operation.c: a request's life with a dialog played by the test and a scripted
 * worker. Each way that it can end, and that it ends once, leaves nothing behind and tells the
 * truth.
 */
#include "host/operation.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#include "host/common/fault.h"
#include "host/dialog-lock.h"
#include "host/last-used.h"
#include "tests/host/harness.h"
#include "tests/host/played-operation.h"
#include "tests/support/assert.h"

#define NONCE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define AUTHENTICATE "{'origin': 'https://example.org', 'nonce': '" NONCE "', 'timeout': 600000}"
#define SIGNATURE                                                                                  \
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
#define GOOD_PIN                                                                                   \
    "{'pins': {'1234': {'signature': '" SIGNATURE "'}, '*': {'error': {'reason': "                 \
    "'pin_incorrect', 'message': 'The PIN is wrong.', 'pin': {'state': 'low', 'pad': false, "      \
    "'min': 4, 'max': 8}}}}}"

typedef TbTestOperation Fixture;

/* script: the worker's; NULL: there is no module. */
static void
set_up(Fixture *fixture, json_t *script)
{
    tb_test_operation_init(fixture, "module", script);
}

static TbRequest *
make_request(TbPurpose purpose, const char *params)
{
    json_t *object = tb_test_json(params);
    g_autoptr(GError) error = NULL;
    TbRequest *request = tb_request_read(purpose, object, 60000, &error);

    g_assert_no_error(error);
    json_decref(object);
    return request;
}

static void
start(Fixture *fixture, TbPurpose purpose, const char *params)
{
    g_autoptr(GError) error = NULL;

    fixture->operation = tb_operation_start(&fixture->context, make_request(purpose, params),
                                            tb_test_operation_done, fixture, &error);
    g_assert_no_error(error);
    g_assert_nonnull(fixture->operation);
}

static void
submit_id(Fixture *fixture, const char *id)
{
    tb_test_prompt_say(&fixture->prompt,
                       json_pack("{s:s, s:s}", "type", "submit", "certificate", id));
}

static void
submit(Fixture *fixture, const char *name)
{
    g_autofree char *id = tb_test_certificate_id(name);

    tb_test_prompt_say(&fixture->prompt,
                       json_pack("{s:s, s:s}", "type", "submit", "certificate", id));
}

static void
assert_ended(Fixture *fixture, TbReason reason)
{
    tb_test_wait(&fixture->done, 10);
    if (reason) {
        g_assert_error(fixture->error, TB_FAULT, (int)reason);
        g_assert_true(g_utf8_validate(fixture->error->message, -1, NULL));
    } else {
        g_assert_no_error(fixture->error);
    }
}

/* The worker's script around a listing (taken) and signing steps. */
static json_t *
script(json_t *listing, const char *sign_steps)
{
    g_autofree char *text = g_strdup_printf("[%s]", sign_steps);

    return json_pack("{s:[{s:o}], s:o}", "list", "answer", listing, "sign", tb_test_json(text));
}

static json_t *
one_certificate(void)
{
    return tb_test_listing(tb_test_token("S1", NULL, tb_test_certificate("A", NULL), NULL), NULL);
}

static void
forget_last_used(void)
{
    g_autofree char *path = tb_test_path("XDG_STATE_HOME/tokenbridge/last-used");

    (void)g_remove(path);
}

static void
test_authenticate(void)
{
    Fixture fixture;
    g_autofree char *id = tb_test_certificate_id("A");
    g_autofree char *used = NULL;
    g_autofree char *log = NULL;
    json_t *message;

    forget_last_used();
    set_up(&fixture, script(one_certificate(), GOOD_PIN));
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    /* The dialog opens at once, before any worker has answered, and learns no nonce. */
    g_assert_cmpuint(fixture.prompt.messages->len, ==, 1);
    message = tb_test_json(
        "{'type': 'show', 'operation': 'authenticate', 'origin': 'https://example.org'}");
    g_assert_true(json_equal(fixture.prompt.messages->pdata[0], message));
    json_decref(message);
    tb_test_prompt_say(&fixture.prompt, json_pack("{s:s}", "type", "ready"));
    message = tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    g_assert_cmpuint(json_array_size(json_object_get(message, "certificates")), ==, 1);
    g_assert_null(json_object_get(message, "problem"));
    g_assert_null(json_object_get(message, "preferred"));
    submit(&fixture, "A");
    tb_test_prompt_type(&fixture.prompt, "1234\n", 1);
    message = tb_test_prompt_wait(&fixture.prompt, "working", 1);
    g_assert_true(json_is_false(json_object_get(message, "pad")));
    assert_ended(&fixture, 0);
    g_assert_nonnull(tb_test_prompt_last(&fixture.prompt, "done"));
    g_assert_cmpuint(fixture.prompt.lingering, ==, 1);
    g_assert_cmpstr(json_string_value(json_object_get(fixture.result, "signature")), ==, SIGNATURE);
    g_assert_cmpstr(json_string_value(json_object_get(fixture.result, "format")), ==,
                    "web-eid:1.0");
    g_assert_null(fixture.problem);
    used = tb_last_used_get("https://example.org");
    g_assert_cmpstr(used, ==, id);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "sign", &log), ==, 1);
    g_assert_nonnull(strstr(log, "\"algorithm\":\"ES256\""));
    g_assert_nonnull(strstr(log, "\"prehashed\":false"));
    tb_test_operation_clear(&fixture);

    /* The next time it is preferred. */
    set_up(&fixture, script(one_certificate(), GOOD_PIN));
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    message = tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    g_assert_cmpstr(json_string_value(json_object_get(message, "preferred")), ==, id);
    tb_test_prompt_say(&fixture.prompt, json_pack("{s:s}", "type", "cancelled"));
    assert_ended(&fixture, TB_REASON_USER_CANCELLED);
    tb_test_operation_clear(&fixture);
}

static void
test_show(void)
{
    Fixture fixture;
    json_t *expected = tb_test_json(
        "{'type': 'show', 'operation': 'sign', 'origin': 'https://example.org', 'top_origin': "
        "'https://top.example', 'lang': 'fa', 'hash': {'function': 'SHA-256', 'hex': "
        "'0000000000000000000000000000000000000000000000000000000000000000'}}");

    set_up(&fixture, NULL);
    start(&fixture, TB_PURPOSE_SIGN,
          "{'origin': 'https://example.org', 'topOrigin': 'https://top.example', 'lang': 'fa', "
          "'certificate': 'QQ==', 'hash': '" NONCE "', 'hashFunction': 'SHA-256'}");
    g_assert_true(json_equal(fixture.prompt.messages->pdata[0], expected));
    json_decref(expected);
    tb_operation_abort(g_steal_pointer(&fixture.operation));
    tb_test_operation_clear(&fixture);
}

static void
test_choose(void)
{
    Fixture fixture;

    set_up(&fixture,
           script(tb_test_listing(
                      tb_test_token("S1", NULL,
                                    tb_test_certificate("D", "{'key_usage': ['nonRepudiation'], "
                                                             "'extended_key_usage': null}"),
                                    tb_test_certificate("A", NULL), NULL),
                      NULL),
                  ""));
    start(&fixture, TB_PURPOSE_CHOOSE, "{'origin': 'https://example.org'}");
    tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    submit(&fixture, "D");
    assert_ended(&fixture, 0);
    g_assert_cmpstr(json_string_value(json_object_get(fixture.result, "certificate")), ==, "RA==");
    g_assert_cmpuint(tb_test_prompt_count(&fixture.prompt, "pin"), ==, 0);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "sign", NULL), ==, 0);
    tb_test_operation_clear(&fixture);
}

/* What the dialog submits must be what it was offered: no other purpose's certificate, no unusable
 * one, no made-up one. */
static void
test_submit_of_what_is_not_offered(void)
{
    static const char *const names[] = {"document", "expired", "nothing"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        Fixture fixture;

        set_up(&fixture,
               script(tb_test_listing(
                          tb_test_token("S1", NULL,
                                        tb_test_certificate("document",
                                                            "{'key_usage': ['nonRepudiation'], "
                                                            "'extended_key_usage': null}"),
                                        tb_test_certificate("expired", "{'not_after': 1000}"),
                                        tb_test_certificate("A", NULL), NULL),
                          NULL),
                      GOOD_PIN));
        start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
        tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
        submit(&fixture, names[i]);
        assert_ended(&fixture, TB_REASON_TOKEN_REMOVED);
        g_assert_cmpuint(tb_test_worker_log(fixture.path, "sign", NULL), ==, 0);
        tb_test_operation_clear(&fixture);
    }
}

static void
test_messages_of_no_meaning(void)
{
    static const char *const texts[] = {
        "{}",
        "{'type': 'hello'}",
        "{'type': 5}",
        "{'type': 'submit'}",
        "{'type': 'submit', 'certificate': 5}",
        "{'type': 'ready', 'more': true}",
    };
    Fixture fixture;

    set_up(&fixture, script(one_certificate(), GOOD_PIN));
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        tb_test_prompt_say(&fixture.prompt, tb_test_json(texts[i]));
    g_assert_cmpuint(fixture.done, ==, 0);
    submit(&fixture, "A");
    submit(&fixture, "A"); /* a second one is out of turn */
    tb_test_prompt_type(&fixture.prompt, "1234\n", 1);
    assert_ended(&fixture, 0);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "sign", NULL), ==, 1);
    tb_test_operation_clear(&fixture);
}

static void
test_wrong_pin_then_right(void)
{
    Fixture fixture;
    json_t *expected = tb_test_json("{'type': 'pin_failed', 'repeated': false, 'pin': {'state': "
                                    "'low', 'pad': false, 'min': 4, 'max': 8}}");

    set_up(&fixture, script(one_certificate(), GOOD_PIN));
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    submit(&fixture, "A");
    tb_test_prompt_type(&fixture.prompt, "9999\n", 1);
    g_assert_true(json_equal(tb_test_prompt_wait(&fixture.prompt, "pin_failed", 1), expected));
    json_decref(expected);
    tb_test_run_for(700); /* nothing is retried by itself */
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "pin", NULL), ==, 1);
    submit(&fixture, "A");
    tb_test_prompt_type(&fixture.prompt, "1234\n", 2);
    assert_ended(&fixture, 0);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "pin", NULL), ==, 2);
    tb_test_operation_clear(&fixture);
}

static void
test_wrong_pin_three_times(void)
{
    Fixture fixture;

    set_up(&fixture, script(one_certificate(), GOOD_PIN));
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    for (guint i = 1; i <= 3; i++) {
        submit(&fixture, "A");
        tb_test_prompt_type(&fixture.prompt, "9999\n", i);
        if (i < 3)
            tb_test_prompt_wait(&fixture.prompt, "pin_failed", i);
    }
    assert_ended(&fixture, TB_REASON_PIN_INCORRECT);
    g_assert_cmpstr(json_string_value(
                        json_object_get(tb_test_prompt_last(&fixture.prompt, "failed"), "reason")),
                    ==, "pin_incorrect");
    g_assert_cmpuint(fixture.prompt.lingering, ==, 1);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "pin", NULL), ==, 3);
    tb_test_operation_clear(&fixture);
}

/* What the worker says of a wrong PIN, and what the dialog is told. */
static void
test_pin_failed_messages(void)
{
    static const struct {
        const char *answer;
        gboolean repeated;
        const char *state;
    } rows[] = {
        {"{'error': {'reason': 'pin_incorrect', 'message': 'M.', 'repeated': true, 'pin': "
         "{'state': 'final_try', 'pad': false, 'min': 4, 'max': 8}}}",
         TRUE, "final_try"},
        {"{'error': {'reason': 'pin_incorrect', 'message': 'M.'}}", FALSE, "ok"},
        {"{'error': {'reason': 'pin_incorrect', 'pin': 'none'}}", FALSE, "ok"},
        {"{'error': {'reason': 'pin_incorrect', 'repeated': 'yes', 'pin': {'state': 'low', 'pad': "
         "false, 'extra': [1]}}}",
         FALSE, "low"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *step = g_strdup_printf("{'pins': {'*': %s}}", rows[i].answer);
        Fixture fixture;
        json_t *message, *pin;

        set_up(&fixture, script(one_certificate(), step));
        start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
        tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
        submit(&fixture, "A");
        tb_test_prompt_type(&fixture.prompt, "9999\n", 1);
        message = tb_test_prompt_wait(&fixture.prompt, "pin_failed", 1);
        pin = json_object_get(message, "pin");
        g_assert_cmpint(json_is_true(json_object_get(message, "repeated")), ==, rows[i].repeated);
        g_assert_cmpstr(json_string_value(json_object_get(pin, "state")), ==, rows[i].state);
        g_assert_true(json_is_false(json_object_get(pin, "pad")));
        g_assert_null(json_object_get(pin, "extra"));
        tb_test_prompt_say(&fixture.prompt, json_pack("{s:s}", "type", "cancelled"));
        assert_ended(&fixture, TB_REASON_USER_CANCELLED);
        tb_test_operation_clear(&fixture);
    }
}

/* No failure is folded into another. */
static void
test_sign_failures(void)
{
    static const struct {
        const char *step;
        TbReason reason;
    } rows[] = {
        {"{'answer': {'error': {'reason': 'pin_blocked', 'message': 'M.'}}}",
         TB_REASON_PIN_BLOCKED},
        {"{'answer': {'error': {'reason': 'token_removed', 'message': 'M.'}}}",
         TB_REASON_TOKEN_REMOVED},
        {"{'answer': {'error': {'reason': 'token_missing', 'message': 'M.'}}}",
         TB_REASON_TOKEN_MISSING},
        {"{'answer': {'error': {'reason': 'unsupported', 'message': 'M.'}}}",
         TB_REASON_UNSUPPORTED},
        {"{'answer': {'error': {'reason': 'nonsense', 'message': 'M.'}}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {'error': {}}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {'error': true}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {'signature': 5}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {'signature': 'no base64'}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {'signature': ''}}", TB_REASON_MODULE_FAILED},
        {"{'do': 'crash'}", TB_REASON_MODULE_FAILED},
        {"{'do': 'exit'}", TB_REASON_MODULE_FAILED},
        {"{'do': 'garbage'}", TB_REASON_MODULE_FAILED},
        {"{'do': 'hang'}", TB_REASON_MODULE_TIMEOUT},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture fixture;

        set_up(&fixture, script(one_certificate(), rows[i].step));
        fixture.config->sign_timeout = tb_test_ms(1000);
        start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
        tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
        submit(&fixture, "A");
        tb_test_wait(&fixture.done, 10);
        if (!g_error_matches(fixture.error, TB_FAULT, (int)rows[i].reason))
            tb_test_row_failed("%s: %s", rows[i].step,
                               fixture.error ? fixture.error->message : "a result");
        if (!tb_test_prompt_last(&fixture.prompt, "failed") || !fixture.prompt.lingering)
            tb_test_row_failed("%s: the dialog was not told", rows[i].step);
        tb_test_operation_clear(&fixture);
    }
}

static void
test_worker_says_cancelled(void)
{
    Fixture fixture;

    set_up(&fixture,
           script(one_certificate(),
                  "{'answer': {'error': {'reason': 'user_cancelled', 'message': 'On the pad.'}}}"));
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    submit(&fixture, "A");
    assert_ended(&fixture, TB_REASON_MODULE_FAILED); /* without a PIN pad nobody can cancel there */
    tb_test_operation_clear(&fixture);
}

static void
test_cancelled_on_the_pad(void)
{
    Fixture fixture;

    set_up(&fixture,
           script(tb_test_listing(tb_test_token("S1",
                                                "{'pin': {'state': 'ok', 'pad': true, 'min': 4, "
                                                "'max': 8}}",
                                                tb_test_certificate("A", NULL), NULL),
                                  NULL),
                  "{'answer': {'error': {'reason': 'user_cancelled', 'message': 'On the pad.'}}}"));
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    submit(&fixture, "A");
    assert_ended(&fixture, TB_REASON_USER_CANCELLED); /* CKR_FUNCTION_CANCELED */
    tb_test_operation_clear(&fixture);
}

static void
test_pin_pad(void)
{
    Fixture fixture;

    set_up(&fixture,
           script(tb_test_listing(tb_test_token("S1",
                                                "{'pin': {'state': 'ok', 'pad': true, 'min': 4, "
                                                "'max': 8}}",
                                                tb_test_certificate("A", NULL), NULL),
                                  NULL),
                  "{'pins': {'pad': {'error': {'reason': 'pin_incorrect', 'message': 'M.'}}}}"));
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    submit(&fixture, "A");
    g_assert_true(
        json_is_true(json_object_get(tb_test_prompt_wait(&fixture.prompt, "working", 1), "pad")));
    g_assert_cmpuint(tb_test_prompt_count(&fixture.prompt, "pin"), ==, 0);
    assert_ended(&fixture, TB_REASON_PIN_INCORRECT); /* a pad has no second try of ours */
    tb_test_operation_clear(&fixture);
}

/* --- which token --- */

/* Two tokens with one certificate, of the same serial and label: each row signs on its own. */
static void
test_twins(void)
{
    for (guint i = 0; i < 2; i++) {
        g_autofree char *id = tb_test_certificate_id("A");
        g_autofree char *second = g_strconcat(id, ".2", NULL);
        g_autofree char *log = NULL;
        Fixture fixture;
        json_t *choices;

        set_up(&fixture, script(tb_test_listing(tb_test_token("S1", "{'slot': 7, 'reader': 'R'}",
                                                              tb_test_certificate("A", NULL), NULL),
                                                tb_test_token("S1", "{'slot': 8, 'reader': 'S'}",
                                                              tb_test_certificate("A", NULL), NULL),
                                                NULL),
                                GOOD_PIN));
        start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
        choices = json_object_get(tb_test_prompt_wait(&fixture.prompt, "certificates", 1),
                                  "certificates");
        g_assert_cmpuint(json_array_size(choices), ==, 2);
        for (guint j = 0; j < 2; j++) {
            json_t *choice = json_array_get(choices, j);

            g_assert_cmpstr(json_string_value(json_object_get(choice, "id")), ==, j ? second : id);
            g_assert_cmpstr(json_string_value(json_object_get(choice, "reader")), ==,
                            j ? "S" : "R");
        }
        submit_id(&fixture, i ? second : id);
        tb_test_prompt_type(&fixture.prompt, "1234\n", 1);
        assert_ended(&fixture, 0);
        tb_test_worker_log(fixture.path, "sign", &log);
        g_assert_nonnull(strstr(log, i ? "\"slot\":8" : "\"slot\":7"));
        tb_test_operation_clear(&fixture);
    }
}

/* The chosen one goes, and its twin does not sign in its stead. */
static void
test_twin_is_no_substitute(void)
{
    json_t *worker = script(tb_test_listing(tb_test_token("S1", "{'slot': 8, 'reader': 'S'}",
                                                          tb_test_certificate("A", NULL), NULL),
                                            NULL),
                            GOOD_PIN);
    Fixture fixture;

    json_array_insert_new(json_object_get(worker, "list"), 0,
                          json_pack("{s:o}", "answer", one_certificate()));
    set_up(&fixture, worker);
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    tb_test_prompt_wait(&fixture.prompt, "certificates", 2);
    submit(&fixture, "A"); /* as the first message had it */
    assert_ended(&fixture, TB_REASON_TOKEN_REMOVED);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "sign", NULL), ==, 0);
    tb_test_operation_clear(&fixture);
}

/* --- certificates that show only after login --- */

#define HIDDEN "{'hidden': true}"
#define WRONG                                                                                      \
    "{'error': {'reason': 'pin_incorrect', 'message': 'M.', 'pin': {'state': 'low', 'pad': "       \
    "false}}}"

static json_t *
hidden_listing(const char *changes)
{
    return tb_test_listing(tb_test_token("S1", changes, NULL), NULL);
}

/* token (taken): what "reveal" answers to the right PIN, and what is listed from then on. */
static json_t *
hiding_script(json_t *token, const char *sign_steps)
{
    json_t *worker = script(hidden_listing(HIDDEN), sign_steps);

    json_object_set_new(worker, "revealed", json_pack("[{s:{s:[O]}}]", "answer", "tokens", token));
    json_object_set_new(worker, "reveal",
                        json_pack("[{s:{s:{s:o}, s:o}}]", "pins", "1234", "token", token, "*",
                                  tb_test_json(WRONG)));
    return worker;
}

static json_t *
revealed(json_t *first, json_t *second)
{
    return tb_test_token("S1", NULL, first, second, NULL);
}

static void
submit_hidden(Fixture *fixture, TbPurpose purpose)
{
    static const char *const params[] = {
        [TB_PURPOSE_AUTHENTICATE] = AUTHENTICATE,
        [TB_PURPOSE_CHOOSE] = "{'origin': 'https://example.org'}",
    };
    json_t *choices;

    start(fixture, purpose, params[purpose]);
    choices =
        json_object_get(tb_test_prompt_wait(&fixture->prompt, "certificates", 1), "certificates");
    g_assert_cmpuint(json_array_size(choices), ==, 1);
    g_assert_true(json_is_true(json_object_get(json_array_get(choices, 0), "hidden")));
    submit_id(fixture, json_string_value(json_object_get(json_array_get(choices, 0), "id")));
}

/* One fits: one PIN, and no question more. */
static void
test_hidden_one(void)
{
    g_autofree char *log = NULL;
    Fixture fixture;

    set_up(&fixture, hiding_script(revealed(tb_test_certificate("A", NULL),
                                            tb_test_certificate("other", "{'key_usage': []}")),
                                   "{'answer': {'signature': '" SIGNATURE "'}}"));
    submit_hidden(&fixture, TB_PURPOSE_AUTHENTICATE);
    tb_test_prompt_type(&fixture.prompt, "1234\n", 1);
    assert_ended(&fixture, 0);
    g_assert_cmpuint(tb_test_prompt_count(&fixture.prompt, "pin"), ==, 1);
    g_assert_cmpuint(tb_test_prompt_count(&fixture.prompt, "working"), ==, 1);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "reveal", NULL), ==, 1);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "sign", &log), ==, 1);
    g_assert_nonnull(strstr(log, "\"held\":true"));
    g_assert_nonnull(tb_test_prompt_last(&fixture.prompt, "done"));
    tb_test_operation_clear(&fixture);
}

/* Several fit, or the user must see what the site gets: the dialog asks again. */
static void
test_hidden_asks_again(void)
{
    static const char document[] = "{'key_usage': ['nonRepudiation'], 'extended_key_usage': null}";
    const struct {
        TbPurpose purpose;
        const char *changes;
        gboolean two;
        const char *problem;
    } rows[] = {
        {TB_PURPOSE_AUTHENTICATE, "{}", TRUE, NULL},
        {TB_PURPOSE_CHOOSE, document, FALSE, NULL},
        {TB_PURPOSE_CHOOSE, document, TRUE, NULL},
        {TB_PURPOSE_AUTHENTICATE, document, TRUE, "no_certificate"},
        {TB_PURPOSE_CHOOSE, "{}", FALSE, "no_certificate"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture fixture;
        json_t *message;

        set_up(
            &fixture,
            hiding_script(revealed(tb_test_certificate("A", rows[i].changes),
                                   rows[i].two ? tb_test_certificate("B", rows[i].changes) : NULL),
                          GOOD_PIN));
        submit_hidden(&fixture, rows[i].purpose);
        tb_test_prompt_type(&fixture.prompt, "1234\n", 1);
        message = tb_test_prompt_wait(&fixture.prompt, "certificates", 2);
        g_assert_true(json_is_true(json_object_get(message, "again")));
        g_assert_cmpstr(json_string_value(json_object_get(message, "problem")), ==,
                        rows[i].problem);
        g_assert_cmpuint(json_array_size(json_object_get(message, "certificates")), ==,
                         rows[i].problem ? 0
                         : rows[i].two   ? 2
                                         : 1);
        if (rows[i].problem) {
            tb_test_prompt_say(&fixture.prompt, json_pack("{s:s}", "type", "cancelled"));
            assert_ended(&fixture, TB_REASON_USER_CANCELLED);
            g_assert_cmpstr(fixture.problem, ==, "no_certificate");
        } else {
            submit(&fixture, "A");
            if (rows[i].purpose == TB_PURPOSE_AUTHENTICATE)
                tb_test_prompt_type(&fixture.prompt, "1234\n", 2);
            assert_ended(&fixture, 0);
        }
        tb_test_operation_clear(&fixture);
    }
}

/* The held login is over, or the key wants its PIN each time. */
static void
test_hidden_needs_pin_again(void)
{
    Fixture fixture;
    json_t *message;

    set_up(&fixture,
           hiding_script(
               revealed(tb_test_certificate("A", NULL), NULL),
               "{'answer': {'error': {'reason': 'invalid_request', 'message': 'M.'}}}, " GOOD_PIN));
    submit_hidden(&fixture, TB_PURPOSE_AUTHENTICATE);
    tb_test_prompt_type(&fixture.prompt, "1234\n", 1);
    message = tb_test_prompt_wait(&fixture.prompt, "certificates", 2);
    g_assert_true(json_is_true(json_object_get(message, "again")));
    submit(&fixture, "A");
    tb_test_prompt_type(&fixture.prompt, "1234\n", 2);
    assert_ended(&fixture, 0);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "sign", NULL), ==, 2);
    tb_test_operation_clear(&fixture);
}

/* Wrong PINs count together, and none is sent by itself. */
static void
test_hidden_wrong_pins(void)
{
    json_t *worker = hiding_script(revealed(tb_test_certificate("A", NULL), NULL), "");
    Fixture fixture;

    json_object_del(worker, "revealed"); /* nothing is */
    set_up(&fixture, worker);
    submit_hidden(&fixture, TB_PURPOSE_AUTHENTICATE);
    for (guint i = 1; i <= 3; i++) {
        tb_test_prompt_type(&fixture.prompt, "9999\n", i);
        if (i < 3) {
            json_t *message = tb_test_prompt_wait(&fixture.prompt, "pin_failed", i);
            json_t *pin = json_object_get(message, "pin");

            g_assert_cmpstr(json_string_value(json_object_get(pin, "state")), ==, "low");
            submit_id(&fixture, "hidden");
        }
    }
    assert_ended(&fixture, TB_REASON_PIN_INCORRECT);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "reveal", NULL), ==, 3);
    tb_test_operation_clear(&fixture);
}

static void
test_hidden_with_pad(void)
{
    json_t *worker = script(hidden_listing("{'hidden': true, 'pin': {'state': 'ok', 'pad': true}}"),
                            "{'answer': {'signature': '" SIGNATURE "'}}");
    Fixture fixture;

    json_object_set_new(worker, "reveal",
                        json_pack("[{s:{s:{s:o}}}]", "pins", "pad", "token",
                                  revealed(tb_test_certificate("A", NULL), NULL)));
    set_up(&fixture, worker);
    submit_hidden(&fixture, TB_PURPOSE_AUTHENTICATE);
    g_assert_true(
        json_is_true(json_object_get(tb_test_prompt_wait(&fixture.prompt, "working", 1), "pad")));
    assert_ended(&fixture, 0);
    g_assert_cmpuint(tb_test_prompt_count(&fixture.prompt, "pin"), ==, 0);
    g_assert_cmpuint(tb_test_prompt_count(&fixture.prompt, "working"), ==, 1);
    tb_test_operation_clear(&fixture);
}

/* What a worker may answer to "reveal" besides, and what becomes of it. */
static void
test_reveal_failures(void)
{
    static const struct {
        const char *step;
        TbReason reason;
    } rows[] = {
        {"{'answer': {}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {'token': 5}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {'token': {'slot': 7, 'serial': 'S1'}}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {'token': {'slot': 7, 'serial': 'other'}}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {'token': {'slot': 6, 'serial': 'S1'}}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {'signature': 'QUJD'}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {'error': {'reason': 'token_removed', 'message': 'M.'}}}",
         TB_REASON_TOKEN_REMOVED},
        {"{'answer': {'error': {'reason': 'pin_blocked', 'message': 'M.'}}}",
         TB_REASON_PIN_BLOCKED},
        {"{'answer': {'error': {'reason': 'user_cancelled', 'message': 'M.'}}}",
         TB_REASON_MODULE_FAILED},
        {"{'do': 'crash'}", TB_REASON_MODULE_FAILED},
        {"{'do': 'hang'}", TB_REASON_MODULE_TIMEOUT},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_t *worker = hiding_script(json_object(), GOOD_PIN);
        Fixture fixture;

        json_object_set_new(worker, "reveal", json_pack("[o]", tb_test_json(rows[i].step)));
        set_up(&fixture, worker);
        fixture.config->sign_timeout = tb_test_ms(500);
        submit_hidden(&fixture, TB_PURPOSE_AUTHENTICATE);
        tb_test_wait(&fixture.done, 10);
        if (!g_error_matches(fixture.error, TB_FAULT, (int)rows[i].reason))
            tb_test_row_failed("%s: %s", rows[i].step,
                               fixture.error ? fixture.error->message : "a result");
        tb_test_operation_clear(&fixture);
    }
}

/* --- what is missing --- */

static void
test_problems(void)
{
    static const struct {
        const char *list; /* steps; NULL: no module */
        const char *word; /* for the dialog */
        TbReason reason;  /* after the time is over */
    } rows[] = {
        {NULL, "no_module", TB_REASON_MODULE_FAILED},
        {"{'answer': {'tokens': []}}", "no_token", TB_REASON_TOKEN_MISSING},
        {"{'do': 'crash'}", "module_failed", TB_REASON_MODULE_FAILED},
        {"{'answer': {'error': {'reason': 'module_failed', 'message': 'M.'}}}", "module_failed",
         TB_REASON_MODULE_FAILED},
        {"EMPTY", "no_certificate", TB_REASON_NO_CERTIFICATE},
        {"EXPIRED", NULL, TB_REASON_NO_CERTIFICATE},
        {"LOCKED", NULL, TB_REASON_PIN_BLOCKED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_t *worker = NULL;
        Fixture fixture;
        json_t *message;

        if (g_strcmp0(rows[i].list, "EMPTY") == 0)
            worker = script(tb_test_listing(tb_test_token("S1", NULL, NULL), NULL), "");
        else if (g_strcmp0(rows[i].list, "EXPIRED") == 0)
            worker =
                script(tb_test_listing(
                           tb_test_token("S1", NULL,
                                         tb_test_certificate("A", "{'not_after': 1000}"), NULL),
                           NULL),
                       "");
        else if (g_strcmp0(rows[i].list, "LOCKED") == 0)
            worker = script(
                tb_test_listing(tb_test_token("S1", "{'pin': {'state': 'locked', 'pad': false}}",
                                              tb_test_certificate("A", NULL), NULL),
                                NULL),
                "");
        else if (rows[i].list)
            worker = json_pack("{s:[o]}", "list", tb_test_json(rows[i].list));
        set_up(&fixture, worker);
        start(&fixture, TB_PURPOSE_AUTHENTICATE,
              "{'origin': 'https://example.org', 'nonce': '" NONCE "', 'timeout': 1000}");
        message = tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
        if (g_strcmp0(json_string_value(json_object_get(message, "problem")), rows[i].word) != 0)
            tb_test_row_failed("row %u: problem", i);
        assert_ended(&fixture, rows[i].reason);
        g_assert_cmpstr(fixture.problem, ==, tb_reason_word(rows[i].reason));
        tb_test_operation_clear(&fixture);
    }
}

/* The user gives up because nothing is there: it is still the user's own cancel, and the page may
 * know what was missing. */
static void
test_cancel_with_a_problem(void)
{
    Fixture fixture;

    set_up(&fixture, NULL);
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    tb_test_prompt_say(&fixture.prompt, json_pack("{s:s}", "type", "cancelled"));
    assert_ended(&fixture, TB_REASON_USER_CANCELLED);
    g_assert_cmpstr(fixture.problem, ==, "module_failed");
    g_assert_cmpuint(fixture.prompt.lingering, ==, 0);
    tb_test_operation_clear(&fixture);
}

/* Insertion: the dialog follows by itself. */
static void
test_token_comes(void)
{
    Fixture fixture;
    json_t *worker = script(one_certificate(), GOOD_PIN);
    json_t *message;

    json_array_insert_new(json_object_get(worker, "list"), 0,
                          tb_test_json("{'answer': {'tokens': []}}"));
    set_up(&fixture, worker);
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    message = tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    g_assert_cmpstr(json_string_value(json_object_get(message, "problem")), ==, "no_token");
    message = tb_test_prompt_wait(&fixture.prompt, "certificates", 2);
    g_assert_null(json_object_get(message, "problem"));
    tb_test_run_for(1000); /* the same again is not sent again */
    g_assert_cmpuint(tb_test_prompt_count(&fixture.prompt, "certificates"), ==, 2);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "list", NULL), >=, 3);
    submit(&fixture, "A");
    tb_test_prompt_type(&fixture.prompt, "1234\n", 1);
    assert_ended(&fixture, 0);
    g_assert_null(fixture.problem);
    tb_test_operation_clear(&fixture);
}

/* Removal while the dialog shows the certificate, and a submit that comes all the same. */
static void
test_token_vanishes(void)
{
    Fixture fixture;
    json_t *worker = script(tb_test_listing(NULL, NULL), GOOD_PIN);
    json_t *step = json_pack("{s:o}", "answer", one_certificate());
    json_t *message;

    json_array_insert_new(json_object_get(worker, "list"), 0, step);
    set_up(&fixture, worker);
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    message = tb_test_prompt_wait(&fixture.prompt, "certificates", 2);
    g_assert_cmpuint(json_array_size(json_object_get(message, "certificates")), ==, 0);
    g_assert_cmpstr(json_string_value(json_object_get(message, "problem")), ==, "no_token");
    submit(&fixture, "A");
    assert_ended(&fixture, TB_REASON_TOKEN_REMOVED);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "sign", NULL), ==, 0);
    tb_test_operation_clear(&fixture);
}

/* A locked PIN shows only after the last wrong try. */
static void
test_pin_blocked_after_wrong_pin(void)
{
    Fixture fixture;

    set_up(&fixture,
           script(one_certificate(),
                  "{'pins': {'*': {'error': {'reason': 'pin_incorrect', 'message': 'M.', 'pin': "
                  "{'state': 'final_try', 'pad': false, 'min': 4, 'max': 8}}}}},"
                  "{'pins': {'*': {'error': {'reason': 'pin_blocked', 'message': 'M.'}}}}"));
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    submit(&fixture, "A");
    tb_test_prompt_type(&fixture.prompt, "9999\n", 1);
    tb_test_prompt_wait(&fixture.prompt, "pin_failed", 1);
    submit(&fixture, "A");
    tb_test_prompt_type(&fixture.prompt, "9998\n", 2);
    assert_ended(&fixture, TB_REASON_PIN_BLOCKED);
    tb_test_operation_clear(&fixture);
}

/* --- cancel, abort, time --- */

typedef enum Stage {
    STAGE_STARTED,
    STAGE_CERTIFICATES,
    STAGE_PIN,       /* the worker waits for the PIN */
    STAGE_SIGNING,   /* the module is at work */
    STAGE_WRONG_PIN, /* the dialog shows it */
    STAGE_LAST = STAGE_WRONG_PIN,
} Stage;

static void
bring_to(Fixture *fixture, Stage stage, const char *params)
{
    set_up(fixture,
           script(one_certificate(), stage == STAGE_SIGNING ? "{'do': 'hang'}" : GOOD_PIN));
    start(fixture, TB_PURPOSE_AUTHENTICATE, params);
    if (stage == STAGE_STARTED)
        return;
    tb_test_prompt_wait(&fixture->prompt, "certificates", 1);
    if (stage == STAGE_CERTIFICATES)
        return;
    submit(fixture, "A");
    tb_test_prompt_wait(&fixture->prompt, "working", 1);
    if (stage == STAGE_WRONG_PIN) {
        tb_test_prompt_type(&fixture->prompt, "9999\n", 1);
        tb_test_prompt_wait(&fixture->prompt, "pin_failed", 1);
    }
    while (tb_test_worker_log(fixture->path, "sign", NULL) == 0)
        tb_test_run_for(2);
}

static void
test_cancelled_at_each_stage(void)
{
    for (Stage stage = STAGE_STARTED; stage <= STAGE_LAST; stage++) {
        Fixture fixture;

        bring_to(&fixture, stage, AUTHENTICATE);
        tb_test_prompt_say(&fixture.prompt, json_pack("{s:s}", "type", "cancelled"));
        g_assert_cmpuint(fixture.done, ==, 1); /* at once */
        assert_ended(&fixture, TB_REASON_USER_CANCELLED);
        g_assert_cmpuint(fixture.prompt.lingering, ==, 0);
        tb_test_operation_clear(&fixture);
    }
}

static void
test_aborted_at_each_stage(void)
{
    for (Stage stage = STAGE_STARTED; stage <= STAGE_LAST; stage++) {
        Fixture fixture;

        bring_to(&fixture, stage, AUTHENTICATE);
        tb_operation_abort(g_steal_pointer(&fixture.operation));
        g_assert_cmpuint(fixture.prompt.released, ==, 1); /* the dialog goes at once */
        g_assert_cmpuint(fixture.prompt.lingering, ==, 0);
        tb_test_run_for(20);
        g_assert_cmpuint(fixture.done, ==, 0);
        tb_test_operation_clear(&fixture);
    }
}

static void
test_prompt_dies_at_each_stage(void)
{
    for (Stage stage = STAGE_STARTED; stage <= STAGE_LAST; stage++) {
        Fixture fixture;

        bring_to(&fixture, stage, AUTHENTICATE);
        fixture.prompt.fail_at = "failed";
        fixture.prompt.events->gone("crashed (signal 11)", fixture.prompt.data);
        assert_ended(&fixture, TB_REASON_INTERNAL);
        g_assert_nonnull(strstr(fixture.error->message, "crashed (signal 11)"));
        g_assert_cmpuint(fixture.prompt.lingering, ==, 0);
        tb_test_operation_clear(&fixture);
    }
}

/* The user's time counts while the user is asked, not while the module works. */
static void
test_timeout(void)
{
    Fixture fixture;

    bring_to(&fixture, STAGE_CERTIFICATES,
             "{'origin': 'https://example.org', 'nonce': '" NONCE "', 'timeout': 1000}");
    assert_ended(&fixture, TB_REASON_USER_TIMEOUT);
    g_assert_null(fixture.problem);
    g_assert_cmpstr(json_string_value(
                        json_object_get(tb_test_prompt_last(&fixture.prompt, "failed"), "reason")),
                    ==, "user_timeout");
    tb_test_operation_clear(&fixture);
}

static void
test_timeout_while_signing(void)
{
    static const struct {
        const char *step;
        TbReason reason;
    } rows[] = {
        {"{'delay': 2600, 'answer': {'signature': '" SIGNATURE "'}}", 0},
        {"{'delay': 2600, 'answer': {'error': {'reason': 'pin_incorrect', 'message': 'M.'}}}",
         TB_REASON_USER_TIMEOUT},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture fixture;

        set_up(&fixture, script(one_certificate(), rows[i].step));
        start(&fixture, TB_PURPOSE_AUTHENTICATE,
              "{'origin': 'https://example.org', 'nonce': '" NONCE "', 'timeout': 2000}");
        tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
        submit(&fixture, "A");
        assert_ended(&fixture, rows[i].reason);
        tb_test_operation_clear(&fixture);
    }
}

/* --- what keeps it from starting, or takes the dialog away --- */

static void
test_does_not_start(void)
{
    static const struct {
        const char *fail_at;
        const char *policy;
        gboolean locked;
        TbReason reason;
    } rows[] = {
        {"open", "", FALSE, TB_REASON_INTERNAL},
        {"show", "", FALSE, TB_REASON_INTERNAL},
        {NULL, "", TRUE, TB_REASON_BUSY},
        {NULL, "[policy]\nblocked-origins=https://example.org\n", FALSE, TB_REASON_ORIGIN_REFUSED},
        {NULL, "[policy]\nblocked-origins=https://example.org\n", TRUE, TB_REASON_ORIGIN_REFUSED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *policy = tb_test_write("start.conf", rows[i].policy);
        TbDialogLock *lock = rows[i].locked ? tb_dialog_lock_take(NULL) : NULL;
        g_autoptr(GError) error = NULL;
        Fixture fixture;

        set_up(&fixture, script(one_certificate(), GOOD_PIN));
        tb_config_free(fixture.config);
        fixture.config = tb_config_load(policy, NULL, &error);
        g_assert_no_error(error);
        fixture.context.config = fixture.config;
        fixture.prompt.fail_at = rows[i].fail_at;
        g_assert_null(tb_operation_start(&fixture.context,
                                         make_request(TB_PURPOSE_AUTHENTICATE, AUTHENTICATE),
                                         tb_test_operation_done, &fixture, &error));
        if (!g_error_matches(error, TB_FAULT, (int)rows[i].reason))
            tb_test_row_failed("row %u: %s", i, error->message);
        tb_test_run_for(20);
        g_assert_cmpuint(fixture.done, ==, 0);
        g_assert_cmpuint(tb_test_worker_log(fixture.path, "started", NULL), ==, 0);
        tb_dialog_lock_free(lock);
        tb_test_operation_clear(&fixture);
    }
}

static void
test_dialog_does_not_take_a_message(void)
{
    static const char *const types[] = {"certificates", "pin", "working", "pin_failed"};

    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
        Fixture fixture;

        set_up(&fixture, script(one_certificate(),
                                "{'answer': {'error': {'reason': 'pin_incorrect', 'message': "
                                "'M.'}}}"));
        start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
        fixture.prompt.fail_at = types[i];
        if (i > 0) {
            tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
            submit(&fixture, "A");
        }
        assert_ended(&fixture, TB_REASON_INTERNAL);
        tb_test_operation_clear(&fixture);
    }
}

static void
test_dialog_failed(void)
{
    static const char *const texts[] = {
        "{'type': 'failed', 'message': 'There is no display.'}",
        "{'type': 'failed', 'message': 5}",
        "{'type': 'failed'}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        Fixture fixture;

        set_up(&fixture, script(one_certificate(), GOOD_PIN));
        start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
        tb_test_prompt_say(&fixture.prompt, tb_test_json(texts[i]));
        assert_ended(&fixture, TB_REASON_INTERNAL);
        if (i == 0)
            g_assert_nonnull(strstr(fixture.error->message, "There is no display."));
        tb_test_operation_clear(&fixture);
    }
}

/* The worker dies while the dialog is open: the dialog says so and goes on when it is back. */
static void
test_module_dies_while_choosing(void)
{
    Fixture fixture;
    json_t *worker = script(one_certificate(), GOOD_PIN);
    json_t *message;

    json_array_insert_new(json_object_get(worker, "list"), 1, tb_test_json("{'do': 'crash'}"));
    json_array_insert_new(json_object_get(worker, "list"), 0,
                          json_pack("{s:o}", "answer", one_certificate()));
    set_up(&fixture, worker);
    start(&fixture, TB_PURPOSE_AUTHENTICATE, AUTHENTICATE);
    tb_test_prompt_wait(&fixture.prompt, "certificates", 1);
    message = tb_test_prompt_wait(&fixture.prompt, "certificates", 2);
    g_assert_cmpstr(json_string_value(json_object_get(message, "problem")), ==, "module_failed");
    tb_test_prompt_say(&fixture.prompt, json_pack("{s:s}", "type", "cancelled"));
    assert_ended(&fixture, TB_REASON_USER_CANCELLED);
    tb_test_operation_clear(&fixture);
}

int
main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    tb_test_begin(&argc, &argv);
    g_test_add_func("/operation/authenticate", test_authenticate);
    g_test_add_func("/operation/show", test_show);
    g_test_add_func("/operation/choose", test_choose);
    g_test_add_func("/operation/submit-of-what-is-not-offered", test_submit_of_what_is_not_offered);
    g_test_add_func("/operation/messages-of-no-meaning", test_messages_of_no_meaning);
    g_test_add_func("/operation/wrong-pin-then-right", test_wrong_pin_then_right);
    g_test_add_func("/operation/wrong-pin-three-times", test_wrong_pin_three_times);
    g_test_add_func("/operation/pin-failed-messages", test_pin_failed_messages);
    g_test_add_func("/operation/sign-failures", test_sign_failures);
    g_test_add_func("/operation/worker-says-cancelled", test_worker_says_cancelled);
    g_test_add_func("/operation/cancelled-on-the-pad", test_cancelled_on_the_pad);
    g_test_add_func("/operation/pin-pad", test_pin_pad);
    g_test_add_func("/operation/twins", test_twins);
    g_test_add_func("/operation/twin-is-no-substitute", test_twin_is_no_substitute);
    g_test_add_func("/operation/hidden-one", test_hidden_one);
    g_test_add_func("/operation/hidden-asks-again", test_hidden_asks_again);
    g_test_add_func("/operation/hidden-needs-pin-again", test_hidden_needs_pin_again);
    g_test_add_func("/operation/hidden-wrong-pins", test_hidden_wrong_pins);
    g_test_add_func("/operation/hidden-with-pad", test_hidden_with_pad);
    g_test_add_func("/operation/reveal-failures", test_reveal_failures);
    g_test_add_func("/operation/problems", test_problems);
    g_test_add_func("/operation/cancel-with-a-problem", test_cancel_with_a_problem);
    g_test_add_func("/operation/token-comes", test_token_comes);
    g_test_add_func("/operation/token-vanishes", test_token_vanishes);
    g_test_add_func("/operation/pin-blocked-after-wrong-pin", test_pin_blocked_after_wrong_pin);
    g_test_add_func("/operation/cancelled-at-each-stage", test_cancelled_at_each_stage);
    g_test_add_func("/operation/aborted-at-each-stage", test_aborted_at_each_stage);
    g_test_add_func("/operation/prompt-dies-at-each-stage", test_prompt_dies_at_each_stage);
    g_test_add_func("/operation/timeout", test_timeout);
    g_test_add_func("/operation/timeout-while-signing", test_timeout_while_signing);
    g_test_add_func("/operation/does-not-start", test_does_not_start);
    g_test_add_func("/operation/dialog-does-not-take-a-message",
                    test_dialog_does_not_take_a_message);
    g_test_add_func("/operation/dialog-failed", test_dialog_failed);
    g_test_add_func("/operation/module-dies-while-choosing", test_module_dies_while_choosing);
    return tb_test_end();
}
