/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of tokenbridge-prompt-pinentry as a process: the host is played here over a real channel,
 * the person by fake-pinentry. The environment names both programs (meson.build).
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/channel.h"

#define PATIENCE_US (10 * G_USEC_PER_SEC)

typedef struct Fixture {
    char *folder;
    char *record; /* what the pinentry was told */
    TbChannel *channel;
    pid_t pid;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
    f->folder = g_dir_make_tmp("test-prompt-XXXXXX", NULL);
    f->record = g_build_filename(f->folder, "record", NULL);
    f->pid = -1;
}

static void
start_program(Fixture *f, const char *pinentry, const char *options)
{
    const char *prompt = g_getenv("TB_TEST_PROMPT");
    g_autofree char *all = g_strdup_printf("--record %s %s", f->record, options);
    int ends[2];

    g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    f->channel = tb_channel_new(ends[0]);
    f->pid = fork();
    if (f->pid == 0) {
        setenv("FAKE_PINENTRY", all, 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        if (ends[1] == TB_CHANNEL_FD)
            fcntl(TB_CHANNEL_FD, F_SETFD, 0);
        else
            dup2(ends[1], TB_CHANNEL_FD);
        execl(prompt, prompt, pinentry, (char *)NULL);
        _exit(127);
    }
    g_assert_no_errno(f->pid);
    close(ends[1]);
}

static void
start(Fixture *f, const char *options)
{
    start_program(f, g_getenv("TB_TEST_FAKE_PINENTRY"), options);
}

/* Waits for the prompt's end; its exit status, or -1 when it does not end. */
static int
wait_for_end(Fixture *f)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    int status = 0;

    while (g_get_monotonic_time() < end) {
        if (waitpid(f->pid, &status, WNOHANG) == f->pid) {
            f->pid = -1;
            return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
        }
        g_usleep(2000);
    }
    return -1;
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    tb_channel_free(f->channel);
    if (f->pid > 0)
        g_assert_cmpint(wait_for_end(f), >=, 0);
    g_unlink(f->record);
    g_rmdir(f->folder);
    g_free(f->record);
    g_free(f->folder);
}

static void
tell_fd(Fixture *f, json_t *message, int fd)
{
    g_autoptr(GError) error = NULL;

    g_assert_nonnull(message);
    tb_channel_send(f->channel, message, fd, &error);
    g_assert_no_error(error);
    json_decref(message);
}

static void
tell(Fixture *f, json_t *message)
{
    tell_fd(f, message, -1);
}

/* The next message must be of this type; its certificate or message is returned. */
static char *
expect(Fixture *f, const char *type)
{
    json_t *message = NULL;
    const char *text;
    char *copy;
    int fd = -1;

    g_assert_cmpint(tb_channel_receive(f->channel, TRUE, &message, &fd, NULL), ==,
                    TB_CHANNEL_MESSAGE);
    g_assert_cmpstr(json_string_value(json_object_get(message, "type")), ==, type);
    text = json_string_value(json_object_get(message, "certificate"));
    copy = g_strdup(text ? text : json_string_value(json_object_get(message, "message")));
    json_decref(message);
    return copy;
}

static void
expect_only(Fixture *f, const char *type)
{
    g_autofree char *text = expect(f, type);
}

static void
show(Fixture *f)
{
    tell(f, json_pack("{s:s,s:s,s:s}", "type", "show", "operation", "authenticate", "origin",
                      "https://example.org"));
}

static json_t *
pin_info(const char *state)
{
    return json_pack("{s:s,s:b,s:i,s:i}", "state", state, "pad", 0, "min", 4, "max", 255);
}

static json_t *
choice(const char *name)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:b,s:o,s:b}", "id", name, "name", name,
                     "issuer_name", "CA", "token", "Token", "reader", "Reader", "not_before", 0,
                     "not_after", 1900000000, "usable", 1, "pin", pin_info("ok"), "needs_pin", 1);
}

static void
offer(Fixture *f, const char *first, const char *second)
{
    json_t *list = json_array();

    if (first)
        json_array_append_new(list, choice(first));
    if (second)
        json_array_append_new(list, choice(second));
    tell(f, json_pack("{s:s,s:o}", "type", "certificates", "certificates", list));
}

static char *
fetch_pin(Fixture *f)
{
    char buffer[512] = "";
    gsize used = 0;
    ssize_t got;
    int ends[2];

    g_assert_no_errno(pipe2(ends, O_CLOEXEC));
    tell_fd(f, json_pack("{s:s}", "type", "pin"), ends[1]);
    close(ends[1]);
    while ((got = read(ends[0], buffer + used, sizeof buffer - 1 - used)) > 0)
        used += (gsize)got;
    close(ends[0]);
    return g_strdup(buffer);
}

