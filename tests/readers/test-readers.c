/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge-readers over its real channel, with a real pcscd and virtual readers: what it says
 * without a service, without readers, as cards come and go, and of cards that no module knows.
 * Skips, and says why, where that cannot be had.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/channel.h"
#include "tests/piv/rig.h"
#include "tests/support/assert.h"
#include "tests/worker/client.h"

#define READER "Virtual PCD 00 00"
#define TOLD_MS 5000
#define SEEN_MS 500
#define QUIET_MS 900 /* two of its looks */
#define ROUNDS 3

typedef struct Desk {
    TbRig *rig;
    GPid pid;
    TbChannel *channel;
    json_t *told; /* the last message */
} Desk;

static void
start(Desk *desk)
{
    const char *program = g_getenv("TB_TEST_READERS");
    char *argv[] = {(char *)(guintptr)program, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];

    g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    g_assert_cmpint(posix_spawn_file_actions_init(&actions), ==, 0);
    g_assert_cmpint(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0), ==, 0);
    g_assert_cmpint(posix_spawn_file_actions_adddup2(&actions, 2, 1), ==, 0);
    g_assert_cmpint(posix_spawn_file_actions_adddup2(&actions, ends[1], TB_CHANNEL_FD), ==, 0);
    g_assert_cmpint(posix_spawn(&desk->pid, program, &actions, NULL, argv, environ), ==, 0);
    posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    desk->channel = tb_channel_new(ends[0]);
}

static void
set_up(Desk *desk, gconstpointer data)
{
    desk->rig = tb_rig_new();
}

/* It ends by itself, and well, when the channel does. */
static void
tear_down(Desk *desk, gconstpointer data)
{
    int status = -1;

    tb_channel_free(desk->channel);
    for (int i = 0; i < TOLD_MS && waitpid(desk->pid, &status, WNOHANG) == 0; i++)
        g_usleep(1000);
    if (status == -1)
        (void)kill(desk->pid, SIGKILL);
    g_assert_cmpint(status, ==, 0);
    json_decref(desk->told);
    tb_rig_free(desk->rig);
}

/* FALSE when nothing is said for so long. */
static gboolean
hear(Desk *desk, int milliseconds)
{
    struct pollfd poll_fd = {.fd = tb_channel_get_fd(desk->channel), .events = POLLIN};
    g_autoptr(GError) error = NULL;
    int fd = -1;

    if (poll(&poll_fd, 1, milliseconds) == 0)
        return FALSE;
    json_decref(desk->told);
    desk->told = NULL;
    g_assert_cmpint(tb_channel_receive(desk->channel, TRUE, &desk->told, &fd, &error), ==,
                    TB_CHANNEL_MESSAGE);
    g_assert_cmpstr(json_string_value(json_object_get(desk->told, "type")), ==, "readers");
    g_assert_cmpuint(json_object_size(desk->told), ==, 3);
    return TRUE;
}

static const char *
service(const Desk *desk)
{
    return json_string_value(json_object_get(desk->told, "service"));
}

static size_t
count(const Desk *desk)
{
    return json_array_size(json_object_get(desk->told, "readers"));
}

/* Of the card's reader; FALSE also when there is none of this name. */
static gboolean
flag(const Desk *desk, const char *name)
{
    json_t *readers = json_object_get(desk->told, "readers");

    for (size_t i = 0; i < json_array_size(readers); i++) {
        json_t *reader = json_array_get(readers, i);

        g_assert_cmpuint(json_object_size(reader), ==, 3);
        if (strcmp(json_string_value(json_object_get(reader, "name")), READER) == 0)
            return json_is_true(json_object_get(reader, name));
    }
    return FALSE;
}

/* Listens until the reader's flag is so. Returns how many milliseconds that took. */
static gint64
hear_flag(Desk *desk, const char *name, gboolean wanted)
{
    gint64 start_time = g_get_monotonic_time();

    while (flag(desk, name) != wanted)
        g_assert_true(hear(desk, TOLD_MS));
    return (g_get_monotonic_time() - start_time) / 1000;
}

static void
hear_service(Desk *desk, const char *wanted, size_t readers)
{
    while (g_strcmp0(service(desk), wanted) != 0 || count(desk) != readers)
        g_assert_true(hear(desk, TOLD_MS));
}

static void
test_no_service(Desk *desk, gconstpointer data)
{
    start(desk);
    g_assert_true(hear(desk, TOLD_MS));
    g_assert_cmpstr(service(desk), ==, "missing");
    g_assert_cmpuint(count(desk), ==, 0);
    g_assert_false(hear(desk, QUIET_MS)); /* said once */
    tb_rig_start_service(desk->rig, TRUE);
    hear_service(desk, "ok", 2);
    g_assert_false(flag(desk, "card"));
    tb_rig_stop_service(desk->rig);
    hear_service(desk, "missing", 0);
    tb_rig_start_service(desk->rig, TRUE);
    hear_service(desk, "ok", 2);
}

