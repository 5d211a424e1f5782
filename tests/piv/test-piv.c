/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker on a PIV card, through OpenSC's module, pcscd and a virtual reader: everything is real
 * but the card. Skips, and says why, where that cannot be had.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/piv/rig.h"
#include "tests/support/assert.h"
#include "tests/worker/lab.h"
#include "tests/worker/stage.h"

#define INS_VERIFY 0x20
#define INS_CHANGE 0x24
#define INS_RESET 0x2c
#define INS_SIGN 0x87
#define TYPING_US (G_USEC_PER_SEC / 2)
#define SEEN_MS 5000 /* pcscd looks every 400 ms */

typedef struct Desk {
    TbRig *rig;
    TbTestStage stage; /* with worker and listing only */
} Desk;

/* Three people's card in the reader, and a worker. */
static void
set_up(Desk *desk, gconstpointer data)
{
    desk->rig = tb_rig_new();
    tb_rig_start_service(desk->rig, TRUE);
    tb_rig_start_peoples_card(desk->rig, 1, "card-1");
    tb_rig_insert(desk->rig, "yubikey");
    desk->stage.worker =
        tb_test_worker_start(g_getenv("TB_TEST_OPENSC"), (const char *const[]){NULL});
}

static void
tear_down(Desk *desk, gconstpointer data)
{
    tb_test_worker_free(desk->stage.worker);
    json_decref(desk->stage.listing);
    tb_rig_free(desk->rig);
}

static json_t *
token(const Desk *desk)
{
    return json_array_get(json_object_get(desk->stage.listing, "tokens"), 0);
}

static size_t
list(Desk *desk)
{
    return json_array_size(json_object_get(tb_test_stage_list(&desk->stage), "tokens"));
}

static const char *
pin_state(const Desk *desk)
{
    return json_string_value(json_object_get(json_object_get(token(desk), "pin"), "state"));
}

/* Lists until there are so many tokens. */
static void
list_until(Desk *desk, size_t wanted)
{
    gint64 end = g_get_monotonic_time() + (gint64)SEEN_MS * 1000;

    while (list(desk) != wanted) {
        if (g_get_monotonic_time() > end)
            g_error("after %d ms there are not %zu tokens", SEEN_MS, wanted);
        g_usleep(20000);
    }
}

static void
assert_signs(Desk *desk, const char *user, const char *algorithm, const char *pin)
{
    tb_test_assert_signature(tb_test_stage_sign(&desk->stage, user, algorithm, pin), user,
                             algorithm, 0);
}

static void
assert_refused(Desk *desk, const char *user, const char *algorithm, const char *pin,
               const char *reason, const char *state)
{
    tb_test_stage_assert_refused(&desk->stage, user, algorithm, pin, reason, state);
}

static gboolean
offers(const json_t *certificate, const char *algorithm)
{
    json_t *algorithms = json_object_get(certificate, "algorithms");

    for (size_t i = 0; i < json_array_size(algorithms); i++) {
        if (strcmp(json_string_value(json_array_get(algorithms, i)), algorithm) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
test_list(Desk *desk, gconstpointer data)
{
    static const struct {
        const char *user;
        const char *algorithm;
    } people[] = {{"rsa", "RS256"}, {"p256", "ES256"}, {"p384", "ES384"}};

    g_assert_cmpuint(list(desk), ==, 1);
    g_assert_cmpstr(pin_state(desk), ==, "ok");
    g_assert_true(json_is_false(json_object_get(json_object_get(token(desk), "pin"), "pad")));
    g_assert_cmpstr(json_string_value(json_object_get(token(desk), "reader")), ==,
                    "Virtual PCD 00 00");
    for (gsize i = 0; i < G_N_ELEMENTS(people); i++) {
        json_t *certificate = tb_test_stage_certificate(&desk->stage, people[i].user, NULL);

        g_assert_nonnull(certificate);
        g_assert_cmpuint(json_array_size(json_object_get(certificate, "chain")), ==, 1);
        g_assert_true(offers(certificate, people[i].algorithm));
    }
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), ==, 0);
}

static void
test_sign(Desk *desk, gconstpointer data)
{
    assert_signs(desk, "rsa", "RS256", TB_RIG_PIN);
    assert_signs(desk, "rsa", "RS512", TB_RIG_PIN);
    assert_signs(desk, "p384", "ES384", TB_RIG_PIN);
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_SIGN), ==, 3);
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), ==, 3);
}

