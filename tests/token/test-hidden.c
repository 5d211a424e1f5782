/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates that show only after a login, over the real channel: they are asked for with one
 * PIN, stay known while the token does, and the login that is held signs once and never outlives
 * the next request.
 */
#include <string.h>

#include "tests/token/desk.h"

#define HELD_MS 5000 /* longest that a login is held */

static const char script[] =
    "'slots': [{'id': 1, 'token': {'label': 'Ann', 'serial': '0001', %s 'objects': ["
    "{'class': 'certificate', 'file': 'ann.pem', 'id': '01', 'private': true},"
    "{'class': 'private_key', 'file': 'ann.key', 'id': '01' %s}]}} %s], 'faults': [%s]";

static TtDesk *
new_desk(const char *token, const char *key)
{
    TtDesk *desk = tt_desk_new();

    tt_desk_person(desk, "ann", "P-256", "digitalSignature");
    tt_desk_write(desk, script, token, key, "", "");
    tt_desk_start(desk);
    return desk;
}

static gboolean
shows_ann(TtDesk *desk)
{
    tt_desk_list(desk);
    return tt_desk_certificate(desk, tt_desk_token(desk, "Ann"), "ann") != NULL;
}

static gboolean
is_hidden(TtDesk *desk)
{
    return json_is_true(json_object_get(tt_desk_token(desk, "Ann"), "hidden"));
}

static void
assert_revealed(const TtDesk *desk, json_t *answer)
{
    json_t *token = json_object_get(answer, "token");

    if (!token)
        g_error("%s in place of a token",
                json_string_value(json_object_get(json_object_get(answer, "error"), "message")));
    g_assert_true(json_is_false(json_object_get(token, "hidden")));
    g_assert_nonnull(tt_desk_certificate(desk, token, "ann"));
    json_decref(answer);
}

static json_t *
sign_held(TtDesk *desk, guint slot, const char *pin)
{
    json_t *request = tt_desk_request(desk, slot, "0001", "ann", "ES256");

    json_object_set_new(request, "held", json_true());
    return tb_test_worker_ask_with_pin(desk->worker, request, pin);
}

static void
test_reveal(void)
{
    g_autoptr(TtDesk) desk = new_desk("", "");
    json_t *certificate;

    g_assert_false(shows_ann(desk));
    g_assert_true(is_hidden(desk));
    tt_desk_forget(desk);
    assert_revealed(desk, tt_desk_pin_request(desk, "reveal", TT_PIN));
    g_assert_true(shows_ann(desk));
    tt_desk_assert_nothing_left(desk);
    g_assert_false(is_hidden(desk));
    certificate = tt_desk_certificate(desk, tt_desk_token(desk, "Ann"), "ann");
    g_assert_cmpstr(json_string_value(json_object_get(certificate, "has_key")), ==, "yes");
    g_assert_cmpuint(json_array_size(json_object_get(certificate, "algorithms")), ==, 1);
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 2);
}

/* Without a listing before it. */
static void
test_reveal_first(void)
{
    g_autoptr(TtDesk) desk = new_desk("", "");

    assert_revealed(desk, tt_desk_pin_request(desk, "reveal", TT_PIN));
    tt_desk_assert_signed(desk, sign_held(desk, 1, TB_TEST_NO_PIN), "ann", "ES256");
}

static void
test_held_login(void)
{
    g_autoptr(TtDesk) desk = new_desk("", "");

    tt_desk_list(desk);
    tt_desk_forget(desk);
    assert_revealed(desk, tt_desk_pin_request(desk, "reveal", TT_PIN));
    g_assert_cmpuint(tt_desk_count(desk, "C_Logout", NULL), ==, 0);
    tt_desk_assert_signed(desk, sign_held(desk, 1, TB_TEST_NO_PIN), "ann", "ES256");
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 1);
    tt_desk_assert_nothing_left(desk);
    /* Once. */
    tt_desk_assert_refused(sign_held(desk, 1, TB_TEST_NO_PIN), "invalid_request", NULL);
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
    tt_desk_assert_nothing_left(desk);
}

