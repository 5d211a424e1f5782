/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/missing.c: which word is true of what modules and readers say. Workers and
 * tokenbridge-readers are scripted.
 */
#include "host/missing.h"

#include <glib/gstdio.h>
#include <signal.h>

#include "host/watch.h"
#include "tests/host/harness.h"
#include "tests/support/assert.h"

#define MODULES_MAX 2

/* A module: what it answers. */
#define NOTHING "{'answer': {'tokens': []}}"
#define PCSC "{'answer': {'module': {'pcsc': true}, 'tokens': []}}"
#define CRASH "{'do': 'crash'}"
#define HANG "{'do': 'hang'}"
#define GOOD_TOKEN "TOKEN"
#define BAD_TOKEN "{'reason': 'module_failed', 'message': 'M.'}"
#define BLOCKED_TOKEN "{'reason': 'pin_blocked', 'message': 'M.'}"
#define LYING_TOKEN "{'reason': 'user_cancelled', 'message': 'M.'}"

/* The readers. */
#define SERVICE(state, readers)                                                                    \
    "send {'type': 'readers', 'service': '" state "', 'readers': [" readers "]}"
#define UNKNOWN NULL
#define NO_SERVICE SERVICE("missing", "")
#define NO_READER SERVICE("ok", "")
#define NO_CARD SERVICE("ok", "{'name': 'R', 'card': false, 'mute': false}")
#define CARD SERVICE("ok", "{'name': 'R', 'card': true, 'mute': false}")
#define MUTE SERVICE("ok", "{'name': 'R', 'card': true, 'mute': true}")

typedef struct Fixture {
    TbConfig *config;
    GPtrArray *modules;
    char *paths[MODULES_MAX];
    TbWorkers *workers;
    TbWatch *watch;
} Fixture;

static json_t *
step_for(const char *text)
{
    json_t *token;

    if (g_strcmp0(text, GOOD_TOKEN) == 0) {
        token = tb_test_token("S1", NULL, NULL);
    } else if (g_str_has_prefix(text, "{'reason'")) {
        g_autofree char *changes = g_strdup_printf("{'error': %s}", text);

        token = tb_test_token("S2", changes, NULL);
    } else {
        return tb_test_json(text);
    }
    return json_pack("{s:o}", "answer", tb_test_listing(token, NULL));
}

static void
on_changed(gpointer data)
{
    /* The test looks by itself. */
}

static void
set_up(Fixture *fixture, json_t *const *scripts, const char *readers)
{
    g_autofree char *line = readers ? g_strdelimit(g_strdup(readers), "'", '"') : NULL;
    g_autofree char *text = g_strconcat(line ? line : "exit", "\n", NULL);
    g_autofree char *script = tb_test_write("readers-script", text);

    *fixture = (Fixture){0};
    g_assert_true(g_setenv("TB_TEST_FAKE_READERS", script, TRUE));
    fixture->config = tb_config_load(NULL, NULL, NULL);
    fixture->config->list_timeout = tb_test_ms(700);
    fixture->modules = tb_test_modules();
    for (guint i = 0; i < MODULES_MAX && scripts[i]; i++) {
        g_autofree char *name = g_strdup_printf("module%u", i);

        fixture->paths[i] = tb_test_modules_add(fixture->modules, name, scripts[i]);
    }
    fixture->workers = tb_workers_new(fixture->modules, fixture->config);
    fixture->watch = tb_watch_new(fixture->workers, on_changed, NULL);
}

static void
tear_down(Fixture *fixture)
{
    tb_watch_free(fixture->watch);
    tb_workers_free(fixture->workers);
    for (guint i = 0; i < MODULES_MAX; i++)
        g_free(fixture->paths[i]);
    g_ptr_array_unref(fixture->modules);
    tb_config_free(fixture->config);
}

static void
wait_complete(const Fixture *fixture)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)tb_test_ms(10000) * 1000;

    while (!tb_watch_is_complete(fixture->watch)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        tb_test_run_for(2);
    }
}