static char *
read_record(Fixture *f)
{
    char *text = NULL;

    return g_file_get_contents(f->record, &text, NULL, NULL) ? text : g_strdup("");
}

/* Waits until the pinentry has been told line. */
static void
await_record(Fixture *f, const char *line)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;
    g_autofree char *wanted = g_strdup_printf("%s\n", line);

    for (;;) {
        g_autofree char *text = read_record(f);
        if (strstr(text, wanted))
            return;
        if (g_get_monotonic_time() > end)
            g_error("the pinentry was not told \"%s\", but:\n%s", line, text);
        g_usleep(2000);
    }
}

static guint
count(const char *text, const char *line)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    guint found = 0;

    for (char **l = lines; *l; l++)
        found += strcmp(*l, line) == 0;
    return found;
}

/* How many fake pinentries of this fixture run: each has the record's path in its environment, as
 * has the prompt, which is not counted. */
static guint
count_pinentries(Fixture *f)
{
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
    const char *name;
    guint found = 0;

    while ((name = g_dir_read_name(proc))) {
        g_autofree char *path = g_build_filename("/proc", name, "environ", NULL);
        g_autofree char *text = NULL;
        gsize length = 0;
        if (g_ascii_isdigit(name[0]) && strtol(name, NULL, 10) != f->pid &&
            g_file_get_contents(path, &text, &length, NULL) &&
            memmem(text, length, f->record, strlen(f->record)))
            found++;
    }
    return found;
}

static void
assert_no_pinentry(Fixture *f)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_US;

    while (count_pinentries(f) > 0) {
        if (g_get_monotonic_time() > end)
            g_error("a pinentry was left running");
        g_usleep(2000);
    }
}

static void
submit(Fixture *f, const char *certificate, const char *pin)
{
    g_autofree char *chosen = expect(f, "submit");
    g_autofree char *typed = fetch_pin(f);

    g_assert_cmpstr(chosen, ==, certificate);
    g_assert_cmpstr(typed, ==, pin);
}

static void
test_sign_in(Fixture *f, gconstpointer unused)
{
    start(f, "--pin 4711");
    expect_only(f, "ready");
    show(f);
    offer(f, "Jane", NULL);
    submit(f, "Jane", "4711");
    tell(f, json_pack("{s:s,s:b}", "type", "working", "pad", 0));
    tell(f, json_pack("{s:s}", "type", "done"));
    g_assert_cmpint(wait_for_end(f), ==, 0);
    assert_no_pinentry(f);

    g_autofree char *record = read_record(f);
    g_assert_null(strstr(record, "SETKEYINFO"));
    g_assert_null(strstr(record, "cache"));
    g_assert_nonnull(strstr(record, "SETTITLE "));
    g_assert_cmpuint(count(record, "GETPIN"), ==, 1);
}

static void
test_strange_pins(Fixture *f, gconstpointer unused)
{
    start(f, "--pins 12%2534,%C3%A9%C3%A9%C3%A9%0A,%C3%A9%C3%A9");
    show(f);
    offer(f, "Jane", NULL);
    expect_only(f, "ready");
    submit(f, "Jane", "12%34");
    tell(f, json_pack("{s:s,s:o,s:b}", "type", "pin_failed", "pin", pin_info("ok"), "repeated", 0));
    submit(f, "Jane", "éé"); /* the one with a newline was refused before it was sent */
}

static void
show_care(Fixture *f, const char *operation, const char *puk_state)
{
    tell(f, json_pack("{s:s,s:s}", "type", "show", "operation", operation));
    tell(f, json_pack("{s:s,s:{s:s,s:s,s:o,s:o}}", "type", "token", "token", "label", "Card",
                      "reader", "Reader", "pin", pin_info("ok"), "puk", pin_info(puk_state)));
}

static void
submit_pair(Fixture *f, const char *pair)
{
    g_autofree char *written = NULL;

    expect_only(f, "submit");
    written = fetch_pin(f);
    g_assert_cmpstr(written, ==, pair);
}

