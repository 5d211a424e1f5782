/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/card-readers.c with a scripted tokenbridge-readers: what is believed of what it
 * says, and that its absence, crash, silence or nonsense is no failure of anything else.
 */
#include "host/card-readers.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>

#include "tests/host/harness.h"
#include "tests/support/assert.h"

#define NO_SERVICE "send {'type': 'readers', 'service': 'missing', 'readers': []}"
#define NO_READER "send {'type': 'readers', 'service': 'ok', 'readers': []}"
#define NO_CARD                                                                                    \
    "send {'type': 'readers', 'service': 'ok', 'readers': [{'name': 'R', 'card': false, 'mute': "  \
    "false}]}"
#define CARD                                                                                       \
    "send {'type': 'readers', 'service': 'ok', 'readers': [{'name': 'R', 'card': false, 'mute': "  \
    "false}, {'name': 'S', 'card': true, 'mute': false}]}"
#define MUTE                                                                                       \
    "send {'type': 'readers', 'service': 'ok', 'readers': [{'name': 'R', 'card': false, 'mute': "  \
    "false}, {'name': 'S', 'card': true, 'mute': true}]}"

typedef struct Fixture {
    char *script;
    TbCardReaders *readers;
    TbReadersUse *use;
    guint told;
} Fixture;

static void
add_line(const Fixture *fixture, const char *line)
{
    g_autofree char *real = g_strdelimit(g_strdup(line), "'", '"');
    FILE *file = fopen(fixture->script, "a");

    g_assert_nonnull(file);
    g_assert_cmpint(fprintf(file, "%s\n", real), >, 0);
    g_assert_cmpint(fclose(file), ==, 0);
}

static void
on_told(gpointer data)
{
    Fixture *fixture = data;

    fixture->told++;
}

/* line: the first one; NULL: none. */
static void
set_up(Fixture *fixture, const char *line)
{
    g_autofree char *log = tb_test_path("readers-script.log");

    *fixture = (Fixture){.script = tb_test_write("readers-script", "")};
    (void)g_remove(log);
    g_assert_true(g_setenv("TB_TEST_FAKE_READERS", fixture->script, TRUE));
    fixture->readers = tb_card_readers_new(tb_test_ms(300));
    if (line)
        add_line(fixture, line);
}

static void
use(Fixture *fixture)
{
    fixture->told = 0;
    fixture->use = tb_card_readers_use(fixture->readers, on_told, fixture);
    g_assert_cmpuint(fixture->told, ==, 0); /* never from within the call */
}

static void
tear_down(Fixture *fixture)
{
    if (fixture->use)
        tb_card_readers_leave(fixture->readers, fixture->use);
    tb_card_readers_free(fixture->readers);
    g_free(fixture->script);
}

static void
wait_state(const Fixture *fixture, TbReadersState state)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)tb_test_ms(10000) * 1000;

    while (tb_card_readers_state(fixture->readers) != state) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        tb_test_run_for(2);
    }
}

static void
test_states(void)
{
    Fixture fixture;
    gint64 since;

    set_up(&fixture, NO_SERVICE);
    g_assert_true(tb_card_readers_is_settled(fixture.readers)); /* nobody wants to know */
    g_assert_cmpint(tb_card_readers_state(fixture.readers), ==, TB_READERS_UNKNOWN);
    use(&fixture);
    g_assert_false(tb_card_readers_is_settled(fixture.readers));
    wait_state(&fixture, TB_READERS_NO_SERVICE);
    g_assert_true(tb_card_readers_is_settled(fixture.readers));
    add_line(&fixture, NO_READER);
    wait_state(&fixture, TB_READERS_NONE);
    add_line(&fixture, NO_CARD);
    wait_state(&fixture, TB_READERS_EMPTY);
    since = g_get_monotonic_time();
    add_line(&fixture, CARD);
    wait_state(&fixture, TB_READERS_CARD);
    g_assert_cmpint(tb_card_readers_since(fixture.readers), >=, since);
    add_line(&fixture, MUTE);
    wait_state(&fixture, TB_READERS_MUTE);
    tb_test_run_for(20);
    g_assert_cmpuint(fixture.told, ==, 5);
    tear_down(&fixture);
}

/* What listTokens passes on. */
static void
test_describe(void)
{
    json_t *expected =
        tb_test_json("{'service': 'ok', 'readers': [{'name': 'R', 'card': false, 'mute': false}, "
                     "{'name': 'S', 'card': true, 'mute': false}]}");
    Fixture fixture;
    json_t *got;

    set_up(&fixture, CARD);
    g_assert_null(tb_card_readers_describe(fixture.readers));
    use(&fixture);
    wait_state(&fixture, TB_READERS_CARD);
    got = tb_card_readers_describe(fixture.readers);
    g_assert_true(json_equal(got, expected));
    json_decref(got);
    json_decref(expected);
    tear_down(&fixture);
}

