/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens that go and come, at each call and with each return value, over the real channel: the true
 * word, no second PIN, and the next request works once the token is back.
 */
#include <string.h>

#include "tests/token/desk.h"

static const char *const values[] = {"CKR_DEVICE_REMOVED", "CKR_TOKEN_NOT_PRESENT",
                                     "CKR_SESSION_HANDLE_INVALID", "CKR_SESSION_CLOSED"};

/* The calls of a signature after a listing, and what their failing so means. */
static const struct {
    const char *call;
    const char *reason;
    guint logins;
} stages[] = {
    {"C_GetTokenInfo", "token_missing", 0}, {"C_OpenSession", "token_missing", 0},
    {"C_Login", "token_removed", 1},        {"C_FindObjectsInit", "token_removed", 1},
    {"C_FindObjects", "token_removed", 1},  {"C_SignInit", "token_removed", 1},
    {"C_Sign", "token_removed", 1},
};

static const char *
reason_of(json_t *answer)
{
    return json_string_value(json_object_get(json_object_get(answer, "error"), "reason"));
}

/* Signs, and has one login at most for it. */
static json_t *
sign_once(TtDesk *desk)
{
    json_t *answer;

    tt_desk_forget(desk);
    answer = tt_desk_sign(desk, "ann", TT_PIN);
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), <=, 1);
    return answer;
}

static void
test_each_call_and_value(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    for (gsize i = 0; i < G_N_ELEMENTS(stages); i++) {
        for (gsize j = 0; j < G_N_ELEMENTS(values); j++) {
            g_autofree char *fault =
                g_strdup_printf("{'call': '%s', 'rv': '%s'}", stages[i].call, values[j]);
            json_t *answer;

            g_test_message("%s %s", stages[i].call, values[j]);
            tt_desk_write(desk, TT_ANN_SCRIPT, "", "");
            tt_desk_list(desk);
            tt_desk_write(desk, TT_ANN_SCRIPT, "", fault);
            answer = sign_once(desk);
            g_assert_cmpstr(reason_of(answer), ==, stages[i].reason);
            json_decref(answer);
            g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, stages[i].logins);
            tt_desk_write(desk, TT_ANN_SCRIPT, "", "");
            tt_desk_assert_signed(desk, sign_once(desk), "ann", "ES256");
        }
    }
}

/* The token itself goes, before or after a call, and sessions of it answer what makers choose. */
static void
test_really_removed(void)
{
    static const char gone[] =
        "'slots': [{'id': 1, 'removed': '%s', 'token': {'label': 'Ann', 'serial': '0001', "
        "'insertion': %u, 'objects': [" TT_ANN_OBJECTS "]}}], 'faults': [%s]";
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");
    guint insertion = 0;

    for (gsize i = 0; i < 2 * G_N_ELEMENTS(stages); i++) {
        for (gsize j = 0; j < G_N_ELEMENTS(values); j++) {
            gboolean after = i % 2 == 1;
            const char *call = stages[i / 2].call;
            g_autofree char *fault = g_strdup_printf("{'call': '%s', 'do': 'remove', 'after': %s}",
                                                     call, after ? "true" : "false");
            json_t *answer;

            tt_desk_write(desk, gone, values[j], ++insertion, "");
            tt_desk_list(desk);
            g_assert_cmpuint(tt_desk_tokens(desk), ==, 1);
            tt_desk_write(desk, gone, values[j], insertion, fault);
            g_test_message("%s %s %s", after ? "after" : "before", call, values[j]);
            answer = sign_once(desk);
            /* After the last call the signature is there, and good. */
            if (after && strcmp(call, "C_Sign") == 0) {
                tt_desk_assert_signed(desk, answer, "ann", "ES256");
            } else {
                g_assert_true(g_strcmp0(reason_of(answer), "token_removed") == 0 ||
                              (i < 4 && g_strcmp0(reason_of(answer), "token_missing") == 0));
                json_decref(answer);
            }
            tt_desk_list(desk);
            g_assert_cmpuint(tt_desk_tokens(desk), ==, 0);
        }
    }
    /* Back again: the same worker signs, with one login. */
    tt_desk_write(desk, gone, values[0], ++insertion, "");
    tt_desk_assert_signed(desk, sign_once(desk), "ann", "ES256");
}