static void
test_change_pin(Fixture *f, gconstpointer unused)
{
    g_autofree char *record = NULL;

    start(f, "--pins 4711,123,12%2534,12%2534,4711,5678,5678");
    expect_only(f, "ready");
    show_care(f, "change_pin", "ok");
    submit_pair(f, "4711\n12%34\n"); /* the short one was refused before it was sent */
    tell(f, json_pack("{s:s,s:b}", "type", "working", "pad", 0));
    tell(f, json_pack("{s:s,s:o,s:b,s:s}", "type", "pin_failed", "pin", pin_info("ok"), "repeated",
                      0, "what", "new"));
    submit_pair(f, "4711\n5678\n");
    tell(f, json_pack("{s:s}", "type", "done"));
    g_assert_cmpint(wait_for_end(f), ==, 0);
    assert_no_pinentry(f);
    record = read_record(f);
    g_assert_null(strstr(record, "SETKEYINFO"));
    g_assert_null(strstr(record, "cache"));
    g_assert_null(strstr(record, "4711"));
    g_assert_null(strstr(record, "5678"));
    g_assert_nonnull(strstr(record, "SETPROMPT PIN:\n"));
    g_assert_nonnull(strstr(record, "SETPROMPT New PIN:\n"));
    g_assert_nonnull(strstr(record, "SETPROMPT Again:\n"));
    g_assert_nonnull(strstr(record, "SETERROR That was too short."));
    g_assert_nonnull(strstr(record, "SETERROR The token does not accept this new PIN."));
    g_assert_cmpuint(count(record, "GETPIN"), ==, 7);
    g_assert_cmpuint(count(record, "CONFIRM"), ==, 0);
}

static void
test_unblock_pin(Fixture *f, gconstpointer unused)
{
    g_autofree char *record = NULL;

    start(f, "--pins 87654321,5678,5678");
    expect_only(f, "ready");
    show_care(f, "unblock_pin", "final_try");
    submit_pair(f, "87654321\n5678\n");
    tell(f, json_pack("{s:s}", "type", "close"));
    g_assert_cmpint(wait_for_end(f), ==, 0);
    record = read_record(f);
    g_assert_nonnull(strstr(record, "SETPROMPT PUK:\n"));
    g_assert_cmpuint(count(record, "CONFIRM"), ==, 1); /* the last try */
}

static void
test_second_certificate(Fixture *f, gconstpointer unused)
{
    start(f, "--choose 2");
    show(f);
    offer(f, "Jane", "John");
    expect_only(f, "ready");
    submit(f, "John", "1234");
}

static void
test_cancel(Fixture *f, gconstpointer dialog)
{
    g_autofree char *options = g_strdup_printf("--cancel-at %s", (const char *)dialog);

    start(f, options);
    show(f);
    if (strcmp(dialog, "WAIT") == 0)
        offer(f, NULL, NULL);
    else
        offer(f, "Jane", strcmp(dialog, "CONFIRM") == 0 ? "John" : NULL);
    expect_only(f, "ready");
    expect_only(f, "cancelled");
    g_assert_cmpint(wait_for_end(f), ==, 0);
}

static void
test_insert_token(Fixture *f, gconstpointer unused)
{
    start(f, "");
    expect_only(f, "ready");
    show(f);
    offer(f, NULL, NULL);
    await_record(f, "CONFIRM --one-button");
    await_record(f, "ANSWER none");
    offer(f, "Jane", NULL);
    submit(f, "Jane", "1234");
    g_assert_cmpuint(count_pinentries(f), ==, 1); /* the window that waited was taken away */
}

static void
end_at_dialog(Fixture *f, void (*end)(Fixture *))
{
    gint64 began;

    start(f, "--hang-at GETPIN");
    expect_only(f, "ready");
    show(f);
    offer(f, "Jane", NULL);
    await_record(f, "ANSWER none");
    g_assert_cmpuint(count_pinentries(f), ==, 1);
    began = g_get_monotonic_time();
    end(f);
    g_assert_cmpint(wait_for_end(f), >=, 0);
    assert_no_pinentry(f);
    g_assert_cmpint(g_get_monotonic_time() - began, <, 5 * G_USEC_PER_SEC);
}

static void
say_close(Fixture *f)
{
    tell(f, json_pack("{s:s}", "type", "close"));
}

static void
close_channel(Fixture *f)
{
    g_clear_pointer(&f->channel, tb_channel_free);
}

static void
say_garbage(Fixture *f)
{
    g_assert_cmpint(write(tb_channel_get_fd(f->channel), "\2\0\0\0[]", 6), ==, 6);
}

static void
terminate(Fixture *f)
{
    kill(f->pid, SIGTERM);
}

static void
kill_hard(Fixture *f)
{
    kill(f->pid, SIGKILL);
}

static void
test_close(Fixture *f, gconstpointer unused)
{
    end_at_dialog(f, say_close);
}

