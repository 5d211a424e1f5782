/* SPDX-License-Identifier: Apache-2.0
 *
 * Wrong PINs on every kind of token, over the real channel: the right word, the right state, and
 * exactly one C_Login for each PIN that a person entered.
 */
#include "tests/token/desk.h"

#define LOGINS(desk) tt_desk_count(desk, "C_Login", NULL)
#define WRONG_LOGINS(desk) tt_desk_count(desk, "C_Login", "{'right': false}")

/* What a token says after the first, second ... wrong PIN. */
typedef struct Step {
    const char *reason;
    const char *state;
    guint logins; /* 0: the token was known to be locked, and not asked */
} Step;

static const struct {
    const char *name;
    const char *token;
    Step steps[6]; /* up to a NULL */
} tokens[] = {
    {"standard",
     "'tries': 4,",
     {{"pin_incorrect", "low", 1},
      {"pin_incorrect", "low", 1},
      {"pin_incorrect", "final_try", 1},
      {"pin_blocked", "locked", 1},
      {"pin_blocked", "locked", 0}}},
    {"final-only",
     "'pins': 'final_only', 'tries': 3,",
     {{"pin_incorrect", "ok", 1},
      {"pin_incorrect", "final_try", 1},
      {"pin_blocked", "locked", 1},
      {"pin_blocked", "locked", 0}}},
    {"like-softhsm",
     "'pins': 'low_only',",
     {{"pin_incorrect", "low", 1},
      {"pin_incorrect", "low", 1},
      {"pin_incorrect", "low", 1},
      {"pin_incorrect", "low", 1},
      {"pin_incorrect", "low", 1}}},
    /* Nothing but the fourth try tells that the third one locked it. */
    {"like-a-tpm",
     "'pins': 'no_flags', 'tries': 3,",
     {{"pin_incorrect", "ok", 1},
      {"pin_incorrect", "ok", 1},
      {"pin_incorrect", "ok", 1},
      {"pin_blocked", "ok", 1},
      {"pin_blocked", "ok", 1}}},
    {"like-opensc",
     "'pins': 'incorrect_for_ever', 'tries': 3,",
     {{"pin_incorrect", "ok", 1},
      {"pin_incorrect", "final_try", 1},
      {"pin_blocked", "locked", 1},
      {"pin_blocked", "locked", 0}}},
    {"like-cac",
     "'pins': 'general_error',",
     {{"module_failed", "ok", 1}, {"module_failed", "ok", 1}, {"module_failed", "ok", 1}}},
};

static void
test_each_wrong_pin(gconstpointer data)
{
    const guint row = GPOINTER_TO_UINT(data);
    g_autoptr(TtDesk) desk = tt_desk_with_ann(tokens[row].token, "");
    guint logins = 0;

    tt_desk_list(desk);
    for (guint i = 0; tokens[row].steps[i].reason; i++) {
        const Step *step = &tokens[row].steps[i];
        g_autofree char *pin = g_strdup_printf("wrong%u", i);

        tt_desk_assert_refused(tt_desk_sign(desk, "ann", pin), step->reason, step->state);
        logins += step->logins;
        g_assert_cmpuint(LOGINS(desk), ==, logins);
        g_assert_cmpuint(WRONG_LOGINS(desk), ==, logins);
    }
}

/* A PIN that a token refused, by whatever value, is not sent again: nobody gains by it, and it may
 * be the last try. */
static void
test_same_wrong_pin_once(gconstpointer data)
{
    const guint row = GPOINTER_TO_UINT(data);
    g_autoptr(TtDesk) desk = tt_desk_with_ann(tokens[row].token, "");

    for (guint i = 0; i < 5; i++) {
        json_t *answer = tt_desk_sign(desk, "ann", "wrong0");
        json_t *error = json_object_get(answer, "error");

        g_assert_cmpint(json_is_true(json_object_get(error, "repeated")), ==, i > 0);
        json_decref(answer);
        g_assert_cmpuint(LOGINS(desk), ==, 1);
    }
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
    g_assert_cmpuint(LOGINS(desk), ==, 2);
}

/* A PIN that was refused without a reason is sent again only after the token was gone: then the
 * reason may have been another than the PIN. One that the token called wrong is not. */
