/* SPDX-License-Identifier: Apache-2.0
 *
 * Modules that fail, lie, print, hang and crash, over the real channel. Each answer is of the form
 * of docs/protocol.md; no wrong signature leaves; the next request works.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/token/desk.h"

#define END_MS 5000        /* after the channel has ended; the worker gives a module one second */
#define SWEEP_CALLS_MAX 64 /* of one function in a scenario */

/* Everything that the worker calls. */
static const char *const calls[] = {
    "C_GetSlotList",
    "C_GetSlotInfo",
    "C_GetTokenInfo",
    "C_GetMechanismList",
    "C_GetMechanismInfo",
    "C_OpenSession",
    "C_CloseSession",
    "C_CloseAllSessions",
    "C_Login",
    "C_Logout",
    "C_GetAttributeValue",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_FindObjectsFinal",
    "C_SignInit",
    "C_Sign",
};

/* A worker that does not remember the PIN as one that was perhaps wrong. */
static void
forget_pins(TtDesk *desk, const char *call)
{
    if (strcmp(call, "C_Login") == 0)
        tt_desk_start(desk);
}

static void
assert_works(TtDesk *desk)
{
    tt_desk_write(desk, TT_ANN_SCRIPT, "'tries': 0,", "");
    tt_desk_list(desk);
    g_assert_nonnull(tt_desk_certificate(desk, tt_desk_token(desk, "Ann"), "ann"));
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
}

/* From an empty reader to a signature, with faults: whatever comes is well-formed, a signature is
 * right, and a PIN is sent once at most. */
static void
run_scenario(TtDesk *desk, const char *faults)
{
    json_t *answer;

    tt_desk_write(desk, "'slots': []");
    tt_desk_list(desk);
    tt_desk_forget(desk);
    tt_desk_write(desk, TT_ANN_SCRIPT, "'tries': 0,", faults);
    tt_desk_list(desk);
    answer = tt_desk_sign(desk, "ann", TT_PIN);
    if (json_object_get(answer, "signature"))
        tt_desk_assert_signed(desk, answer, "ann", "ES256");
    else
        json_decref(answer);
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), <=, 1);
}

/* How often a scenario makes each call. */
static guint
count_calls(TtDesk *desk, const char *call)
{
    tt_desk_write(desk, "'slots': []");
    tt_desk_list(desk);
    tt_desk_forget(desk);
    tt_desk_write(desk, "'log_all': true, " TT_ANN_SCRIPT, "'tries': 0,", "");
    tt_desk_list(desk);
    json_decref(tt_desk_sign(desk, "ann", TT_PIN));
    return tt_desk_count(desk, call, NULL);
}

/* Each call, at each of its occurrences, with each kind of fault. */
static void
test_sweep(gconstpointer data)
{
    const char *fault = data;
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'tries': 0,", "");
    guint total = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
        guint count = MIN(count_calls(desk, calls[i]), SWEEP_CALLS_MAX);

        for (guint nth = 1; nth <= count; nth++) {
            g_autofree char *text =
                g_strdup_printf("{'call': '%s', 'nth': %u, %s}", calls[i], nth, fault);

            g_test_message("%s", text);
            run_scenario(desk, text);
            forget_pins(desk, calls[i]);
            assert_works(desk);
            total++;
        }
    }
    g_assert_cmpuint(total, >, 30);
}

/* Of a listing of one token libp11 itself makes the third C_OpenSession. libp11 0.4.12 by itself
 * waits for ever when that fails, whatever we saw a moment before. */
