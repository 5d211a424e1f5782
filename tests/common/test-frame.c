/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests host/common/frame.c: however the stream is cut, the same frames come out; lengths at and
 * over the limits; reading over what is too long and going on.
 */
#include <string.h>

#include "host/common/frame.h"
#include "tests/support/assert.h"

#define MAX_FRAME 65536u
#define MAX_SKIP (64u << 20)

static void
append_frame(GByteArray *stream, guint32 claimed, gsize present, guint8 fill)
{
    gsize start = stream->len + sizeof claimed;

    g_byte_array_append(stream, (const guint8 *)&claimed, sizeof claimed);
    g_byte_array_set_size(stream, (guint)(start + present));
    memset(stream->data + start, fill, present);
}

/* Reads all events that there are, as text: "frame 5:aaaaa", "too-long 70000", "absurd ...". */
static void
drain(TbFrameReader *reader, GString *events)
{
    for (;;) {
        const guint8 *frame = NULL;
        gsize length = 0;

        switch (tb_frame_reader_next(reader, &frame, &length)) {
        case TB_FRAME_NONE:
            return;
        case TB_FRAME_WHOLE:
            g_string_append_printf(events, "frame %" G_GSIZE_FORMAT ":%.*s;", length,
                                   (int)MIN(length, 8), (const char *)frame);
            break;
        case TB_FRAME_TOO_LONG:
            g_string_append_printf(events, "too-long %" G_GSIZE_FORMAT ";", length);
            break;
        case TB_FRAME_ABSURD:
            g_string_append_printf(events, "absurd %" G_GSIZE_FORMAT ";", length);
            return;
        }
    }
}

static GByteArray *
three_frames(void)
{
    GByteArray *stream = g_byte_array_new();

    append_frame(stream, 3, 3, 'a');
    append_frame(stream, 0, 0, 0);
    append_frame(stream, 11, 11, 'b');
    return stream;
}

#define THREE "frame 3:aaa;frame 0:;frame 11:bbbbbbbb;"

static void
test_one_push(void)
{
    g_autoptr(GByteArray) stream = three_frames();
    g_autoptr(TbFrameReader) reader = tb_frame_reader_new(MAX_FRAME, MAX_SKIP);
    g_autoptr(GString) events = g_string_new(NULL);

    g_assert_true(tb_frame_reader_at_boundary(reader));
    tb_frame_reader_push(reader, stream->data, stream->len);
    g_assert_false(tb_frame_reader_at_boundary(reader));
    drain(reader, events);
    g_assert_cmpstr(events->str, ==, THREE);
    g_assert_true(tb_frame_reader_at_boundary(reader));
}

static void
test_every_cut(void)
{
    g_autoptr(GByteArray) stream = three_frames();

    for (guint cut = 0; cut <= stream->len; cut++) {
        g_autoptr(TbFrameReader) reader = tb_frame_reader_new(MAX_FRAME, MAX_SKIP);
        g_autoptr(GString) events = g_string_new(NULL);

        tb_frame_reader_push(reader, stream->data, cut);
        drain(reader, events);
        g_assert_true(tb_frame_reader_at_boundary(reader) ==
                      (cut == 0 || cut == 7 || cut == 11 || cut == 26));
        tb_frame_reader_push(reader, stream->data + cut, stream->len - cut);
        drain(reader, events);
        g_assert_cmpstr(events->str, ==, THREE);
    }
}

static void
test_single_bytes(void)
{
    g_autoptr(GByteArray) stream = three_frames();
    g_autoptr(TbFrameReader) reader = tb_frame_reader_new(MAX_FRAME, MAX_SKIP);
    g_autoptr(GString) events = g_string_new(NULL);

    for (guint i = 0; i < stream->len; i++) {
        tb_frame_reader_push(reader, stream->data + i, 1);
        tb_frame_reader_push(reader, stream->data + i, 0);
        drain(reader, events);
    }
    g_assert_cmpstr(events->str, ==, THREE);
}

/* Pushes without a call of next() between them are kept. */
static void
test_late_reading(void)
{
    g_autoptr(GByteArray) stream = three_frames();
    g_autoptr(TbFrameReader) reader = tb_frame_reader_new(MAX_FRAME, MAX_SKIP);
    g_autoptr(GString) events = g_string_new(NULL);

    for (guint i = 0; i < stream->len; i++)
        tb_frame_reader_push(reader, stream->data + i, 1);
    drain(reader, events);
    g_assert_cmpstr(events->str, ==, THREE);
}