/* All of these end in nothing known, and users who have been told so. */
static void
test_faults(void)
{
    static const char *const lines[] = {
        "exit",
        "crash",
        "garbage",
        "send 5",
        "send []",
        "send {}",
        "send {'type': 'readers'}",
        "send {'type': 'other', 'service': 'ok', 'readers': []}",
        "send {'type': 'readers', 'service': 'perhaps', 'readers': []}",
        "send {'type': 'readers', 'service': 'ok', 'readers': {}}",
        "send {'type': 'readers', 'service': 'ok', 'readers': [], 'more': 1}",
        "send {'type': 'readers', 'service': 'ok', 'readers': [5]}",
        "send {'type': 'readers', 'service': 'ok', 'readers': [{'name': 5}]}",
        "send {'type': 'readers', 'service': 'ok', 'readers': [{'card': true}]}",
        "send {'type': 'readers', 'service': 'ok', 'readers': [{'name': 'R', 'card': 'yes'}]}",
        "send {'type': 'readers', 'service': 'ok', 'readers': [{'name': 'R', 'pin': 1}]}",
        "send {'type': 'readers', 'service': 'ok', 'readers': [{'name': 'R'}, {'name': 'R'}, "
        "{'name': 'R'}, {'name': 'R'}, {'name': 'R'}, {'name': 'R'}, {'name': 'R'}, {'name': "
        "'R'}, {'name': 'R'}, {'name': 'R'}, {'name': 'R'}, {'name': 'R'}, {'name': 'R'}, "
        "{'name': 'R'}, {'name': 'R'}, {'name': 'R'}, {'name': 'R'}]}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        Fixture fixture;

        set_up(&fixture, CARD);
        use(&fixture);
        wait_state(&fixture, TB_READERS_CARD);
        add_line(&fixture, lines[i]);
        wait_state(&fixture, TB_READERS_UNKNOWN);
        g_assert_true(tb_card_readers_is_settled(fixture.readers));
        g_assert_null(tb_card_readers_describe(fixture.readers));
        tb_test_run_for(20);
        if (fixture.told != 2)
            tb_test_row_failed("%s: told %u times", lines[i], fixture.told);
        tear_down(&fixture);
    }
}

/* One that dies is not started again at once, whoever asks. */
static void
test_pause_after_a_fault(void)
{
    Fixture fixture;

    set_up(&fixture, "exit");
    use(&fixture);
    tb_test_wait(&fixture.told, 10);
    for (guint i = 0; i < 3; i++) {
        tb_card_readers_leave(fixture.readers, fixture.use);
        fixture.use = tb_card_readers_use(fixture.readers, on_told, &fixture);
        g_assert_true(tb_card_readers_is_settled(fixture.readers));
        tb_test_run_for(20);
    }
    g_assert_cmpuint(tb_test_worker_log(fixture.script, "started", NULL), ==, 1);
    tear_down(&fixture);
}

/* One that says nothing holds nobody up for ever. */
static void
test_silence(void)
{
    Fixture fixture;

    set_up(&fixture, "hang");
    use(&fixture);
    tb_test_wait(&fixture.told, 10);
    g_assert_true(tb_card_readers_is_settled(fixture.readers));
    g_assert_cmpint(tb_card_readers_state(fixture.readers), ==, TB_READERS_UNKNOWN);
    tear_down(&fixture);
}

static void
test_idle(void)
{
    Fixture fixture;
    guint ended = 0;

    set_up(&fixture, CARD);
    use(&fixture);
    wait_state(&fixture, TB_READERS_CARD);
    tb_card_readers_leave(fixture.readers, g_steal_pointer(&fixture.use));
    g_assert_cmpint(tb_card_readers_state(fixture.readers), ==, TB_READERS_CARD);
    use(&fixture); /* in time: the same process */
    tb_test_run_for(tb_test_ms(500));
    g_assert_cmpuint(tb_test_worker_log(fixture.script, "started", NULL), ==, 1);
    tb_card_readers_leave(fixture.readers, g_steal_pointer(&fixture.use));
    for (guint i = 0; i < 500 && !ended; i++) {
        tb_test_run_for(10);
        ended = tb_test_worker_log(fixture.script, "ended", NULL);
    }
    g_assert_cmpuint(ended, ==, 1);
    g_assert_cmpint(tb_card_readers_state(fixture.readers), ==, TB_READERS_UNKNOWN);
    use(&fixture);
    wait_state(&fixture, TB_READERS_CARD);
    g_assert_cmpuint(tb_test_worker_log(fixture.script, "started", NULL), ==, 2);
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    tb_test_begin(&argc, &argv);
    g_test_add_func("/card-readers/states", test_states);
    g_test_add_func("/card-readers/describe", test_describe);
    g_test_add_func("/card-readers/faults", test_faults);
    g_test_add_func("/card-readers/pause-after-a-fault", test_pause_after_a_fault);
    g_test_add_func("/card-readers/silence", test_silence);
    g_test_add_func("/card-readers/idle", test_idle);
    return tb_test_end();
}