/* Every algorithm that the listing promises works, and no other is promised. */
static void
test_promised_algorithms(Desk *desk, gconstpointer data)
{
    static const char *const users[] = {"rsa", "p256", "p384"};

    (void)list(desk);
    for (gsize i = 0; i < G_N_ELEMENTS(users); i++) {
        json_t *algorithms = json_incref(
            json_object_get(tb_test_stage_certificate(&desk->stage, users[i], NULL), "algorithms"));

        g_assert_cmpuint(json_array_size(algorithms), >, 0);
        for (size_t j = 0; j < json_array_size(algorithms); j++)
            assert_signs(desk, users[i], json_string_value(json_array_get(algorithms, j)),
                         TB_RIG_PIN);
        json_decref(algorithms);
    }
}

/* 9C: the card wants the PIN right before each signature, so it gets it twice: once to log in. */
static void
test_always_authenticate(Desk *desk, gconstpointer data)
{
    assert_signs(desk, "p256", "ES256", TB_RIG_PIN);
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), ==, 2);
    assert_signs(desk, "p256", "ES256", TB_RIG_PIN);
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), ==, 4);
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_SIGN), ==, 2);
}

/* OpenSC does not know how many tries a PIV card had at first, so it says nothing before the last
 * one. */
static void
test_wrong_pins(Desk *desk, gconstpointer data)
{
    json_t *answer;

    assert_refused(desk, "rsa", "RS256", "111111", "pin_incorrect", "ok");
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), ==, 1);
    answer = tb_test_stage_sign(&desk->stage, "rsa", "RS256", "111111");
    g_assert_true(json_is_true(json_object_get(json_object_get(answer, "error"), "repeated")));
    tb_test_assert_reason(answer, "pin_incorrect");
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), ==, 1);
    /* The right one gives all tries back. */
    assert_signs(desk, "rsa", "RS256", TB_RIG_PIN);
    (void)list(desk);
    g_assert_cmpstr(pin_state(desk), ==, "ok");
}

static void
test_locked(Desk *desk, gconstpointer data)
{
    assert_refused(desk, "rsa", "RS256", "111111", "pin_incorrect", "ok");
    assert_refused(desk, "rsa", "RS256", "222222", "pin_incorrect", "ok");
    assert_refused(desk, "p256", "ES256", "333333", "pin_incorrect", "ok");
    assert_refused(desk, "rsa", "RS256", "444444", "pin_incorrect", "final_try");
    assert_refused(desk, "p384", "ES384", "555555", "pin_blocked", "locked");
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), ==, 5);
    /* Known to be locked: the card is not asked again, not even with the right PIN. */
    assert_refused(desk, "rsa", "RS256", TB_RIG_PIN, "pin_blocked", "locked");
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), ==, 5);
    (void)list(desk);
    g_assert_cmpstr(pin_state(desk), ==, "locked");
}

/* Somebody else locks the card and unblocks it, in another process. */
static void
test_locked_and_unblocked_elsewhere(Desk *desk, gconstpointer data)
{
    (void)list(desk);
    tb_rig_tell(desk->rig, "tries 0");
    assert_refused(desk, "rsa", "RS256", TB_RIG_PIN, "pin_blocked", "locked");
    tb_test_lab_run(NULL, "pkcs15-tool", "--unblock-pin", "--auth-id", "01", "--puk", TB_RIG_PUK,
                    "--new-pin", "654321", (char *)NULL);
    assert_signs(desk, "rsa", "RS256", "654321");
    (void)list(desk);
    g_assert_cmpstr(pin_state(desk), ==, "ok");
}

