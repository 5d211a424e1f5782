/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of the dialog's course (host/prompt/pinentry/dialog.h): no processes, and a clock of their
 * own.
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
pin_info(const char *state, gboolean pad)
{
    return json_pack("{s:s,s:b,s:i,s:i}", "state", state, "pad", pad, "min", 4, "max", 8);
}

/* A certificate whose id and name are name. */
static json_t *
choice(const char *name, const char *pin_state, gboolean pad)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:b,s:o,s:b}", "id", name, "name", name,
                     "issuer_name", "CA", "token", "Token", "reader", "Reader", "not_before", 0,
                     "not_after", 1900000000, "usable", 1, "pin", pin_info(pin_state, pad),
                     "needs_pin", 1);
}

static json_t *
expired(const char *name)
{
    json_t *object = choice(name, "ok", FALSE);

    json_object_set_new(object, "usable", json_false());
    json_object_set_new(object, "problem", json_string("expired"));
    return object;
}

/* Takes the choices; c may be NULL. */
static json_t *
certificates(json_t *a, json_t *b)
{
    json_t *list = json_array();

    if (a)
        json_array_append_new(list, a);
    if (b)
        json_array_append_new(list, b);
    return json_pack("{s:s,s:o}", "type", "certificates", "certificates", list);
}

