/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/dialog.c: whose turn it is, when the user's time counts, how many wrong entries
 * there may be, and what the window is told at the end.
 */
#include "host/dialog.h"

#include <string.h>

#include "host/common/fault.h"
#include "host/dialog-lock.h"
#include "tests/host/harness.h"
#include "tests/host/played-prompt.h"
#include "tests/support/assert.h"

#define LONG_MS 600000

typedef struct Fixture {
    TbTestPrompt prompt;
    TbDialog *dialog; /* NULL: has ended */
    guint submitted;
    guint ended;
    gboolean defer; /* the request goes on for a while after its dialog has ended */
    GError *error;
} Fixture;

static void
on_submitted(json_t *message, gpointer data)
{
    Fixture *fixture = data;

    g_assert_cmpstr(json_string_value(json_object_get(message, "type")), ==, "submit");
    fixture->submitted++;
}

static void
on_ended(const GError *error, gpointer data)
{
    Fixture *fixture = data;

    fixture->ended++;
    g_clear_error(&fixture->error);
    fixture->error = g_error_copy(error);
    if (!fixture->defer)
        tb_dialog_finish(g_steal_pointer(&fixture->dialog), error);
}

static const TbDialogEvents events = {on_submitted, on_ended};

static TbDialog *
open_dialog(Fixture *fixture, guint timeout, GError **error)
{
    TbPrompter prompter = tb_test_prompt_prompter(&fixture->prompt);
    json_t *show = tb_test_json("{'type': 'show', 'operation': 'change_pin'}");
    TbDialog *dialog = tb_dialog_open(&prompter, show, timeout, &events, fixture, error);

    json_decref(show);
    return dialog;
}

static void
set_up(Fixture *fixture, guint timeout)
{
    g_autoptr(GError) error = NULL;

    *fixture = (Fixture){0};
    tb_test_prompt_init(&fixture->prompt, &fixture->ended);
    fixture->dialog = open_dialog(fixture, timeout, &error);
    g_assert_no_error(error);
    g_assert_nonnull(tb_test_prompt_last(&fixture->prompt, "show"));
    g_assert_true(tb_dialog_asks(fixture->dialog));
}

static void
tear_down(Fixture *fixture)
{
    g_autoptr(TbDialogLock) lock = NULL;

    g_assert_null(fixture->dialog);
    tb_test_run_for(10); /* whatever it left in the loop would touch freed memory now */
    g_assert_cmpuint(fixture->ended, <=, 1);
    tb_test_prompt_clear(&fixture->prompt);
    lock = tb_dialog_lock_take(NULL);
    g_assert_nonnull(lock);
    g_clear_error(&fixture->error);
}

static void
say(Fixture *fixture, const char *text)
{
    tb_test_prompt_say(&fixture->prompt, tb_test_json(text));
}

static void
test_turns(void)
{
    Fixture fixture;

    set_up(&fixture, LONG_MS);
    say(&fixture, "{'type': 'ready'}");
    say(&fixture, "{'type': 'nonsense'}");
    say(&fixture, "{}");
    say(&fixture, "{'type': 'submit'}");
    g_assert_cmpuint(fixture.submitted, ==, 1);
    tb_dialog_work(fixture.dialog);
    g_assert_false(tb_dialog_asks(fixture.dialog));
    say(&fixture, "{'type': 'submit'}"); /* out of turn */
    g_assert_cmpuint(fixture.submitted, ==, 1);
    g_assert_true(tb_dialog_ask(fixture.dialog));
    say(&fixture, "{'type': 'submit'}");
    g_assert_cmpuint(fixture.submitted, ==, 2);
    tb_dialog_finish(g_steal_pointer(&fixture.dialog), NULL);
    g_assert_nonnull(tb_test_prompt_last(&fixture.prompt, "done"));
    g_assert_cmpuint(fixture.prompt.lingering, ==, 1);
    tear_down(&fixture);
}