static void
assert_pin(Desk *desk, const char *op, const char *pins, const char *reason)
{
    tb_test_assert_reason(tb_test_stage_pin(&desk->stage, op, pins), reason);
}

static void
test_change(Desk *desk, gconstpointer data)
{
    assert_pin(desk, "change_pin", "111111\n654321", "pin_incorrect");
    assert_pin(desk, "change_pin", "111111\n654321", "pin_incorrect");
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), ==, 1);
    assert_pin(desk, "change_pin", TB_RIG_PIN "\n123", "pin_invalid"); /* OpenSC's limit */
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), ==, 1);
    assert_pin(desk, "change_pin", TB_RIG_PIN "\n12345", "pin_invalid"); /* PIV's */
    assert_signs(desk, "rsa", "RS256", TB_RIG_PIN);
    assert_pin(desk, "change_pin", TB_RIG_PIN "\n111111", NULL);
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_CHANGE), ==, 1);
    /* It was refused before; now it is the PIN. */
    assert_signs(desk, "rsa", "RS256", "111111");
    assert_signs(desk, "p256", "ES256", "111111");
}

/* A worker whose OpenSC has another configuration. */
static void
restart_with(Desk *desk, const char *configuration)
{
    g_autofree char *folder = tb_test_lab_folder("opensc");
    g_autofree char *path = g_build_filename(folder, "opensc.conf", NULL);
    g_autofree char *variable = g_strconcat("OPENSC_CONF=", path, NULL);

    g_assert_true(g_file_set_contents(path, configuration, -1, NULL));
    tb_test_worker_free(desk->stage.worker);
    desk->stage.worker =
        tb_test_worker_start(g_getenv("TB_TEST_OPENSC"), (const char *const[]){variable, NULL});
    (void)list(desk);
}

/* As OpenSC comes, with what the worker adds for its own process: locked or not. */
static void
test_unblock(Desk *desk, gconstpointer data)
{
    assert_pin(desk, "unblock_pin", "11111111\n654321", "puk_incorrect");
    assert_pin(desk, "unblock_pin", "11111111\n654321", "puk_incorrect");
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_RESET), ==, 1);
    assert_pin(desk, "unblock_pin", TB_RIG_PUK "\n654321", NULL);
    assert_refused(desk, "rsa", "RS256", TB_RIG_PIN, "pin_incorrect", "ok");
    assert_signs(desk, "rsa", "RS256", "654321");
    /* A change is no unblocking. */
    assert_pin(desk, "change_pin", "222222\n333333", "pin_incorrect");
    assert_pin(desk, "change_pin", "654321\n222222", NULL);
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_RESET), ==, 2);
    tb_rig_tell(desk->rig, "tries 0");
    assert_pin(desk, "unblock_pin", TB_RIG_PUK "\n123123", NULL);
    assert_signs(desk, "rsa", "RS256", "123123");
    tb_rig_tell(desk->rig, "puk-tries 0");
    assert_pin(desk, "unblock_pin", TB_RIG_PUK "\n654321", "puk_blocked");
}

/* Nothing that OpenSC can be asked in its usual configuration shows the PUK to a PIV card, and a
 * configuration of somebody's is left alone. No try is spent to find that out. */
static void
test_unblock_not_configured(Desk *desk, gconstpointer data)
{
    restart_with(desk, "app default {\n    pkcs11 {\n    }\n}\n");
    assert_pin(desk, "unblock_pin", TB_RIG_PUK "\n654321", "unsupported");
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_CHANGE), ==, 0);
    tb_rig_tell(desk->rig, "tries 0");
    assert_refused(desk, "rsa", "RS256", TB_RIG_PIN, "pin_blocked", "locked");
    assert_pin(desk, "unblock_pin", TB_RIG_PUK "\n654321", "unsupported");
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_RESET), ==, 0);
}