static void
test_session_fails_for_libp11(void)
{
    static const char *const faults[] = {
        "'rv': 'CKR_DEVICE_ERROR'",
        "'rv': 'CKR_SESSION_COUNT'",
        "'rv': 'CKR_TOKEN_NOT_PRESENT'",
        "'after': true, 'rv': 'CKR_HOST_MEMORY'",
        "'do': 'remove'",
        "'do': 'sleep', 'ms': 20",
    };
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    for (gsize i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autofree char *text =
            g_strdup_printf("{'call': 'C_OpenSession', 'nth': 3, %s}", faults[i]);

        g_test_message("%s", text);
        tt_desk_write(desk, "'slots': []");
        tt_desk_list(desk);
        tt_desk_forget(desk);
        tt_desk_write(desk, TT_ANN_SCRIPT, "", text);
        tt_desk_list(desk);
        g_assert_cmpuint(tt_desk_count(desk, "C_OpenSession", NULL), ==, 3);
        /* Read all the same, without libp11, unless the token has gone. */
        if (!strstr(faults[i], "remove"))
            g_assert_nonnull(tt_desk_certificate(desk, tt_desk_token(desk, "Ann"), "ann"));
        assert_works(desk);
    }
}

/* A token that could not be read is none without certificates, and is read again. */
static void
test_readings_that_fail(void)
{
    static const struct {
        const char *fault;
        const char *reason;
    } rows[] = {
        {"'call': 'C_OpenSession', 'nth': 2, 'rv': 'CKR_DEVICE_ERROR'", "module_failed"},
        {"'call': 'C_OpenSession', 'nth': 2, 'rv': 'CKR_TOKEN_NOT_PRESENT'", "token_missing"},
        {"'call': 'C_FindObjectsInit', 'nth': 2, 'rv': 'CKR_DEVICE_ERROR'", "module_failed"},
        {"'call': 'C_FindObjects', 'nth': 3, 'rv': 'CKR_DEVICE_REMOVED'", "token_missing"},
        {"'call': 'C_GetAttributeValue', 'rv': 'CKR_FUNCTION_FAILED'", "module_failed"},
        {"'call': 'C_GetAttributeValue', 'do': 'length', 'attribute': 'CKA_VALUE'",
         "module_failed"},
        {"'call': 'C_GetMechanismList', 'rv': 'CKR_DEVICE_ERROR'", "module_failed"},
        {"'call': 'C_GetMechanismList', 'do': 'length', 'value': 100000", "module_failed"},
    };
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strdup_printf("{%s}", rows[i].fault);
        json_t *token;
        json_t *error;

        g_test_message("%s", text);
        tt_desk_write(desk, "'slots': []");
        tt_desk_list(desk);
        tt_desk_write(desk, TT_ANN_SCRIPT, "", text);
        tt_desk_list(desk);
        token = tt_desk_token(desk, "Ann");
        error = json_object_get(token, "error");
        g_assert_cmpstr(json_string_value(json_object_get(error, "reason")), ==, rows[i].reason);
        g_assert_true(json_is_false(json_object_get(token, "hidden")));
        g_assert_cmpuint(json_array_size(json_object_get(token, "certificates")), ==, 0);
        assert_works(desk);
    }
}

/* And always, from the start on. */
static void
test_always(void)
{
    static const char *const faults[] = {
        "'rv': 'CKR_GENERAL_ERROR'",
        "'rv': '0x80000001'",
        "'rv': 'CKR_FUNCTION_NOT_SUPPORTED'",
        "'rv': 'CKR_OK'", /* says that all is well, and does nothing */
        "'rv': 'CKR_CANCEL'",
        "'rv': 'CKR_BUFFER_TOO_SMALL'",
        "'do': 'length', 'value': 'unavailable'",
        "'do': 'length', 'value': 0",
        "'do': 'length', 'value': 1",
        "'do': 'length', 'value': 257",
        "'do': 'length', 'value': 100000",
        "'do': 'length', 'value': 2147483648",
        "'do': 'length', 'value': '0x7fffffffffffffff'",
    };
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'tries': 0,", "");

    for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
        for (gsize j = 0; j < G_N_ELEMENTS(faults); j++) {
            g_autofree char *text = g_strdup_printf("{'call': '%s', %s}", calls[i], faults[j]);

            g_test_message("%s", text);
            run_scenario(desk, text);
            forget_pins(desk, calls[i]);
            assert_works(desk);
        }
    }
}