static void
assert_after_absence(const char *members, guint logins)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann(members, "");

    tt_desk_list(desk);
    json_decref(tt_desk_sign(desk, "ann", "wrong0"));
    tt_desk_list(desk);
    json_decref(tt_desk_sign(desk, "ann", "wrong0"));
    g_assert_cmpuint(LOGINS(desk), ==, 1);
    tt_desk_write(desk, "'slots': [{'id': 1, 'token': null}]");
    tt_desk_list(desk);
    tt_desk_write(desk, TT_ANN_SCRIPT, members, "");
    tt_desk_list(desk);
    json_decref(tt_desk_sign(desk, "ann", "wrong0"));
    g_assert_cmpuint(LOGINS(desk), ==, logins);
}

static void
test_refused_without_a_reason(void)
{
    assert_after_absence("'pins': 'general_error',", 2);
    assert_after_absence("", 1);
}

/* Where a login succeeds, the count starts anew, but the refused PIN stays refused. */
static void
test_right_pin_between_wrong_ones(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'tries': 3,", "");

    for (guint i = 0; i < 4; i++) {
        g_autofree char *pin = g_strdup_printf("wrong%u", i);

        tt_desk_assert_refused(tt_desk_sign(desk, "ann", pin), "pin_incorrect", "low");
        tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
    }
    tt_desk_assert_refused(tt_desk_sign(desk, "ann", "wrong0"), "pin_incorrect", "ok");
    g_assert_cmpuint(WRONG_LOGINS(desk), ==, 4);
}

/* Any order of PINs and processes: the token sees each wrong PIN of a worker's life once, and never
 * more logins than a person made. */
static void
test_random_sequences(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'tries': 0,", "");
    guint submissions = 0;
    guint expected_wrong = 0;
    guint sent = 0; /* bits: the wrong PINs that this worker has sent */

    for (guint i = 0; i < 200; i++) {
        guint choice = (guint)g_test_rand_int_range(0, 10);
        g_autofree char *pin = g_strdup_printf("wrong%u", choice);
        gboolean right = choice > 7;

        if (choice == 9 && g_test_rand_int_range(0, 4) == 0) {
            tt_desk_stop(desk);
            tt_desk_start(desk);
            sent = 0;
        }
        json_decref(tt_desk_sign(desk, "ann", right ? TT_PIN : pin));
        submissions++;
        if (!right && !(sent & 1u << choice))
            expected_wrong++;
        if (!right)
            sent |= 1u << choice;
    }
    g_assert_cmpuint(WRONG_LOGINS(desk), ==, expected_wrong);
    g_assert_cmpuint(LOGINS(desk), <=, submissions);
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", "{'pad': true}"), ==, 0);
}

/* The counter is the token's: a new worker finds the token as the last one left it. */
static void
test_state_survives_the_worker(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'tries': 2,", "");

    tt_desk_assert_refused(tt_desk_sign(desk, "ann", "wrong0"), "pin_incorrect", "final_try");
    tt_desk_start(desk);
    tt_desk_list(desk);
    g_assert_cmpstr(json_string_value(json_object_get(
                        json_object_get(tt_desk_token(desk, "Ann"), "pin"), "state")),
                    ==, "final_try");
    tt_desk_assert_refused(tt_desk_sign(desk, "ann", "wrong1"), "pin_blocked", "locked");
    tt_desk_start(desk);
    tt_desk_assert_refused(tt_desk_sign(desk, "ann", TT_PIN), "pin_blocked", "locked");
    g_assert_cmpuint(LOGINS(desk), ==, 2);
}

/* The same token in two readers is one token: what it refused in one it is not asked in the other.
 */
static void
test_identical_tokens(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");
    json_t *answer;

    tt_desk_write(desk,
                  "'slots': [{'id': 1, 'token': {'label': 'Ann', 'serial': '0001', 'objects': "
                  "[" TT_ANN_OBJECTS "]}}, {'id': 2, 'token': {'label': 'Ann', 'serial': '0001', "
                  "'objects': [" TT_ANN_OBJECTS "]}}]");
    tt_desk_list(desk);
    g_assert_cmpuint(tt_desk_tokens(desk), ==, 2);
    tt_desk_assert_refused(tt_desk_sign(desk, "ann", "wrong0"), "pin_incorrect", "low");
    answer = tb_test_worker_ask_with_pin(
        desk->worker, tt_desk_request(desk, 2, "0001", "ann", "ES256"), "wrong0");
    tt_desk_assert_refused(answer, "pin_incorrect", "low");
    g_assert_cmpuint(LOGINS(desk), ==, 1);
    answer = tb_test_worker_ask_with_pin(desk->worker,
                                         tt_desk_request(desk, 2, "0001", "ann", "ES256"), TT_PIN);
    tt_desk_assert_signed(desk, answer, "ann", "ES256");
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", "{'slot': 2, 'right': true}"), ==, 1);
}

