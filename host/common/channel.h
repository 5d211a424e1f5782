/* SPDX-License-Identifier: Apache-2.0
 *
 * The channel between the host and its children (docs/protocol.md, section 4): JSON objects in
 * frames over a Unix stream socket, with a descriptor beside a frame where one is needed. The peer
 * is not trusted: sizes, depth, UTF-8 and duplicate members are checked here. One channel belongs
 * to one thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#define TB_CHANNEL_FD 3                 /* where a child finds its end */
#define TB_CHANNEL_FRAME_MAX (8u << 20) /* bytes of JSON in one frame */

typedef struct TbChannel TbChannel;

/* Takes fd, a connected Unix stream socket. */
TbChannel *tb_channel_new(int fd);
void tb_channel_free(TbChannel *channel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbChannel, tb_channel_free)

int tb_channel_get_fd(const TbChannel *channel); /* for poll; borrowed */

/* Sends one object, and a duplicate of descriptor fd unless it is -1. Both are borrowed. Blocks
 * until the peer has taken all, at most 2 seconds. Errors: internal. */
gboolean tb_channel_send(TbChannel *channel, json_t *message, int fd, GError **error);

typedef enum TbChannelResult {
    TB_CHANNEL_MESSAGE, /* *out_message is the caller's; *out_fd too, or -1 */
    TB_CHANNEL_NOTHING, /* no whole message is there yet (only without wait) */
    TB_CHANNEL_CLOSED,  /* the peer has gone */
    TB_CHANNEL_BROKEN,  /* the peer sent what is no frame or no JSON object; error says what */
} TbChannelResult;

/* Receives the next object; with wait it blocks. Call it until it says NOTHING after the descriptor
 * became readable. */
TbChannelResult tb_channel_receive(TbChannel *channel, gboolean wait, json_t **out_message,
                                   int *out_fd, GError **error);
