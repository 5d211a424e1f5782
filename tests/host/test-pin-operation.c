/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/pin-operation.c: a change of PIN, and its unblocking, with a dialog played by the
 * test and a scripted worker. Whatever happens, what is told of the PIN is true.
 */
#include "host/pin-operation.h"

#include <signal.h>
#include <string.h>

#include "host/common/fault.h"
#include "host/dialog-lock.h"
#include "host/listing.h"
#include "tests/host/harness.h"
#include "tests/host/played-operation.h"
#include "tests/support/assert.h"

#define PARAMS "{'module': 'card', 'slot': 7, 'token': 'S1', 'timeout': 600000}"
#define IN_A_SECOND "{'module': 'card', 'slot': 7, 'token': 'S1', 'timeout': 1000}"
#define PIN_OK "{'state': 'ok', 'pad': false, 'min': 4, 'max': 8}"
#define PIN_LOW "{'state': 'low', 'pad': false, 'min': 4, 'max': 8}"
#define PIN_LOCKED "{'state': 'locked', 'pad': false, 'min': 4, 'max': 8}"
#define PIN_PAD "{'state': 'ok', 'pad': true, 'min': 4, 'max': 8}"
#define CHANGED "{'pin': " PIN_OK ", 'puk': " PIN_OK "}"
/* 1234 is right, whatever the new PIN is: what follows it on the pipe is not read here. */
#define GOOD_PIN                                                                                   \
    "{'pins': {'1234': " CHANGED ", '*': {'error': {'reason': 'pin_incorrect', 'message': 'M.', "  \
    "'pin': " PIN_LOW "}}}}"
#define ONE_ERROR(reason) "{'answer': {'error': {'reason': '" reason "', 'message': 'M.'}}}"

typedef TbTestOperation Fixture;

/* The worker's script: listings (taken), each once and the last one again and again, and what it
 * does when it is asked for the change or the unblocking. */
static json_t *
script(json_t *listings, const char *steps)
{
    g_autofree char *text = g_strdup_printf("[%s]", steps);
    json_t *list = json_array();
    json_t *listing;
    gsize i;

    json_array_foreach (listings, i, listing)
        json_array_append_new(list, json_pack("{s:O}", "answer", listing));
    json_decref(listings);
    return json_pack("{s:o, s:o, s:o}", "list", list, "change_pin", tb_test_json(text),
                     "unblock_pin", tb_test_json(text));
}

static json_t *
one_token(const char *changes)
{
    return json_pack("[o]", tb_test_listing(tb_test_token("S1", changes, NULL), NULL));
}

/* Takes worker. */
static void
set_up(Fixture *fixture, json_t *worker)
{
    tb_test_operation_init(fixture, "card", worker);
}

static TbPinRequest *
make_request(const Fixture *fixture, TbPinPurpose purpose, const char *params)
{
    json_t *object = tb_test_json(params);
    g_autoptr(GError) error = NULL;
    TbPinRequest *request = tb_pin_request_read(purpose, object, fixture->modules, 60000, &error);

    g_assert_no_error(error);
    json_decref(object);
    return request;
}

static void
start(Fixture *fixture, TbPinPurpose purpose, const char *params)
{
    g_autoptr(GError) error = NULL;

    fixture->operation =
        tb_pin_operation_start(&fixture->context, make_request(fixture, purpose, params),
                               tb_test_operation_done, fixture, &error);
    g_assert_no_error(error);
    g_assert_nonnull(fixture->operation);
}

static json_t *
wait_for(Fixture *fixture, const char *type, guint number)
{
    return tb_test_prompt_wait(&fixture->prompt, type, number);
}

static void
say(Fixture *fixture, const char *type)
{
    tb_test_prompt_say(&fixture->prompt, json_pack("{s:s}", "type", type));
}

static void
assert_ended(Fixture *fixture, TbReason reason)
{
    tb_test_wait(&fixture->done, 10);
    if (!reason) {
        g_assert_no_error(fixture->error);
        return;
    }
    g_assert_error(fixture->error, TB_FAULT, (int)reason);
    g_assert_true(g_utf8_validate(fixture->error->message, -1, NULL));
}

static void
assert_message(json_t *message, const char *text)
{
    json_t *expected = tb_test_json(text);

    if (!json_equal(message, expected)) {
        g_autofree char *found = json_dumps(message, JSON_COMPACT);

        g_error("%s is not %s", found, text);
    }
    json_decref(expected);
}