static void
test_content(void)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    g_autoptr(TbFrameReader) reader = tb_frame_reader_new(MAX_FRAME, MAX_SKIP);
    const guint8 *frame = NULL;
    gsize length = 0;

    append_frame(stream, 256, 256, 0);
    for (guint i = 0; i < 256; i++)
        stream->data[4 + i] = (guint8)i;
    tb_frame_reader_push(reader, stream->data, stream->len);
    g_assert_cmpint(tb_frame_reader_next(reader, &frame, &length), ==, TB_FRAME_WHOLE);
    tb_test_assert_bytes(frame, length, stream->data + 4, 256);
}

static void
test_out_values_untouched(void)
{
    g_autoptr(TbFrameReader) reader = tb_frame_reader_new(MAX_FRAME, MAX_SKIP);
    const guint8 *frame = (const guint8 *)"x";
    const guint8 *before = frame;
    gsize length = 4711;

    g_assert_cmpint(tb_frame_reader_next(reader, &frame, &length), ==, TB_FRAME_NONE);
    tb_frame_reader_push(reader, (const guint8 *)"\x01\x00", 2);
    g_assert_cmpint(tb_frame_reader_next(reader, &frame, &length), ==, TB_FRAME_NONE);
    g_assert_true(frame == before);
    g_assert_cmpuint(length, ==, 4711);
}

/* Each length alone, with all its bytes, and a good frame behind it. */
static void
test_lengths(void)
{
    static const struct {
        guint32 length;
        const char *first;
        gboolean goes_on;
    } rows[] = {
        {0, "frame 0:;", TRUE},
        {1, "frame 1:x;", TRUE},
        {4, "frame 4:xxxx;", TRUE},
        {MAX_FRAME - 1, "frame 65535:xxxxxxxx;", TRUE},
        {MAX_FRAME, "frame 65536:xxxxxxxx;", TRUE},
        {MAX_FRAME + 1, "too-long 65537;", TRUE},
        {1u << 20, "too-long 1048576;", TRUE},
        {MAX_SKIP, "too-long 67108864;", TRUE},
        {MAX_SKIP + 1, "absurd 67108865;", FALSE},
        {1u << 31, "absurd 2147483648;", FALSE},
        {G_MAXUINT32, "absurd 4294967295;", FALSE},
    };
    static const gsize pieces[] = {1, 4, 5, 4096, 65536, 1 << 20, G_MAXSIZE};

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GByteArray) stream = g_byte_array_new();
        g_autofree char *expected =
            g_strconcat(rows[i].first, rows[i].goes_on ? "frame 5:ggggg;" : "", NULL);

        append_frame(stream, rows[i].length, rows[i].goes_on ? rows[i].length : 64, 'x');
        append_frame(stream, 5, 5, 'g');
        for (gsize p = 0; p < G_N_ELEMENTS(pieces); p++) {
            g_autoptr(TbFrameReader) reader = tb_frame_reader_new(MAX_FRAME, MAX_SKIP);
            g_autoptr(GString) events = g_string_new(NULL);

            if (stream->len / pieces[p] > 2000000)
                continue; /* 64 MiB byte by byte takes long and shows nothing new */
            for (gsize at = 0; at < stream->len; at += MIN(pieces[p], stream->len - at)) {
                tb_frame_reader_push(reader, stream->data + at, MIN(pieces[p], stream->len - at));
                if (!g_str_has_prefix(events->str, "absurd"))
                    drain(reader, events);
            }
            if (strcmp(events->str, expected) != 0)
                tb_test_row_failed("length %u in pieces of %" G_GSIZE_FORMAT ": %s", rows[i].length,
                                   pieces[p], events->str);
            g_assert_true(tb_frame_reader_at_boundary(reader) == rows[i].goes_on);
        }
    }
}