static json_t *
show(const char *operation)
{
    return json_pack("{s:s,s:s,s:s}", "type", "show", "operation", operation, "origin",
                     "https://example.org");
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

static guint
revision(Fixture *f)
{
    const TbScreen *screen = tb_dialog_screen(f->dialog);
    return screen ? screen->revision : 0;
}

static void
assert_tells(Fixture *f, const char *type, const char *certificate)
{
    json_t *message = tb_dialog_take_message(f->dialog);

    g_assert_nonnull(message);
    g_assert_cmpstr(json_string_value(json_object_get(message, "type")), ==, type);
    g_assert_cmpstr(json_string_value(json_object_get(message, "certificate")), ==, certificate);
    json_decref(message);
    g_assert_null(tb_dialog_take_message(f->dialog));
}

static void
answer(Fixture *f, TbAnswer what)
{
    tb_dialog_answer(f->dialog, what, NULL, f->now);
}

static void
type_pin(Fixture *f, const char *text)
{
    TbSecret *pin = tb_secret_new(TB_PIN_MAX);

    g_assert_true(tb_secret_insert(pin, 0, text, strlen(text)));
    tb_dialog_answer(f->dialog, TB_ANSWER_OK, pin, f->now);
}

/* What the dialog writes to the PIN pipe. */
static char *
fetch_pin(Fixture *f)
{
    char buffer[300] = "";
    gsize used = 0;
    ssize_t got;
    int ends[2];

    g_assert_no_errno(pipe(ends));
    g_assert_true(host_says_fd(f, json_pack("{s:s}", "type", "pin"), ends[1]));
    /* Up to the end, which comes because the dialog closes the pipe. */
    while ((got = read(ends[0], buffer + used, sizeof buffer - 1 - used)) > 0)
        used += (gsize)got;
    close(ends[0]);
    return g_strdup(buffer);
}

static void
assert_pin(Fixture *f, const char *expected)
{
    g_autofree char *pin = fetch_pin(f);
    g_assert_cmpstr(pin, ==, expected);
}

static void
test_one_certificate(Fixture *f, gconstpointer unused)
{
    host_says(f, show("authenticate"));
    g_assert_null(tb_dialog_screen(f->dialog));
    host_says(f, certificates(choice("Jane", "ok", FALSE), NULL));
    assert_screen(f, TB_SCREEN_PIN, "Jane");
    type_pin(f, "1234");
    g_assert_null(tb_dialog_screen(f->dialog));
    assert_tells(f, "submit", "Jane");
    assert_pin(f, "1234");
    assert_pin(f, ""); /* it is gone */
    host_says(f, json_pack("{s:s,s:b}", "type", "working", "pad", 0));
    host_says(f, json_pack("{s:s}", "type", "done"));
    g_assert_true(tb_dialog_over(f->dialog));
    g_assert_null(tb_dialog_take_message(f->dialog));
}

static void
test_several(Fixture *f, gconstpointer unused)
{
    json_t *message = certificates(choice("First", "ok", FALSE), choice("Second", "ok", FALSE));

    json_object_set_new(message, "preferred", json_string("Second"));
    host_says(f, show("authenticate"));
    host_says(f, message);
    assert_screen(f, TB_SCREEN_CONFIRM, "Second");
    answer(f, TB_ANSWER_NOT_OK);
    assert_screen(f, TB_SCREEN_CONFIRM, "First");
    answer(f, TB_ANSWER_NOT_OK);
    assert_screen(f, TB_SCREEN_CONFIRM, "Second");
    answer(f, TB_ANSWER_NOT_OK);
    answer(f, TB_ANSWER_OK);
    assert_screen(f, TB_SCREEN_PIN, "First");
    type_pin(f, "1234");
    assert_tells(f, "submit", "First");
}

/* A token that shows its certificates only after its PIN; its id is name. */
static json_t *
hidden(const char *name)
{
    json_t *object = choice(name, "ok", FALSE);

    json_object_set_new(object, "name", json_string(""));
    json_object_set_new(object, "issuer_name", json_string(""));
    json_object_set_new(object, "hidden", json_true());
    return object;
}

static void
give_turn(Fixture *f, json_t *a, json_t *b)
{
    json_t *message = certificates(a, b);

    json_object_set_new(message, "again", json_true());
    host_says(f, message);
}

static void
test_hidden(Fixture *f, gconstpointer unused)
{
    host_says(f, show("authenticate"));
    host_says(f, certificates(hidden("T1"), NULL));
    assert_screen(f, TB_SCREEN_PIN, "shows its certificates only after the PIN");
    type_pin(f, "1234");
    assert_tells(f, "submit", "T1");
    assert_pin(f, "1234");
    host_says(f, json_pack("{s:s,s:b}", "type", "working", "pad", 0));
    host_says(f, certificates(hidden("T1"), choice("Other", "ok", FALSE)));
    g_assert_null(tb_dialog_screen(f->dialog)); /* not the user's turn */
    give_turn(f, choice("Jane", "ok", FALSE), choice("John", "ok", FALSE));
    assert_screen(f, TB_SCREEN_CONFIRM, "Your token shows its certificates now.");
    answer(f, TB_ANSWER_OK);
    assert_screen(f, TB_SCREEN_PIN, "enter the PIN again");
    type_pin(f, "1234");
    assert_tells(f, "submit", "Jane");
    assert_pin(f, "1234");
    host_says(f, json_pack("{s:s,s:b}", "type", "working", "pad", 0));
    host_says(f, json_pack("{s:s}", "type", "done"));
    g_assert_true(tb_dialog_over(f->dialog));
}

/* No PIN for what is only chosen, but for what does not show yet. */
static void
test_hidden_while_choosing(Fixture *f, gconstpointer unused)
{
    host_says(f, show("choose"));
    host_says(f, certificates(hidden("T1"), NULL));
    assert_screen(f, TB_SCREEN_PIN, "asks for your certificate");
    type_pin(f, "1234");
    assert_tells(f, "submit", "T1");
    assert_pin(f, "1234");
    give_turn(f, choice("Jane", "ok", FALSE), NULL);
    assert_screen(f, TB_SCREEN_CONFIRM, "Jane");
    answer(f, TB_ANSWER_OK);
    assert_tells(f, "submit", "Jane");
}

static void
test_hidden_without_a_fit(Fixture *f, gconstpointer unused)
{
    json_t *message = certificates(NULL, NULL);

    json_object_set_new(message, "again", json_true());
    json_object_set_new(message, "problem", json_string("no_certificate"));
    host_says(f, show("authenticate"));
    host_says(f, certificates(hidden("T1"), NULL));
    type_pin(f, "1234");
    assert_tells(f, "submit", "T1");
    assert_pin(f, "1234");
    host_says(f, message);
    assert_screen(f, TB_SCREEN_WAIT, "No certificate to sign in with");
}

/* A page may not see a certificate without the user's act, so even one alone is asked for. */
static void
test_choose(Fixture *f, gconstpointer unused)
{
    host_says(f, show("choose"));
    host_says(f, certificates(choice("Jane", "ok", FALSE), NULL));
    assert_screen(f, TB_SCREEN_CONFIRM, "Jane");
    g_assert_null(tb_dialog_take_message(f->dialog));
    answer(f, TB_ANSWER_OK);
    assert_tells(f, "submit", "Jane");
}

static void
test_pin_pad(Fixture *f, gconstpointer unused)
{
    host_says(f, show("authenticate"));
    host_says(f, certificates(choice("Jane", "ok", TRUE), NULL));
    assert_screen(f, TB_SCREEN_CONFIRM, "Jane");
    answer(f, TB_ANSWER_OK);
    assert_tells(f, "submit", "Jane");
    host_says(f, json_pack("{s:s,s:b}", "type", "working", "pad", 1));
    assert_screen(f, TB_SCREEN_WAIT, "on the reader");
    host_says(f, json_pack("{s:s,s:o,s:b}", "type", "pin_failed", "pin",
                           pin_info("final_try", TRUE), "repeated", 0));
    assert_screen(f, TB_SCREEN_CONFIRM, "Jane");
    answer(f, TB_ANSWER_OK);
    assert_screen(f, TB_SCREEN_CONFIRM, "last try");
    answer(f, TB_ANSWER_OK);
    assert_tells(f, "submit", "Jane");
}

static void
test_pin_length(Fixture *f, gconstpointer unused)
{
    static const char *const bad[] = {"123", "123456789", "12\n45",
                                      "12\xff"
                                      "45"};

    host_says(f, show("authenticate"));
    host_says(f, certificates(choice("Jane", "ok", FALSE), NULL));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        guint before = revision(f);
        type_pin(f, bad[i]);
        assert_screen(f, TB_SCREEN_PIN, "Jane");
        g_assert_nonnull(tb_dialog_screen(f->dialog)->error);
        g_assert_cmpuint(revision(f), !=, before);
        g_assert_null(tb_dialog_take_message(f->dialog));
    }
    answer(f, TB_ANSWER_OK); /* nothing typed */
    assert_screen(f, TB_SCREEN_PIN, "Jane");
    answer(f, TB_ANSWER_TOO_LONG);
    assert_screen(f, TB_SCREEN_PIN, "Jane");
    type_pin(f, "12345678");
    assert_tells(f, "submit", "Jane");
}