/* Certificates may be hidden where none shows, and a login could show them. */
static void
test_hidden(void)
{
    static const struct {
        const char *token;
        gboolean hidden;
    } rows[] = {
        {"'objects': []", TRUE},
        {"'objects': [{'class': 'certificate', 'file': 'ann.pem', 'private': true}]", TRUE},
        {"'objects': [{'class': 'certificate', 'file': 'ann.pem'}]", FALSE},
        {"'objects': [{'class': 'certificate', 'value': ''}]", FALSE},
        {"'objects': [], 'login_required': false", FALSE},
        {"'objects': [], 'pin_set': false", FALSE},
        {"'objects': [], 'flags_on': ['CKF_USER_PIN_LOCKED']", FALSE},
        {"'objects': [], 'flags_on': ['CKF_USER_PIN_FINAL_TRY']", TRUE},
    };
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        tt_desk_write(desk, "'slots': [{'id': 1, 'token': {'label': 'Ann', 'serial': '0001', %s}}]",
                      rows[i].token);
        tt_desk_list(desk);
        g_assert_cmpint(json_is_true(json_object_get(tt_desk_token(desk, "Ann"), "hidden")), ==,
                        rows[i].hidden);
    }
    g_assert_cmpuint(LOGINS(desk), ==, 0);
}

/* "n": what the token tells before anybody enters a PIN. */
static void
test_states_of_the_listing(void)
{
    static const struct {
        const char *token;
        const char *state;
    } rows[] = {
        {"", "ok"},
        {"'flags_on': ['CKF_USER_PIN_COUNT_LOW'],", "low"},
        {"'flags_on': ['CKF_USER_PIN_FINAL_TRY', 'CKF_USER_PIN_COUNT_LOW'],", "final_try"},
        {"'flags_on': ['CKF_USER_PIN_LOCKED', 'CKF_USER_PIN_FINAL_TRY'],", "locked"},
        {"'to_be_changed': true,", "to_be_changed"},
        {"'pin_set': false,", "not_initialised"},
        {"'login_required': false, 'pin_set': false,", "ok"},
    };
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_t *pin;

        tt_desk_write(desk, TT_ANN_SCRIPT, rows[i].token, "");
        tt_desk_list(desk);
        pin = json_object_get(tt_desk_token(desk, "Ann"), "pin");
        g_assert_cmpstr(json_string_value(json_object_get(pin, "state")), ==, rows[i].state);
    }
    g_assert_cmpuint(LOGINS(desk), ==, 0);
}

static void
test_limits_of_the_pin(void)
{
    static const struct {
        const char *token;
        json_int_t min;
        json_int_t max;
    } rows[] = {
        {"'min_pin': 6, 'max_pin': 8,", 6, 8},
        {"'min_pin': 'unavailable', 'max_pin': 'unavailable',", 1, 255},
        {"'min_pin': 0, 'max_pin': 0,", 1, 255},
        {"'min_pin': 12, 'max_pin': 4,", 1, 4},
    };
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_t *pin;

        /* Another insertion, or the kept listing would do. */
        tt_desk_write(desk, "'slots': []");
        tt_desk_list(desk);
        tt_desk_write(desk, TT_ANN_SCRIPT, rows[i].token, "");
        tt_desk_list(desk);
        pin = json_object_get(tt_desk_token(desk, "Ann"), "pin");
        g_assert_cmpint(json_integer_value(json_object_get(pin, "min")), ==, rows[i].min);
        g_assert_cmpint(json_integer_value(json_object_get(pin, "max")), ==, rows[i].max);
    }
}

/* Without a PIN that could be right, no try is spent. */
static void
test_pins_that_cannot_be_used(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'pin_set': false,", "");

    tt_desk_assert_refused(tt_desk_sign(desk, "ann", TT_PIN), "pin_blocked", "not_initialised");
    /* It is one login at most: the token itself is asked, and counts nothing. */
    g_assert_cmpuint(LOGINS(desk), <=, 1);
    tt_desk_write(desk, TT_ANN_SCRIPT, "'to_be_changed': true,", "");
    tt_desk_assert_refused(tt_desk_sign(desk, "ann", TT_PIN), "pin_blocked", NULL);
    g_assert_cmpuint(WRONG_LOGINS(desk), ==, 0);
}

