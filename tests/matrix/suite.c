/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: the suite. See suite.h. All of it goes over the real worker's channel. What a case
 * expects of a kind is what the kind declares.
 */
#include "tests/matrix/suite.h"

#include <stddef.h>
#include <string.h>

#include "core/base64.h"
#include "tests/matrix/tools.h"

#define LIST_MS 5000 /* the host's patience (list-timeout) */

static const char *
state_of(json_t *answer, const char *which)
{
    return json_string_value(
        json_object_get(json_object_get(json_object_get(answer, "error"), which), "state"));
}

/* Fails unless the answer (whose reference is taken) is this error, with the PIN in this state. */
static void
assert_refused(json_t *answer, const char *reason, const char *which, const char *state)
{
    g_assert_cmpstr(state_of(answer, which), ==, state);
    tb_test_assert_reason(answer, reason);
}

static char *
algorithms_of(json_t *certificate)
{
    json_t *algorithms = json_object_get(certificate, "algorithms");
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < json_array_size(algorithms); i++)
        g_string_append_printf(text, "%s%s", i > 0 ? " " : "",
                               json_string_value(json_array_get(algorithms, i)));
    return g_string_free(text, FALSE);
}

/* --- Listing and signing -----------------------------------------------------------------------
 */

static void
test_list(TbBench *bench)
{
    const TbKind *kind = bench->kind;
    json_t *token = tb_bench_list(bench);
    json_t *pin;

    g_assert_nonnull(token);
    g_assert_cmpuint(json_array_size(json_object_get(bench->stage.listing, "tokens")), ==,
                     kind->tokens);
    g_assert_null(json_object_get(token, "error"));
    if (kind->label)
        g_assert_cmpstr(json_string_value(json_object_get(token, "label")), ==, kind->label);
    pin = json_object_get(token, "pin");
    g_assert_cmpstr(json_string_value(json_object_get(pin, "state")), ==, "ok");
    g_assert_true(json_is_false(json_object_get(pin, "pad")));
    for (const TbKindPerson *person = kind->people; person->user; person++) {
        json_t *certificate = tb_test_stage_certificate(&bench->stage, person->user, NULL);
        g_autofree char *algorithms = algorithms_of(certificate);

        g_assert_nonnull(certificate);
        g_assert_cmpstr(algorithms, ==, person->algorithms);
        g_assert_cmpstr(json_string_value(json_object_get(certificate, "has_key")), !=, "no");
    }
}

/* The intermediate's certificate, which is on each token, without the root. */
static void
test_chain(TbBench *bench)
{
    g_autofree char *bytes = NULL;
    g_autofree char *text = NULL;
    gsize length = 0;

    g_assert_nonnull(tb_bench_list(bench));
    g_assert_true(g_file_get_contents(tb_tools_intermediate(), &bytes, &length, NULL));
    text = tb_base64_encode((const unsigned char *)bytes, length);
    for (const TbKindPerson *person = bench->kind->people; person->user; person++) {
        json_t *chain =
            json_object_get(tb_test_stage_certificate(&bench->stage, person->user, NULL), "chain");

        g_assert_cmpuint(json_array_size(chain), ==, 1);
        g_assert_cmpstr(json_string_value(json_array_get(chain, 0)), ==, text);
    }
}

static void
test_sign(TbBench *bench)
{
    for (const TbKindPerson *person = bench->kind->people; person->user; person++) {
        g_auto(GStrv) algorithms = g_strsplit(person->algorithms, " ", -1);

        for (gsize i = 0; algorithms[i]; i++)
            tb_bench_assert_signs(bench, person->user, algorithms[i], bench->kind->pin);
    }
}

/* Two programs, as two browsers are, each with a request for the same token under way. */
static void
test_two_at_once(TbBench *bench)
{
    const TbKindPerson *person = bench->kind->people;
    g_autofree char *algorithm = g_strndup(person->algorithms, strcspn(person->algorithms, " "));
    TbBench other = {.kind = bench->kind};
    TbBench *benches[] = {bench, &other};

    tb_bench_start(&other, NULL, NULL);
    for (int round = 0; round < 3; round++) {
        int ends[G_N_ELEMENTS(benches)][2];

        for (gsize i = 0; i < G_N_ELEMENTS(benches); i++) {
            g_autofree char *line = g_strconcat(bench->kind->pin, "\n", NULL);

            tb_test_pipe(ends[i], line);
            tb_test_worker_send(benches[i]->stage.worker,
                                tb_test_stage_request(&benches[i]->stage, person->user, algorithm),
                                ends[i][0]);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(benches); i++) {
            tb_test_assert_signature(tb_test_worker_receive(benches[i]->stage.worker), person->user,
                                     algorithm, 0);
            tb_test_pipe_close(ends[i]);
        }
    }
    tb_bench_stop(&other);
}

