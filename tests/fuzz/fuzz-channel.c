/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: host/common/channel.c, as the host reads a worker or prompt that is not to be
 * trusted. The input is a script: a byte of which the low seven bits are a length and the high bit
 * says that a descriptor goes along, then that many bytes, and so on. No descriptor may be lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/channel.h"
#include "tests/fuzz/fuzz.h"

#define DESCRIPTORS_LOOKED_AT 64

static guint
open_descriptors(void)
{
    guint count = 0;

    for (int fd = 0; fd < DESCRIPTORS_LOOKED_AT; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* FALSE when the socket is full, or the channel closed. */
static gboolean
send_piece(int socket, const uint8_t *bytes, gsize length, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = (void *)(guintptr)bytes, .iov_len = length};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd >= 0) {
        struct cmsghdr *item;

        header.msg_control = control.bytes;
        header.msg_controllen = sizeof control.bytes;
        item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(item), &fd, sizeof fd);
    }
    return sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) == (gssize)length;
}

/* Receives until the channel says that there is no more. */
static TbChannelResult
drain(TbChannel *channel)
{
    for (;;) {
        g_autoptr(GError) error = NULL;
        json_t *message = NULL;
        int fd = -1;
        TbChannelResult result = tb_channel_receive(channel, FALSE, &message, &fd, &error);

        FUZZ_CHECK((error != NULL) == (result == TB_CHANNEL_BROKEN));
        FUZZ_CHECK((message != NULL) == (result == TB_CHANNEL_MESSAGE));
        if (result != TB_CHANNEL_MESSAGE) {
            FUZZ_CHECK(fd == -1);
            return result;
        }
        FUZZ_CHECK(json_is_object(message));
        if (fd >= 0)
            FUZZ_CHECK(close(fd) == 0);
        json_decref(message);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    guint before = open_descriptors();
    TbChannelResult result = TB_CHANNEL_NOTHING;
    TbChannel *channel;
    int sockets[2];
    int beside = open("/dev/null", O_RDONLY | O_CLOEXEC);

    FUZZ_CHECK(beside >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
    channel = tb_channel_new(sockets[0]);
    for (size_t at = 0; at < size && result == TB_CHANNEL_NOTHING;) {
        gsize length = MIN((gsize)(data[at] & 0x7f), size - at - 1);

        if (length > 0 &&
            !send_piece(sockets[1], data + at + 1, length, data[at] & 0x80 ? beside : -1))
            break;
        at += 1 + length;
        if (length % 3 == 0) /* now and then several pieces wait together */
            result = drain(channel);
    }
    FUZZ_CHECK(close(sockets[1]) == 0 && close(beside) == 0);
    if (result == TB_CHANNEL_NOTHING)
        result = drain(channel);
    FUZZ_CHECK(result == TB_CHANNEL_CLOSED || result == TB_CHANNEL_BROKEN);
    tb_channel_free(channel);
    FUZZ_CHECK(open_descriptors() == before);
    return 0;
}
