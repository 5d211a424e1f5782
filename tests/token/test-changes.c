/* SPDX-License-Identifier: Apache-2.0
 *
 * Changing and unblocking PINs on every kind of token, over the real channel: the right word, the
 * right states, one try for each entry, and nothing left behind.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/token/desk.h"

#define PUK "12345678"
#define OPENSC "'manufacturer': 'OpenSC Project', "

static const char *
state_of(json_t *answer, const char *which)
{
    json_t *from = json_object_get(answer, "error");

    return json_string_value(
        json_object_get(json_object_get(from ? from : answer, which), "state"));
}

static void
assert_done(json_t *answer)
{
    json_t *error = json_object_get(answer, "error");

    if (error)
        g_error("%s (%s) in place of a new PIN",
                json_string_value(json_object_get(error, "reason")),
                json_string_value(json_object_get(error, "message")));
    g_assert_true(g_strv_contains((const char *const[]){"ok", "final_try", NULL},
                                  state_of(answer, "pin"))); /* a token may give but one try */
    json_decref(answer);
}

static void
assert_refused(json_t *answer, const char *reason, const char *pin, const char *puk)
{
    g_assert_cmpstr(state_of(answer, "puk"), ==, puk);
    tt_desk_assert_refused(answer, reason, pin);
}

static void
assert_signs(TtDesk *desk, const char *pin)
{
    tt_desk_assert_signed(desk, tt_desk_sign(desk, "ann", pin), "ann", "ES256");
}

/* Tries with a wrong PIN or PUK. */
static guint
wrong_tries(const TtDesk *desk)
{
    return tt_desk_count(desk, "C_Login", "{'right': false}") +
           tt_desk_count(desk, "C_SetPIN", "{'right': false}");
}

static void
test_change(gconstpointer data)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann(data, "");

    tt_desk_list(desk);
    tt_desk_forget(desk);
    assert_done(tt_desk_pin_request(desk, "change_pin", TT_PIN "\n654321"));
    g_assert_cmpuint(wrong_tries(desk), ==, 0);
    tt_desk_assert_nothing_left(desk);
    tt_desk_assert_refused(tt_desk_sign(desk, "ann", TT_PIN), "pin_incorrect", "low");
    assert_signs(desk, "654321");
    /* And back: the PIN that was refused a moment ago is right again. */
    assert_done(tt_desk_pin_request(desk, "change_pin", "654321\n" TT_PIN));
    assert_signs(desk, TT_PIN);
    tt_desk_list(desk);
    g_assert_cmpstr(state_of(tt_desk_token(desk, "Ann"), "pin"), ==, "ok");
}

static void
test_change_with_wrong_pin(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'tries': 3,", "");
    json_t *answer;

    assert_refused(tt_desk_pin_request(desk, "change_pin", "wrong0\n654321"), "pin_incorrect",
                   "low", "ok");
    answer = tt_desk_pin_request(desk, "change_pin", "wrong0\n111111");
    g_assert_true(json_is_true(json_object_get(json_object_get(answer, "error"), "repeated")));
    assert_refused(answer, "pin_incorrect", "low", "ok");
    g_assert_cmpuint(wrong_tries(desk), ==, 1);
    assert_refused(tt_desk_pin_request(desk, "change_pin", "wrong1\n654321"), "pin_incorrect",
                   "final_try", "ok");
    assert_refused(tt_desk_pin_request(desk, "change_pin", "wrong2\n654321"), "pin_blocked",
                   "locked", "ok");
    g_assert_cmpuint(wrong_tries(desk), ==, 3);
    /* Known to be locked: nothing is sent. */
    assert_refused(tt_desk_pin_request(desk, "change_pin", TT_PIN "\n654321"), "pin_blocked",
                   "locked", "ok");
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 3);
    g_assert_cmpuint(tt_desk_count(desk, "C_SetPIN", NULL), ==, 0);
    tt_desk_assert_nothing_left(desk);
}