static guint
count_asked(const Fixture *fixture, const char *word)
{
    return tb_test_worker_log(fixture->path, word, NULL);
}

static void
test_change(void)
{
    Fixture fixture;
    g_autofree char *log = NULL;
    json_t *expected = tb_test_json("{'op': 'change_pin', 'slot': 7, 'token': 'S1'}");
    json_t *asked;

    set_up(&fixture, script(one_token("{'pin': {'state': 'to_be_changed', 'pad': false, 'min': 4, "
                                      "'max': 8}}"),
                            GOOD_PIN));
    start(&fixture, TB_PIN_CHANGE, PARAMS);
    /* The dialog opens at once, before the worker has answered. */
    g_assert_cmpuint(fixture.prompt.messages->len, ==, 1);
    assert_message(fixture.prompt.messages->pdata[0],
                   "{'type': 'show', 'operation': 'change_pin'}");
    say(&fixture, "ready");
    assert_message(wait_for(&fixture, "token", 1),
                   "{'type': 'token', 'token': {'label': 'Card', 'reader': 'Reader 1', 'pin': "
                   "{'state': 'to_be_changed', 'pad': false, 'min': 4, 'max': 8}, 'puk': {'state': "
                   "'ok', 'pad': false, 'min': 8, 'max': 8}}}");
    say(&fixture, "submit");
    say(&fixture, "submit"); /* out of turn */
    tb_test_prompt_type(&fixture.prompt, "1234\n567890\n", 1);
    assert_message(wait_for(&fixture, "working", 1), "{'type': 'working', 'pad': false}");
    assert_ended(&fixture, 0);
    assert_message(fixture.result, "{'pin': " PIN_OK "}");
    g_assert_null(fixture.problem);
    g_assert_nonnull(tb_test_prompt_last(&fixture.prompt, "done"));
    g_assert_cmpuint(fixture.prompt.lingering, ==, 1);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "change_pin", &log), ==, 1);
    asked = tb_test_json(log + strlen("change_pin "));
    g_assert_true(json_equal(asked, expected));
    json_decref(asked);
    json_decref(expected);
    tb_test_operation_clear(&fixture);
}

static void
test_unblock(void)
{
    Fixture fixture;

    set_up(&fixture, script(one_token("{'pin': " PIN_LOCKED "}"), GOOD_PIN));
    start(&fixture, TB_PIN_UNBLOCK, "{'module': 'card', 'slot': 7, 'token': 'S1', 'lang': 'fa'}");
    assert_message(fixture.prompt.messages->pdata[0],
                   "{'type': 'show', 'operation': 'unblock_pin', 'lang': 'fa'}");
    wait_for(&fixture, "token", 1);
    say(&fixture, "submit");
    tb_test_prompt_type(&fixture.prompt, "1234\n567890\n", 1);
    assert_ended(&fixture, 0);
    g_assert_cmpuint(count_asked(&fixture, "unblock_pin"), ==, 1);
    g_assert_cmpuint(count_asked(&fixture, "change_pin"), ==, 0);
    tb_test_operation_clear(&fixture);
}

/* What the host knows of the token is renewed by itself, for whoever comes next. */
static void
test_listing_is_fresh(void)
{
    Fixture fixture;
    const TbToken *token;
    gint64 deadline = g_get_monotonic_time() + (gint64)tb_test_ms(10000) * 1000;

    set_up(
        &fixture,
        script(json_pack("[o, o]",
                         tb_test_listing(tb_test_token("S1", "{'pin': " PIN_LOW "}", NULL), NULL),
                         tb_test_listing(tb_test_token("S1", NULL, NULL), NULL)),
               GOOD_PIN));
    start(&fixture, TB_PIN_CHANGE, PARAMS);
    wait_for(&fixture, "token", 1);
    say(&fixture, "submit");
    tb_test_prompt_type(&fixture.prompt, "1234\n5678\n", 1);
    assert_ended(&fixture, 0);
    do {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        tb_test_run_for(2);
        token = tb_workers_state(fixture.workers, 0)->tokens->pdata[0];
    } while (token->pin_state != TB_PIN_OK);
    tb_test_operation_clear(&fixture);
}

