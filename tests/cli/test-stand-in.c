/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of what stands in for the dialog (host/cli/stand-in.h): the operation is played here.
 */
#include <string.h>
#include <unistd.h>

#include "host/cli/stand-in.h"
#include "host/common/fault.h"

#define WANTED "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

typedef struct Fixture {
    TbStandIn *stand_in;
    TbPrompt *prompt;
    GPtrArray *heard; /* what the operation heard: types, and ids of submitted certificates */
} Fixture;

static void
on_message(json_t *message, gpointer data)
{
    Fixture *f = data;
    const char *id = json_string_value(json_object_get(message, "certificate"));

    g_ptr_array_add(f->heard, g_strdup(json_string_value(json_object_get(message, "type"))));
    if (id)
        g_ptr_array_add(f->heard, g_strdup(id));
}

static void
on_gone(const char *how, gpointer data)
{
    g_assert_not_reached();
}

static const TbPromptEvents events = {on_message, on_gone};

static void
set_up(Fixture *f, gconstpointer unused)
{
    TbSecret *pin = tb_secret_new(TB_PIN_MAX);

    g_assert_true(tb_secret_insert(pin, 0, "1234", 4));
    f->stand_in = tb_stand_in_new(WANTED, pin);
    f->heard = g_ptr_array_new_with_free_func(g_free);
    TbPrompter prompter = tb_stand_in_prompter(f->stand_in);
    f->prompt = prompter.open(prompter.context, &events, f, NULL);
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    if (f->prompt)
        f->prompt->release(f->prompt, FALSE);
    tb_stand_in_free(f->stand_in);
    g_ptr_array_unref(f->heard);
}