static void
test_always_authenticate(TbBench *bench)
{
    const TbKindPerson *person = bench->kind->people;
    g_autofree char *algorithm = NULL;
    g_autofree char *wrong = tb_bench_wrong_pin(1);

    while (!person->always_authenticate)
        person++;
    algorithm = g_strndup(person->algorithms, strcspn(person->algorithms, " "));
    tb_bench_start_wrapped(bench);
    for (guint i = 1; i <= 2; i++) {
        tb_bench_assert_signs(bench, person->user, algorithm, bench->kind->pin);
        g_assert_cmpuint(tb_bench_calls("login user=1 "), ==, i);
        g_assert_cmpuint(tb_bench_calls("login user=2 "), ==, i);
    }
    /* A wrong one goes to the token once, not once for each of the two logins. */
    assert_refused(tb_test_stage_sign(&bench->stage, person->user, algorithm, wrong),
                   "pin_incorrect", "pin", bench->kind->after_wrong[0]);
    g_assert_cmpuint(tb_bench_calls("login "), ==, 5);
    tb_bench_assert_signs(bench, person->user, algorithm, bench->kind->pin);
}

/* --- Wrong PINs --------------------------------------------------------------------------------
 */

static void
test_wrong_pin(TbBench *bench)
{
    const TbKind *kind = bench->kind;
    g_autofree char *wrong = tb_bench_wrong_pin(1);
    guint before = kind->pins_seen ? kind->pins_seen() : 0;
    json_t *answer;

    assert_refused(tb_bench_sign(bench, wrong), "pin_incorrect", "pin", kind->after_wrong[0]);
    if (kind->pins_seen)
        g_assert_cmpuint(kind->pins_seen(), ==, before + 1);
    g_assert_cmpstr(tb_bench_state(bench, "pin"), ==, kind->after_wrong[0]);
    /* The same again is known, and costs no try. */
    answer = tb_bench_sign(bench, wrong);
    g_assert_true(json_is_true(json_object_get(json_object_get(answer, "error"), "repeated")));
    tb_test_assert_reason(answer, "pin_incorrect");
    if (kind->pins_seen)
        g_assert_cmpuint(kind->pins_seen(), ==, before + 1);
    tb_bench_assert_usable(bench, kind->pin);
    g_assert_cmpstr(tb_bench_state(bench, "pin"), ==, kind->after_right);
    if (kind->pins_seen && !kind->right_gives_tries_back)
        g_assert_cmpuint(kind->pins_seen(), ==, before + 1);
}

/* Whatever the token counts: C_Login is called once for each entry, and never with an empty PIN. */
static void
test_one_login(TbBench *bench)
{
    g_autofree char *wrong = tb_bench_wrong_pin(1);

    tb_bench_start_wrapped(bench);
    g_assert_nonnull(tb_bench_list(bench));
    tb_test_assert_reason(tb_bench_sign(bench, ""), "pin_incorrect");
    g_assert_cmpuint(tb_bench_calls("login "), ==, 0);
    tb_test_assert_reason(tb_bench_sign(bench, wrong), "pin_incorrect");
    g_assert_cmpuint(tb_bench_calls("login "), ==, 1);
    tb_test_assert_reason(tb_bench_sign(bench, wrong), "pin_incorrect");
    g_assert_cmpuint(tb_bench_calls("login "), ==, 1);
    tb_bench_assert_usable(bench, bench->kind->pin);
    g_assert_cmpuint(tb_bench_calls("login "), ==, 2);
}