static void
test_wrong_entries(void)
{
    static const struct {
        const char *error;
        const char *told;
    } rows[] = {
        {"{'reason': 'pin_incorrect', 'message': 'M.', 'pin': " PIN_LOW ", 'repeated': true}",
         "{'type': 'pin_failed', 'pin': " PIN_LOW ", 'repeated': true}"},
        {"{'reason': 'puk_incorrect', 'message': 'M.', 'pin': " PIN_OK ", 'puk': " PIN_LOW "}",
         "{'type': 'pin_failed', 'what': 'puk', 'pin': " PIN_LOW ", 'repeated': false}"},
        {"{'reason': 'pin_invalid', 'message': 'M.', 'pin': " PIN_OK ", 'puk': " PIN_LOW "}",
         "{'type': 'pin_failed', 'what': 'new', 'pin': " PIN_OK ", 'repeated': false}"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *steps = g_strdup_printf("{'pins': {'*': {'error': %s}}}, {'pins': {'*': "
                                                 "" CHANGED "}}",
                                                 rows[i].error);
        Fixture fixture;

        set_up(&fixture, script(one_token(NULL), steps));
        start(&fixture, TB_PIN_CHANGE, PARAMS);
        wait_for(&fixture, "token", 1);
        say(&fixture, "submit");
        tb_test_prompt_type(&fixture.prompt, "9999\n5678\n", 1);
        assert_message(wait_for(&fixture, "pin_failed", 1), rows[i].told);
        tb_test_run_for(700); /* nothing is retried by itself */
        g_assert_cmpuint(count_asked(&fixture, "pin"), ==, 1);
        g_assert_cmpuint(count_asked(&fixture, "list"), >=, 2);
        say(&fixture, "submit");
        tb_test_prompt_type(&fixture.prompt, "1234\n5678\n", 2);
        assert_ended(&fixture, 0);
        tb_test_operation_clear(&fixture);
    }
}

static void
test_three_wrong_entries(void)
{
    Fixture fixture;

    set_up(&fixture, script(one_token(NULL), GOOD_PIN));
    start(&fixture, TB_PIN_CHANGE, PARAMS);
    wait_for(&fixture, "token", 1);
    for (guint i = 1; i <= 3; i++) {
        say(&fixture, "submit");
        tb_test_prompt_type(&fixture.prompt, "9999\n5678\n", i);
        if (i < 3)
            wait_for(&fixture, "pin_failed", i);
    }
    assert_ended(&fixture, TB_REASON_PIN_INCORRECT);
    g_assert_nonnull(tb_test_prompt_last(&fixture.prompt, "failed"));
    g_assert_cmpuint(count_asked(&fixture, "pin"), ==, 3);
    tb_test_operation_clear(&fixture);
}

/* No failure is folded into another. */
static void
test_failures(void)
{
    static const struct {
        const char *step;
        TbReason reason;
    } rows[] = {
        {ONE_ERROR("pin_blocked"), TB_REASON_PIN_BLOCKED},
        {ONE_ERROR("puk_blocked"), TB_REASON_PUK_BLOCKED},
        {ONE_ERROR("unsupported"), TB_REASON_UNSUPPORTED},
        {ONE_ERROR("token_removed"), TB_REASON_TOKEN_REMOVED},
        {ONE_ERROR("token_missing"), TB_REASON_TOKEN_MISSING},
        {ONE_ERROR("module_failed"), TB_REASON_MODULE_FAILED},
        {ONE_ERROR("user_cancelled"), TB_REASON_MODULE_FAILED}, /* there is no pad */
        {ONE_ERROR("aborted"), TB_REASON_MODULE_FAILED},
        {ONE_ERROR("nonsense"), TB_REASON_MODULE_FAILED},
        {"{'answer': {'error': true}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {}}", TB_REASON_MODULE_FAILED},
        {"{'answer': {'pin': {'state': 'excellent', 'pad': false}}}", TB_REASON_MODULE_FAILED},
        {"{'do': 'crash'}", TB_REASON_MODULE_FAILED},
        {"{'do': 'exit'}", TB_REASON_MODULE_FAILED},
        {"{'do': 'garbage'}", TB_REASON_MODULE_FAILED},
        {"{'do': 'hang'}", TB_REASON_MODULE_TIMEOUT},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture fixture;

        set_up(&fixture, script(one_token(NULL), rows[i].step));
        fixture.config->sign_timeout = tb_test_ms(1000);
        start(&fixture, TB_PIN_CHANGE, PARAMS);
        wait_for(&fixture, "token", 1);
        say(&fixture, "submit");
        tb_test_wait(&fixture.done, 10);
        if (!g_error_matches(fixture.error, TB_FAULT, (int)rows[i].reason))
            tb_test_row_failed("%s: %s", rows[i].step,
                               fixture.error ? fixture.error->message : "a result");
        if (!tb_test_prompt_last(&fixture.prompt, "failed") || !fixture.prompt.lingering)
            tb_test_row_failed("%s: the dialog was not told", rows[i].step);
        tb_test_operation_clear(&fixture);
    }
}

/* With a reader's keys there is no pipe, no second try of ours, and the user can cancel there. */
static void
test_pin_pad(void)
{
    static const struct {
        const char *step;
        TbReason reason;
    } rows[] = {
        {"{'pins': {'pad': " CHANGED "}}", 0},
        {ONE_ERROR("pin_incorrect"), TB_REASON_PIN_INCORRECT},
        {ONE_ERROR("pin_invalid"), TB_REASON_PIN_INVALID},
        {ONE_ERROR("pin_pad_failed"), TB_REASON_PIN_PAD_FAILED},
        {ONE_ERROR("user_cancelled"), TB_REASON_USER_CANCELLED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture fixture;

        set_up(&fixture, script(one_token("{'pin': " PIN_PAD "}"), rows[i].step));
        start(&fixture, TB_PIN_CHANGE, PARAMS);
        wait_for(&fixture, "token", 1);
        say(&fixture, "submit");
        assert_message(wait_for(&fixture, "working", 1), "{'type': 'working', 'pad': true}");
        g_assert_cmpuint(tb_test_prompt_count(&fixture.prompt, "pin"), ==, 0);
        assert_ended(&fixture, rows[i].reason);
        tb_test_operation_clear(&fixture);
    }
}

/* --- the token comes and goes --- */

static void
test_token_comes(void)
{
    Fixture fixture;
    json_t *listings = json_pack(
        "[o, o, o]", tb_test_listing(NULL, NULL),
        tb_test_listing(tb_test_token("S2", NULL, NULL), NULL),
        /* Back in another slot, beside another one. */
        tb_test_listing(tb_test_token("S2", NULL, NULL),
                        tb_test_token("S1", "{'slot': 9, 'reader': 'Reader 2'}", NULL), NULL));
    g_autofree char *log = NULL;

    set_up(&fixture, script(listings, GOOD_PIN));
    start(&fixture, TB_PIN_CHANGE, PARAMS);
    assert_message(wait_for(&fixture, "token", 1), "{'type': 'token', 'problem': 'no_token'}");
    assert_message(
        json_object_get(json_object_get(wait_for(&fixture, "token", 2), "token"), "reader"),
        "'Reader 2'");
    tb_test_run_for(1000); /* the same again is not sent again */
    g_assert_cmpuint(tb_test_prompt_count(&fixture.prompt, "token"), ==, 2);
    say(&fixture, "submit");
    tb_test_prompt_type(&fixture.prompt, "1234\n5678\n", 1);
    assert_ended(&fixture, 0);
    g_assert_cmpuint(tb_test_worker_log(fixture.path, "change_pin", &log), ==, 1);
    g_assert_nonnull(strstr(log, "\"slot\":9"));
    tb_test_operation_clear(&fixture);
}

static void
test_token_goes(void)
{
    Fixture fixture;
    json_t *listings = json_pack("[o, o]", tb_test_listing(tb_test_token("S1", NULL, NULL), NULL),
                                 tb_test_listing(NULL, NULL));

    set_up(&fixture, script(listings, GOOD_PIN));
    start(&fixture, TB_PIN_CHANGE, PARAMS);
    wait_for(&fixture, "token", 1);
    assert_message(wait_for(&fixture, "token", 2), "{'type': 'token', 'problem': 'no_token'}");
    say(&fixture, "submit"); /* the button was quicker */
    assert_ended(&fixture, TB_REASON_TOKEN_REMOVED);
    g_assert_cmpuint(count_asked(&fixture, "change_pin"), ==, 0);
    tb_test_operation_clear(&fixture);
}

/* Two tokens without a serial number are told apart by their slots alone. */
static void
test_tokens_without_serial(void)
{
    Fixture fixture;
    json_t *listings = json_pack(
        "[o]", tb_test_listing(tb_test_token("", "{'slot': 1, 'label': 'One'}", NULL),
                               tb_test_token("", "{'slot': 2, 'label': 'Two'}", NULL), NULL));

    set_up(&fixture, script(json_incref(listings), GOOD_PIN));
    start(&fixture, TB_PIN_CHANGE, "{'module': 'card', 'slot': 2, 'token': ''}");
    assert_message(
        json_object_get(json_object_get(wait_for(&fixture, "token", 1), "token"), "label"),
        "'Two'");
    tb_pin_operation_abort(g_steal_pointer(&fixture.operation));
    tb_test_operation_clear(&fixture);

    set_up(&fixture, script(listings, GOOD_PIN));
    start(&fixture, TB_PIN_CHANGE, "{'module': 'card', 'slot': 3, 'token': ''}");
    assert_message(wait_for(&fixture, "token", 1), "{'type': 'token', 'problem': 'no_token'}");
    tb_pin_operation_abort(g_steal_pointer(&fixture.operation));
    tb_test_operation_clear(&fixture);
}

/* What was missing is told beside a cancel, and is the error when the time is over. */
static void
test_problems(void)
{
    static const struct {
        TbPinPurpose purpose;
        const char *token; /* changes; NULL: the module fails */
        TbReason reason;
    } rows[] = {
        {TB_PIN_CHANGE, NULL, TB_REASON_MODULE_FAILED},
        {TB_PIN_CHANGE, "{'serial': 'S2'}", TB_REASON_TOKEN_MISSING},
        {TB_PIN_CHANGE, "{'pin': " PIN_LOCKED "}", TB_REASON_PIN_BLOCKED},
        {TB_PIN_UNBLOCK, "{'puk': " PIN_LOCKED "}", TB_REASON_PUK_BLOCKED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (guint wait = 0; wait < 2; wait++) {
            Fixture fixture;
            json_t *worker = script(one_token(rows[i].token), GOOD_PIN);

            if (!rows[i].token)
                json_object_set_new(worker, "list", tb_test_json("[{'do': 'crash'}]"));
            set_up(&fixture, worker);
            start(&fixture, rows[i].purpose, wait ? IN_A_SECOND : PARAMS);
            wait_for(&fixture, "token", 1);
            if (!wait)
                say(&fixture, "cancelled");
            assert_ended(&fixture, wait ? rows[i].reason : TB_REASON_USER_CANCELLED);
            g_assert_cmpstr(fixture.problem, ==, tb_reason_word(rows[i].reason));
            tb_test_operation_clear(&fixture);
        }
    }
}

/* A locked PIN cannot be changed, nor unblocked with a locked PUK: the token is not even asked. */
static void
test_submit_when_locked(void)
{
    static const struct {
        TbPinPurpose purpose;
        const char *token;
        TbReason reason;
    } rows[] = {
        {TB_PIN_CHANGE, "{'pin': " PIN_LOCKED "}", TB_REASON_PIN_BLOCKED},
        {TB_PIN_UNBLOCK, "{'puk': " PIN_LOCKED "}", TB_REASON_PUK_BLOCKED},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture fixture;

        set_up(&fixture, script(one_token(rows[i].token), GOOD_PIN));
        start(&fixture, rows[i].purpose, PARAMS);
        wait_for(&fixture, "token", 1);
        say(&fixture, "submit");
        assert_ended(&fixture, rows[i].reason);
        g_assert_cmpuint(count_asked(&fixture, "change_pin"), ==, 0);
        g_assert_cmpuint(count_asked(&fixture, "unblock_pin"), ==, 0);
        tb_test_operation_clear(&fixture);
    }
}

/* --- cancel, abort, time --- */

typedef enum Stage {
    STAGE_STARTED,
    STAGE_TOKEN,
    STAGE_WRONG_PIN, /* the dialog shows it */
    STAGE_LAST_ASKING = STAGE_WRONG_PIN,
    STAGE_CHANGING, /* the module is at work */
    STAGE_LAST = STAGE_CHANGING,
} Stage;

static void
bring_to(Fixture *fixture, Stage stage, const char *params, const char *steps)
{
    set_up(fixture, script(one_token(NULL), steps));
    if (strstr(steps, "hang"))
        fixture->config->sign_timeout = tb_test_ms(1000);
    start(fixture, TB_PIN_CHANGE, params);
    if (stage == STAGE_STARTED)
        return;
    wait_for(fixture, "token", 1);
    if (stage == STAGE_TOKEN)
        return;
    say(fixture, "submit");
    wait_for(fixture, "working", 1);
    if (stage == STAGE_WRONG_PIN) {
        tb_test_prompt_type(&fixture->prompt, "9999\n5678\n", 1);
        wait_for(fixture, "pin_failed", 1);
    }
    while (count_asked(fixture, "change_pin") == 0)
        tb_test_run_for(2);
}

static void
test_cancelled_while_asking(void)
{
    for (Stage stage = STAGE_STARTED; stage <= STAGE_LAST_ASKING; stage++) {
        Fixture fixture;

        bring_to(&fixture, stage, PARAMS, GOOD_PIN);
        say(&fixture, "cancelled");
        g_assert_cmpuint(fixture.done, ==, 1); /* at once */
        assert_ended(&fixture, TB_REASON_USER_CANCELLED);
        g_assert_cmpuint(fixture.prompt.lingering, ==, 0);
        tb_test_operation_clear(&fixture);
    }
}

/* The token has what was typed: it is waited for, and what it did is told. */
static void
test_dialog_ends_while_changing(void)
{
    static const struct {
        const char *step;
        TbReason reason; /* after a cancel; 0: the PIN was changed */
    } rows[] = {
        {"{'delay': 300, 'answer': " CHANGED "}", 0},
        {"{'delay': 300, 'answer': {'error': {'reason': 'pin_incorrect'}}}",
         TB_REASON_USER_CANCELLED},
        {"{'delay': 300, 'answer': {'error': {'reason': 'token_removed'}}}",
         TB_REASON_USER_CANCELLED},
        {"{'delay': 300, 'answer': {'error': {'reason': 'pin_blocked'}}}", TB_REASON_PIN_BLOCKED},
        {"{'do': 'hang'}", TB_REASON_MODULE_TIMEOUT},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (guint crash = 0; crash < 2; crash++) {
            gboolean cancel_tells = rows[i].reason == TB_REASON_USER_CANCELLED;
            Fixture fixture;

            bring_to(&fixture, STAGE_CHANGING, PARAMS, rows[i].step);
            if (!crash)
                say(&fixture, "cancelled");
            fixture.prompt.events->gone("has gone", fixture.prompt.data);
            g_assert_cmpuint(fixture.done, ==, 0);
            assert_ended(&fixture, crash && cancel_tells ? TB_REASON_INTERNAL : rows[i].reason);
            g_assert_cmpuint(fixture.prompt.lingering, ==, 0);
            g_assert_null(tb_test_prompt_last(&fixture.prompt, "done"));
            tb_test_operation_clear(&fixture);
        }
    }
}

/* On a reader's keys nothing is lost by giving up. */
static void
test_cancelled_while_on_the_pad(void)
{
    Fixture fixture;

    set_up(&fixture, script(one_token("{'pin': " PIN_PAD "}"), "{'do': 'hang'}"));
    start(&fixture, TB_PIN_CHANGE, PARAMS);
    wait_for(&fixture, "token", 1);
    say(&fixture, "submit");
    wait_for(&fixture, "working", 1);
    say(&fixture, "cancelled");
    g_assert_cmpuint(fixture.done, ==, 1);
    assert_ended(&fixture, TB_REASON_USER_CANCELLED);
    tb_test_operation_clear(&fixture);
}

static void
test_aborted_at_each_stage(void)
{
    for (Stage stage = STAGE_STARTED; stage <= STAGE_LAST; stage++) {
        Fixture fixture;

        bring_to(&fixture, stage, PARAMS, stage == STAGE_CHANGING ? "{'do': 'hang'}" : GOOD_PIN);
        tb_pin_operation_abort(g_steal_pointer(&fixture.operation));
        g_assert_cmpuint(fixture.prompt.released, ==, 1); /* the dialog goes at once */
        g_assert_cmpuint(fixture.prompt.lingering, ==, 0);
        tb_test_run_for(20);
        g_assert_cmpuint(fixture.done, ==, 0);
        tb_test_operation_clear(&fixture);
    }
}

/* The user's time counts while the user is asked, not while the token works. */
static void
test_time(void)
{
    static const struct {
        Stage stage;
        const char *step;
        TbReason reason;
    } rows[] = {
        {STAGE_TOKEN, GOOD_PIN, TB_REASON_USER_TIMEOUT},
        {STAGE_CHANGING, "{'delay': 2000, 'answer': " CHANGED "}", 0},
        {STAGE_CHANGING, "{'delay': 2000, 'answer': {'error': {'reason': 'pin_incorrect'}}}",
         TB_REASON_USER_TIMEOUT},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture fixture;

        bring_to(&fixture, rows[i].stage, IN_A_SECOND, rows[i].step);
        assert_ended(&fixture, rows[i].reason);
        tb_test_operation_clear(&fixture);
    }
}

static void
test_does_not_start(void)
{
    static const struct {
        const char *fail_at;
        gboolean locked;
        TbReason reason;
    } rows[] = {
        {"open", FALSE, TB_REASON_INTERNAL},
        {"show", FALSE, TB_REASON_INTERNAL},
        {NULL, TRUE, TB_REASON_BUSY},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        TbDialogLock *lock = rows[i].locked ? tb_dialog_lock_take(NULL) : NULL;
        g_autoptr(GError) error = NULL;
        Fixture fixture;

        set_up(&fixture, script(one_token(NULL), GOOD_PIN));
        fixture.prompt.fail_at = rows[i].fail_at;
        g_assert_null(tb_pin_operation_start(&fixture.context,
                                             make_request(&fixture, TB_PIN_CHANGE, PARAMS),
                                             tb_test_operation_done, &fixture, &error));
        g_assert_error(error, TB_FAULT, (int)rows[i].reason);
        tb_test_run_for(20);
        g_assert_cmpuint(count_asked(&fixture, "started"), ==, 0);
        tb_dialog_lock_free(lock);
        tb_test_operation_clear(&fixture);
    }
}

/* A dialog that hears nothing any more. */
static void
test_dialog_does_not_take_a_message(void)
{
    static const char *const types[] = {"token", "pin", "working", "pin_failed"};

    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
        Fixture fixture;

        set_up(&fixture, script(one_token(NULL), ONE_ERROR("pin_incorrect")));
        start(&fixture, TB_PIN_CHANGE, PARAMS);
        fixture.prompt.fail_at = types[i];
        if (i > 0) {
            wait_for(&fixture, "token", 1);
            say(&fixture, "submit");
        }
        assert_ended(&fixture, TB_REASON_INTERNAL);
        tb_test_operation_clear(&fixture);
    }
}

int
main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    tb_test_begin(&argc, &argv);
    g_test_add_func("/pin-operation/change", test_change);
    g_test_add_func("/pin-operation/unblock", test_unblock);
    g_test_add_func("/pin-operation/listing-is-fresh", test_listing_is_fresh);
    g_test_add_func("/pin-operation/wrong-entries", test_wrong_entries);
    g_test_add_func("/pin-operation/three-wrong-entries", test_three_wrong_entries);
    g_test_add_func("/pin-operation/failures", test_failures);
    g_test_add_func("/pin-operation/pin-pad", test_pin_pad);
    g_test_add_func("/pin-operation/token-comes", test_token_comes);
    g_test_add_func("/pin-operation/token-goes", test_token_goes);
    g_test_add_func("/pin-operation/tokens-without-serial", test_tokens_without_serial);
    g_test_add_func("/pin-operation/problems", test_problems);
    g_test_add_func("/pin-operation/submit-when-locked", test_submit_when_locked);
    g_test_add_func("/pin-operation/cancelled-while-asking", test_cancelled_while_asking);
    g_test_add_func("/pin-operation/dialog-ends-while-changing", test_dialog_ends_while_changing);
    g_test_add_func("/pin-operation/cancelled-while-on-the-pad", test_cancelled_while_on_the_pad);
    g_test_add_func("/pin-operation/aborted-at-each-stage", test_aborted_at_each_stage);
    g_test_add_func("/pin-operation/time", test_time);
    g_test_add_func("/pin-operation/does-not-start", test_does_not_start);
    g_test_add_func("/pin-operation/dialog-does-not-take-a-message",
                    test_dialog_does_not_take_a_message);
    return tb_test_end();
}
