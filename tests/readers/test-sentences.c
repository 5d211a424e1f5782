/* SPDX-License-Identifier: Apache-2.0
 *
 * What the person reads when no token is there: the host, its workers with OpenSC's module,
 * tokenbridge-readers, pcscd and a virtual reader are real; a scripted pinentry records the
 * screens. Each state has a sentence of its own, follows the others by itself, and is in what
 * "tokenbridge list" prints. Skips, and says why, where a reader service cannot be had.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/channel.h"
#include "tests/piv/rig.h"
#include "tests/support/assert.h"
#include "tests/worker/lab.h"

#define SEEN_MS 20000 /* on a busy machine; what it took is printed */
#define EXTENSION "chrome-extension://ccefchpnjpglhijhmdpndlfcgnhjebni/"
#define NONCE "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

static const char *const sentences[] = {
    "The service for card readers is not running",
    "Connect your card reader or token",
    "Insert your card",
    "Your card is not recognised",
    "No certificate to sign in with",
    "Insert your token",
};

enum { NO_SERVICE, NO_READER, NO_CARD, CARD_UNKNOWN, NO_CERTIFICATE, NO_TOKEN };

typedef struct Desk {
    TbRig *rig;
    char *folder;
    char *record; /* the pinentry's */
    GPid pid;
    TbChannel *channel; /* the browser's end */
    gsize read;         /* of the record */
} Desk;

static char *
place(const Desk *desk, const char *name)
{
    return g_build_filename(desk->folder, name, NULL);
}

static void
write_file(const Desk *desk, const char *name, const char *text)
{
    g_autofree char *path = place(desk, name);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* module: OpenSC's, or another. */
static void
make_home(Desk *desk, const char *module)
{
    static const char *const folders[] = {"config/tokenbridge", "state", "run", "home"};
    g_autofree char *link = NULL, *config = NULL, *options = NULL;

    desk->folder = g_dir_make_tmp("tokenbridge-sentences-XXXXXX", NULL);
    g_assert_nonnull(desk->folder);
    for (gsize i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = place(desk, folders[i]);

        g_assert_no_errno(g_mkdir_with_parents(path, 0700));
    }
    link = place(desk, "pinentry");
    g_assert_no_errno(symlink(g_getenv("TB_TEST_PINENTRY"), link));
    desk->record = place(desk, "record");
    options = g_strdup_printf("--record %s --hang-at GETPIN", desk->record);
    write_file(desk, "fake-pinentry.options", options);
    config = g_strdup_printf("[prompt]\nprogram=pinentry\npinentry=%s\n[modules]\np11-kit=false\n"
                             "well-known=false\n[module it]\npath=%s\n",
                             link, module);
    write_file(desk, "config/tokenbridge/tokenbridge.conf", config);
}

static char **
environment(const Desk *desk)
{
    static const char *const names[][2] = {{"HOME", "home"},
                                           {"XDG_CONFIG_HOME", "config"},
                                           {"XDG_STATE_HOME", "state"},
                                           {"XDG_RUNTIME_DIR", "run"}};
    char **envp = g_get_environ();

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = place(desk, names[i][1]);

        envp = g_environ_setenv(envp, names[i][0], path, TRUE);
    }
    return g_environ_setenv(envp, "LANG", "C.UTF-8", TRUE);
}

/* A browser, and a page that asks to sign in. */
static void
ask(Desk *desk)
{
    char *argv[] = {(char *)(guintptr)g_getenv("TB_TEST_HOST"), (char *)(guintptr)EXTENSION, NULL};
    g_auto(GStrv) envp = environment(desk);
    json_t *request =
        json_pack("{s:s, s:i, s:s, s:{s:s, s:s}}", "jsonrpc", "2.0", "id", 1, "method",
                  "authenticate", "params", "origin", "https://example.org", "nonce", NONCE);
    posix_spawn_file_actions_t actions;
    int ends[2];

    g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    g_assert_cmpint(posix_spawn_file_actions_init(&actions), ==, 0);
    g_assert_cmpint(posix_spawn_file_actions_adddup2(&actions, ends[1], 0), ==, 0);
    g_assert_cmpint(posix_spawn_file_actions_adddup2(&actions, ends[1], 1), ==, 0);
    g_assert_cmpint(posix_spawn(&desk->pid, argv[0], &actions, NULL, argv, envp), ==, 0);
    posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    desk->channel = tb_channel_new(ends[0]);
    g_assert_true(tb_channel_send(desk->channel, request, -1, NULL));
    json_decref(request);
}

static void
set_up(Desk *desk, gconstpointer data)
{
    desk->rig = tb_rig_new();
}

static void
tear_down(Desk *desk, gconstpointer data)
{
    int status;

    if (desk->channel) {
        tb_channel_free(desk->channel);
        g_assert_cmpint(waitpid(desk->pid, &status, 0), ==, desk->pid);
        g_assert_cmpint(status, ==, 0);
    }
    tb_rig_free(desk->rig);
    g_free(desk->folder);
    g_free(desk->record);
}

/* Waits for a screen with this sentence among those that have not been read yet, and before it none
 * of the others but those allowed. Returns how many milliseconds that took. */