/* Gives wrong PINs until the token is locked, and looks at each answer. */
static void
lock(TbBench *bench)
{
    const char *const *states = bench->kind->after_wrong;

    for (guint i = 0; states[i]; i++) {
        g_autofree char *wrong = tb_bench_wrong_pin(i);
        gboolean told = !states[i + 1] && !bench->kind->locks_silently;

        assert_refused(tb_bench_sign(bench, wrong), told ? "pin_blocked" : "pin_incorrect", "pin",
                       states[i]);
    }
}

static void
test_lock(TbBench *bench)
{
    const TbKind *kind = bench->kind;
    const char *locked = kind->after_wrong[g_strv_length((char **)(guintptr)kind->after_wrong) - 1];
    guint seen;

    lock(bench);
    seen = kind->pins_seen ? kind->pins_seen() : 0;
    assert_refused(tb_bench_sign(bench, kind->pin), "pin_blocked", "pin", locked);
    g_assert_cmpstr(tb_bench_state(bench, "pin"), ==, locked);
    /* The same to a program that knows nothing of it. */
    tb_bench_start(bench, NULL, NULL);
    g_assert_cmpstr(tb_bench_state(bench, "pin"), ==, kind->locked_anew);
    assert_refused(tb_bench_sign(bench, kind->pin), "pin_blocked", "pin", kind->locked_anew);
    if (kind->pins_seen)
        g_assert_cmpuint(kind->pins_seen(), ==, seen);
    if (kind->unlock_by_tool) {
        kind->unlock_by_tool();
        tb_bench_assert_usable(bench, kind->pin);
    }
}

/* All tries but the last one, then the right PIN: no try was used up beside the user's. */
static void
test_last_try(TbBench *bench)
{
    const char *const *states = bench->kind->after_wrong;

    for (guint i = 0; states[i + 1]; i++) {
        g_autofree char *wrong = tb_bench_wrong_pin(i);

        assert_refused(tb_bench_sign(bench, wrong), "pin_incorrect", "pin", states[i]);
    }
    tb_bench_assert_usable(bench, bench->kind->pin);
    g_assert_cmpstr(tb_bench_state(bench, "pin"), ==, bench->kind->after_last);
}

/* --- Other PINs --------------------------------------------------------------------------------
 */

/* first: the old PIN, or the PUK. */
static json_t *
ask(TbBench *bench, const char *op, const char *first, const char *second)
{
    g_autofree char *lines = g_strdup_printf("%s\n%s", first, second);
    json_t *token = tb_bench_list(bench);

    g_assert_nonnull(token);
    return tb_test_worker_ask_with_pin(bench->stage.worker,
                                       json_pack("{s:s, s:O, s:O}", "op", op, "slot",
                                                 json_object_get(token, "slot"), "token",
                                                 json_object_get(token, "serial")),
                                       lines);
}

/* The answer (whose reference is taken) is good, and the new PIN is the PIN from now on. */
static void
assert_changed(TbBench *bench, json_t *answer)
{
    const TbKind *kind = bench->kind;
    const char *state = json_string_value(json_object_get(json_object_get(answer, "pin"), "state"));

    tb_test_assert_reason(json_incref(answer), NULL);
    g_assert_cmpstr(state, ==, "ok");
    json_decref(answer);
    g_assert_cmpstr(tb_bench_state(bench, "pin"), ==, "ok");
    tb_bench_assert_usable(bench, kind->other_pin);
    assert_refused(tb_bench_sign(bench, kind->pin), "pin_incorrect", "pin", kind->after_wrong[0]);
    tb_bench_assert_usable(bench, kind->other_pin);
}

static void
test_change_pin(TbBench *bench)
{
    const TbKind *kind = bench->kind;
    g_autofree char *wrong = tb_bench_wrong_pin(1);
    guint before = kind->pins_seen ? kind->pins_seen() : 0;

    if (kind->change_refused) {
        tb_test_assert_reason(ask(bench, "change_pin", kind->pin, kind->other_pin),
                              kind->change_refused);
        tb_bench_assert_usable(bench, kind->pin);
        return;
    }
    assert_refused(ask(bench, "change_pin", wrong, kind->other_pin), "pin_incorrect", "pin",
                   kind->after_wrong[0]);
    tb_test_assert_reason(ask(bench, "change_pin", wrong, kind->other_pin), "pin_incorrect");
    if (kind->pins_seen)
        g_assert_cmpuint(kind->pins_seen(), ==, before + 1);
    if (kind->bad_pin)
        tb_test_assert_reason(ask(bench, "change_pin", kind->pin, kind->bad_pin), "pin_invalid");
    tb_bench_assert_usable(bench, kind->pin);
    assert_changed(bench, ask(bench, "change_pin", kind->pin, kind->other_pin));
}

