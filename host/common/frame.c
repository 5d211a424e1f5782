/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame reader: see frame.h. One reader belongs to one thread.
 */
#include "host/common/frame.h"

#include <string.h>

#define HEADER 4u /* bytes of the length */

struct TbFrameReader {
    guint32 max;
    guint32 skip_max;
    GByteArray *buffer; /* unread bytes, after `taken` bytes that were given out already */
    gsize taken;
    guint64 skipping; /* bytes of a too long frame that are still to come */
    gboolean absurd;
    guint32 absurd_length;
};

TbFrameReader *
tb_frame_reader_new(guint32 max, guint32 skip_max)
{
    TbFrameReader *reader = g_new0(TbFrameReader, 1);

    reader->max = max;
    reader->skip_max = MAX(max, skip_max);
    reader->buffer = g_byte_array_new();
    return reader;
}

void
tb_frame_reader_free(TbFrameReader *reader)
{
    if (!reader)
        return;
    g_byte_array_unref(reader->buffer);
    g_free(reader);
}

/* Drops what the caller has had; only here does memory move, so a frame given out stays valid. */
static void
drop_taken(TbFrameReader *reader)
{
    if (reader->taken > 0)
        g_byte_array_remove_range(reader->buffer, 0, (guint)reader->taken);
    reader->taken = 0;
}

void
tb_frame_reader_push(TbFrameReader *reader, const guint8 *bytes, gsize length)
{
    gsize skipped;

    if (reader->absurd)
        return;
    drop_taken(reader);
    skipped = (gsize)MIN(reader->skipping, (guint64)length);
    reader->skipping -= skipped;
    g_byte_array_append(reader->buffer, bytes + skipped, (guint)(length - skipped));
}

static TbFrameResult
too_long(TbFrameReader *reader, guint32 length, gsize *out_length)
{
    gsize held = reader->buffer->len - HEADER;
    gsize dropped = MIN(held, (gsize)length);

    *out_length = length;
    if (length > reader->skip_max) {
        reader->absurd = TRUE;
        reader->absurd_length = length;
        return TB_FRAME_ABSURD;
    }
    reader->taken = HEADER + dropped;
    reader->skipping = length - dropped;
    return TB_FRAME_TOO_LONG;
}

TbFrameResult
tb_frame_reader_next(TbFrameReader *reader, const guint8 **out_frame, gsize *out_length)
{
    guint32 length;

    if (reader->absurd) {
        *out_length = reader->absurd_length;
        return TB_FRAME_ABSURD;
    }
    drop_taken(reader);
    if (reader->buffer->len < HEADER)
        return TB_FRAME_NONE;
    memcpy(&length, reader->buffer->data, HEADER);
    if (length > reader->max)
        return too_long(reader, length, out_length);
    if (reader->buffer->len - HEADER < length)
        return TB_FRAME_NONE;
    reader->taken = HEADER + (gsize)length;
    *out_frame = reader->buffer->data + HEADER;
    *out_length = length;
    return TB_FRAME_WHOLE;
}

gsize
tb_frame_reader_wants(const TbFrameReader *reader)
{
    gsize held = reader->buffer->len - reader->taken;
    guint32 length;

    if (reader->skipping > 0)
        return (gsize)reader->skipping;
    if (held < HEADER)
        return HEADER - held;
    memcpy(&length, reader->buffer->data + reader->taken, HEADER);
    return HEADER + (gsize)length - held;
}

gboolean
tb_frame_reader_at_boundary(const TbFrameReader *reader)
{
    return !reader->absurd && reader->skipping == 0 && reader->buffer->len == reader->taken;
}