/* Configured as the sentence says. */
static void
test_unblock_configured(Desk *desk, gconstpointer data)
{
    restart_with(desk, "app default {\n    pkcs11 {\n        user_pin_unblock_style = "
                       "set_pin_in_unlogged_session;\n    }\n}\n");
    /* A wrong old PIN is not taken for the PUK. */
    assert_pin(desk, "change_pin", "111111\n654321", "pin_incorrect");
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_RESET), ==, 0);
    tb_rig_tell(desk->rig, "tries 0");
    assert_refused(desk, "rsa", "RS256", TB_RIG_PIN, "pin_blocked", "locked");
    assert_pin(desk, "unblock_pin", "11111111\n654321", "puk_incorrect");
    assert_pin(desk, "unblock_pin", "11111111\n654321", "puk_incorrect");
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_RESET), ==, 1);
    assert_pin(desk, "unblock_pin", TB_RIG_PUK "\n111111", NULL);
    assert_signs(desk, "rsa", "RS256", "111111");
    (void)list(desk);
    g_assert_cmpstr(pin_state(desk), ==, "ok");
}

static void
test_removed_and_inserted(Desk *desk, gconstpointer data)
{
    g_assert_cmpuint(list(desk), ==, 1);
    assert_signs(desk, "rsa", "RS256", TB_RIG_PIN);
    tb_rig_remove(desk->rig);
    g_assert_cmpuint(list(desk), ==, 0);
    tb_rig_tell(desk->rig, "insert");
    list_until(desk, 1);
    assert_signs(desk, "rsa", "RS256", TB_RIG_PIN);
    assert_signs(desk, "p256", "ES256", TB_RIG_PIN);
}

/* The module still knows the card when it comes back before anybody looked. */
static void
test_back_before_a_look(Desk *desk, gconstpointer data)
{
    guint verified;

    g_assert_cmpuint(list(desk), ==, 1);
    assert_signs(desk, "rsa", "RS256", TB_RIG_PIN);
    tb_rig_remove(desk->rig);
    tb_rig_insert(desk->rig, "yubikey");
    g_assert_cmpuint(list(desk), ==, 1);
    verified = tb_rig_count(desk->rig, INS_VERIFY);
    assert_signs(desk, "rsa", "RS256", TB_RIG_PIN);
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), ==, verified + 1);
}

static void
test_removed_between_listing_and_signing(Desk *desk, gconstpointer data)
{
    g_assert_cmpuint(list(desk), ==, 1);
    tb_rig_remove(desk->rig);
    tb_test_assert_reason(tb_test_stage_sign(&desk->stage, "rsa", "RS256", TB_RIG_PIN),
                          "token_removed");
    tb_rig_insert(desk->rig, "yubikey");
    list_until(desk, 1);
    assert_signs(desk, "rsa", "RS256", TB_RIG_PIN);
}

/* The card goes after the PIN, in the midst of the signature. pcscd looks for cards every 400 ms
 * only; until then the module knows no better than CKR_GENERAL_ERROR. */
static void
test_removed_before_signature(Desk *desk, gconstpointer data)
{
    json_t *answer;
    const char *reason;

    g_assert_cmpuint(list(desk), ==, 1);
    tb_rig_tell(desk->rig, "remove-at %02x", INS_SIGN);
    answer = tb_test_stage_sign(&desk->stage, "rsa", "RS256", TB_RIG_PIN);
    reason = json_string_value(json_object_get(json_object_get(answer, "error"), "reason"));
    g_assert_true(g_strcmp0(reason, "token_removed") == 0 ||
                  g_strcmp0(reason, "module_failed") == 0);
    json_decref(answer);
    tb_rig_wait_card(desk->rig, FALSE);
    tb_rig_insert(desk->rig, "yubikey");
    list_until(desk, 1);
    assert_signs(desk, "rsa", "RS256", TB_RIG_PIN);
}