/* Answers to C_Login that no token above gives. Each submission is one login and no more. */
static void
test_other_answers(void)
{
    static const struct {
        const char *rv;
        const char *reason;
    } rows[] = {
        {"CKR_PIN_LEN_RANGE", "pin_incorrect"},
        {"CKR_PIN_INVALID", "pin_incorrect"},
        {"CKR_PIN_EXPIRED", "pin_blocked"},
        {"CKR_PIN_LOCKED", "pin_blocked"},
        {"CKR_USER_PIN_NOT_INITIALIZED", "pin_blocked"},
        {"CKR_FUNCTION_FAILED", "module_failed"},
        {"CKR_DEVICE_ERROR", "module_failed"},
        {"CKR_FUNCTION_CANCELED", "module_failed"}, /* there is no key pad to cancel on */
        {"CKR_DEVICE_REMOVED", "token_removed"},
        {"CKR_SESSION_HANDLE_INVALID", "token_removed"},
        {"0x80000001", "module_failed"},
        {"0xffffffffffffffff", "module_failed"},
    };
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *fault = g_strdup_printf("{'call': 'C_Login', 'rv': '%s'}", rows[i].rv);
        g_autofree char *pin = g_strdup_printf("pin%" G_GSIZE_FORMAT, i);
        json_t *answer;

        tt_desk_write(desk, TT_ANN_SCRIPT, "", fault);
        tt_desk_forget(desk);
        answer = tt_desk_sign(desk, "ann", pin);
        g_assert_cmpstr(
            json_string_value(json_object_get(json_object_get(answer, "error"), "reason")), ==,
            rows[i].reason);
        json_decref(answer);
        g_assert_cmpuint(LOGINS(desk), ==, 1);
    }
}

/* Somebody else's login is not this user's consent: out, and in again with the PIN. */
static void
test_logged_in_already(void)
{
    g_autoptr(TtDesk) desk =
        tt_desk_with_ann("", "{'call': 'C_Login', 'nth': 1, 'rv': 'CKR_USER_ALREADY_LOGGED_IN'}");

    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
    g_assert_cmpuint(LOGINS(desk), ==, 2);
    tt_desk_write(desk, TT_ANN_SCRIPT, "",
                  "{'call': 'C_Login', 'rv': 'CKR_USER_ALREADY_LOGGED_IN'}");
    tt_desk_assert_refused(tt_desk_sign(desk, "ann", TT_PIN), "module_failed", "ok");
    g_assert_cmpuint(LOGINS(desk), ==, 4);
}

/* Always-authenticate: the PIN twice, but two tries are never spent on one wrong PIN. */
static void
test_always_authenticate(void)
{
    g_autoptr(TtDesk) desk = tt_desk_new();
    static const char script[] =
        "'slots': [{'id': 1, 'token': {'label': 'Ann', 'serial': '0001', %s 'objects': ["
        "{'class': 'certificate', 'file': 'ann.pem', 'id': '01'}, {'class': 'private_key', 'file': "
        "'ann.key', 'id': '01', 'always_authenticate': true}]}}]";

    tt_desk_person(desk, "ann", "P-256", "digitalSignature");
    tt_desk_write(desk, script, "");
    tt_desk_start(desk);
    tt_desk_assert_refused(tt_desk_sign(desk, "ann", "wrong0"), "pin_incorrect", "low");
    g_assert_cmpuint(LOGINS(desk), ==, 1);
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", "{'user': 'user', 'right': true}"), ==, 1);
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", "{'user': 'context', 'right': true}"), ==, 1);

    /* A signature PIN that is another than the card's. */
    tt_desk_write(desk, script, "'context_pin': '999999',");
    tt_desk_forget(desk);
    tt_desk_assert_refused(tt_desk_sign(desk, "ann", TT_PIN), "pin_incorrect", "low");
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", "{'user': 'context'}"), ==, 1);
    tt_desk_assert_refused(tt_desk_sign(desk, "ann", TT_PIN), "pin_incorrect", "ok");
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", "{'user': 'context'}"), ==, 1);
}