/* The token's limits are kept to before anything is sent; its other rules are the token's word, and
 * cost no try. */
static void
test_new_pin_refused(void)
{
    static const struct {
        const char *new_pin;
        guint sent;
    } rows[] = {{"", 0}, {"12345", 0}, {"123456789", 0}, {"12ab56", 1}};
    g_autoptr(TtDesk) desk =
        tt_desk_with_ann("'min_pin': 6, 'max_pin': 8, 'digits_only': true,", "");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *change = g_strconcat(TT_PIN "\n", rows[i].new_pin, NULL);
        g_autofree char *unblock = g_strconcat(PUK "\n", rows[i].new_pin, NULL);

        tt_desk_forget(desk);
        assert_refused(tt_desk_pin_request(desk, "change_pin", change), "pin_invalid", "ok", "ok");
        assert_refused(tt_desk_pin_request(desk, "unblock_pin", unblock), "pin_invalid", "ok",
                       "ok");
        g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 2 * rows[i].sent);
        g_assert_cmpuint(tt_desk_count(desk, "C_SetPIN", NULL), ==, rows[i].sent);
        g_assert_cmpuint(tt_desk_count(desk, "C_InitPIN", NULL), ==, rows[i].sent);
        tt_desk_assert_nothing_left(desk);
    }
    assert_signs(desk, TT_PIN);
}

/* What else C_SetPIN and C_InitPIN may say of the new PIN, and of themselves. */
static void
test_other_answers(void)
{
    static const struct {
        const char *rv;
        const char *change;
        const char *unblock;
    } rows[] = {
        {"CKR_PIN_INVALID", "pin_invalid", "pin_invalid"},
        {"CKR_PIN_LEN_RANGE", "pin_invalid", "pin_invalid"},
        {"0x1b8", "pin_invalid", "pin_invalid"},
        {"0x1c3", "pin_invalid", "pin_invalid"},
        /* The old PIN was right at the login a moment before. */
        {"CKR_PIN_INCORRECT", "pin_invalid", "puk_incorrect"},
        {"CKR_PIN_LOCKED", "pin_blocked", "puk_blocked"},
        {"CKR_FUNCTION_NOT_SUPPORTED", "unsupported", "unsupported"},
        {"CKR_FUNCTION_REJECTED", "unsupported", "unsupported"},
        {"CKR_TOKEN_WRITE_PROTECTED", "unsupported", "unsupported"},
        {"CKR_DEVICE_REMOVED", "token_removed", "token_removed"},
        {"CKR_GENERAL_ERROR", "module_failed", "module_failed"},
        {"CKR_FUNCTION_CANCELED", "module_failed", "module_failed"},
        {"0x80000001", "module_failed", "module_failed"},
    };
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *faults =
            g_strdup_printf("{'call': 'C_SetPIN', 'rv': '%s'}, {'call': 'C_InitPIN', 'rv': '%s'}",
                            rows[i].rv, rows[i].rv);

        g_test_message("%s", rows[i].rv);
        tt_desk_start(desk);
        tt_desk_write(desk, TT_ANN_SCRIPT, "", faults);
        tt_desk_forget(desk);
        assert_refused(tt_desk_pin_request(desk, "change_pin", TT_PIN "\n654321"), rows[i].change,
                       "ok", "ok");
        assert_refused(tt_desk_pin_request(desk, "unblock_pin", PUK "\n654321"), rows[i].unblock,
                       "ok", "ok");
        g_assert_cmpuint(tt_desk_count(desk, "C_SetPIN", NULL), ==, 1);
        g_assert_cmpuint(tt_desk_count(desk, "C_InitPIN", NULL), ==, 1);
        tt_desk_assert_nothing_left(desk);
    }
    tt_desk_write(desk, TT_ANN_SCRIPT, "", "");
    assert_signs(desk, TT_PIN);
}