/* Whatever else is asked ends it. */
static void
test_held_login_ends(void)
{
    static const char *const requests[] = {
        "{'op': 'list'}",
        "{'op': 'erase'}",
        "{}",
        "{'op': 'sign'}",
        "{'op': 'sign', 'held': true}",
        "{'op': 'change_pin', 'slot': 1, 'token': '0001'}",
        "{'op': 'reveal', 'slot': 2, 'token': '0001'}",
    };
    g_autoptr(TtDesk) desk = new_desk("", "");

    for (gsize i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autofree char *text = g_strdelimit(g_strdup(requests[i]), "'", '"');

        g_test_message("%s", text);
        tt_desk_list(desk);
        tt_desk_forget(desk);
        assert_revealed(desk, tt_desk_pin_request(desk, "reveal", TT_PIN));
        json_decref(tb_test_worker_ask(desk->worker, json_loads(text, 0, NULL), -1));
        tt_desk_assert_nothing_left(desk);
        tt_desk_assert_refused(sign_held(desk, 1, TB_TEST_NO_PIN), "invalid_request", NULL);
    }
    tt_desk_list(desk);
    tt_desk_forget(desk);
    /* With a PIN of its own, or for another slot, it is no held login that is meant. */
    assert_revealed(desk, tt_desk_pin_request(desk, "reveal", TT_PIN));
    tt_desk_assert_refused(sign_held(desk, 1, TT_PIN), "invalid_request", NULL);
    assert_revealed(desk, tt_desk_pin_request(desk, "reveal", TT_PIN));
    tt_desk_assert_refused(sign_held(desk, 2, TB_TEST_NO_PIN), "invalid_request", NULL);
    tt_desk_assert_nothing_left(desk);
}

/* The host may never come back to it. */
static void
test_held_login_times_out(void)
{
    g_autoptr(TtDesk) desk = new_desk("", "");
    gint64 start = g_get_monotonic_time();
    gint64 end = start + 4 * (gint64)HELD_MS * 1000;

    assert_revealed(desk, tt_desk_pin_request(desk, "reveal", TT_PIN));
    while (tt_desk_count(desk, "C_Logout", NULL) == 0 && g_get_monotonic_time() < end)
        g_usleep(20000);
    g_assert_cmpuint(tt_desk_count(desk, "C_Logout", NULL), ==, 1);
    g_assert_cmpint(g_get_monotonic_time() - start, >=, (gint64)HELD_MS * 1000);
    tt_desk_assert_refused(sign_held(desk, 1, TB_TEST_NO_PIN), "invalid_request", NULL);
}

static void
test_always_authenticate(void)
{
    g_autoptr(TtDesk) desk = new_desk("", ", 'always_authenticate': true");

    tt_desk_list(desk);
    tt_desk_forget(desk);
    assert_revealed(desk, tt_desk_pin_request(desk, "reveal", TT_PIN));
    tt_desk_assert_refused(sign_held(desk, 1, TB_TEST_NO_PIN), "invalid_request", NULL);
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 1);
    tt_desk_assert_nothing_left(desk);
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
}

static void
test_wrong_pins(void)
{
    g_autoptr(TtDesk) desk = new_desk("'tries': 3,", "");
    json_t *answer;

    tt_desk_list(desk);
    tt_desk_forget(desk);
    tt_desk_assert_refused(tt_desk_pin_request(desk, "reveal", ""), "pin_incorrect", "ok");
    tt_desk_assert_refused(tt_desk_pin_request(desk, "reveal", TB_TEST_NO_PIN), "invalid_request",
                           NULL);
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 0);
    tt_desk_assert_refused(tt_desk_pin_request(desk, "reveal", "wrong0"), "pin_incorrect", "low");
    answer = tt_desk_pin_request(desk, "reveal", "wrong0");
    g_assert_true(json_is_true(json_object_get(json_object_get(answer, "error"), "repeated")));
    json_decref(answer);
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 1);
    g_assert_false(shows_ann(desk));
    tt_desk_assert_refused(tt_desk_pin_request(desk, "reveal", "wrong1"), "pin_incorrect",
                           "final_try");
    tt_desk_assert_refused(tt_desk_pin_request(desk, "reveal", "wrong2"), "pin_blocked", "locked");
    tt_desk_assert_refused(tt_desk_pin_request(desk, "reveal", TT_PIN), "pin_blocked", "locked");
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 3);
    tt_desk_assert_nothing_left(desk);
}

static void
test_pad(void)
{
    g_autoptr(TtDesk) desk = new_desk("'pin_pad': {'result': 'ok'},", "");

    tt_desk_list(desk);
    assert_revealed(desk, tt_desk_pin_request(desk, "reveal", TB_TEST_NO_PIN));
    tt_desk_assert_signed(desk, sign_held(desk, 1, TB_TEST_NO_PIN), "ann", "ES256");
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", "{'pad': true}"), ==, 1);
}