/* Of a locked PIN, where it locks. */
static void
test_unblock_pin(TbBench *bench)
{
    const TbKind *kind = bench->kind;

    if (!kind->no_lock)
        lock(bench);
    if (kind->unblock_refused) {
        tb_test_assert_reason(ask(bench, "unblock_pin", kind->puk, kind->other_pin),
                              kind->unblock_refused);
        if (!kind->unlock_by_tool)
            return;
        kind->unlock_by_tool();
    }
    tb_test_assert_reason(ask(bench, "unblock_pin", "99999999", kind->other_pin), "puk_incorrect");
    assert_changed(bench, ask(bench, "unblock_pin", kind->puk, kind->other_pin));
}

/* --- Certificates that hide --------------------------------------------------------------------
 */

static json_t *
token_by_label(TbBench *bench)
{
    json_t *tokens = json_object_get(tb_test_stage_list(&bench->stage), "tokens");
    json_t *token;
    size_t index;

    json_array_foreach (tokens, index, token) {
        if (strcmp(json_string_value(json_object_get(token, "label")), bench->kind->label) == 0)
            return token;
    }
    g_error("there is no token %s", bench->kind->label);
}

static json_t *
reveal(TbBench *bench, const char *pin)
{
    json_t *token = token_by_label(bench);

    return tb_test_worker_ask_with_pin(bench->stage.worker,
                                       json_pack("{s:s, s:O, s:O}", "op", "reveal", "slot",
                                                 json_object_get(token, "slot"), "token",
                                                 json_object_get(token, "serial")),
                                       pin);
}

static void
test_hidden(TbBench *bench)
{
    const TbKind *kind = bench->kind;
    const TbKindPerson *person = kind->people;
    g_autofree char *algorithm = g_strndup(person->algorithms, strcspn(person->algorithms, " "));
    g_autofree char *wrong = tb_bench_wrong_pin(1);
    json_t *request;
    json_t *answer;

    tb_bench_stop(bench); /* it has another token open */
    kind->hide();
    tb_bench_start(bench, NULL, NULL);
    g_assert_true(json_is_true(json_object_get(token_by_label(bench), "hidden")));
    g_assert_null(tb_test_stage_certificate(&bench->stage, person->user, NULL));
    assert_refused(reveal(bench, wrong), "pin_incorrect", "pin", kind->after_wrong[0]);
    answer = reveal(bench, kind->pin);
    tb_test_assert_reason(json_incref(answer), NULL);
    g_assert_true(json_is_false(json_object_get(json_object_get(answer, "token"), "hidden")));
    json_decref(bench->stage.listing);
    bench->stage.listing = json_pack("{s:[O]}", "tokens", json_object_get(answer, "token"));
    json_decref(answer);
    /* With the login that is held. */
    request = tb_test_stage_request(&bench->stage, person->user, algorithm);
    json_object_set_new(request, "held", json_true());
    tb_test_assert_signature(
        tb_test_worker_ask_with_pin(bench->stage.worker, request, TB_TEST_NO_PIN), person->user,
        algorithm, 0);
    /* It still shows, and signs with the PIN as any. */
    g_assert_nonnull(tb_bench_list(bench));
    tb_bench_assert_usable(bench, kind->pin);
}

/* --- Coming and going --------------------------------------------------------------------------
 */

static void
test_removal(TbBench *bench)
{
    const TbKind *kind = bench->kind;

    tb_bench_assert_usable(bench, kind->pin);
    kind->remove();
    tb_test_assert_reason(tb_bench_sign(bench, kind->pin), kind->removed);
    (void)tb_bench_list_until(bench, FALSE);
    kind->insert();
    (void)tb_bench_list_until(bench, TRUE);
    tb_bench_assert_usable(bench, kind->pin);
}