static void
test_certificate(void)
{
    static const struct {
        const char *modules[MODULES_MAX];
        const char *readers;
        const char *word;
        TbReason reason;
    } rows[] = {
        {{NULL}, UNKNOWN, "no_module", TB_REASON_MODULE_FAILED},
        {{NULL}, CARD, "no_module", TB_REASON_MODULE_FAILED},
        /* Tokens are there. */
        {{GOOD_TOKEN}, NO_SERVICE, "no_certificate", TB_REASON_NO_CERTIFICATE},
        {{BAD_TOKEN}, UNKNOWN, "module_failed", TB_REASON_MODULE_FAILED},
        {{BLOCKED_TOKEN}, UNKNOWN, "module_failed", TB_REASON_PIN_BLOCKED},
        {{LYING_TOKEN}, UNKNOWN, "module_failed", TB_REASON_MODULE_FAILED},
        {{BAD_TOKEN, GOOD_TOKEN}, UNKNOWN, "no_certificate", TB_REASON_NO_CERTIFICATE},
        {{BAD_TOKEN, NOTHING}, UNKNOWN, "module_failed", TB_REASON_MODULE_FAILED},
        {{CRASH, GOOD_TOKEN}, UNKNOWN, "no_certificate", TB_REASON_NO_CERTIFICATE},
        {{HANG, BLOCKED_TOKEN}, UNKNOWN, "module_failed", TB_REASON_PIN_BLOCKED},
        /* Modules that fail. */
        {{CRASH}, UNKNOWN, "module_failed", TB_REASON_MODULE_FAILED},
        {{HANG}, UNKNOWN, "module_failed", TB_REASON_MODULE_TIMEOUT},
        {{HANG, HANG}, NO_READER, "module_failed", TB_REASON_MODULE_TIMEOUT},
        {{HANG, CRASH}, UNKNOWN, "module_failed", TB_REASON_MODULE_FAILED},
        {{CRASH, NOTHING}, UNKNOWN, "no_token", TB_REASON_TOKEN_MISSING},
        {{CRASH, PCSC}, NO_CARD, "no_card", TB_REASON_TOKEN_MISSING},
        {{CRASH, PCSC}, CARD, "module_failed", TB_REASON_MODULE_FAILED},
        {{HANG, NOTHING}, CARD, "module_failed", TB_REASON_MODULE_TIMEOUT},
        /* Readers and cards. */
        {{PCSC}, UNKNOWN, "no_token", TB_REASON_TOKEN_MISSING},
        {{PCSC}, NO_SERVICE, "no_reader_service", TB_REASON_TOKEN_MISSING},
        {{PCSC}, NO_READER, "no_reader", TB_REASON_TOKEN_MISSING},
        {{PCSC}, NO_CARD, "no_card", TB_REASON_TOKEN_MISSING},
        {{PCSC}, CARD, "card_unknown", TB_REASON_TOKEN_MISSING},
        {{NOTHING, PCSC}, NO_READER, "no_reader", TB_REASON_TOKEN_MISSING},
        {{PCSC}, MUTE, "card_unknown", TB_REASON_TOKEN_MISSING},
        {{HANG}, MUTE, "card_unknown", TB_REASON_TOKEN_MISSING},
        {{GOOD_TOKEN}, MUTE, "no_certificate", TB_REASON_NO_CERTIFICATE},
        /* Soft tokens, and USB tokens with a driver of their own. */
        {{NOTHING}, NO_SERVICE, "no_token", TB_REASON_TOKEN_MISSING},
        {{NOTHING}, NO_READER, "no_token", TB_REASON_TOKEN_MISSING},
        {{NOTHING}, NO_CARD, "no_token", TB_REASON_TOKEN_MISSING},
        {{NOTHING}, CARD, "card_unknown", TB_REASON_TOKEN_MISSING},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_t *scripts[MODULES_MAX] = {NULL};
        const char *word = NULL;
        Fixture fixture;
        TbReason reason;

        for (guint j = 0; j < MODULES_MAX && rows[i].modules[j]; j++)
            scripts[j] = json_pack("{s:[o]}", "list", step_for(rows[i].modules[j]));
        set_up(&fixture, scripts, rows[i].readers);
        wait_complete(&fixture);
        reason = tb_missing_certificate(fixture.workers, &word);
        if (reason != rows[i].reason || g_strcmp0(word, rows[i].word) != 0)
            tb_test_row_failed("row %u: %s, %s", i, word ? word : "none", tb_reason_word(reason));
        tear_down(&fixture);
    }
}

/* A token that is meant, in a module that works. */
static void
test_token(void)
{
    static const struct {
        const char *module;
        const char *readers;
        const char *word;
    } rows[] = {
        {GOOD_TOKEN, NO_CARD, "no_token"}, /* another one */
        {PCSC, NO_CARD, "no_card"},
        {NOTHING, NO_CARD, "no_token"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_t *scripts[] = {json_pack("{s:[o]}", "list", step_for(rows[i].module)), NULL};
        const char *word = NULL;
        Fixture fixture;

        set_up(&fixture, scripts, rows[i].readers);
        wait_complete(&fixture);
        g_assert_cmpint(tb_missing_token(fixture.workers, &word), ==, TB_REASON_TOKEN_MISSING);
        g_assert_cmpstr(word, ==, rows[i].word);
        tear_down(&fixture);
    }
}

/* The word "unknown" is not said of a card that has just been taken out, nor of one that has just
 * come: a module that was asked before has not seen it. */
static void
test_card_in_between(void)
{
    json_t *scripts[] = {json_pack("{s:[o, o]}", "list", step_for(GOOD_TOKEN), tb_test_json(PCSC)),
                         NULL};
    const char *word = "";
    gboolean uncertain = FALSE;
    Fixture fixture;

    set_up(&fixture, scripts, CARD);
    wait_complete(&fixture);
    for (guint i = 0; i < 2000 && g_strcmp0(word, "card_unknown") != 0; i++) {
        (void)tb_missing_certificate(fixture.workers, &word);
        uncertain = uncertain || !word;
        if (word && g_strcmp0(word, "card_unknown") == 0)
            break;
        tb_test_run_for(5);
    }
    g_assert_cmpstr(word, ==, "card_unknown");
    g_assert_true(uncertain);
    g_assert_cmpuint(tb_test_worker_log(fixture.paths[0], "list", NULL), >=, 3);
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    tb_test_begin(&argc, &argv);
    g_test_add_func("/missing/certificate", test_certificate);
    g_test_add_func("/missing/token", test_token);
    g_test_add_func("/missing/card-in-between", test_card_in_between);
    return tb_test_end();
}