/* Inserted before the listing, after it, in place of another; out and in between two requests. */
static void
test_comes_and_goes(void)
{
    g_autoptr(TtDesk) desk = tt_desk_new();
    json_t *answer;

    tt_desk_person(desk, "ann", "P-256", "digitalSignature");
    tt_desk_person(desk, "bob", "P-256", "digitalSignature");
    tt_desk_write(desk, "'slots': []");
    tt_desk_start(desk);
    tt_desk_list(desk);
    g_assert_cmpuint(tt_desk_tokens(desk), ==, 0);
    tt_desk_write(desk, "'slots': [{'id': 1}]");
    tt_desk_list(desk);
    g_assert_cmpuint(tt_desk_tokens(desk), ==, 0);
    tt_desk_write(desk, TT_ANN_SCRIPT, "", "");
    tt_desk_list(desk);
    g_assert_nonnull(tt_desk_certificate(desk, tt_desk_token(desk, "Ann"), "ann"));

    /* Another token in the same reader: what was chosen is not there, and no PIN is sent to it. */
    tt_desk_write(desk,
                  "'slots': [{'id': 1, 'token': {'label': 'Bob', 'serial': '0002', 'objects': "
                  "[{'class': 'certificate', 'file': 'bob.pem', 'id': '01'},"
                  "{'class': 'private_key', 'file': 'bob.key', 'id': '01'}]}}]");
    answer = sign_once(desk);
    g_assert_cmpstr(reason_of(answer), ==, "token_missing");
    json_decref(answer);
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 0);
    tt_desk_list(desk);
    g_assert_null(tt_desk_token(desk, "Ann"));
    g_assert_nonnull(tt_desk_certificate(desk, tt_desk_token(desk, "Bob"), "bob"));

    /* Another card with the same number: its certificate is another, and no PIN is sent. */
    tt_desk_write(desk, "'slots': [{'id': 1, 'token': {'label': 'Ann', 'serial': '0001', "
                        "'insertion': 7, 'objects': "
                        "[{'class': 'certificate', 'file': 'bob.pem', 'id': '01'},"
                        "{'class': 'private_key', 'file': 'bob.key', 'id': '01'}]}}]");
    answer = sign_once(desk);
    g_assert_cmpstr(reason_of(answer), ==, "no_certificate");
    json_decref(answer);
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 0);

    /* Out and in, with old handles dead, many times. */
    for (guint i = 10; i < 30; i++) {
        g_autofree char *insertion = g_strdup_printf("'insertion': %u,", i);

        tt_desk_write(desk, TT_ANN_SCRIPT, insertion, "");
        if (i % 2 == 0)
            tt_desk_list(desk);
        tt_desk_assert_signed(desk, sign_once(desk), "ann", "ES256");
    }
}

/* The card was in the reader before the program started; and: readers come and go. */
static void
test_readers(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    tt_desk_list(desk);
    g_assert_cmpuint(tt_desk_tokens(desk), ==, 1);
    for (guint i = 2; i < 6; i++) {
        tt_desk_write(desk,
                      "'slots': [{'id': 1}, {'id': %u, 'token': {'label': 'Ann', 'serial': '0001', "
                      "'objects': [" TT_ANN_OBJECTS "]}}]",
                      i);
        tt_desk_list(desk);
        g_assert_cmpuint(tt_desk_tokens(desk), ==, 1);
        g_assert_cmpint(json_integer_value(json_object_get(tt_desk_token(desk, "Ann"), "slot")), ==,
                        i);
    }
}

/* A slot that fails, in whatever call, hides nothing of the others. */
static void
test_one_slot_fails(void)
{
    static const char *const calls[] = {
        "C_GetSlotInfo",      "C_GetTokenInfo",     "C_OpenSession",       "C_FindObjectsInit",
        "C_FindObjects",      "C_FindObjectsFinal", "C_GetAttributeValue", "C_CloseSession",
        "C_GetMechanismList", "C_GetMechanismInfo", "C_CloseAllSessions",  "C_GetSessionInfo"};
    static const char *const faults[] = {
        "'rv': 'CKR_GENERAL_ERROR'",
        "'rv': 'CKR_DEVICE_ERROR'",
        "'rv': 'CKR_TOKEN_NOT_RECOGNIZED'",
        "'rv': '0x80000001'",
        "'rv': 'CKR_DEVICE_REMOVED'",
        "'rv': 'CKR_TOKEN_NOT_PRESENT'",
        "'do': 'remove'",
        "'do': 'remove', 'after': true",
    };
    static const char three[] =
        "'slots': [{'id': 1, 'token': {'label': 'Ann', 'serial': '0001', 'objects': "
        "[" TT_ANN_OBJECTS "]}}, {'id': 2, 'token': {'label': 'Bad', 'serial': '0002', 'objects': "
        "[" TT_ANN_OBJECTS "]}}, {'id': 3, 'token': {'label': 'Eve', 'serial': '0003', 'objects': "
        "[" TT_ANN_OBJECTS "]}}], 'faults': [%s]";
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
        for (gsize j = 0; j < G_N_ELEMENTS(faults); j++) {
            g_autofree char *fault =
                g_strdup_printf("{'call': '%s', 'slot': 2, %s}", calls[i], faults[j]);
            json_t *bad;

            g_test_message("%s", fault);
            /* Nothing there at first, or the kept listing would do. */
            tt_desk_write(desk, "'slots': []");
            tt_desk_list(desk);
            tt_desk_write(desk, three, fault);
            tt_desk_list(desk);
            g_assert_nonnull(tt_desk_certificate(desk, tt_desk_token(desk, "Ann"), "ann"));
            g_assert_nonnull(tt_desk_certificate(desk, tt_desk_token(desk, "Eve"), "ann"));
            tt_desk_write(desk, three, "");
            tt_desk_list(desk);
            g_assert_cmpuint(tt_desk_tokens(desk), ==, 3);
            bad = tt_desk_certificate(desk, tt_desk_token(desk, "Bad"), "ann");
            g_assert_nonnull(bad);
            g_assert_cmpuint(json_array_size(json_object_get(bad, "algorithms")), ==, 1);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/token/removal/each-call", test_each_call_and_value);
    g_test_add_func("/token/removal/really", test_really_removed);
    g_test_add_func("/token/removal/comes-and-goes", test_comes_and_goes);
    g_test_add_func("/token/removal/readers", test_readers);
    g_test_add_func("/token/removal/one-slot", test_one_slot_fails);
    return g_test_run();
}