static void
test_channel_end(Fixture *f, gconstpointer unused)
{
    end_at_dialog(f, close_channel);
}

static void
test_garbage(Fixture *f, gconstpointer unused)
{
    end_at_dialog(f, say_garbage);
}

static void
test_sigterm(Fixture *f, gconstpointer unused)
{
    end_at_dialog(f, terminate);
}

/* Even then no dialog stays on the screen. */
static void
test_sigkill(Fixture *f, gconstpointer unused)
{
    start(f, "--hang-at GETPIN");
    expect_only(f, "ready");
    show(f);
    offer(f, "Jane", NULL);
    await_record(f, "ANSWER none");
    kill_hard(f);
    g_assert_cmpint(wait_for_end(f), ==, -2);
    assert_no_pinentry(f);
}

static void
test_timeout(Fixture *f, gconstpointer unused)
{
    start(f, "--timeout-at GETPIN");
    show(f);
    offer(f, "Jane", NULL);
    expect_only(f, "ready");
    submit(f, "Jane", "1234"); /* asked a second time, and nobody cancelled */
    g_autofree char *record = read_record(f);
    g_assert_cmpuint(count(record, "GETPIN"), ==, 2);
}

/* A pinentry that is of no use: the host hears of it, with the program's name. */
static void
test_useless(Fixture *f, gconstpointer options)
{
    start(f, options);
    show(f);
    offer(f, "Jane", NULL);

    g_autofree char *first = NULL;
    if (strstr(options, "GETPIN"))
        expect_only(f, "ready");
    first = expect(f, "failed");
    g_assert_nonnull(strstr(first, "fake-pinentry"));
    g_assert_nonnull(strstr(first, "tokenbridge.conf"));
    g_assert_cmpint(wait_for_end(f), ==, 1);
    assert_no_pinentry(f);
}

static void
test_missing(Fixture *f, gconstpointer unused)
{
    start_program(f, "/nonexistent/pinentry", "");
    g_autofree char *message = expect(f, "failed");
    g_assert_nonnull(strstr(message, "/nonexistent/pinentry"));
    g_assert_cmpint(wait_for_end(f), ==, 1);
}

static void
test_failed_state(Fixture *f, gconstpointer unused)
{
    start(f, "");
    expect_only(f, "ready");
    show(f);
    tell(f, json_pack("{s:s,s:s,s:s}", "type", "failed", "reason", "module_failed", "message",
                      "libx.so is missing"));
    g_assert_cmpint(wait_for_end(f), ==, 0);
    g_autofree char *record = read_record(f);
    g_assert_nonnull(strstr(record, "libx.so is missing"));
    g_assert_cmpuint(count(record, "ANSWER MESSAGE ok"), ==, 1);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        gconstpointer data;
        void (*body)(Fixture *, gconstpointer);
    } tests[] = {
        {"/prompt/sign-in", NULL, test_sign_in},
        {"/prompt/strange-pins", NULL, test_strange_pins},
        {"/prompt/change-pin", NULL, test_change_pin},
        {"/prompt/unblock-pin", NULL, test_unblock_pin},
        {"/prompt/second-certificate", NULL, test_second_certificate},
        {"/prompt/cancel/pin", "GETPIN", test_cancel},
        {"/prompt/cancel/choice", "CONFIRM", test_cancel},
        {"/prompt/cancel/wait", "WAIT", test_cancel},
        {"/prompt/insert-token", NULL, test_insert_token},
        {"/prompt/close", NULL, test_close},
        {"/prompt/channel-end", NULL, test_channel_end},
        {"/prompt/garbage", NULL, test_garbage},
        {"/prompt/sigterm", NULL, test_sigterm},
        {"/prompt/sigkill", NULL, test_sigkill},
        {"/prompt/timeout", NULL, test_timeout},
        {"/prompt/useless/dies-at-start", "--die-at START", test_useless},
        {"/prompt/useless/dies-at-dialog", "--die-at GETPIN", test_useless},
        {"/prompt/useless/garbage-at-start", "--garbage-at START", test_useless},
        {"/prompt/useless/garbage-at-dialog", "--garbage-at GETPIN", test_useless},
        {"/prompt/useless/error-at-dialog", "--error-at GETPIN=83918950", test_useless},
        {"/prompt/useless/curses-without-terminal", "--flavor gnome3:curses", test_useless},
        {"/prompt/missing", NULL, test_missing},
        {"/prompt/failed-state", NULL, test_failed_state},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, tests[i].data, set_up, tests[i].body, tear_down);
    return g_test_run();
}
