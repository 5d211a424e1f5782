/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/output.c: replies to a browser that reads slowly, or no more.
 */
#include "host/output.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <glib-unix.h>

#include "host/common/frame.h"
#include "tests/host/harness.h"

#define LIMIT 1048575 /* bytes of the longest reply */

static guint broken_calls;

static void
on_broken(gpointer data)
{
    broken_calls++;
    g_assert_true(data == &broken_calls);
}

static TbOutput *
open_output(int *out_read_end)
{
    int ends[2];

    g_assert_true(g_unix_open_pipe(ends, FD_CLOEXEC, NULL));
    g_assert_true(g_unix_set_fd_nonblocking(ends[0], TRUE, NULL));
    *out_read_end = ends[0];
    broken_calls = 0;
    return tb_output_new(ends[1], on_broken, &broken_calls);
}

/* Reads what is there, up to `most` bytes. */
static gsize
read_some(int fd, TbFrameReader *reader, gsize most)
{
    g_autofree guint8 *bytes = g_malloc(most);
    ssize_t got = read(fd, bytes, most);

    if (got <= 0)
        return 0;
    tb_frame_reader_push(reader, bytes, (gsize)got);
    return (gsize)got;
}

/* A reply whose JSON is of that many bytes. */
static json_t *
reply_of(gsize size)
{
    static const char frame[] = "{\"id\":5,\"result\":\"\"}";
    g_autofree char *filling = g_strnfill(size - strlen(frame), 'x');

    return json_pack("{s:i, s:s}", "id", 5, "result", filling);
}

static void
test_at_once(void)
{
    int fd;
    g_autoptr(TbOutput) output = open_output(&fd);
    g_autoptr(TbFrameReader) reader = tb_frame_reader_new(100, 0);
    const guint8 *frame;
    gsize length;

    tb_output_send(output, tb_test_json("{'id': 1}"));
    tb_output_send(output, tb_test_json("{'id': 2}"));
    g_assert_cmpuint(read_some(fd, reader, 100), ==, 2 * (4 + 8)); /* no main loop was needed */
    for (char digit = '1'; digit <= '2'; digit++) {
        g_assert_cmpint(tb_frame_reader_next(reader, &frame, &length), ==, TB_FRAME_WHOLE);
        g_assert_cmpuint(length, ==, 8);
        g_assert_cmpint(frame[6], ==, digit);
    }
    close(fd);
}

/* 60 replies of 100 KB into a pipe of 64 KiB: nothing blocks, nothing is lost, the order stays. */
static void
test_slow_reader(void)
{
    enum { COUNT = 60, SIZE = 100000 };
    int fd;
    g_autoptr(TbOutput) output = open_output(&fd);
    g_autoptr(TbFrameReader) reader = tb_frame_reader_new(SIZE * 2, 0);
    gint64 start = g_get_monotonic_time();
    gint64 deadline;
    guint seen = 0;

    for (int i = 0; i < COUNT; i++) {
        json_t *reply = reply_of(SIZE);

        json_object_set_new(reply, "id", json_integer(i));
        tb_output_send(output, reply);
    }
    deadline = g_get_monotonic_time() + (gint64)tb_test_ms(20000) * 1000;
    g_assert_cmpint(g_get_monotonic_time() - start, <, (gint64)tb_test_ms(5000) * 1000);
    while (seen < COUNT) {
        const guint8 *frame;
        gsize length;

        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_main_context_iteration(NULL, FALSE);
        read_some(fd, reader, 7001);
        while (seen < COUNT && tb_frame_reader_next(reader, &frame, &length) == TB_FRAME_WHOLE) {
            json_t *reply = json_loadb((const char *)frame, length, 0, NULL);

            g_assert_nonnull(reply);
            g_assert_cmpint(json_integer_value(json_object_get(reply, "id")), ==, seen);
            json_decref(reply);
            seen++;
        }
    }
    g_assert_true(tb_frame_reader_at_boundary(reader));
    g_assert_cmpuint(broken_calls, ==, 0);
    close(fd);
}

static void
test_broken(void)
{
    int fd;
    g_autoptr(TbOutput) output = open_output(&fd);

    close(fd);
    tb_output_send(output, tb_test_json("{'id': 1}"));
    g_assert_cmpuint(broken_calls, ==, 0); /* told from the main loop, not from within the call */
    tb_output_send(output, tb_test_json("{'id': 2}"));
    tb_test_wait(&broken_calls, 5);
    tb_test_run_for(50);
    g_assert_cmpuint(broken_calls, ==, 1);
}

static void
test_broken_while_queued(void)
{
    int fd;
    g_autoptr(TbOutput) output = open_output(&fd);

    tb_output_send(output, reply_of(900000));
    tb_test_run_for(20);
    g_assert_cmpuint(broken_calls, ==, 0);
    close(fd);
    tb_test_wait(&broken_calls, 5);
}

static void
test_freed_while_queued(void)
{
    int fd;
    TbOutput *output = open_output(&fd);

    tb_output_send(output, reply_of(900000));
    tb_output_free(output);
    close(fd);
    tb_test_run_for(20);
    g_assert_cmpuint(broken_calls, ==, 0);
}

static json_t *
receive_whole(int fd, gsize *out_length)
{
    g_autoptr(TbFrameReader) reader = tb_frame_reader_new(LIMIT + 100, 0);
    gint64 deadline = g_get_monotonic_time() + (gint64)tb_test_ms(10000) * 1000;
    const guint8 *frame;

    while (tb_frame_reader_next(reader, &frame, out_length) != TB_FRAME_WHOLE) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_main_context_iteration(NULL, FALSE);
        read_some(fd, reader, 100000);
    }
    return json_loadb((const char *)frame, *out_length, 0, NULL);
}

static void
test_limit(void)
{
    static const struct {
        gsize size;
        gboolean passes;
    } rows[] = {{LIMIT - 1, TRUE}, {LIMIT, TRUE}, {LIMIT + 1, FALSE}, {3 * LIMIT, FALSE}};

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        int fd;
        g_autoptr(TbOutput) output = open_output(&fd);
        json_t *reply;
        json_t *error;
        gsize length = 0;

        tb_output_send(output, reply_of(rows[i].size));
        reply = receive_whole(fd, &length);
        error = json_object_get(reply, "error");
        g_assert_cmpint(json_integer_value(json_object_get(reply, "id")), ==, 5);
        g_assert_cmpuint(length, <=, LIMIT);
        if (rows[i].passes)
            g_assert_cmpuint(length, ==, rows[i].size);
        else
            g_assert_cmpstr(
                json_string_value(json_object_get(json_object_get(error, "data"), "reason")), ==,
                "internal");
        json_decref(reply);
        close(fd);
    }
}

int
main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    tb_test_begin(&argc, &argv);
    g_test_add_func("/output/at-once", test_at_once);
    g_test_add_func("/output/slow-reader", test_slow_reader);
    g_test_add_func("/output/broken", test_broken);
    g_test_add_func("/output/broken-while-queued", test_broken_while_queued);
    g_test_add_func("/output/freed-while-queued", test_freed_while_queued);
    g_test_add_func("/output/limit", test_limit);
    return tb_test_end();
}