/* The card goes while the person types the PIN. */
static void
test_removed_before_pin(Desk *desk, gconstpointer data)
{
    int ends[2];
    json_t *request = tb_test_stage_request(&desk->stage, "rsa", "RS256");

    g_assert_no_errno(pipe2(ends, O_CLOEXEC));
    tb_test_worker_send(desk->stage.worker, request, ends[0]);
    g_usleep(TYPING_US); /* the worker has looked at the card and waits for the PIN */
    tb_rig_remove(desk->rig);
    g_assert_cmpint(write(ends[1], TB_RIG_PIN "\n", strlen(TB_RIG_PIN "\n")), ==,
                    (gssize)strlen(TB_RIG_PIN "\n"));
    (void)close(ends[1]);
    (void)close(ends[0]);
    tb_test_assert_reason(tb_test_worker_receive(desk->stage.worker), "token_removed");
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), ==, 0);
    tb_rig_insert(desk->rig, "yubikey");
    list_until(desk, 1);
    assert_signs(desk, "rsa", "RS256", TB_RIG_PIN);
}

/* Another card of the same kind in the same reader must not sign in the first one's name. */
static void
test_another_card(Desk *desk, gconstpointer data)
{
    json_t *request;

    g_assert_cmpuint(list(desk), ==, 1);
    request = tb_test_stage_request(&desk->stage, "rsa", "RS256");
    tb_rig_remove(desk->rig);
    tb_rig_stop_card(desk->rig);
    tb_rig_start_peoples_card(desk->rig, 2, "card-2");
    tb_rig_insert(desk->rig, "yubikey");
    tb_test_assert_reason(tb_test_worker_ask_with_pin(desk->stage.worker, request, TB_RIG_PIN),
                          "token_removed");
    g_assert_cmpuint(tb_rig_count(desk->rig, INS_VERIFY), ==, 0);
    list_until(desk, 1);
    assert_signs(desk, "rsa", "RS256", TB_RIG_PIN);
}

/* pcscd stops, as when its package is updated, and comes again. */
static void
test_service_restarts(Desk *desk, gconstpointer data)
{
    g_assert_cmpuint(list(desk), ==, 1);
    tb_rig_stop_service(desk->rig);
    list_until(desk, 0);
    tb_rig_start_service(desk->rig, TRUE);
    tb_rig_wait_card(desk->rig, TRUE);
    list_until(desk, 1);
    assert_signs(desk, "rsa", "RS256", TB_RIG_PIN);
}

static const struct {
    const char *path;
    void (*run)(Desk *desk, gconstpointer data);
} cases[] = {
    {"/piv/list", test_list},
    {"/piv/sign", test_sign},
    {"/piv/promised-algorithms", test_promised_algorithms},
    {"/piv/always-authenticate", test_always_authenticate},
    {"/piv/wrong-pins", test_wrong_pins},
    {"/piv/locked", test_locked},
    {"/piv/locked-and-unblocked-elsewhere", test_locked_and_unblocked_elsewhere},
    {"/piv/change", test_change},
    {"/piv/unblock", test_unblock},
    {"/piv/unblock-not-configured", test_unblock_not_configured},
    {"/piv/unblock-configured", test_unblock_configured},
    {"/piv/removed-and-inserted", test_removed_and_inserted},
    {"/piv/back-before-a-look", test_back_before_a_look},
    {"/piv/removed-between-listing-and-signing", test_removed_between_listing_and_signing},
    {"/piv/removed-before-pin", test_removed_before_pin},
    {"/piv/removed-before-signature", test_removed_before_signature},
    {"/piv/another-card", test_another_card},
    {"/piv/service-restarts", test_service_restarts},
};

int
main(int argc, char **argv)
{
    const char *missing = tb_rig_enter();
    int status;

    if (!missing && !g_file_test(g_getenv("TB_TEST_OPENSC"), G_FILE_TEST_EXISTS))
        missing = "OpenSC's module is not installed (package opensc)";
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        tb_test_add_or_skip(missing, cases[i].path, Desk, set_up, cases[i].run, tear_down);
    status = g_test_run();
    tb_test_lab_remove();
    return status;
}
