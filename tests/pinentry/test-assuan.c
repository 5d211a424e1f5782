/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of the Assuan client (host/prompt/pinentry/assuan.h) against a socket pair whose other end
 * is played here.
 */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/prompt/pinentry/assuan.h"
#include "tests/support/assert.h"

typedef struct Fixture {
    TbAssuan *assuan;
    TbSecret *data;
    int peer;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
    int ends[2];

    g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    f->assuan = tb_assuan_new(ends[0], ends[0]);
    g_assert_nonnull(f->assuan);
    f->data = tb_secret_new(TB_PIN_MAX);
    f->peer = ends[1];
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    tb_assuan_free(f->assuan);
    tb_secret_free(f->data);
    if (f->peer >= 0)
        close(f->peer);
}

static void
peer_says(Fixture *f, const char *text)
{
    g_assert_cmpint(write(f->peer, text, strlen(text)), ==, (gssize)strlen(text));
}

static void
assert_reply(Fixture *f, TbAssuanReply expected)
{
    g_autoptr(GError) error = NULL;
    guint code = 0;

    g_assert_cmpint(tb_assuan_receive(f->assuan, f->data, &code, &error), ==, expected);
    g_assert_true((expected == TB_ASSUAN_BROKEN) == (error != NULL));
}

static void
assert_data(Fixture *f, const char *expected)
{
    tb_test_assert_bytes(tb_secret_data(f->data), tb_secret_length(f->data), expected,
                         strlen(expected));
}

