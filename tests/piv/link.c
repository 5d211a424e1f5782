/* SPDX-License-Identifier: Apache-2.0
 *
 * For the PIV card emulator: the connection to vpcd. See link.h. (vpcd can also connect to a card,
 * but version 3.3 ends pcscd when such a card is taken out.)
 */
#include "tests/piv/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER 2

struct PivLink {
    guint16 port;
    int connection; /* -1: none */
    GByteArray *pending;
};

PivLink *
piv_link_new(guint16 port)
{
    PivLink *link = g_new0(PivLink, 1);

    link->port = port;
    link->connection = -1;
    link->pending = g_byte_array_new();
    return link;
}

void
piv_link_drop(PivLink *link)
{
    if (link->connection >= 0)
        close(link->connection);
    link->connection = -1;
    g_byte_array_set_size(link->pending, 0);
}

void
piv_link_free(PivLink *link)
{
    if (!link)
        return;
    piv_link_drop(link);
    g_byte_array_unref(link->pending);
    g_free(link);
}

static void
set_option(int fd, int option)
{
    int one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, option, &one, sizeof one);
}

void
piv_link_connect(PivLink *link)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(link->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    if (link->connection >= 0)
        return;
    link->connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (link->connection < 0)
        return;
    set_option(link->connection, TCP_NODELAY);
    if (connect(link->connection, (struct sockaddr *)&address, sizeof address) != 0 &&
        errno != EINPROGRESS)
        piv_link_drop(link);
}

int
piv_link_fd(const PivLink *link)
{
    return link->connection;
}

void
piv_link_read(PivLink *link)
{
    guint8 buffer[4096];
    ssize_t count = recv(link->connection, buffer, sizeof buffer, 0);

    if (count <= 0) {
        piv_link_drop(link);
        return;
    }
    /* vpcd sends length and APDU in two writes and waits for the first to be acknowledged: without
     * this, 40 ms each time. The kernel forgets it, so it is said again after each read. */
    set_option(link->connection, TCP_QUICKACK);
    g_byte_array_append(link->pending, buffer, (guint)count);
}

GByteArray *
piv_link_next(PivLink *link)
{
    GByteArray *message;
    guint length;

    if (link->pending->len < HEADER)
        return NULL;
    length = (guint)link->pending->data[0] << 8 | link->pending->data[1];
    if (link->pending->len - HEADER < length)
        return NULL;
    message = g_byte_array_append(g_byte_array_new(), link->pending->data + HEADER, length);
    g_byte_array_remove_range(link->pending, 0, HEADER + length);
    return message;
}

void
piv_link_send(PivLink *link, const guint8 *bytes, gsize length)
{
    const guint8 header[HEADER] = {(guint8)(length >> 8), (guint8)length};
    g_autoptr(GByteArray) message = g_byte_array_new();

    g_byte_array_append(message, header, sizeof header);
    g_byte_array_append(message, bytes, (guint)length);
    if (link->connection >= 0 &&
        send(link->connection, message->data, message->len, MSG_NOSIGNAL) != (ssize_t)message->len)
        piv_link_drop(link);
}