/* The worker is there first. */
static void
test_insertion(TbBench *bench)
{
    const TbKind *kind = bench->kind;

    kind->remove();
    tb_bench_start(bench, NULL, NULL);
    g_assert_null(tb_bench_list(bench));
    kind->insert();
    g_test_message("insertion: listed %d ms after the module could see it",
                   (int)tb_bench_list_until(bench, TRUE));
    tb_bench_assert_usable(bench, kind->pin);
    kind->remove();
    g_test_message("removal: listed %d ms after the module could see it",
                   (int)tb_bench_list_until(bench, FALSE));
}

/* Out and in again before anybody looked: old sessions and handles are dead. */
static void
test_out_and_in(TbBench *bench)
{
    const TbKind *kind = bench->kind;

    tb_bench_assert_usable(bench, kind->pin);
    kind->remove();
    kind->insert();
    (void)tb_bench_list_until(bench, TRUE);
    tb_bench_assert_usable(bench, kind->pin);
}

/* The daemon behind the module stops, as when its package is updated, and comes again. */
static void
test_service_restarts(TbBench *bench)
{
    const TbKind *kind = bench->kind;
    gint64 begin;

    tb_bench_assert_usable(bench, kind->pin);
    kind->stop_service();
    begin = g_get_monotonic_time();
    json_decref(tb_bench_sign(bench, kind->pin));
    (void)tb_bench_list(bench);
    g_assert_cmpint(g_get_monotonic_time() - begin, <, (gint64)LIST_MS * 1000);
    kind->start_service();
    (void)tb_bench_list_until(bench, TRUE);
    tb_bench_assert_usable(bench, kind->pin);
}

/* --- Sandboxes ---------------------------------------------------------------------------------
 */

/* By default all of this runs in the standard one. */
static void
test_strict(TbBench *bench)
{
    tb_bench_start(bench, "strict", bench->kind->state());
    g_assert_nonnull(tb_bench_list(bench));
    tb_bench_assert_usable(bench, bench->kind->pin);
}

/* What docs/tokens.md says of the directories that a module needs is so. */
static void
test_strict_without_state(TbBench *bench)
{
    gboolean works;

    tb_bench_start(bench, "strict", NULL);
    works = tb_bench_list(bench) != NULL;
    g_assert_cmpint(works, ==, !bench->kind->strict_needs_state);
    if (works)
        tb_bench_assert_usable(bench, bench->kind->pin);
}

#define REASON(member) offsetof(TbKind, member)

const TbSuiteCase tb_suite[] = {
    {"list", test_list, 0, TB_SUITE_HARM_NONE},
    {"chain", test_chain, 0, TB_SUITE_HARM_NONE},
    {"sign", test_sign, 0, TB_SUITE_HARM_NONE},
    {"two-at-once", test_two_at_once, 0, TB_SUITE_HARM_NONE},
    {"strict-sandbox", test_strict, 0, TB_SUITE_HARM_NONE},
    {"strict-sandbox-without-state", test_strict_without_state, REASON(no_strict_alone),
     TB_SUITE_HARM_NONE},
    {"always-authenticate", test_always_authenticate, REASON(no_always_authenticate),
     TB_SUITE_HARM_TRIES},
    {"wrong-pin", test_wrong_pin, 0, TB_SUITE_HARM_TRIES},
    {"one-login", test_one_login, 0, TB_SUITE_HARM_TRIES},
    {"last-try", test_last_try, REASON(no_lock), TB_SUITE_HARM_TRIES},
    {"lock", test_lock, REASON(no_lock), TB_SUITE_HARM_ALL},
    {"change-pin", test_change_pin, 0, TB_SUITE_HARM_ALL},
    {"unblock-pin", test_unblock_pin, 0, TB_SUITE_HARM_ALL},
    {"hidden", test_hidden, REASON(no_hidden), TB_SUITE_HARM_ALL},
    {"removal", test_removal, REASON(no_removal), TB_SUITE_HARM_NONE},
    {"out-and-in", test_out_and_in, REASON(no_removal), TB_SUITE_HARM_NONE},
    {"insertion", test_insertion, REASON(no_removal), TB_SUITE_HARM_ALL},
    {"service-restarts", test_service_restarts, REASON(no_service), TB_SUITE_HARM_ALL},
    {NULL, NULL, 0, TB_SUITE_HARM_NONE},
};