static void
test_wrong_then_last_try(Fixture *f, gconstpointer unused)
{
    g_autofree char *hex = g_strnfill(64, 'a');
    json_t *sign = show("sign");

    json_object_set_new(sign, "hash", json_pack("{s:s,s:s}", "function", "SHA-256", "hex", hex));
    host_says(f, sign);
    host_says(f, certificates(choice("Jane", "low", FALSE), NULL));
    assert_screen(f, TB_SCREEN_PIN, "wrong PIN has been entered before");
    type_pin(f, "1111");
    assert_tells(f, "submit", "Jane");
    assert_pin(f, "1111");
    host_says(f, json_pack("{s:s,s:o,s:b}", "type", "pin_failed", "pin",
                           pin_info("final_try", FALSE), "repeated", 0));
    assert_screen(f, TB_SCREEN_CONFIRM, "last try");
    g_assert_nonnull(tb_dialog_screen(f->dialog)->error);
    answer(f, TB_ANSWER_OK);
    assert_screen(f, TB_SCREEN_PIN, "Jane");
    type_pin(f, "2222");
    assert_tells(f, "submit", "Jane");
    /* The yes was for one try, not for those after it. */
    host_says(f, json_pack("{s:s,s:o,s:b}", "type", "pin_failed", "pin",
                           pin_info("final_try", FALSE), "repeated", 1));
    assert_screen(f, TB_SCREEN_CONFIRM, "last try");
    answer(f, TB_ANSWER_CANCEL);
    assert_tells(f, "cancelled", NULL);
}

static void
test_insert_token(Fixture *f, gconstpointer unused)
{
    json_t *none = certificates(NULL, NULL);
    json_t *again = NULL;
    guint before;

    json_object_set_new(none, "problem", json_string("no_token"));
    again = json_deep_copy(none);
    host_says(f, show("authenticate"));
    host_says(f, none);
    assert_screen(f, TB_SCREEN_WAIT, "Insert your token");
    before = revision(f);
    host_says(f, again);
    g_assert_cmpuint(revision(f), ==, before); /* the window does not blink */
    host_says(f, certificates(expired("Old"), NULL));
    assert_screen(f, TB_SCREEN_WAIT, "Old");
    host_says(f, certificates(expired("Old"), choice("Jane", "ok", FALSE)));
    assert_screen(f, TB_SCREEN_PIN, "Jane");
}

static void
test_tokens_come_and_go(Fixture *f, gconstpointer unused)
{
    guint before;

    host_says(f, show("authenticate"));
    host_says(f, certificates(choice("Jane", "ok", FALSE), NULL));
    before = revision(f);
    /* Another token does not take the window away from someone who types. */
    host_says(f, certificates(choice("Other", "ok", FALSE), choice("Jane", "ok", FALSE)));
    g_assert_cmpuint(revision(f), ==, before);
    host_says(f, certificates(choice("Other", "ok", FALSE), NULL));
    assert_screen(f, TB_SCREEN_PIN, "Other");
    /* A token that goes after its PIN was typed: the PIN goes too. */
    type_pin(f, "1234");
    assert_tells(f, "submit", "Other");
    host_says(f, certificates(NULL, NULL));
    assert_screen(f, TB_SCREEN_WAIT, "Insert your token");
    assert_pin(f, "");
}