/* No session, login or operation stays behind, however a request ends. */
static void
test_nothing_stays_behind(void)
{
    static const char *const faults[] = {
        "",
        "{'call': 'C_SignInit'}",
        "{'call': 'C_Sign'}",
        "{'call': 'C_Sign', 'do': 'wrong_signature'}",
        "{'call': 'C_FindObjectsInit', 'from': 3}",
        "{'call': 'C_Login', 'rv': 'CKR_PIN_LOCKED'}",
        "{'call': 'C_Login', 'after': true, 'rv': 'CKR_FUNCTION_FAILED'}",
    };
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'tries': 0,", "");

    for (gsize i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autofree char *pin = g_strdup_printf("wrong%" G_GSIZE_FORMAT, i);

        tt_desk_write(desk, TT_ANN_SCRIPT, "'tries': 0,", faults[i]);
        tt_desk_forget(desk);
        json_decref(tt_desk_sign(desk, "ann", TT_PIN));
        json_decref(tt_desk_sign(desk, "ann", pin));
        tt_desk_assert_nothing_left(desk);
    }
    tt_desk_write(desk, TT_ANN_SCRIPT, "'tries': 0,", "");
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
}

static void
test_pad(void)
{
    static const struct {
        const char *pad;
        const char *reason; /* NULL: a signature */
    } rows[] = {
        {"{'result': 'ok', 'ms': 20}", NULL},
        {"{'result': 'wrong', 'ms': 20}", "pin_incorrect"},
        {"{'result': 'cancel', 'ms': 700}", "user_cancelled"},
        /* The reader that flashes and reports "cancelled" before anybody could have typed. */
        {"{'result': 'cancel'}", "pin_pad_failed"},
        {"{'result': 'timeout', 'ms': 50}", "pin_pad_failed"},
        {"{'result': 'failure'}", "pin_pad_failed"},
        {"{'rv': 'CKR_PIN_INVALID'}", "pin_incorrect"},
        {"{'rv': 'CKR_PIN_LOCKED'}", "pin_blocked"},
        {"{'rv': 'CKR_GENERAL_ERROR'}", "pin_pad_failed"},
        {"{'rv': '0x80000042'}", "pin_pad_failed"},
        {"{'rv': 'CKR_DEVICE_REMOVED', 'ms': 20}", "token_removed"},
    };
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *token = g_strdup_printf("'tries': 0, 'pin_pad': %s,", rows[i].pad);
        json_t *answer;

        tt_desk_write(desk, TT_ANN_SCRIPT, token, "");
        tt_desk_forget(desk);
        answer = tt_desk_sign(desk, "ann", TB_TEST_NO_PIN);
        if (rows[i].reason) {
            g_assert_cmpstr(
                json_string_value(json_object_get(json_object_get(answer, "error"), "reason")), ==,
                rows[i].reason);
            json_decref(answer);
        } else {
            tt_desk_assert_signed(desk, answer, "ann", "ES256");
        }
        /* The pad is asked once for each request: no endless PIN prompts. */
        g_assert_cmpuint(tt_desk_count(desk, "C_Login", "{'pad': true}"), ==, 1);
        g_assert_cmpuint(LOGINS(desk), ==, 1);
    }
    /* Three wrong entries lock it; each was one request of the user. */
    tt_desk_write(desk, TT_ANN_SCRIPT, "'pin_pad': {'result': 'wrong'},", "");
    tt_desk_assert_refused(tt_desk_sign(desk, "ann", TB_TEST_NO_PIN), "pin_incorrect", "final_try");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tokens); i++) {
        g_autofree char *each = g_strdup_printf("/token/pins/each/%s", tokens[i].name);
        g_autofree char *same = g_strdup_printf("/token/pins/same/%s", tokens[i].name);

        g_test_add_data_func(each, GUINT_TO_POINTER(i), test_each_wrong_pin);
        g_test_add_data_func(same, GUINT_TO_POINTER(i), test_same_wrong_pin_once);
    }
    g_test_add_func("/token/pins/without-a-reason", test_refused_without_a_reason);
    g_test_add_func("/token/pins/right-between", test_right_pin_between_wrong_ones);
    g_test_add_func("/token/pins/random", test_random_sequences);
    g_test_add_func("/token/pins/survive", test_state_survives_the_worker);
    g_test_add_func("/token/pins/identical", test_identical_tokens);
    g_test_add_func("/token/pins/states", test_states_of_the_listing);
    g_test_add_func("/token/pins/hidden", test_hidden);
    g_test_add_func("/token/pins/limits", test_limits_of_the_pin);
    g_test_add_func("/token/pins/unusable", test_pins_that_cannot_be_used);
    g_test_add_func("/token/pins/answers", test_other_answers);
    g_test_add_func("/token/pins/logged-in", test_logged_in_already);
    g_test_add_func("/token/pins/always-authenticate", test_always_authenticate);
    g_test_add_func("/token/pins/nothing-left", test_nothing_stays_behind);
    g_test_add_func("/token/pins/pad", test_pad);
    return g_test_run();
}