static void
test_ends(void)
{
    static const struct {
        const char *says; /* NULL: it has gone */
        TbReason reason;
        const char *text;
    } rows[] = {
        {"{'type': 'cancelled'}", TB_REASON_USER_CANCELLED, "cancelled"},
        {"{'type': 'failed', 'message': 'No display.'}", TB_REASON_INTERNAL, "No display."},
        {"{'type': 'failed', 'message': 5}", TB_REASON_INTERNAL, "did not say why"},
        {NULL, TB_REASON_INTERNAL, "crashed"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (guint working = 0; working < 2; working++) {
            Fixture fixture;

            set_up(&fixture, LONG_MS);
            if (working)
                tb_dialog_work(fixture.dialog);
            if (rows[i].says)
                say(&fixture, rows[i].says);
            else
                fixture.prompt.events->gone("crashed (signal 11)", fixture.prompt.data);
            g_assert_cmpuint(fixture.ended, ==, 1);
            g_assert_error(fixture.error, TB_FAULT, (int)rows[i].reason);
            g_assert_nonnull(strstr(fixture.error->message, rows[i].text));
            /* Who has gone is told nothing more. */
            g_assert_cmpuint(fixture.prompt.messages->len, ==, 1);
            g_assert_cmpuint(fixture.prompt.lingering, ==, 0);
            tear_down(&fixture);
        }
    }
}

/* Who has left is not heard and told no more, however long the request goes on. */
static void
test_ends_before_the_request(void)
{
    static const char *const types[] = {"cancelled", "failed"};

    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
        Fixture fixture;

        set_up(&fixture, LONG_MS);
        fixture.defer = TRUE;
        tb_test_prompt_say(&fixture.prompt, json_pack("{s:s}", "type", types[i]));
        g_assert_cmpuint(fixture.ended, ==, 1);
        say(&fixture, "{'type': 'submit'}");
        say(&fixture, "{'type': 'cancelled'}");
        fixture.prompt.events->gone("has gone", fixture.prompt.data);
        g_assert_cmpuint(fixture.submitted, ==, 0);
        g_assert_cmpuint(fixture.ended, ==, 1);
        g_assert_false(tb_dialog_tell(fixture.dialog, tb_test_json("{'type': 'working'}"), -1));
        g_assert_cmpuint(fixture.ended, ==, 1);
        tb_dialog_finish(g_steal_pointer(&fixture.dialog), NULL);
        g_assert_cmpuint(fixture.prompt.messages->len, ==, 1);
        g_assert_cmpuint(fixture.prompt.lingering, ==, 0);
        tear_down(&fixture);
    }
}

static void
test_time(void)
{
    Fixture fixture;

    set_up(&fixture, 50);
    tb_test_wait(&fixture.ended, 10);
    g_assert_error(fixture.error, TB_FAULT, TB_REASON_USER_TIMEOUT);
    g_assert_nonnull(tb_test_prompt_last(&fixture.prompt, "failed"));
    g_assert_cmpuint(fixture.prompt.lingering, ==, 1);
    tear_down(&fixture);

    /* What was missing all the time is the reason. */
    set_up(&fixture, 50);
    g_assert_null(tb_dialog_problem(fixture.dialog));
    tb_dialog_set_problem(fixture.dialog, TB_REASON_TOKEN_MISSING);
    g_assert_cmpstr(tb_dialog_problem(fixture.dialog), ==, "token_missing");
    tb_test_wait(&fixture.ended, 10);
    g_assert_error(fixture.error, TB_FAULT, TB_REASON_TOKEN_MISSING);
    tear_down(&fixture);

    /* It counts in the user's turn only. */
    set_up(&fixture, 50);
    tb_dialog_work(fixture.dialog);
    tb_test_run_for(200);
    g_assert_cmpuint(fixture.ended, ==, 0);
    g_assert_false(tb_dialog_ask(fixture.dialog));
    g_assert_error(fixture.error, TB_FAULT, TB_REASON_USER_TIMEOUT);
    tear_down(&fixture);
}

