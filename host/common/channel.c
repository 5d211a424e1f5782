/* SPDX-License-Identifier: Apache-2.0
 *
 * The channel: see channel.h. The peer is not trusted (a worker runs a maker's code, a prompt reads
 * keys), so everything that arrives is bounded and checked before use. No threads.
 */
#include "host/common/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/fault.h"
#include "host/common/frame.h"
#include "host/common/json.h"

#define SEND_TIMEOUT_US ((gint64)2 * G_USEC_PER_SEC)
#define READ_SIZE 65536

struct TbChannel {
    int fd;
    TbFrameReader *reader;
    int received_fd; /* came with bytes of the frame being read; -1: none */
    gboolean closed;
};

TbChannel *
tb_channel_new(int fd)
{
    TbChannel *channel = g_new0(TbChannel, 1);

    channel->fd = fd;
    channel->received_fd = -1;
    channel->reader = tb_frame_reader_new(TB_CHANNEL_FRAME_MAX, TB_CHANNEL_FRAME_MAX);
    return channel;
}

static void
drop_received_fd(TbChannel *channel)
{
    if (channel->received_fd >= 0)
        close(channel->received_fd);
    channel->received_fd = -1;
}

void
tb_channel_free(TbChannel *channel)
{
    if (!channel)
        return;
    drop_received_fd(channel);
    close(channel->fd);
    tb_frame_reader_free(channel->reader);
    g_free(channel);
}

int
tb_channel_get_fd(const TbChannel *channel)
{
    return channel->fd;
}

static void
attach_fd(struct msghdr *header, char *control, gsize control_size, int fd)
{
    struct cmsghdr *item;

    memset(control, 0, control_size);
    header->msg_control = control;
    header->msg_controllen = control_size;
    item = CMSG_FIRSTHDR(header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(item), &fd, sizeof fd);
}

static gboolean
wait_writable(int fd, gint64 deadline)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    gint64 left = (deadline - g_get_monotonic_time()) / 1000;

    return left > 0 && poll(&poll_fd, 1, (int)left) != 0;
}

static gboolean
send_bytes(TbChannel *channel, const guint8 *bytes, gsize length, int fd, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + SEND_TIMEOUT_US;

    while (length > 0) {
        union {
            struct cmsghdr align;
            char bytes[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec part = {.iov_base = (void *)(guintptr)bytes, .iov_len = length};
        struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
        ssize_t sent;

        if (fd >= 0)
            attach_fd(&header, control.bytes, sizeof control.bytes, fd);
        sent = sendmsg(channel->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes += sent;
            length -= (gsize)sent;
            fd = -1; /* it went with the first byte */
        } else if (errno == EAGAIN) {
            if (!wait_writable(channel->fd, deadline))
                return tb_fault(error, TB_REASON_INTERNAL, "A helper process does not read.");
        } else if (errno != EINTR) {
            return tb_fault(error, TB_REASON_INTERNAL, "A helper process has gone: %s.",
                            g_strerror(errno));
        }
    }
    return TRUE;
}

gboolean
tb_channel_send(TbChannel *channel, json_t *message, int fd, GError **error)
{
    g_autoptr(GByteArray) frame = g_byte_array_new();
    char *text = json_dumps(message, JSON_COMPACT);
    guint32 length;

    if (!text)
        return tb_fault(error, TB_REASON_INTERNAL, "A message could not be written as JSON.");
    length = (guint32)MIN(strlen(text), G_MAXUINT32);
    g_byte_array_append(frame, (const guint8 *)&length, sizeof length);
    g_byte_array_append(frame, (const guint8 *)text, length);
    free(text);
    if (length > TB_CHANNEL_FRAME_MAX)
        return tb_fault(error, TB_REASON_INTERNAL, "A message of %u bytes is over the limit.",
                        length);
    return send_bytes(channel, frame->data, frame->len, fd, error);
}

static void
keep_fds(TbChannel *channel, struct msghdr *header)
{
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item; item = CMSG_NXTHDR(header, item)) {
        gsize count;

        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
            continue;
        count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (gsize i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(item) + i * sizeof fd, sizeof fd);
            if (channel->received_fd < 0)
                channel->received_fd = fd;
            else
                close(fd); /* more than one beside a frame: not ours, not kept */
        }
    }
}

/* Reads once from the socket, never past the end of a frame: the kernel may hand over bytes of two
 * frames at once, and then nobody could tell which of them a descriptor came with. */
static TbChannelResult
fill(TbChannel *channel, gboolean wait, GError **error)
{
    guint8 bytes[READ_SIZE];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = bytes,
                         .iov_len = MIN(sizeof bytes, tb_frame_reader_wants(channel->reader))};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    ssize_t got;

    do
        got = recvmsg(channel->fd, &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        keep_fds(channel, &header);
        tb_frame_reader_push(channel->reader, bytes, (gsize)got);
        return TB_CHANNEL_MESSAGE;
    }
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return TB_CHANNEL_NOTHING;
    if (got < 0 && errno != ECONNRESET) {
        tb_fault(error, TB_REASON_INTERNAL, "A helper process cannot be read: %s.",
                 g_strerror(errno));
        return TB_CHANNEL_BROKEN;
    }
    channel->closed = TRUE;
    return TB_CHANNEL_CLOSED;
}

TbChannelResult
tb_channel_receive(TbChannel *channel, gboolean wait, json_t **out_message, int *out_fd,
                   GError **error)
{
    for (;;) {
        const guint8 *frame = NULL;
        gsize length = 0;
        TbChannelResult filled;

        switch (tb_frame_reader_next(channel->reader, &frame, &length)) {
        case TB_FRAME_WHOLE: {
            json_t *message = tb_json_parse(frame, length, error);

            if (!message) {
                drop_received_fd(channel); /* or it would come with the next frame */
                return TB_CHANNEL_BROKEN;
            }
            *out_message = message;
            *out_fd = channel->received_fd;
            channel->received_fd = -1;
            return TB_CHANNEL_MESSAGE;
        }
        case TB_FRAME_TOO_LONG:
        case TB_FRAME_ABSURD:
            tb_fault(error, TB_REASON_INTERNAL,
                     "A helper process sent a frame of %" G_GSIZE_FORMAT " bytes.", length);
            return TB_CHANNEL_BROKEN;
        case TB_FRAME_NONE:
            break;
        }
        if (channel->closed)
            return TB_CHANNEL_CLOSED;
        filled = fill(channel, wait, error);
        if (filled != TB_CHANNEL_MESSAGE)
            return filled;
    }
}
