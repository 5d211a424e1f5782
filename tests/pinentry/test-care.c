/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of the course of a new PIN (host/prompt/pinentry/care.h), through the dialog that hands
 * over to it: no processes, and a clock of their own.
 */
#include <string.h>
#include <unistd.h>

#include "host/prompt/pinentry/dialog.h"

typedef struct Fixture {
    TbDialog *dialog;
    gint64 now;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
    f->dialog = tb_dialog_new();
    f->now = 1000000;
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    tb_dialog_free(f->dialog);
}

static gboolean
host_says_fd(Fixture *f, json_t *message, int fd)
{
    gboolean good;

    g_assert_nonnull(message);
    good = tb_dialog_host(f->dialog, message, fd, f->now, NULL);
    json_decref(message);
    return good;
}

static void
host_says(Fixture *f, json_t *message)
{
    g_assert_true(host_says_fd(f, message, -1));
}

static json_t *
pin_info(const char *state, gboolean pad, int min, int max)
{
    return json_pack("{s:s,s:b,s:i,s:i}", "state", state, "pad", pad, "min", min, "max", max);
}

static json_t *
token(const char *label, const char *pin_state, const char *puk_state, gboolean pad)
{
    return json_pack("{s:s,s:{s:s,s:s,s:o,s:o}}", "type", "token", "token", "label", label,
                     "reader", "Reader", "pin", pin_info(pin_state, pad, 4, 8), "puk",
                     pin_info(puk_state, pad, 8, 8));
}

static void
show(Fixture *f, const char *operation)
{
    host_says(f, json_pack("{s:s,s:s}", "type", "show", "operation", operation));
}

static void
working(Fixture *f, gboolean pad)
{
    host_says(f, json_pack("{s:s,s:b}", "type", "working", "pad", pad));
}

static void
refuse(Fixture *f, const char *what, const char *state)
{
    host_says(f, json_pack("{s:s,s:o,s:b,s:s}", "type", "pin_failed", "pin",
                           pin_info(state, FALSE, 4, 8), "repeated", 0, "what", what));
}

static void
assert_screen(Fixture *f, TbScreenKind kind, const char *part)
{
    const TbScreen *screen = tb_dialog_screen(f->dialog);

    g_assert_nonnull(screen);
    g_assert_cmpint(screen->kind, ==, kind);
    if (!strstr(screen->description, part))
        g_error("\"%s\" lacks \"%s\"", screen->description, part);
}

/* NULL: no error line. */
static void
assert_error(Fixture *f, const char *part)
{
    const TbScreen *screen = tb_dialog_screen(f->dialog);

    g_assert_nonnull(screen);
    if (!part)
        g_assert_cmpstr(screen->error, ==, NULL);
    else if (!screen->error || !strstr(screen->error, part))
        g_error("\"%s\" lacks \"%s\"", screen->error ? screen->error : "", part);
}

static void
assert_asks(Fixture *f, const char *prompt, const char *error)
{
    assert_screen(f, TB_SCREEN_PIN, "");
    g_assert_cmpstr(tb_dialog_screen(f->dialog)->prompt, ==, prompt);
    assert_error(f, error);
}

static void
assert_tells(Fixture *f, const char *type)
{
    json_t *message = tb_dialog_take_message(f->dialog);

    g_assert_nonnull(message);
    g_assert_cmpstr(json_string_value(json_object_get(message, "type")), ==, type);
    g_assert_cmpuint(json_object_size(message), ==, 1);
    json_decref(message);
    g_assert_null(tb_dialog_take_message(f->dialog));
}

static void
answer(Fixture *f, TbAnswer what)
{
    tb_dialog_answer(f->dialog, what, NULL, f->now);
}

static void
type(Fixture *f, const char *text)
{
    TbSecret *pin = tb_secret_new(TB_PIN_MAX);

    g_assert_true(tb_secret_insert(pin, 0, text, strlen(text)));
    tb_dialog_answer(f->dialog, TB_ANSWER_OK, pin, f->now);
}

static void
type_all(Fixture *f, const char *held, const char *chosen)
{
    type(f, held);
    type(f, chosen);
    type(f, chosen);
}

/* What the dialog writes to the PIN pipe. */
static void
assert_written(Fixture *f, const char *expected)
{
    char buffer[600] = "";
    gsize used = 0;
    ssize_t got;
    int ends[2];

    g_assert_no_errno(pipe(ends));
    g_assert_true(host_says_fd(f, json_pack("{s:s}", "type", "pin"), ends[1]));
    while ((got = read(ends[0], buffer + used, sizeof buffer - 1 - used)) > 0)
        used += (gsize)got;
    close(ends[0]);
    g_assert_cmpstr(buffer, ==, expected);
}