static void
test_to_be_changed(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'to_be_changed': true,", "");

    tt_desk_list(desk);
    g_assert_cmpstr(state_of(tt_desk_token(desk, "Ann"), "pin"), ==, "to_be_changed");
    assert_done(tt_desk_pin_request(desk, "change_pin", TT_PIN "\n654321"));
    tt_desk_list(desk);
    g_assert_cmpstr(state_of(tt_desk_token(desk, "Ann"), "pin"), ==, "ok");
    assert_signs(desk, "654321");

    /* A token that lets nobody in with an expired PIN, but changes it. */
    tt_desk_write(desk, TT_ANN_SCRIPT, "'to_be_changed': true, 'state_key': 'b',",
                  "{'call': 'C_Login', 'rv': 'CKR_PIN_EXPIRED'}");
    tt_desk_forget(desk);
    assert_refused(tt_desk_pin_request(desk, "change_pin", "wrong0\n654321"), "pin_incorrect",
                   "to_be_changed", "ok");
    g_assert_cmpuint(tt_desk_count(desk, "C_SetPIN", "{'right': false}"), ==, 1);
    assert_refused(tt_desk_pin_request(desk, "change_pin", "wrong0\n654321"), "pin_incorrect",
                   "to_be_changed", "ok");
    g_assert_cmpuint(tt_desk_count(desk, "C_SetPIN", "{'right': false}"), ==, 1);
    assert_done(tt_desk_pin_request(desk, "change_pin", TT_PIN "\n654321"));
    tt_desk_assert_nothing_left(desk);
}

static void
test_no_pin_yet(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'pin_set': false,", "");

    assert_refused(tt_desk_pin_request(desk, "change_pin", TT_PIN "\n654321"), "pin_blocked",
                   "not_initialised", "ok");
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 0);
    /* With the PUK it gets one. */
    assert_done(tt_desk_pin_request(desk, "unblock_pin", PUK "\n654321"));
    assert_signs(desk, "654321");
}

static void
lock(TtDesk *desk)
{
    tt_desk_assert_refused(tt_desk_sign(desk, "ann", "wrong0"), "pin_blocked", "locked");
}

static void
test_unblock(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'tries': 1,", "");

    lock(desk);
    tt_desk_forget(desk);
    assert_refused(tt_desk_pin_request(desk, "unblock_pin", "wrong1\n654321"), "puk_incorrect",
                   "locked", "low");
    assert_done(tt_desk_pin_request(desk, "unblock_pin", PUK "\n654321"));
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", "{'user': 'so'}"), ==, 2);
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 2);
    g_assert_cmpuint(tt_desk_count(desk, "C_InitPIN", NULL), ==, 1);
    g_assert_cmpuint(tt_desk_count(desk, "C_SetPIN", NULL), ==, 0);
    tt_desk_assert_nothing_left(desk);
    assert_signs(desk, "654321");
    /* The PIN that locked it may become the PIN. */
    assert_done(tt_desk_pin_request(desk, "unblock_pin", PUK "\nwrong0"));
    assert_signs(desk, "wrong0");
}

static void
test_unblock_with_wrong_puk(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'tries': 1, 'so_tries': 3,", "");
    json_t *answer;

    lock(desk);
    tt_desk_forget(desk);
    assert_refused(tt_desk_pin_request(desk, "unblock_pin", "\n654321"), "puk_incorrect", "locked",
                   "ok");
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 0);
    assert_refused(tt_desk_pin_request(desk, "unblock_pin", "wrong1\n654321"), "puk_incorrect",
                   "locked", "low");
    answer = tt_desk_pin_request(desk, "unblock_pin", "wrong1\n654321");
    g_assert_true(json_is_true(json_object_get(json_object_get(answer, "error"), "repeated")));
    assert_refused(answer, "puk_incorrect", "locked", "low");
    g_assert_cmpuint(wrong_tries(desk), ==, 1);
    assert_refused(tt_desk_pin_request(desk, "unblock_pin", "wrong2\n654321"), "puk_incorrect",
                   "locked", "final_try");
    assert_refused(tt_desk_pin_request(desk, "unblock_pin", "wrong3\n654321"), "puk_blocked",
                   "locked", "locked");
    assert_refused(tt_desk_pin_request(desk, "unblock_pin", PUK "\n654321"), "puk_blocked",
                   "locked", "locked");
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 3);
    tt_desk_assert_nothing_left(desk);
    tt_desk_list(desk);
    g_assert_cmpstr(state_of(tt_desk_token(desk, "Ann"), "puk"), ==, "locked");
}