/* A frame over the limit that is cut at each byte, and the end of the stream inside it. */
static void
test_read_over_every_cut(void)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();

    append_frame(stream, 2, 2, 'a');
    append_frame(stream, 21, 21, 'x');
    append_frame(stream, 30, 30, 'y');
    append_frame(stream, 20, 20, 'b');
    for (guint cut = 0; cut <= stream->len; cut++) {
        g_autoptr(TbFrameReader) reader = tb_frame_reader_new(20, 30);
        g_autoptr(GString) events = g_string_new(NULL);

        tb_frame_reader_push(reader, stream->data, cut);
        drain(reader, events);
        g_assert_true(tb_frame_reader_at_boundary(reader) ==
                      (cut == 0 || cut == 6 || cut == 31 || cut == 65 || cut == 89));
        tb_frame_reader_push(reader, stream->data + cut, stream->len - cut);
        drain(reader, events);
        g_assert_cmpstr(events->str, ==, "frame 2:aa;too-long 21;too-long 30;frame 20:bbbbbbbb;");
    }
}

static void
test_absurd_stays(void)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    g_autoptr(TbFrameReader) reader = tb_frame_reader_new(20, 30);
    const guint8 *frame = NULL;
    gsize length = 0;

    append_frame(stream, 31, 31, 'x');
    append_frame(stream, 5, 5, 'g');
    tb_frame_reader_push(reader, stream->data, 4);
    for (int i = 0; i < 3; i++) {
        length = 0;
        g_assert_cmpint(tb_frame_reader_next(reader, &frame, &length), ==, TB_FRAME_ABSURD);
        g_assert_cmpuint(length, ==, 31);
        g_assert_false(tb_frame_reader_at_boundary(reader));
        tb_frame_reader_push(reader, stream->data + 4, stream->len - 4);
    }
}

/* skip_max under max means: nothing is read over. */
static void
test_no_skip(void)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    g_autoptr(TbFrameReader) reader = tb_frame_reader_new(20, 0);
    g_autoptr(GString) events = g_string_new(NULL);

    append_frame(stream, 20, 20, 'a');
    append_frame(stream, 21, 21, 'x');
    tb_frame_reader_push(reader, stream->data, stream->len);
    drain(reader, events);
    g_assert_cmpstr(events->str, ==, "frame 20:aaaaaaaa;absurd 21;");
}

/* Who reads just what is wanted gets each event before a byte of the next frame is there. */
static void
test_wants(void)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    g_autoptr(TbFrameReader) reader = tb_frame_reader_new(20, 30);
    g_autoptr(GString) events = g_string_new(NULL);
    gsize at = 0;
    gsize ends[] = {6, 10, 37, 47};

    append_frame(stream, 2, 2, 'a');
    append_frame(stream, 0, 0, 0);
    append_frame(stream, 23, 23, 'x'); /* too long, and of no multiple of four */
    append_frame(stream, 6, 6, 'b');
    g_assert_cmpuint(stream->len, ==, ends[3]);
    while (at < stream->len) {
        gsize wants = tb_frame_reader_wants(reader);
        gsize end = 0;

        for (gsize i = G_N_ELEMENTS(ends); i > 0; i--) {
            if (ends[i - 1] > at)
                end = ends[i - 1];
        }
        g_assert_cmpuint(wants, >, 0);
        if (wants > end - at)
            tb_test_row_failed("at byte %" G_GSIZE_FORMAT " it wants %" G_GSIZE_FORMAT
                               ", over the frame's end at %" G_GSIZE_FORMAT,
                               at, wants, end);
        wants = MIN(wants, stream->len - at);
        tb_frame_reader_push(reader, stream->data + at, wants);
        at += wants;
        drain(reader, events);
    }
    g_assert_cmpstr(events->str, ==, "frame 2:aa;frame 0:;too-long 23;frame 6:bbbbbb;");
    g_assert_true(tb_frame_reader_at_boundary(reader));
}

static void
test_free_null(void)
{
    tb_frame_reader_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/common/frame/one-push", test_one_push);
    g_test_add_func("/common/frame/every-cut", test_every_cut);
    g_test_add_func("/common/frame/single-bytes", test_single_bytes);
    g_test_add_func("/common/frame/late-reading", test_late_reading);
    g_test_add_func("/common/frame/content", test_content);
    g_test_add_func("/common/frame/out-values-untouched", test_out_values_untouched);
    g_test_add_func("/common/frame/lengths", test_lengths);
    g_test_add_func("/common/frame/read-over-every-cut", test_read_over_every_cut);
    g_test_add_func("/common/frame/absurd-stays", test_absurd_stays);
    g_test_add_func("/common/frame/no-skip", test_no_skip);
    g_test_add_func("/common/frame/wants", test_wants);
    g_test_add_func("/common/frame/free-null", test_free_null);
    return g_test_run();
}