static void
test_change(Fixture *f, gconstpointer unused)
{
    show(f, "change_pin");
    g_assert_null(tb_dialog_screen(f->dialog));
    host_says(f, token("Staff card", "ok", "ok", FALSE));
    assert_screen(f, TB_SCREEN_PIN, "Staff card");
    g_assert_cmpstr(tb_dialog_screen(f->dialog)->title, ==, "Change PIN — Tokenbridge");
    assert_asks(f, "PIN:", NULL);
    type(f, "1234");
    assert_asks(f, "New PIN:", NULL);
    assert_screen(f, TB_SCREEN_PIN, "4 to 8 characters");
    type(f, "567890");
    assert_asks(f, "Again:", NULL);
    g_assert_cmpstr(tb_dialog_screen(f->dialog)->ok, ==, "Change PIN");
    type(f, "567890");
    g_assert_null(tb_dialog_screen(f->dialog));
    assert_tells(f, "submit");
    assert_written(f, "1234\n567890\n");
    assert_written(f, ""); /* they are gone */
    working(f, FALSE);
    host_says(f, json_pack("{s:s}", "type", "done"));
    g_assert_true(tb_dialog_over(f->dialog));
    g_assert_null(tb_dialog_take_message(f->dialog));
}

static void
test_unblock(Fixture *f, gconstpointer unused)
{
    show(f, "unblock_pin");
    host_says(f, token("Staff card", "locked", "ok", FALSE));
    assert_asks(f, "PUK:", NULL);
    type(f, "1234567");
    assert_asks(f, "PUK:", "The PUK has 8 characters.");
    type(f, "12345678");
    assert_asks(f, "New PIN:", NULL);
    type(f, "5678");
    type(f, "5678");
    assert_tells(f, "submit");
    assert_written(f, "12345678\n5678\n");
}

static void
test_rules(Fixture *f, gconstpointer unused)
{
    show(f, "change_pin");
    host_says(f, token("Staff card", "ok", "ok", FALSE));
    answer(f, TB_ANSWER_OK); /* nothing typed */
    assert_asks(f, "PIN:", "That was too short.");
    answer(f, TB_ANSWER_TOO_LONG);
    assert_asks(f, "PIN:", "That was too long.");
    type(f, "1234");
    type(f, "56");
    assert_asks(f, "New PIN:", "That was too short.");
    type(f, "123456789");
    assert_asks(f, "New PIN:", "That was too long.");
    type(f, "1234");
    assert_asks(f, "New PIN:", "This is the current PIN.");
    type(f, "56\n78");
    assert_asks(f, "New PIN:", "characters that no PIN can have");
    type(f, "5678");
    type(f, "5679");
    assert_asks(f, "New PIN:", "not the same");
    type(f, "5678");
    answer(f, TB_ANSWER_OK); /* nothing typed */
    assert_asks(f, "New PIN:", "not the same");
    type(f, "5678");
    type(f, "5678");
    assert_tells(f, "submit");
    assert_written(f, "1234\n5678\n");
}

static void
test_last_try(Fixture *f, gconstpointer unused)
{
    show(f, "unblock_pin");
    host_says(f, token("Staff card", "locked", "final_try", FALSE));
    assert_screen(f, TB_SCREEN_CONFIRM, "last try: if the PUK");
    answer(f, TB_ANSWER_OK);
    type_all(f, "12345678", "5678");
    assert_tells(f, "submit");
    assert_written(f, "12345678\n5678\n");
    refuse(f, "puk", "locked");
    assert_screen(f, TB_SCREEN_WAIT, "The PUK is locked");
    answer(f, TB_ANSWER_OK); /* its one button */
    assert_tells(f, "cancelled");
}

static void
test_refused(Fixture *f, gconstpointer unused)
{
    show(f, "change_pin");
    host_says(f, token("Staff card", "ok", "ok", FALSE));
    type_all(f, "1234", "5678");
    assert_tells(f, "submit");
    assert_written(f, "1234\n5678\n");
    working(f, FALSE);
    refuse(f, "new", "ok");
    assert_asks(f, "PIN:", "does not accept this new PIN");
    type_all(f, "1234", "8765");
    assert_tells(f, "submit");
    assert_written(f, "1234\n8765\n");
    refuse(f, "pin", "final_try");
    assert_screen(f, TB_SCREEN_CONFIRM, "last try: if the PIN");
    assert_error(f, "The PIN was wrong.");
    answer(f, TB_ANSWER_OK);
    assert_asks(f, "PIN:", "The PIN was wrong.");
    type(f, "4321");
    assert_asks(f, "New PIN:", NULL);
    answer(f, TB_ANSWER_CANCEL);
    assert_tells(f, "cancelled");
    g_assert_true(tb_dialog_over(f->dialog));
}

static void
test_pad(Fixture *f, gconstpointer unused)
{
    show(f, "change_pin");
    host_says(f, token("Staff card", "ok", "ok", TRUE));
    assert_screen(f, TB_SCREEN_CONFIRM, "The reader asks for the current PIN");
    answer(f, TB_ANSWER_OK);
    assert_tells(f, "submit");
    working(f, TRUE);
    assert_screen(f, TB_SCREEN_WAIT, "Enter the PINs on the reader");
    host_says(f, json_pack("{s:s,s:o,s:b}", "type", "pin_failed", "pin",
                           pin_info("final_try", TRUE, 4, 8), "repeated", 0));
    assert_screen(f, TB_SCREEN_CONFIRM, "last try");
    assert_error(f, "entered on the reader was wrong");
    answer(f, TB_ANSWER_OK);
    assert_tells(f, "submit");
}