/* A wrong PUK is no wrong PIN, and the other way round, even when they are the same characters. */
static void
test_pin_and_puk_are_two(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'tries': 5, 'so_tries': 5,", "");

    assert_refused(tt_desk_pin_request(desk, "unblock_pin", TT_PIN "\n654321"), "puk_incorrect",
                   "ok", "low");
    assert_signs(desk, TT_PIN);
    tt_desk_assert_refused(tt_desk_sign(desk, "ann", PUK), "pin_incorrect", "low");
    assert_done(tt_desk_pin_request(desk, "unblock_pin", PUK "\n654321"));
}

/* OpenSC, in the ways it can be configured. */
static void
write_opensc(TtDesk *desk, const char *setting)
{
    g_autofree char *token =
        g_strdup_printf("'tries': 1, 'setting': '%s', 'state_key': '%s',", setting, setting);

    tt_desk_write(desk, OPENSC TT_ANN_SCRIPT, token, "");
    tt_desk_start(desk);
    tt_desk_list(desk);
    tt_desk_forget(desk);
}

static void
test_opensc(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");
    json_t *answer;

    /* As it comes: nothing unblocks; the PUK costs no try of the PIN, locked or not. */
    write_opensc(desk, "opensc");
    answer = tt_desk_pin_request(desk, "unblock_pin", PUK "\n654321");
    g_assert_nonnull(
        strstr(json_string_value(json_object_get(json_object_get(answer, "error"), "message")),
               "user_pin_unblock_style"));
    assert_refused(answer, "unsupported", "final_try", "ok");
    g_assert_cmpuint(tt_desk_count(desk, "C_SetPIN", NULL), ==, 0);
    assert_signs(desk, TT_PIN);
    assert_done(tt_desk_pin_request(desk, "change_pin", TT_PIN "\n654321"));
    lock(desk);
    assert_refused(tt_desk_pin_request(desk, "unblock_pin", PUK "\n654321"), "unsupported",
                   "locked", "ok");
    tt_desk_assert_nothing_left(desk);

    /* C_SetPIN without a login unblocks. The old PIN is never taken for a PUK. */
    write_opensc(desk, "opensc_unblocks");
    assert_done(tt_desk_pin_request(desk, "change_pin", TT_PIN "\n654321"));
    lock(desk);
    tt_desk_forget(desk);
    assert_refused(tt_desk_pin_request(desk, "unblock_pin", "wrong1\n654321"), "puk_incorrect",
                   "locked", "low");
    assert_refused(tt_desk_pin_request(desk, "unblock_pin", "wrong1\n654321"), "puk_incorrect",
                   "locked", "low");
    assert_done(tt_desk_pin_request(desk, "unblock_pin", PUK "\n222222"));
    g_assert_cmpuint(tt_desk_count(desk, "C_SetPIN", NULL), ==, 2);
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 0);
    assert_signs(desk, "222222");

    /* The PUK is found to be wrong only at C_InitPIN. */
    write_opensc(desk, "opensc_inits");
    assert_refused(tt_desk_pin_request(desk, "unblock_pin", "wrong1\n654321"), "puk_incorrect",
                   "final_try", "low");
    assert_refused(tt_desk_pin_request(desk, "unblock_pin", "wrong1\n654321"), "puk_incorrect",
                   "final_try", "low");
    g_assert_cmpuint(tt_desk_count(desk, "C_InitPIN", NULL), ==, 1);
    assert_done(tt_desk_pin_request(desk, "unblock_pin", PUK "\n654321"));
    assert_signs(desk, "654321");
    tt_desk_assert_nothing_left(desk);
}