/* One attribute that lies of its length, at the first question, the second, and always. */
static void
test_attribute_lengths(void)
{
    static const char *const attributes[] = {"CKA_VALUE",
                                             "CKA_ID",
                                             "CKA_LABEL",
                                             "CKA_CLASS",
                                             "CKA_CERTIFICATE_TYPE",
                                             "CKA_KEY_TYPE",
                                             "CKA_ALWAYS_AUTHENTICATE",
                                             "CKA_EC_POINT"};
    static const char *const values[] = {"'unavailable'",       "0", "1", "7", "9", "300", "70000",
                                         "'0x7fffffffffffffff'"};
    static const char *const times[] = {"'nth': 1", "'nth': 2", "'nth': 3", "'from': 1"};
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'tries': 0,", "");

    for (gsize i = 0; i < G_N_ELEMENTS(attributes); i++) {
        for (gsize j = 0; j < G_N_ELEMENTS(values) * G_N_ELEMENTS(times); j++) {
            g_autofree char *text = g_strdup_printf(
                "{'call': 'C_GetAttributeValue', 'attribute': '%s', 'do': 'length', 'value': %s, "
                "%s}",
                attributes[i], values[j / G_N_ELEMENTS(times)], times[j % G_N_ELEMENTS(times)]);

            g_test_message("%s", text);
            run_scenario(desk, text);
        }
    }
    assert_works(desk);
}

static void
test_wrong_signature(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "{'call': 'C_Sign', 'do': 'wrong_signature'}");

    tt_desk_assert_refused(tt_desk_sign(desk, "ann", TT_PIN), "module_failed", NULL);
    g_assert_cmpuint(tt_desk_count(desk, "C_Sign", NULL), ==, 1);
    assert_works(desk);
}

/* Makers' own values are failures of the module, and are named in the message. */
static void
test_makers_values(void)
{
    static const char *const stages[] = {"C_GetTokenInfo", "C_OpenSession", "C_Login", "C_SignInit",
                                         "C_Sign"};
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    for (gsize i = 0; i < G_N_ELEMENTS(stages); i++) {
        g_autofree char *fault = g_strdup_printf("{'call': '%s', 'rv': '0x80000123'}", stages[i]);
        json_t *answer;
        json_t *error;

        assert_works(desk);
        tt_desk_write(desk, TT_ANN_SCRIPT, "", fault);
        answer = tt_desk_sign(desk, "ann", TT_PIN);
        error = json_object_get(answer, "error");
        g_assert_cmpstr(json_string_value(json_object_get(error, "reason")), ==, "module_failed");
        g_assert_nonnull(
            strstr(json_string_value(json_object_get(error, "message")), "0x80000123"));
        json_decref(answer);
    }
}

static void
assert_module_failed(TtDesk *desk, const char *text)
{
    json_t *error = json_object_get(tt_desk_list(desk), "error");
    json_t *answer = tt_desk_sign(desk, "ann", TT_PIN);

    g_assert_cmpstr(json_string_value(json_object_get(error, "reason")), ==, "module_failed");
    g_assert_nonnull(strstr(json_string_value(json_object_get(error, "message")), text));
    tt_desk_assert_refused(answer, "module_failed", NULL);
}

/* A module that does not start is told at each request, and tried again at each. */
static void
test_start(void)
{
    static const struct {
        const char *fault;
        const char *text; /* in the message */
    } rows[] = {
        {"{'call': 'C_GetFunctionList', 'rv': 'CKR_GENERAL_ERROR'}", "CKR_GENERAL_ERROR"},
        {"{'call': 'C_GetFunctionList', 'do': 'null_list'}", "C_GetFunctionList"},
        {"{'call': 'C_Initialize', 'rv': 'CKR_CANT_LOCK'}", "CKR_CANT_LOCK"},
        {"{'call': 'C_Initialize', 'rv': 'CKR_DEVICE_ERROR'}", "CKR_DEVICE_ERROR"},
        {"{'call': 'C_GetInfo', 'rv': 'CKR_FUNCTION_FAILED'}", "CKR_FUNCTION_FAILED"},
    };
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'tries': 0,", "");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].fault);
        tt_desk_write(desk, TT_ANN_SCRIPT, "'tries': 0,", rows[i].fault);
        tt_desk_start(desk);
        assert_module_failed(desk, rows[i].text);
        assert_works(desk);
    }
}