static gint64
wait_sentence(Desk *desk, guint wanted, guint allowed)
{
    gint64 begin = g_get_monotonic_time();

    for (;;) {
        g_autofree char *text = NULL;
        gsize length = 0;
        const char *rest;
        char *end;

        if (g_file_get_contents(desk->record, &text, &length, NULL) && length > desk->read) {
            rest = text + desk->read;
            while ((end = strchr(rest, '\n'))) {
                *end = '\0';
                desk->read = (gsize)(end + 1 - text);
                for (guint i = 0; i < G_N_ELEMENTS(sentences); i++) {
                    if (!g_str_has_prefix(rest, "SETDESC") || !strstr(rest, sentences[i]))
                        continue;
                    if (i == wanted)
                        return (g_get_monotonic_time() - begin) / 1000;
                    if (i != allowed)
                        g_error("\"%s\" was shown before \"%s\"", sentences[i], sentences[wanted]);
                }
                rest = end + 1;
            }
        }
        if (g_get_monotonic_time() - begin > (gint64)SEEN_MS * 1000)
            g_error("\"%s\" was never shown", sentences[wanted]);
        g_usleep(2000);
    }
}

/* What "tokenbridge list" prints, also when no module has answered; g_free. */
static char *
list(const Desk *desk, gboolean json)
{
    char *argv[] = {(char *)(guintptr)g_getenv("TB_TEST_CLI"), (char *)(guintptr) "list",
                    (char *)(guintptr)(json ? "--json" : NULL), NULL};
    g_auto(GStrv) envp = environment(desk);
    g_autoptr(GError) error = NULL;
    char *text = NULL;
    int status;

    g_assert_true(
        g_spawn_sync(NULL, argv, envp, G_SPAWN_DEFAULT, NULL, NULL, &text, NULL, &status, &error));
    g_assert_no_error(error);
    g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
    return text;
}

static void
assert_listed(const Desk *desk, const char *line)
{
    g_autofree char *text = list(desk, FALSE);

    if (!strstr(text, line))
        g_error("\"%s\" is not in:\n%s", line, text);
}

/* One dialog through all of it. */
static void
test_in_turn(Desk *desk, gconstpointer data)
{
    g_autofree char *document = tb_rig_slot("9A", "signing");
    json_t *listed;

    make_home(desk, g_getenv("TB_TEST_OPENSC"));
    assert_listed(desk, "the reader service (pcscd) is not running");
    ask(desk);
    (void)wait_sentence(desk, NO_SERVICE, NO_SERVICE);
    tb_rig_start_service(desk->rig, TRUE);
    (void)wait_sentence(desk, NO_CARD, NO_READER); /* pcscd answers before it has its readers */
    assert_listed(desk, "no card");
    tb_rig_start_card(desk->rig, 1, "card", (const char *const[]){document, NULL});
    tb_rig_insert(desk->rig, "other");
    g_test_message("an unknown card was told %d ms after pcscd saw it",
                   (int)wait_sentence(desk, CARD_UNKNOWN, NO_CARD));
    assert_listed(desk, "no module knows the card");
    tb_rig_remove(desk->rig);
    g_test_message("that no card is there, %d ms after pcscd saw it",
                   (int)wait_sentence(desk, NO_CARD, NO_CARD));
    tb_rig_insert(desk->rig, "mute");
    (void)wait_sentence(desk, CARD_UNKNOWN, NO_CARD);
    assert_listed(desk, "is it the right way round?");
    tb_rig_remove(desk->rig);
    (void)wait_sentence(desk, NO_CARD, NO_CARD);
    /* A card that is known is never called unknown while it is read. */
    tb_rig_insert(desk->rig, "yubikey");
    g_test_message("a card without a certificate for this, %d ms after pcscd saw it",
                   (int)wait_sentence(desk, NO_CERTIFICATE, NO_CARD));
    {
        g_autofree char *text = list(desk, TRUE);

        listed = json_loads(text, 0, NULL);
    }
    g_assert_cmpstr(
        json_string_value(json_object_get(json_object_get(listed, "readers"), "service")), ==,
        "ok");
    json_decref(listed);
    tb_rig_remove(desk->rig);
    (void)wait_sentence(desk, NO_CARD, NO_CERTIFICATE);
    tb_rig_stop_card(desk->rig);
    tb_rig_stop_service(desk->rig);
    (void)wait_sentence(desk, NO_SERVICE, NO_CARD);
}

static void
test_no_reader(Desk *desk, gconstpointer data)
{
    make_home(desk, g_getenv("TB_TEST_OPENSC"));
    tb_rig_start_service(desk->rig, FALSE);
    assert_listed(desk, "no reader is connected");
    ask(desk);
    (void)wait_sentence(desk, NO_READER, NO_READER);
}

/* A soft token needs neither service nor reader: nobody is sent to look for them. */
static void
test_soft_token(Desk *desk, gconstpointer data)
{
    make_home(desk, g_getenv("TB_TEST_SOFTHSM"));
    assert_listed(desk, "no module in use needs it");
    ask(desk);
    (void)wait_sentence(desk, NO_TOKEN, NO_TOKEN);
    tb_rig_start_service(desk->rig, TRUE);
    assert_listed(desk, "no card");
    tb_rig_start_card(desk->rig, 1, "card", (const char *const[]){NULL});
    tb_rig_insert(desk->rig, "yubikey"); /* but a card that is there is worth a word */
    (void)wait_sentence(desk, CARD_UNKNOWN, NO_TOKEN);
}

static const struct {
    const char *path;
    void (*run)(Desk *desk, gconstpointer data);
} cases[] = {
    {"/sentences/in-turn", test_in_turn},
    {"/sentences/no-reader", test_no_reader},
    {"/sentences/soft-token", test_soft_token},
};

int
main(int argc, char **argv)
{
    const char *missing = tb_rig_enter();
    int status;

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        tb_test_add_or_skip(missing, cases[i].path, Desk, set_up, cases[i].run, tear_down);
    status = g_test_run();
    tb_test_lab_remove();
    return status;
}