/* On a key pad everything is typed there, once. */
static void
test_pad(void)
{
    static const struct {
        const char *token;
        const char *change; /* NULL: done */
        const char *unblock;
        guint logins; /* of a change */
    } rows[] = {
        {"'pin_pad': {'result': 'ok', 'ms': 20},", NULL, NULL, 0},
        {"'pin_pad': {'result': 'ok'}, 'setting': 'logged_in',", NULL, NULL, 1},
        {"'pin_pad': {'result': 'wrong'},", "pin_incorrect", "puk_incorrect", 0},
        {"'pin_pad': {'result': 'cancel', 'ms': 700},", "user_cancelled", "user_cancelled", 0},
        {"'pin_pad': {'result': 'cancel'},", "pin_pad_failed", "pin_pad_failed", 0},
        {"'pin_pad': {'result': 'timeout', 'ms': 50},", "pin_pad_failed", "pin_pad_failed", 0},
        {"'pin_pad': {'rv': 'CKR_PIN_INVALID'},", "pin_invalid", "puk_incorrect", 0},
        {"'pin_pad': {'rv': 'CKR_PIN_LOCKED'},", "pin_blocked", "puk_blocked", 0},
        {"'pin_pad': {'rv': 'CKR_DEVICE_REMOVED'},", "token_removed", "token_removed", 0},
    };
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *token = g_strconcat("'tries': 0, 'so_tries': 0,", rows[i].token, NULL);
        json_t *answer;

        g_test_message("%s", rows[i].token);
        tt_desk_write(desk, TT_ANN_SCRIPT, token, "");
        tt_desk_list(desk);
        tt_desk_forget(desk);
        answer = tt_desk_pin_request(desk, "change_pin", TB_TEST_NO_PIN);
        g_assert_cmpstr(
            json_string_value(json_object_get(json_object_get(answer, "error"), "reason")), ==,
            rows[i].change);
        json_decref(answer);
        g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, rows[i].logins);
        g_assert_cmpuint(tt_desk_count(desk, "C_SetPIN", NULL), ==, 1 + rows[i].logins);
        tt_desk_assert_nothing_left(desk);
        tt_desk_forget(desk);
        answer = tt_desk_pin_request(desk, "unblock_pin", TB_TEST_NO_PIN);
        g_assert_cmpstr(
            json_string_value(json_object_get(json_object_get(answer, "error"), "reason")), ==,
            rows[i].unblock);
        json_decref(answer);
        g_assert_cmpuint(tt_desk_count(desk, "C_Login", "{'pad': true}"), ==, 1);
        tt_desk_assert_nothing_left(desk);
    }
    /* Without pad and without pipe. */
    tt_desk_write(desk, TT_ANN_SCRIPT, "", "");
    assert_refused(tt_desk_pin_request(desk, "change_pin", TB_TEST_NO_PIN), "invalid_request", NULL,
                   NULL);
    assert_refused(tt_desk_pin_request(desk, "unblock_pin", TB_TEST_NO_PIN), "invalid_request",
                   NULL, NULL);
}

static void
test_another_token(void)
{
    g_autoptr(TtDesk) desk = tt_desk_with_ann("", "");

    tt_desk_list(desk);
    tt_desk_write(desk, "'slots': [{'id': 1, 'token': {'label': 'Bob', 'serial': '0002'}}]");
    assert_refused(tt_desk_pin_request(desk, "change_pin", TT_PIN "\n654321"), "token_missing",
                   NULL, NULL);
    tt_desk_write(desk, "'slots': [{'id': 1, 'token': null}]");
    assert_refused(tt_desk_pin_request(desk, "unblock_pin", PUK "\n654321"), "token_missing", NULL,
                   NULL);
    g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), ==, 0);
}