/* Another library in the process has initialised it: that is no failure. */
static void
test_already_initialised(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann(
        "'tries': 0,",
        "{'call': 'C_Initialize', 'after': true, 'rv': 'CKR_CRYPTOKI_ALREADY_INITIALIZED'}");

    tt_desk_list(desk);
    g_assert_nonnull(tt_desk_certificate(desk, tt_desk_token(desk, "Ann"), "ann"));
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
    assert_works(desk);
}

/* What a module prints, even as it is loaded, and even frames, does not come over the channel. */
static void
test_noise(void)
{
    static const char noise[] = "{'call': '*', 'do': 'print', 'text': '%s'}";
    static const char *const texts[] = {"hello\\n", "{}", "\\u0002\\u0000\\u0000\\u0000{}"};

    for (gsize i = 0; i < G_N_ELEMENTS(texts) - 1; i++) {
        g_autofree char *fault = g_strdup_printf(noise, texts[i]);
        g_autoptr(TtDesk) desk = tt_desk_with_ann("", fault);

        tt_desk_list(desk);
        g_assert_nonnull(tt_desk_certificate(desk, tt_desk_token(desk, "Ann"), "ann"));
        tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
    }
}

/* Late is not never. */
static void
test_slow(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann(
        "", "{'call': 'C_Sign', 'do': 'sleep', 'ms': 300}, {'call': 'C_GetSlotList', 'do': "
            "'sleep', 'ms': 100}");
    gint64 start;

    tt_desk_list(desk);
    g_assert_nonnull(tt_desk_token(desk, "Ann"));
    start = g_get_monotonic_time();
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
    g_assert_cmpint(g_get_monotonic_time() - start, >=, 300000);
}

/* The worker goes with its module: the channel ends without an answer, and with the module's own
 * status, so that the host can tell a crash. */
static void
test_crashes(void)
{
    static const struct {
        const char *fault;
        int signal; /* 0: exits */
    } rows[] = {
        {"'call': 'C_Initialize', 'do': 'segv'", SIGSEGV},
        {"'call': 'C_GetSlotList', 'do': 'segv'", SIGSEGV},
        {"'call': 'C_GetSlotList', 'do': 'abort'", SIGABRT},
        {"'call': 'C_Login', 'do': 'segv'", SIGSEGV},
        {"'call': 'C_Sign', 'do': 'abort'", SIGABRT},
        {"'call': 'C_Sign', 'do': 'exit', 'status': 3", 0},
        {"'call': 'C_CloseSession', 'do': 'exit'", 0},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *fault = g_strdup_printf("{%s}", rows[i].fault);
        g_autoptr(TtDesk) desk = tt_desk_with_ann("", fault);
        TbTestWorker *worker = g_steal_pointer(&desk->worker);
        json_t *answer;
        int status;

        g_test_message("%s", fault);
        tb_test_worker_send(worker, tt_desk_request(desk, 1, "0001", "ann", "ES256"), -1);
        answer = tb_test_worker_receive(worker);
        /* Without a PIN the request is answered before a login; then with one. */
        if (answer) {
            int ends[2];

            json_decref(answer);
            g_assert_no_errno(pipe(ends));
            g_assert_cmpint(write(ends[1], TT_PIN "\n", strlen(TT_PIN) + 1), ==,
                            (gssize)strlen(TT_PIN) + 1);
            tb_test_worker_send(worker, tt_desk_request(desk, 1, "0001", "ann", "ES256"), ends[0]);
            (void)close(ends[0]);
            (void)close(ends[1]);
            answer = tb_test_worker_receive(worker);
        }
        if (answer) /* of the calls above, a signature makes no C_GetSlotList */
            json_decref(answer);
        if (answer) {
            tb_test_worker_send(worker, json_pack("{s:s}", "op", "list"), -1);
            answer = tb_test_worker_receive(worker);
        }
        g_assert_null(answer);
        status = tb_test_worker_wait(worker, END_MS);
        if (rows[i].signal)
            g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == rows[i].signal);
        else
            g_assert_true(WIFEXITED(status));
        tb_test_worker_hang_up(worker);
        g_free(worker); /* tb_test_worker_free() would blame it for its status */
    }
}