static void
test_escape(void)
{
    static const struct {
        const char *text;
        gsize room;
        const char *line;
    } rows[] = {
        {"Sign in", 100, "Sign in"},
        {"100 %\nnew\r\tline", 100, "100 %25%0Anew%0D%09line"},
        {"سلام", 100, "سلام"},
        {"12345678", 8, "12345678"},
        {"123456789", 8, "12345…"},
        {"ääää", 7, "ää…"},  /* 4 of 7 bytes: the third ä would leave no room for the mark */
        {"ab\nc", 5, "ab…"}, /* an escape is not cut either */
        {"a\xff", 10, "a\xef\xbf\xbd"}, /* not UTF-8 */
        {"", 0, ""},
        {"ab", 1, "a"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *line = tb_assuan_escape(rows[i].text, rows[i].room);
        if (strcmp(line, rows[i].line) != 0 || strlen(line) > rows[i].room)
            tb_test_row_failed("row %" G_GSIZE_FORMAT ": \"%s\" instead of \"%s\"", i, line,
                               rows[i].line);
    }
}

static void
test_send(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strnfill(4000, '\n');
    char line[4096] = "";

    g_assert_true(tb_assuan_send(f->assuan, "SETDESC", "a\nb", &error));
    g_assert_cmpint(read(f->peer, line, sizeof line), ==, strlen("SETDESC a%0Ab\n"));
    g_assert_cmpstr(line, ==, "SETDESC a%0Ab\n");
    g_assert_true(tb_assuan_send(f->assuan, "SETDESC", text, &error));
    g_assert_cmpint(read(f->peer, line, sizeof line), <=, TB_ASSUAN_LINE_MAX + 1);
    close(f->peer);
    f->peer = -1;
    g_assert_false(tb_assuan_send(f->assuan, "GETPIN", NULL, &error));
    g_assert_nonnull(error);
}

static void
test_replies(Fixture *f, gconstpointer unused)
{
    guint code = 0;

    assert_reply(f, TB_ASSUAN_NOTHING);
    peer_says(f, "OK Pleased to meet you\nS BUTTON_INFO close\n# comment\nOK\r\n");
    assert_reply(f, TB_ASSUAN_OK);
    assert_reply(f, TB_ASSUAN_OK);
    assert_reply(f, TB_ASSUAN_NOTHING);
    peer_says(f, "ERR 83886179 Operation cancelled <Pinentry>\n");
    g_assert_cmpint(tb_assuan_receive(f->assuan, f->data, &code, NULL), ==, TB_ASSUAN_ERR);
    g_assert_cmpuint(code, ==, 83886179);
    g_assert_cmpuint(TB_ASSUAN_CODE(code), ==, TB_ASSUAN_CANCELLED);
    g_assert_cmpuint(TB_ASSUAN_CODE(83886142), ==, TB_ASSUAN_TIMEOUT);
    g_assert_cmpuint(TB_ASSUAN_CODE(83886194), ==, TB_ASSUAN_NOT_CONFIRMED);
    g_assert_cmpuint(TB_ASSUAN_CODE(83886278), ==, TB_ASSUAN_FULLY_CANCELLED);
}

static void
test_data(Fixture *f, gconstpointer unused)
{
    peer_says(f, "D 12%2534\nD %C3%a9%\nOK\n");
    assert_reply(f, TB_ASSUAN_OK);
    assert_data(f, "12%34\xc3\xa9%");
    tb_secret_clear(f->data);
    peer_says(f, "D 12");
    assert_reply(f, TB_ASSUAN_NOTHING);
    assert_data(f, "");
    peer_says(f, "34\nD %3");
    assert_reply(f, TB_ASSUAN_NOTHING);
    peer_says(f, "5\nO");
    assert_reply(f, TB_ASSUAN_NOTHING);
    peer_says(f, "K\n");
    assert_reply(f, TB_ASSUAN_OK);
    assert_data(f, "12345");
    /* What came before an error is no data. */
    tb_secret_clear(f->data);
    peer_says(f, "D 1234\nERR 83886179 x\n");
    assert_reply(f, TB_ASSUAN_ERR);
    assert_data(f, "");
}

static void
test_data_byte_by_byte(Fixture *f, gconstpointer unused)
{
    static const char text[] = "D 1%32%0A3\nOK\n";

    for (gsize i = 0; i < sizeof text - 1; i++) {
        char piece[2] = {text[i], '\0'};
        peer_says(f, piece);
        assert_reply(f, i == sizeof text - 2 ? TB_ASSUAN_OK : TB_ASSUAN_NOTHING);
    }
    assert_data(f, "12\n3");
}

static void
test_too_long(Fixture *f, gconstpointer unused)
{
    g_autofree char *pin = g_strnfill(TB_PIN_MAX, '7');

    peer_says(f, "D ");
    peer_says(f, pin);
    peer_says(f, "\nOK\n");
    assert_reply(f, TB_ASSUAN_OK);
    assert_data(f, pin);
    tb_secret_clear(f->data);
    peer_says(f, "D ");
    peer_says(f, pin);
    peer_says(f, "\nD 8\nOK\n");
    assert_reply(f, TB_ASSUAN_TOO_LONG);
    assert_data(f, "");
    peer_says(f, "D 1\nOK\n"); /* the next reply is judged by itself */
    assert_reply(f, TB_ASSUAN_OK);
    assert_data(f, "1");
}

static void
test_longest_line(Fixture *f, gconstpointer unused)
{
    g_autofree char *comment = g_strnfill(TB_ASSUAN_LINE_MAX - 1, 'c');
    g_autofree char *longer = g_strnfill(TB_ASSUAN_LINE_MAX + 2, 'c');

    peer_says(f, "#");
    peer_says(f, comment);
    peer_says(f, "\nOK\n");
    assert_reply(f, TB_ASSUAN_OK);
    peer_says(f, "#");
    peer_says(f, longer);
    assert_reply(f, TB_ASSUAN_BROKEN);
}

static void
test_broken(gconstpointer line)
{
    Fixture f = {0};

    set_up(&f, NULL);
    peer_says(&f, line);
    assert_reply(&f, TB_ASSUAN_BROKEN);
    tear_down(&f, NULL);
}

static void
test_peer_gone(Fixture *f, gconstpointer unused)
{
    peer_says(f, "D 1234\n");
    close(f->peer);
    f->peer = -1;
    assert_reply(f, TB_ASSUAN_BROKEN);
    assert_data(f, "");
}

int
main(int argc, char **argv)
{
    static const char *const broken[] = {
        "HTTP/1.1 200\n", "\n", "INQUIRE QUALITY 1\n", "OKAY\n", "ERR\n", "ERR x\n", "D1234\n"};

    g_test_init(&argc, &argv, NULL);
    if (!tb_secret_init(NULL))
        g_error("no secure heap");
    signal(SIGPIPE, SIG_IGN);
    g_test_add_func("/assuan/escape", test_escape);
    g_test_add("/assuan/send", Fixture, NULL, set_up, test_send, tear_down);
    g_test_add("/assuan/replies", Fixture, NULL, set_up, test_replies, tear_down);
    g_test_add("/assuan/data", Fixture, NULL, set_up, test_data, tear_down);
    g_test_add("/assuan/data-byte-by-byte", Fixture, NULL, set_up, test_data_byte_by_byte,
               tear_down);
    g_test_add("/assuan/too-long", Fixture, NULL, set_up, test_too_long, tear_down);
    g_test_add("/assuan/longest-line", Fixture, NULL, set_up, test_longest_line, tear_down);
    g_test_add("/assuan/peer-gone", Fixture, NULL, set_up, test_peer_gone, tear_down);
    for (guint i = 0; i < G_N_ELEMENTS(broken); i++) {
        g_autofree char *path = g_strdup_printf("/assuan/broken/%u", i);
        g_test_add_data_func(path, broken[i], test_broken);
    }
    return g_test_run();
}