/* How often bytes occur in a process's memory; -1: it may not be read. */
static int
occurrences(GPid pid, const char *bytes)
{
    g_autofree char *maps_path = g_strdup_printf("/proc/%d/maps", pid);
    g_autofree char *memory_path = g_strdup_printf("/proc/%d/mem", pid);
    g_autofree char *maps = NULL;
    g_auto(GStrv) lines = NULL;
    int memory = open(memory_path, O_RDONLY | O_CLOEXEC);
    int found = 0;

    if (memory < 0 || !g_file_get_contents(maps_path, &maps, NULL, NULL)) {
        if (memory >= 0)
            (void)close(memory);
        return -1;
    }
    lines = g_strsplit(maps, "\n", -1);
    for (gsize i = 0; lines[i]; i++) {
        char *rest = NULL;
        guint64 from = g_ascii_strtoull(lines[i], &rest, 16);
        guint64 to = *rest == '-' ? g_ascii_strtoull(rest + 1, NULL, 16) : from;
        /* A sanitizer's shadow is of terabytes. */
        gsize size = to - from > 1u << 28 ? 0 : (gsize)(to - from);
        g_autofree char *copy = g_malloc(size + 1);
        ssize_t length = pread(memory, copy, size, (off_t)from);
        const char *end = copy + MAX(length, 0);

        for (const char *at = copy; (at = memmem(at, (gsize)(end - at), bytes, strlen(bytes)));
             at++)
            found++;
    }
    (void)close(memory);
    return found;
}

/* Old PIN, new PIN and PUK are in the worker's memory only while the token has them; the script has
 * their hashes. */
static void
test_forgotten(void)
{
    static const char old_pin[] = "918273645546", new_pin[] = "564738291091",
                      puk[] = "736455463728";
    g_autofree char *old_hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, old_pin, -1);
    g_autofree char *puk_hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, puk, -1);
    g_autofree char *token =
        g_strdup_printf("'pin_sha256': '%s', 'so_pin_sha256': '%s',", old_hash, puk_hash);
    g_autofree char *change = g_strconcat(old_pin, "\n", new_pin, NULL);
    g_autofree char *unblock = g_strconcat(puk, "\n", old_pin, NULL);
    g_autofree char *wrong = g_strconcat(puk, "\n", new_pin, NULL);
    g_autoptr(TtDesk) desk = tt_desk_with_ann(token, "");
    int ends[2];

    if (occurrences(tb_test_worker_pid(desk->worker), old_pin) < 0) {
        g_test_skip("this user may not read the worker's memory");
        return;
    }
    assert_done(tt_desk_pin_request(desk, "change_pin", change));
    assert_refused(tt_desk_pin_request(desk, "change_pin", wrong), "pin_incorrect", "low", "ok");
    assert_done(tt_desk_pin_request(desk, "unblock_pin", unblock));
    g_assert_cmpint(occurrences(tb_test_worker_pid(desk->worker), old_pin), ==, 0);
    g_assert_cmpint(occurrences(tb_test_worker_pid(desk->worker), new_pin), ==, 0);
    g_assert_cmpint(occurrences(tb_test_worker_pid(desk->worker), puk), ==, 0);

    /* That they would be found: in the midst of C_SetPIN. */
    tt_desk_write(desk, TT_ANN_SCRIPT, token, "{'call': 'C_SetPIN', 'do': 'hang'}");
    g_assert_no_errno(pipe2(ends, O_CLOEXEC));
    g_assert_cmpint(write(ends[1], change, strlen(change)), ==, (gssize)strlen(change));
    (void)close(ends[1]);
    tb_test_worker_send(
        desk->worker, json_pack("{s:s, s:i, s:s}", "op", "change_pin", "slot", 1, "token", "0001"),
        ends[0]);
    (void)close(ends[0]);
    for (guint i = 0; i < 5000 && tt_desk_count(desk, "C_SetPIN", "{'rv': 'hang'}") == 0; i++)
        g_usleep(1000);
    g_assert_cmpint(occurrences(tb_test_worker_pid(desk->worker), old_pin), ==, 1);
    g_assert_cmpint(occurrences(tb_test_worker_pid(desk->worker), new_pin), ==, 1);
    tb_test_worker_hang_up(desk->worker);
}