/* What the user may type again, and what the dialog is told then. */
static void
test_wrong_entries(void)
{
    static const struct {
        TbReason reason;
        const char *failure;
        const char *told;
    } rows[] = {
        {TB_REASON_PIN_INCORRECT,
         "{'repeated': true, 'pin': {'state': 'low', 'pad': false, 'min': 4, 'max': 8, 'more': 1},"
         " 'puk': {'state': 'ok', 'pad': false, 'min': 8, 'max': 8}}",
         "{'type': 'pin_failed', 'repeated': true, 'pin': {'state': 'low', 'pad': false, 'min': 4, "
         "'max': 8}}"},
        {TB_REASON_PUK_INCORRECT,
         "{'pin': {'state': 'locked', 'pad': false, 'min': 4, 'max': 8}, 'puk': {'state': "
         "'final_try', 'pad': false, 'min': 8, 'max': 8}}",
         "{'type': 'pin_failed', 'what': 'puk', 'repeated': false, 'pin': {'state': 'final_try', "
         "'pad': false, 'min': 8, 'max': 8}}"},
        {TB_REASON_PIN_INVALID,
         "{'pin': {'state': 'ok', 'pad': false, 'min': 6, 'max': 8}, 'repeated': 1}",
         "{'type': 'pin_failed', 'what': 'new', 'repeated': false, 'pin': {'state': 'ok', 'pad': "
         "false, 'min': 6, 'max': 8}}"},
        {TB_REASON_PUK_INCORRECT, "{'pin': {'state': 'low', 'pad': false, 'min': 4, 'max': 8}}",
         "{'type': 'pin_failed', 'what': 'puk', 'repeated': false, 'pin': {'state': 'ok', 'pad': "
         "false}}"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_t *failure = tb_test_json(rows[i].failure);
        json_t *told = tb_test_json(rows[i].told);
        Fixture fixture;

        g_assert_true(tb_dialog_is_wrong_entry(rows[i].reason));
        set_up(&fixture, LONG_MS);
        for (guint j = 1; j < 3; j++) {
            tb_dialog_work(fixture.dialog);
            g_assert_true(tb_dialog_wrong_entry(fixture.dialog, rows[i].reason, failure));
            g_assert_true(tb_dialog_asks(fixture.dialog));
            if (!json_equal(tb_test_prompt_last(&fixture.prompt, "pin_failed"), told))
                tb_test_row_failed("row %u: the dialog is told something else", i);
        }
        tb_dialog_work(fixture.dialog);
        g_assert_false(tb_dialog_wrong_entry(fixture.dialog, rows[i].reason, failure));
        g_assert_error(fixture.error, TB_FAULT, (int)rows[i].reason);
        tear_down(&fixture);
        json_decref(failure);
        json_decref(told);
    }
    g_assert_false(tb_dialog_is_wrong_entry(TB_REASON_PIN_BLOCKED));
    g_assert_false(tb_dialog_is_wrong_entry(TB_REASON_PUK_BLOCKED));
    g_assert_false(tb_dialog_is_wrong_entry(TB_REASON_TOKEN_REMOVED));
}

/* The entries count whatever is wrong with them, and the user's time as well. */
static void
test_wrong_entries_together(void)
{
    Fixture fixture;
    json_t *failure = tb_test_json("{}");

    set_up(&fixture, LONG_MS);
    g_assert_true(tb_dialog_wrong_entry(fixture.dialog, TB_REASON_PIN_INCORRECT, failure));
    g_assert_true(tb_dialog_wrong_entry(fixture.dialog, TB_REASON_PIN_INVALID, failure));
    g_assert_false(tb_dialog_wrong_entry(fixture.dialog, TB_REASON_PIN_INVALID, failure));
    g_assert_error(fixture.error, TB_FAULT, TB_REASON_PIN_INVALID);
    tear_down(&fixture);

    set_up(&fixture, 50);
    tb_dialog_work(fixture.dialog);
    tb_test_run_for(200);
    g_assert_false(tb_dialog_wrong_entry(fixture.dialog, TB_REASON_PIN_INCORRECT, failure));
    g_assert_error(fixture.error, TB_FAULT, TB_REASON_USER_TIMEOUT);
    tear_down(&fixture);
    json_decref(failure);
}

static void
test_not_sent(void)
{
    Fixture fixture;

    set_up(&fixture, LONG_MS);
    fixture.prompt.fail_at = "working";
    g_assert_false(tb_dialog_tell(fixture.dialog, tb_test_json("{'type': 'working'}"), -1));
    g_assert_error(fixture.error, TB_FAULT, TB_REASON_INTERNAL);
    tear_down(&fixture);

    set_up(&fixture, LONG_MS);
    fixture.prompt.fail_at = "done";
    tb_dialog_finish(g_steal_pointer(&fixture.dialog), NULL);
    g_assert_cmpuint(fixture.prompt.lingering, ==, 0);
    tear_down(&fixture);
}

static void
test_close(void)
{
    Fixture fixture;

    set_up(&fixture, LONG_MS);
    tb_dialog_close(g_steal_pointer(&fixture.dialog));
    g_assert_cmpuint(fixture.prompt.messages->len, ==, 1);
    g_assert_cmpuint(fixture.prompt.lingering, ==, 0);
    tear_down(&fixture);
}

static void
test_does_not_open(void)
{
    static const char *const fail_at[] = {"open", "show"};
    g_autoptr(GError) busy = NULL;
    Fixture fixture;

    for (guint i = 0; i < G_N_ELEMENTS(fail_at); i++) {
        g_autoptr(GError) error = NULL;

        fixture = (Fixture){0};
        tb_test_prompt_init(&fixture.prompt, &fixture.ended);
        fixture.prompt.fail_at = fail_at[i];
        g_assert_null(open_dialog(&fixture, LONG_MS, &error));
        g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
        tear_down(&fixture);
    }
    set_up(&fixture, LONG_MS);
    g_assert_null(open_dialog(&fixture, LONG_MS, &busy));
    g_assert_error(busy, TB_FAULT, TB_REASON_BUSY);
    tb_dialog_close(g_steal_pointer(&fixture.dialog));
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/dialog/turns", test_turns);
    g_test_add_func("/dialog/ends", test_ends);
    g_test_add_func("/dialog/ends-before-the-request", test_ends_before_the_request);
    g_test_add_func("/dialog/time", test_time);
    g_test_add_func("/dialog/wrong-entries", test_wrong_entries);
    g_test_add_func("/dialog/wrong-entries-together", test_wrong_entries_together);
    g_test_add_func("/dialog/not-sent", test_not_sent);
    g_test_add_func("/dialog/close", test_close);
    g_test_add_func("/dialog/does-not-open", test_does_not_open);
    return tb_test_end();
}