/* They stay while the token does, whatever comes and goes beside it; then they are hidden again. */
static void
test_as_long_as_the_token(void)
{
    static const char other[] = ", {'id': 2, 'token': {'label': 'Bob', 'serial': '0002'}}";
    g_autoptr(TtDesk) desk = new_desk("", "");

    tt_desk_list(desk);
    assert_revealed(desk, tt_desk_pin_request(desk, "reveal", TT_PIN));
    tt_desk_write(desk, script, "", "", other, "");
    g_assert_true(shows_ann(desk));
    g_assert_cmpuint(tt_desk_tokens(desk), ==, 2);
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", TT_PIN), "ann", "ES256");
    tt_desk_write(desk, script, "", "", "", "");
    g_assert_true(shows_ann(desk));
    tt_desk_write(desk, "'slots': []");
    tt_desk_list(desk);
    tt_desk_write(desk, script, "", "", "", "");
    g_assert_false(shows_ann(desk));
    g_assert_true(is_hidden(desk));
    /* Another token in the same slot. */
    assert_revealed(desk, tt_desk_pin_request(desk, "reveal", TT_PIN));
    tt_desk_write(desk, "'slots': [{'id': 1, 'token': {'label': 'Bob', 'serial': '0002'}}]");
    tt_desk_list(desk);
    g_assert_cmpuint(json_array_size(json_object_get(tt_desk_token(desk, "Bob"), "certificates")),
                     ==, 0);
}

static void
test_no_token(void)
{
    g_autoptr(TtDesk) desk = new_desk("", "");

    tt_desk_write(desk, "'slots': [{'id': 1, 'token': null}]");
    tt_desk_assert_refused(tt_desk_pin_request(desk, "reveal", TT_PIN), "token_missing", NULL);
    tt_desk_write(desk, script, "", "", "", "");
    tt_desk_list(desk);
    tt_desk_write(desk, "'slots': [{'id': 1, 'token': {'label': 'Bob', 'serial': '0002'}}]");
    tt_desk_assert_refused(tt_desk_pin_request(desk, "reveal", TT_PIN), "token_missing", NULL);
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 0);
}

/* Each call of a reveal and of the signature after it, failing in each way at each occurrence: the
 * answer is well-formed, one login at most, nothing open afterwards, and the next time works. */
static void
test_sweep(gconstpointer data)
{
    static const char *const calls[] = {
        "C_GetTokenInfo", "C_OpenSession",     "C_CloseSession",      "C_Login",    "C_Logout",
        "C_FindObjects",  "C_FindObjectsInit", "C_GetAttributeValue", "C_SignInit", "C_Sign"};
    const char *fault = data;
    g_autoptr(TtDesk) desk = new_desk("'tries': 0,", "");

    for (gsize i = 0; i < G_N_ELEMENTS(calls) * 3; i++) {
        const char *call = calls[i / 3];
        g_autofree char *text = g_strdup_printf("{'call': '%s', 'nth': %" G_GSIZE_FORMAT ", %s}",
                                                call, i % 3 + 1, fault);
        json_t *answer;

        g_test_message("%s", text);
        tt_desk_start(desk);
        tt_desk_write(desk, script, "'tries': 0,", "", "", "");
        tt_desk_list(desk);
        tt_desk_write(desk, script, "'tries': 0,", "", "", text);
        tt_desk_forget(desk);
        answer = tt_desk_pin_request(desk, "reveal", TT_PIN);
        if (json_object_get(answer, "token")) {
            json_decref(answer);
            answer = sign_held(desk, 1, TB_TEST_NO_PIN);
            tt_desk_check_form(answer);
        }
        json_decref(answer);
        g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), <=, 1);
        if (strcmp(call, "C_Login") == 0)
            tt_desk_start(desk); /* what answers CKR_GENERAL_ERROR was perhaps wrong */
        tt_desk_write(desk, script, "'tries': 0,", "", "", "");
        tt_desk_list(desk);
        assert_revealed(desk, tt_desk_pin_request(desk, "reveal", TT_PIN));
        tt_desk_assert_signed(desk, sign_held(desk, 1, TB_TEST_NO_PIN), "ann", "ES256");
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
        {"after", "'after': true, 'rv': 'CKR_DEVICE_ERROR'"},
        {"gone", "'do': 'remove'"},
        {"huge", "'do': 'length', 'value': 1000000"},
    };

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/token/hidden/reveal", test_reveal);
    g_test_add_func("/token/hidden/reveal-first", test_reveal_first);
    g_test_add_func("/token/hidden/held", test_held_login);
    g_test_add_func("/token/hidden/held-ends", test_held_login_ends);
    g_test_add_func("/token/hidden/held-times-out", test_held_login_times_out);
    g_test_add_func("/token/hidden/always-authenticate", test_always_authenticate);
    g_test_add_func("/token/hidden/wrong-pins", test_wrong_pins);
    g_test_add_func("/token/hidden/pad", test_pad);
    g_test_add_func("/token/hidden/as-long-as-the-token", test_as_long_as_the_token);
    g_test_add_func("/token/hidden/no-token", test_no_token);
    for (gsize i = 0; i < G_N_ELEMENTS(sweeps); i++) {
        g_autofree char *path = g_strdup_printf("/token/hidden/sweep/%s", sweeps[i].name);

        g_test_add_data_func(path, sweeps[i].fault, test_sweep);
    }
    return g_test_run();
}