static void
test_token_comes_and_goes(Fixture *f, gconstpointer unused)
{
    show(f, "change_pin");
    host_says(f, json_pack("{s:s,s:s}", "type", "token", "problem", "no_reader_service"));
    assert_screen(f, TB_SCREEN_WAIT, "service for card readers");
    host_says(f, token("Staff card", "ok", "ok", FALSE));
    type(f, "1234");
    host_says(f, token("Staff card", "ok", "ok", FALSE));
    assert_asks(f, "New PIN:", NULL); /* the same: nothing is lost */
    host_says(f, json_pack("{s:s,s:s}", "type", "token", "problem", "no_token"));
    assert_screen(f, TB_SCREEN_WAIT, "Insert your token");
    host_says(f, token("Staff card", "ok", "ok", FALSE));
    assert_asks(f, "PIN:", NULL);
    type(f, "1234");
    host_says(f, token("Another card", "ok", "ok", FALSE));
    assert_asks(f, "PIN:", NULL);
    assert_screen(f, TB_SCREEN_PIN, "Another card");
    type_all(f, "1234", "5678");
    assert_tells(f, "submit");
    host_says(f, json_pack("{s:s}", "type", "token")); /* the host says how that ends */
    g_assert_null(tb_dialog_screen(f->dialog));
    assert_written(f, "1234\n5678\n");
    refuse(f, "pin", "ok");
    assert_screen(f, TB_SCREEN_WAIT, "Looking for your token");
}

static void
test_cannot(Fixture *f, gconstpointer unused)
{
    show(f, "change_pin");
    host_says(f, token("Staff card", "locked", "ok", FALSE));
    assert_screen(f, TB_SCREEN_WAIT, "tokenbridge pin unblock");
    host_says(f, token("Staff card", "to_be_changed", "ok", FALSE));
    assert_asks(f, "PIN:", NULL);
}

static void
test_ends(Fixture *f, gconstpointer unused)
{
    show(f, "unblock_pin");
    f->now += G_USEC_PER_SEC;
    tb_dialog_tick(f->dialog, f->now);
    assert_screen(f, TB_SCREEN_WAIT, "Looking for your token");
    host_says(f, token("Staff card", "locked", "ok", FALSE));
    type_all(f, "12345678", "5678");
    assert_tells(f, "submit");
    assert_written(f, "12345678\n5678\n");
    f->now += G_USEC_PER_SEC;
    tb_dialog_tick(f->dialog, f->now);
    assert_screen(f, TB_SCREEN_WAIT, "unblocking");
    host_says(f, json_pack("{s:s,s:s,s:s}", "type", "failed", "reason", "unsupported", "message",
                           "The module cannot."));
    assert_screen(f, TB_SCREEN_END, "The module cannot.");
    answer(f, TB_ANSWER_OK);
    g_assert_true(tb_dialog_over(f->dialog));
    g_assert_null(tb_dialog_take_message(f->dialog));
}

static void
test_timeout(Fixture *f, gconstpointer unused)
{
    guint revision;

    show(f, "change_pin");
    host_says(f, token("Staff card", "ok", "ok", FALSE));
    revision = tb_dialog_screen(f->dialog)->revision;
    answer(f, TB_ANSWER_TIMEOUT);
    assert_asks(f, "PIN:", NULL);
    g_assert_cmpuint(tb_dialog_screen(f->dialog)->revision, !=, revision);
    g_assert_null(tb_dialog_take_message(f->dialog));
}

static void
test_out_of_turn(Fixture *f, gconstpointer unused)
{
    show(f, "change_pin");
    g_assert_false(
        host_says_fd(f, json_pack("{s:s,s:s}", "type", "show", "operation", "change_pin"), -1));
    g_assert_false(
        host_says_fd(f, json_pack("{s:s,s:[]}", "type", "certificates", "certificates"), -1));
    g_assert_false(host_says_fd(f, json_pack("{s:s,s:b}", "type", "working", "pad", FALSE), -1));
    host_says(f, token("Staff card", "ok", "ok", FALSE));
    type(f, "1234");
    assert_written(f, ""); /* not submitted */
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*body)(Fixture *, gconstpointer);
    } tests[] = {
        {"/care/change", test_change},
        {"/care/unblock", test_unblock},
        {"/care/rules", test_rules},
        {"/care/last-try", test_last_try},
        {"/care/refused", test_refused},
        {"/care/pad", test_pad},
        {"/care/token-comes-and-goes", test_token_comes_and_goes},
        {"/care/cannot", test_cannot},
        {"/care/ends", test_ends},
        {"/care/timeout", test_timeout},
        {"/care/out-of-turn", test_out_of_turn},
    };

    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    g_test_init(&argc, &argv, NULL);
    if (!tb_secret_init(NULL))
        g_error("no secure heap");
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].body, tear_down);
    return g_test_run();
}
