/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads frames (a 32-bit length in native byte order, then that many bytes) from a stream that
 * arrives in any pieces. The bytes are not trusted: a length is compared with the limit before
 * anything is allocated for it, and a longer frame is read over without being kept.
 */
#pragma once

#include <glib.h>

typedef struct TbFrameReader TbFrameReader;

typedef enum TbFrameResult {
    TB_FRAME_NONE,     /* more bytes are needed */
    TB_FRAME_WHOLE,    /* *out_frame is a frame, valid until the next call */
    TB_FRAME_TOO_LONG, /* a frame over the limit begins; it is being read over */
    TB_FRAME_ABSURD,   /* a length over the skip limit: the stream cannot be followed any further */
} TbFrameResult;

/* max: bytes a frame may have; skip_max: bytes up to which a longer frame is read over. */
TbFrameReader *tb_frame_reader_new(guint32 max, guint32 skip_max);
void tb_frame_reader_free(TbFrameReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbFrameReader, tb_frame_reader_free)

/* Takes bytes that were read from the stream. */
void tb_frame_reader_push(TbFrameReader *reader, const guint8 *bytes, gsize length);

/* The next event. out_frame and out_length are set for WHOLE; out_length alone for TOO_LONG,
 * ABSURD. */
TbFrameResult tb_frame_reader_next(TbFrameReader *reader, const guint8 **out_frame,
                                   gsize *out_length);

/* How many bytes complete what is being read (the length, or the frame), when next() said NONE: who
 * reads no more than that never has bytes of two frames at once. */
gsize tb_frame_reader_wants(const TbFrameReader *reader);

/* Whether the stream may end here: no frame is half read. */
gboolean tb_frame_reader_at_boundary(const TbFrameReader *reader);