/* Each call of a change and of an unblocking, failing in each way, at each of its occurrences: the
 * answer is well-formed, no wrong PIN is sent, nothing stays open, and the PIN is the old one or
 * the new one. */
static void
test_sweep(gconstpointer data)
{
    static const char *const calls[] = {"C_GetTokenInfo", "C_OpenSession", "C_CloseSession",
                                        "C_Login",        "C_Logout",      "C_SetPIN",
                                        "C_InitPIN"};
    static const char *const ops[] = {"change_pin", "unblock_pin"};
    const char *fault = data;
    g_autoptr(TtDesk) desk = tt_desk_with_ann("'tries': 0,", "");

    for (gsize i = 0; i < G_N_ELEMENTS(calls) * G_N_ELEMENTS(ops) * 3; i++) {
        const char *call = calls[i / 6];
        const char *op = ops[i % 2];
        g_autofree char *text = g_strdup_printf("{'call': '%s', 'nth': %" G_GSIZE_FORMAT ", %s}",
                                                call, i / 2 % 3 + 1, fault);
        g_autofree char *pins =
            g_strconcat(i % 2 ? PUK : TT_PIN, "\n" TT_PIN, NULL); /* the same again */

        g_test_message("%s %s", op, text);
        tt_desk_start(desk); /* remembers nothing */
        tt_desk_write(desk, TT_ANN_SCRIPT, "'tries': 0,", text);
        tt_desk_forget(desk);
        json_decref(tt_desk_pin_request(desk, op, pins));
        g_assert_cmpuint(wrong_tries(desk), ==, 0);
        g_assert_cmpuint(tt_desk_count(desk, "C_Login", NULL), <=, 1);
        if (strcmp(call, "C_Login") == 0)
            tt_desk_start(desk); /* what answers CKR_GENERAL_ERROR was perhaps wrong */
        tt_desk_write(desk, TT_ANN_SCRIPT, "'tries': 0,", "");
        assert_signs(desk, TT_PIN);
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
        {"makers", "'rv': '0x80000001'"},
        {"after", "'after': true, 'rv': 'CKR_DEVICE_ERROR'"},
        {"gone", "'do': 'remove'"},
    };

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/token/changes/change", "", test_change);
    g_test_add_data_func("/token/changes/change-logged-in", "'setting': 'logged_in',", test_change);
    g_test_add_func("/token/changes/wrong-pin", test_change_with_wrong_pin);
    g_test_add_func("/token/changes/new-pin", test_new_pin_refused);
    g_test_add_func("/token/changes/answers", test_other_answers);
    g_test_add_func("/token/changes/to-be-changed", test_to_be_changed);
    g_test_add_func("/token/changes/no-pin-yet", test_no_pin_yet);
    g_test_add_func("/token/changes/unblock", test_unblock);
    g_test_add_func("/token/changes/wrong-puk", test_unblock_with_wrong_puk);
    g_test_add_func("/token/changes/pin-and-puk", test_pin_and_puk_are_two);
    g_test_add_func("/token/changes/opensc", test_opensc);
    g_test_add_func("/token/changes/pad", test_pad);
    g_test_add_func("/token/changes/another-token", test_another_token);
    g_test_add_func("/token/changes/forgotten", test_forgotten);
    for (gsize i = 0; i < G_N_ELEMENTS(sweeps); i++) {
        g_autofree char *path = g_strdup_printf("/token/changes/sweep/%s", sweeps[i].name);

        g_test_add_data_func(path, sweeps[i].fault, test_sweep);
    }
    return g_test_run();
}