static void
test_quiet_second(Fixture *f, gconstpointer unused)
{
    host_says(f, show("authenticate"));
    tb_dialog_tick(f->dialog, f->now + G_USEC_PER_SEC / 2);
    g_assert_null(tb_dialog_screen(f->dialog));
    g_assert_cmpint(tb_dialog_deadline(f->dialog), ==, f->now + G_USEC_PER_SEC);
    tb_dialog_tick(f->dialog, f->now + G_USEC_PER_SEC);
    assert_screen(f, TB_SCREEN_WAIT, "Looking for your token");
    answer(f, TB_ANSWER_OK); /* the one button cancels */
    assert_tells(f, "cancelled", NULL);
    g_assert_true(tb_dialog_over(f->dialog));
}

/* pinentry's own time-out is not the user's cancel: the screen comes back, the host keeps the time.
 */
static void
test_pinentry_timeout(Fixture *f, gconstpointer unused)
{
    guint before;

    host_says(f, show("authenticate"));
    host_says(f, certificates(choice("Jane", "ok", FALSE), NULL));
    before = revision(f);
    answer(f, TB_ANSWER_TIMEOUT);
    assert_screen(f, TB_SCREEN_PIN, "Jane");
    g_assert_cmpuint(revision(f), !=, before);
    g_assert_null(tb_dialog_take_message(f->dialog));
}

static void
test_failed(Fixture *f, gconstpointer unused)
{
    host_says(f, show("authenticate"));
    host_says(f, certificates(choice("Jane", "ok", FALSE), NULL));
    host_says(f, json_pack("{s:s,s:s,s:s}", "type", "failed", "reason", "token_removed", "message",
                           "Details here"));
    assert_screen(f, TB_SCREEN_END, "Details here");
    g_assert_false(tb_dialog_over(f->dialog));
    answer(f, TB_ANSWER_CANCEL);
    g_assert_true(tb_dialog_over(f->dialog));
    g_assert_null(tb_dialog_take_message(f->dialog)); /* that was no cancel */
}

static void
test_out_of_turn(void)
{
    static const char *const early[] = {
        "{\"type\":\"certificates\",\"certificates\":[]}",
        "{\"type\":\"working\",\"pad\":false}",
        "{\"type\":\"done\"}",
        "{\"type\":\"failed\",\"reason\":\"internal\",\"message\":\"\"}",
        "{\"type\":\"unheard-of\"}",
        "{\"type\":\"show\",\"operation\":\"authenticate\",\"origin\":\"https://"
        "a.example\",\"x\":1}",
        "{\"type\":\"close\",\"x\":1}",
        "{}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(early); i++) {
        Fixture f;
        g_autoptr(GError) error = NULL;
        json_t *message = json_loads(early[i], 0, NULL);

        set_up(&f, NULL);
        g_assert_false(tb_dialog_host(f.dialog, message, -1, f.now, &error));
        g_assert_nonnull(error);
        json_decref(message);
        tear_down(&f, NULL);
    }
}

static void
test_close(Fixture *f, gconstpointer unused)
{
    host_says(f, show("authenticate"));
    host_says(f, certificates(choice("Jane", "ok", FALSE), NULL));
    host_says(f, json_pack("{s:s}", "type", "close"));
    g_assert_true(tb_dialog_over(f->dialog));
    g_assert_null(tb_dialog_screen(f->dialog));
    g_assert_null(tb_dialog_take_message(f->dialog));
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*body)(Fixture *, gconstpointer);
    } tests[] = {
        {"/dialog/one-certificate", test_one_certificate},
        {"/dialog/several", test_several},
        {"/dialog/choose", test_choose},
        {"/dialog/pin-pad", test_pin_pad},
        {"/dialog/pin-length", test_pin_length},
        {"/dialog/wrong-then-last-try", test_wrong_then_last_try},
        {"/dialog/hidden", test_hidden},
        {"/dialog/hidden-while-choosing", test_hidden_while_choosing},
        {"/dialog/hidden-without-a-fit", test_hidden_without_a_fit},
        {"/dialog/insert-token", test_insert_token},
        {"/dialog/tokens-come-and-go", test_tokens_come_and_go},
        {"/dialog/quiet-second", test_quiet_second},
        {"/dialog/pinentry-timeout", test_pinentry_timeout},
        {"/dialog/failed", test_failed},
        {"/dialog/close", test_close},
    };

    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    g_test_init(&argc, &argv, NULL);
    if (!tb_secret_init(NULL))
        g_error("no secure heap");
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, set_up, tests[i].body, tear_down);
    g_test_add_func("/dialog/out-of-turn", test_out_of_turn);
    return g_test_run();
}