/* A module that hangs: nothing is answered, the worker stays until the host ends the channel, and
 * then goes by itself. */
static void
test_hangs(void)
{
    static const char *const hanging[] = {"C_Initialize", "C_GetSlotList", "C_Login", "C_Sign",
                                          "C_Logout"};

    for (gsize i = 0; i < G_N_ELEMENTS(hanging); i++) {
        g_autofree char *fault = g_strdup_printf("{'call': '%s', 'do': 'hang'}", hanging[i]);
        g_autofree char *members = g_strdup_printf("{'rv': 'hang'}");
        g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");
        int ends[2];
        guint waited = 0;

        g_test_message("%s", hanging[i]);
        tt_desk_write(desk, "'log_all': true, " TT_ANN_SCRIPT, "", fault);
        if (strcmp(hanging[i], "C_Initialize") == 0)
            tt_desk_start(desk);
        g_assert_no_errno(pipe(ends));
        g_assert_cmpint(write(ends[1], TT_PIN "\n", strlen(TT_PIN) + 1), ==,
                        (gssize)strlen(TT_PIN) + 1);
        if (strcmp(hanging[i], "C_GetSlotList") == 0)
            tb_test_worker_send(desk->worker, json_pack("{s:s}", "op", "list"), -1);
        else
            tb_test_worker_send(desk->worker, tt_desk_request(desk, 1, "0001", "ann", "ES256"),
                                ends[0]);
        (void)close(ends[0]);
        (void)close(ends[1]);
        while (tt_desk_count(desk, hanging[i], members) == 0 && waited++ < 5000)
            g_usleep(1000);
        g_assert_cmpuint(tt_desk_count(desk, hanging[i], members), ==, 1);
        g_assert_cmpint(tb_test_worker_wait(desk->worker, 50), ==, -1);
        tb_test_worker_hang_up(desk->worker);
        g_assert_cmpint(tb_test_worker_wait(desk->worker, END_MS), ==, 0);
    }
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        const char *fault;
    } sweeps[] = {
        {"general-error", "'rv': 'CKR_GENERAL_ERROR'"},
        {"removed", "'rv': 'CKR_DEVICE_REMOVED'"},
        {"session", "'rv': 'CKR_SESSION_HANDLE_INVALID'"},
        {"memory", "'rv': 'CKR_HOST_MEMORY'"},
        {"makers", "'rv': '0x80000001'"},
        {"after", "'after': true, 'rv': 'CKR_DEVICE_ERROR'"},
        {"gone", "'do': 'remove'"},
        {"absurd", "'do': 'length', 'value': 'unavailable'"},
        {"huge", "'do': 'length', 'value': 1000000"},
        {"nothing", "'do': 'length', 'value': 0"},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(sweeps); i++) {
        g_autofree char *path = g_strdup_printf("/token/faults/sweep/%s", sweeps[i].name);

        g_test_add_data_func(path, sweeps[i].fault, test_sweep);
    }
    g_test_add_func("/token/faults/libp11-session", test_session_fails_for_libp11);
    g_test_add_func("/token/faults/readings", test_readings_that_fail);
    g_test_add_func("/token/faults/always", test_always);
    g_test_add_func("/token/faults/attribute-lengths", test_attribute_lengths);
    g_test_add_func("/token/faults/wrong-signature", test_wrong_signature);
    g_test_add_func("/token/faults/makers-values", test_makers_values);
    g_test_add_func("/token/faults/start", test_start);
    g_test_add_func("/token/faults/already-initialised", test_already_initialised);
    g_test_add_func("/token/faults/noise", test_noise);
    g_test_add_func("/token/faults/slow", test_slow);
    g_test_add_func("/token/faults/crashes", test_crashes);
    g_test_add_func("/token/faults/hangs", test_hangs);
    return g_test_run();
}