static void
tell(Fixture *f, const char *text, int fd)
{
    json_t *message = json_loads(text, 0, NULL);
    guint before = f->heard->len;

    g_assert_nonnull(message);
    g_assert_true(f->prompt->send(f->prompt, message, fd, NULL));
    json_decref(message);
    g_assert_cmpuint(f->heard->len, ==, before); /* no event from within the call */
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

static void
offer(Fixture *f, const char *id, gboolean usable)
{
    g_autofree char *text =
        g_strdup_printf("{\"type\": \"certificates\", \"certificates\": [{\"id\": \"%s\", "
                        "\"usable\": %s}]}",
                        id, usable ? "true" : "false");
    tell(f, text, -1);
}

static void
assert_heard(Fixture *f, guint index, const char *word)
{
    g_assert_cmpuint(f->heard->len, >, index);
    g_assert_cmpstr(f->heard->pdata[index], ==, word);
}

static char *
fetch_pin(Fixture *f)
{
    char buffer[16] = "";
    int ends[2];

    g_assert_no_errno(pipe(ends));
    tell(f, "{\"type\": \"pin\"}", ends[1]);
    close(ends[1]);
    g_assert_cmpint(read(ends[0], buffer, sizeof buffer - 1), >=, 0);
    close(ends[0]);
    return g_strdup(buffer);
}

static void
test_submits(Fixture *f, gconstpointer unused)
{
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;

    offer(f, "bbbb", TRUE);
    offer(f, WANTED, FALSE);
    g_assert_cmpuint(f->heard->len, ==, 0);
    offer(f, WANTED, TRUE);
    offer(f, WANTED, TRUE);
    g_assert_cmpuint(f->heard->len, ==, 2); /* once */
    assert_heard(f, 0, "submit");
    assert_heard(f, 1, WANTED);
    first = fetch_pin(f);
    second = fetch_pin(f);
    g_assert_cmpstr(first, ==, "1234");
    g_assert_cmpstr(second, ==, ""); /* and that once */
    g_assert_null(tb_stand_in_fault(f->stand_in));
}

static void
test_wrong_pin(Fixture *f, gconstpointer unused)
{
    offer(f, WANTED, TRUE);
    tell(f, "{\"type\": \"pin_failed\", \"pin\": {}, \"repeated\": false}", -1);
    offer(f, WANTED, TRUE);
    g_assert_cmpuint(f->heard->len, ==, 3);
    assert_heard(f, 2, "cancelled");
    g_assert_error(tb_stand_in_fault(f->stand_in), TB_FAULT, TB_REASON_PIN_INCORRECT);
}

static void
test_certificate_gone(Fixture *f, gconstpointer unused)
{
    tell(f, "{\"type\": \"certificates\", \"certificates\": []}", -1);
    while (f->heard->len == 0)
        g_main_context_iteration(NULL,
                                 TRUE); /* 5 seconds of patience; the test's limit is longer */
    assert_heard(f, 0, "cancelled");
    g_assert_error(tb_stand_in_fault(f->stand_in), TB_FAULT, TB_REASON_TOKEN_REMOVED);
}

/* Released with an answer on the way: it is not given any more. */
static void
test_release(Fixture *f, gconstpointer unused)
{
    json_t *message = json_pack("{s:s, s:[{s:s, s:b}]}", "type", "certificates", "certificates",
                                "id", WANTED, "usable", 1);

    g_assert_true(f->prompt->send(f->prompt, message, -1, NULL));
    json_decref(message);
    f->prompt->release(f->prompt, TRUE);
    f->prompt = NULL;
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    g_assert_cmpuint(f->heard->len, ==, 0);
}

/* --- the narrow one: the real dialog is played by an inner prompt that keeps what it is sent ---
 */

typedef struct Inner {
    TbPrompt base;
    json_t *last;
} Inner;

static gboolean
inner_send(TbPrompt *base, json_t *message, int fd, GError **error)
{
    Inner *inner = (Inner *)base;

    json_decref(inner->last);
    inner->last = json_incref(message);
    return TRUE;
}

static void
inner_release(TbPrompt *base, gboolean linger)
{
}

static TbPrompt *
inner_open(gpointer context, const TbPromptEvents *unused, gpointer data, GError **error)
{
    return context;
}

static gsize
narrowed(TbPrompt *prompt, Inner *inner, const char *text)
{
    json_t *message = json_loads(text, 0, NULL);

    g_assert_true(prompt->send(prompt, message, -1, NULL));
    json_decref(message);
    return json_array_size(json_object_get(inner->last, "certificates"));
}

static void
test_narrow(void)
{
    Inner inner = {.base = {inner_send, inner_release}};
    TbPrompter real = {.open = inner_open, .context = &inner};
    g_autoptr(TbStandIn) stand_in = tb_stand_in_new_narrow(WANTED, &real);
    TbPrompter prompter = tb_stand_in_prompter(stand_in);
    TbPrompt *prompt = prompter.open(prompter.context, &events, NULL, NULL);

    g_assert_cmpuint(narrowed(prompt, &inner,
                              "{\"type\": \"certificates\", \"certificates\": [{\"id\": \"bbbb\"}, "
                              "{\"id\": \"" WANTED "\"}]}"),
                     ==, 1);
    g_assert_null(json_object_get(inner.last, "problem"));
    g_assert_cmpuint(
        narrowed(prompt, &inner,
                 "{\"type\": \"certificates\", \"certificates\": [{\"id\": \"bbbb\"}]}"),
        ==, 0);
    g_assert_cmpstr(json_string_value(json_object_get(inner.last, "problem")), ==,
                    "no_certificate");
    (void)narrowed(prompt, &inner, "{\"type\": \"done\"}");
    g_assert_cmpstr(json_string_value(json_object_get(inner.last, "type")), ==, "done");
    prompt->release(prompt, FALSE);
    json_decref(inner.last);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!tb_secret_init(NULL))
        g_error("no secure heap");
    g_test_add("/stand-in/submits", Fixture, NULL, set_up, test_submits, tear_down);
    g_test_add("/stand-in/wrong-pin", Fixture, NULL, set_up, test_wrong_pin, tear_down);
    g_test_add("/stand-in/certificate-gone", Fixture, NULL, set_up, test_certificate_gone,
               tear_down);
    g_test_add("/stand-in/release", Fixture, NULL, set_up, test_release, tear_down);
    g_test_add_func("/stand-in/narrow", test_narrow);
    return g_test_run();
}