static void
test_no_reader(Desk *desk, gconstpointer data)
{
    tb_rig_start_service(desk->rig, FALSE);
    start(desk);
    g_assert_true(hear(desk, TOLD_MS));
    g_assert_cmpstr(service(desk), ==, "ok");
    g_assert_cmpuint(count(desk), ==, 0);
    g_assert_false(hear(desk, QUIET_MS));
}

/* pcscd itself looks every 400 ms, so of what is asked for little is left to us; on a busy machine
 * the best of some rounds tells. */
static void
test_card_comes_and_goes(Desk *desk, gconstpointer data)
{
    gint64 in = G_MAXINT64;
    gint64 out = G_MAXINT64;

    tb_rig_start_service(desk->rig, TRUE);
    tb_rig_start_card(desk->rig, 1, "card", (const char *const[]){NULL});
    start(desk);
    g_assert_true(hear(desk, TOLD_MS));
    g_assert_cmpstr(service(desk), ==, "ok");
    g_assert_cmpuint(count(desk), ==, 2);
    g_assert_false(flag(desk, "card"));
    for (int i = 0; i < ROUNDS; i++) {
        gint64 took;

        tb_rig_tell(desk->rig, "insert");
        took = hear_flag(desk, "card", TRUE);
        in = MIN(in, took);
        g_assert_false(flag(desk, "mute"));
        tb_rig_tell(desk->rig, "remove");
        took = hear_flag(desk, "card", FALSE);
        out = MIN(out, took);
    }
    g_test_message("a card was seen after %d ms, and that it had gone after %d ms", (int)in,
                   (int)out);
    g_assert_cmpint(in, <, SEEN_MS);
    g_assert_cmpint(out, <, SEEN_MS);
}

/* It does not hold a card, or wake it up: others' transactions go on, and it is quiet meanwhile. */
static void
test_card_in_use(Desk *desk, gconstpointer data)
{
    g_autoptr(TbTestWorker) worker = NULL;
    json_t *answer;

    tb_rig_start_service(desk->rig, TRUE);
    tb_rig_start_card(desk->rig, 1, "card", (const char *const[]){NULL});
    tb_rig_insert(desk->rig, "yubikey");
    start(desk);
    g_assert_true(hear(desk, TOLD_MS));
    g_assert_true(flag(desk, "card"));
    worker = tb_test_worker_start(g_getenv("TB_TEST_OPENSC"), (const char *const[]){NULL});
    answer = tb_test_worker_ask(worker, json_pack("{s:s}", "op", "list"), -1);
    g_assert_cmpuint(json_array_size(json_object_get(answer, "tokens")), ==, 1);
    json_decref(answer);
    g_assert_false(hear(desk, QUIET_MS));
}

/* What the dialog calls "card not recognised": there is one, and no module shows a token. */
static void
assert_unknown(Desk *desk, const char *kind, gboolean mute)
{
    g_autoptr(TbTestWorker) worker = NULL;
    json_t *answer;

    tb_rig_start_service(desk->rig, TRUE);
    tb_rig_start_card(desk->rig, 1, "card", (const char *const[]){NULL});
    tb_rig_insert(desk->rig, kind);
    start(desk);
    (void)hear_flag(desk, "card", TRUE);
    (void)hear_flag(desk, "mute", mute);
    worker = tb_test_worker_start(g_getenv("TB_TEST_OPENSC"), (const char *const[]){NULL});
    answer = tb_test_worker_ask(worker, json_pack("{s:s}", "op", "list"), -1);
    g_assert_cmpuint(json_array_size(json_object_get(answer, "tokens")), ==, 0);
    g_assert_null(json_object_get(answer, "error"));
    json_decref(answer);
}

static void
test_card_of_another_kind(Desk *desk, gconstpointer data)
{
    assert_unknown(desk, "other", FALSE);
}

static void
test_mute_card(Desk *desk, gconstpointer data)
{
    assert_unknown(desk, "mute", TRUE);
}

static const struct {
    const char *path;
    void (*run)(Desk *desk, gconstpointer data);
} cases[] = {
    {"/readers/no-service", test_no_service},
    {"/readers/no-reader", test_no_reader},
    {"/readers/card-comes-and-goes", test_card_comes_and_goes},
    {"/readers/card-in-use", test_card_in_use},
    {"/readers/card-of-another-kind", test_card_of_another_kind},
    {"/readers/mute-card", test_mute_card},
};

int
main(int argc, char **argv)
{
    const char *missing = tb_rig_enter();

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        tb_test_add_or_skip(missing, cases[i].path, Desk, set_up, cases[i].run, tear_down);
    return g_test_run();
}
