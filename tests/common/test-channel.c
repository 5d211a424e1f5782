/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests host/common/channel.c over real socket pairs: objects and descriptors arrive whole and
 * together, whatever the pieces, and a peer that sends nonsense, too much, or nothing is noticed.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/channel.h"
#include "host/common/fault.h"
#include "tests/support/assert.h"

typedef struct Pair {
    TbChannel *ours;
    TbChannel *theirs;
} Pair;

static void
make_sockets(int sockets[2])
{
    g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
}

static void
set_up(Pair *pair, gconstpointer data)
{
    int sockets[2];

    make_sockets(sockets);
    pair->ours = tb_channel_new(sockets[0]);
    pair->theirs = tb_channel_new(sockets[1]);
}

static void
tear_down(Pair *pair, gconstpointer data)
{
    tb_channel_free(pair->ours);
    tb_channel_free(pair->theirs);
}

static void
send_number(TbChannel *channel, int number, int fd)
{
    g_autoptr(GError) error = NULL;
    json_t *message = json_pack("{s:i}", "n", number);

    g_assert_true(tb_channel_send(channel, message, fd, &error));
    g_assert_no_error(error);
    json_decref(message);
}

/* Receives {"n": number}; *out_fd is what came beside it. */
static void
expect_number(TbChannel *channel, int number, int *out_fd)
{
    g_autoptr(GError) error = NULL;
    json_t *message = NULL;

    g_assert_cmpint(tb_channel_receive(channel, TRUE, &message, out_fd, &error), ==,
                    TB_CHANNEL_MESSAGE);
    g_assert_no_error(error);
    g_assert_cmpint(json_integer_value(json_object_get(message, "n")), ==, number);
    json_decref(message);
}

static void
expect_result(TbChannel *channel, gboolean wait, TbChannelResult expected, TbReason reason)
{
    g_autoptr(GError) error = NULL;
    json_t *message = (json_t *)channel; /* any value that is not to change */
    int fd = 4711;

    g_assert_cmpint(tb_channel_receive(channel, wait, &message, &fd, &error), ==, expected);
    g_assert_true(message == (json_t *)channel);
    g_assert_cmpint(fd, ==, 4711);
    if (reason)
        g_assert_error(error, TB_FAULT, (int)reason);
    else
        g_assert_no_error(error);
}

static int
fresh_file(void)
{
    int fd = memfd_create("beside", MFD_CLOEXEC);

    g_assert_no_errno(fd);
    return fd;
}

static void
assert_same_file(int a, int b)
{
    struct stat stat_a, stat_b;

    g_assert_no_errno(fstat(a, &stat_a));
    g_assert_no_errno(fstat(b, &stat_b));
    g_assert_true(stat_a.st_dev == stat_b.st_dev && stat_a.st_ino == stat_b.st_ino);
}

static guint
open_descriptors(void)
{
    guint count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* A message and descriptors, in one sendmsg of our own: what the unit under test would not send. */
static void
send_raw(int socket, const void *bytes, gsize length, const int *fds, gsize count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(16 * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = (void *)(guintptr)bytes, .iov_len = length};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

    if (count > 0) {
        struct cmsghdr *item;

        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(count * sizeof(int));
        item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(item), fds, count * sizeof(int));
    }
    g_assert_cmpint(sendmsg(socket, &header, MSG_NOSIGNAL), ==, (gssize)length);
}

static GByteArray *
frame_of(const char *text, gsize length)
{
    GByteArray *frame = g_byte_array_new();
    guint32 size = (guint32)length;

    g_byte_array_append(frame, (const guint8 *)&size, sizeof size);
    g_byte_array_append(frame, (const guint8 *)text, (guint)length);
    return frame;
}

static void
test_message(Pair *pair, gconstpointer data)
{
    int fd = 4711;

    send_number(pair->theirs, 1, -1);
    expect_number(pair->ours, 1, &fd);
    g_assert_cmpint(fd, ==, -1);
    expect_result(pair->ours, FALSE, TB_CHANNEL_NOTHING, 0);
    send_number(pair->ours, 2, -1); /* and the other way */
    expect_number(pair->theirs, 2, &fd);
    g_assert_cmpint(fd, ==, -1);
}

static void
test_content(Pair *pair, gconstpointer data)
{
    json_t *sent = json_pack("{s:s, s:[i,b,n], s:{s:f}}", "text", "\xd9\xbe\xdb\x8c\xd9\x86",
                             "list", 1, 1, "deep", "x", 0.5);
    json_t *got = NULL;
    int fd;

    g_assert_true(tb_channel_send(pair->theirs, sent, -1, NULL));
    g_assert_cmpint(tb_channel_receive(pair->ours, TRUE, &got, &fd, NULL), ==, TB_CHANNEL_MESSAGE);
    g_assert_true(json_equal(sent, got));
    json_decref(sent);
    json_decref(got);
}

static void
test_descriptor(Pair *pair, gconstpointer data)
{
    int file = fresh_file();
    int fd = -1;

    send_number(pair->theirs, 1, file);
    expect_number(pair->ours, 1, &fd);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(fd, !=, file);
    assert_same_file(fd, file);
    g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC); /* no child of ours inherits it */
    g_assert_cmpint(fcntl(file, F_GETFD), >=, 0);        /* borrowed: still the sender's */
    (void)close(fd);
    (void)close(file);
}

/* Several messages wait in the socket; each descriptor comes with its own. */
static void
test_back_to_back(Pair *pair, gconstpointer data)
{
    static const char plan[] = "--f-ff-f"; /* f: with a descriptor */
    int files[sizeof plan];

    for (int i = 0; plan[i]; i++) {
        files[i] = plan[i] == 'f' ? fresh_file() : -1;
        send_number(pair->theirs, i, files[i]);
    }
    for (int i = 0; plan[i]; i++) {
        int fd = 4711;

        expect_number(pair->ours, i, &fd);
        if (files[i] < 0) {
            g_assert_cmpint(fd, ==, -1);
            continue;
        }
        assert_same_file(fd, files[i]);
        (void)close(fd);
        (void)close(files[i]);
    }
    expect_result(pair->ours, FALSE, TB_CHANNEL_NOTHING, 0);
}

/* Two whole frames in one write, a descriptor beside the second: it must not come with the first.
 */
static void
test_two_frames_then_descriptor(void)
{
    g_autoptr(GByteArray) first = frame_of("{\"n\":1}", 7);
    g_autoptr(GByteArray) second = frame_of("{\"n\":2}", 7);
    int sockets[2], file = fresh_file(), fd = 4711;
    g_autoptr(TbChannel) channel = NULL;

    make_sockets(sockets);
    channel = tb_channel_new(sockets[0]);
    g_byte_array_append(first, second->data, second->len);
    send_raw(sockets[1], first->data, first->len, NULL, 0);
    send_raw(sockets[1], second->data, second->len, &file, 1);
    expect_number(channel, 1, &fd);
    g_assert_cmpint(fd, ==, -1);
    expect_number(channel, 2, &fd);
    g_assert_cmpint(fd, ==, -1);
    expect_number(channel, 2, &fd);
    assert_same_file(fd, file);
    (void)close(fd);
    (void)close(file);
    (void)close(sockets[1]);
}

/* A frame in pieces, without waiting: nothing, nothing, ..., the message; with its descriptor. */
static void
test_pieces(void)
{
    g_autoptr(GByteArray) frame = frame_of("{\"n\":1}", 7);
    int sockets[2], file = fresh_file(), fd = -1;
    g_autoptr(TbChannel) channel = NULL;

    make_sockets(sockets);
    channel = tb_channel_new(sockets[0]);
    expect_result(channel, FALSE, TB_CHANNEL_NOTHING, 0);
    for (guint i = 0; i < frame->len; i++) {
        send_raw(sockets[1], frame->data + i, 1, &file, i == 0);
        if (i + 1 < frame->len)
            expect_result(channel, FALSE, TB_CHANNEL_NOTHING, 0);
    }
    expect_number(channel, 1, &fd);
    assert_same_file(fd, file);
    (void)close(fd);
    (void)close(file);
    (void)close(sockets[1]);
}

/* What a hostile peer sends beside a frame is closed, all but the first. */
static void
test_too_many_descriptors(void)
{
    static const gsize counts[] = {2, 4, 5, 16};

    for (gsize i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_autoptr(GByteArray) frame = frame_of("{\"n\":1}", 7);
        guint before = open_descriptors();
        int sockets[2], files[16], fd = -1;
        TbChannel *channel;

        make_sockets(sockets);
        channel = tb_channel_new(sockets[0]);
        for (gsize k = 0; k < counts[i]; k++)
            files[k] = fresh_file();
        send_raw(sockets[1], frame->data, frame->len, files, counts[i]);
        expect_number(channel, 1, &fd);
        assert_same_file(fd, files[0]);
        (void)close(fd);
        for (gsize k = 0; k < counts[i]; k++)
            (void)close(files[k]);
        (void)close(sockets[1]);
        tb_channel_free(channel);
        g_assert_cmpuint(open_descriptors(), ==, before);
    }
}

/* A descriptor that came with bytes of a frame that never ends goes with the channel. */
static void
test_descriptor_of_half_a_frame(void)
{
    guint before = open_descriptors();
    int sockets[2], file = fresh_file();
    TbChannel *channel;

    make_sockets(sockets);
    channel = tb_channel_new(sockets[0]);
    send_raw(sockets[1], "\x07\x00", 2, &file, 1);
    expect_result(channel, FALSE, TB_CHANNEL_NOTHING, 0);
    (void)close(sockets[1]);
    (void)close(file);
    expect_result(channel, TRUE, TB_CHANNEL_CLOSED, 0);
    tb_channel_free(channel);
    g_assert_cmpuint(open_descriptors(), ==, before);
}

static void
test_closed(Pair *pair, gconstpointer data)
{
    int fd;

    send_number(pair->theirs, 1, -1);
    g_clear_pointer(&pair->theirs, tb_channel_free);
    expect_number(pair->ours, 1, &fd); /* what was sent before is still read */
    expect_result(pair->ours, TRUE, TB_CHANNEL_CLOSED, 0);
    expect_result(pair->ours, FALSE, TB_CHANNEL_CLOSED, 0);
}

/* The peer went without reading what we sent: Linux says ECONNRESET, which is no fault. */
static void
test_closed_with_unread(Pair *pair, gconstpointer data)
{
    send_number(pair->ours, 1, -1);
    g_clear_pointer(&pair->theirs, tb_channel_free);
    expect_result(pair->ours, TRUE, TB_CHANNEL_CLOSED, 0);
}

static void
test_send_to_closed(Pair *pair, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    json_t *message = json_object();

    g_clear_pointer(&pair->theirs, tb_channel_free);
    g_assert_false(tb_channel_send(pair->ours, message, -1, &error)); /* and no SIGPIPE */
    g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
    json_decref(message);
}

static void
test_broken(void)
{
    static const struct {
        const char *text;
        gsize length;
    } rows[] = {
        {"", 0},          {"{", 1},
        {"[]", 2},        {"null", 4},
        {"{}x", 3},       {"{}\0", 3},
        {"\xff", 1},      {"{\"a\":1,\"a\":2}", 13},
        {"[[[[[[[[[", 9}, {"{\"a\":\xff}", 7},
        {"\0\0\0\0", 4},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GByteArray) frame = frame_of(rows[i].text, rows[i].length);
        g_autoptr(TbChannel) channel = NULL;
        int sockets[2];

        make_sockets(sockets);
        channel = tb_channel_new(sockets[0]);
        send_raw(sockets[1], frame->data, frame->len, NULL, 0);
        expect_result(channel, TRUE, TB_CHANNEL_BROKEN, TB_REASON_INVALID_REQUEST);
        (void)close(sockets[1]);
    }
}

/* A descriptor beside a frame that is no object must not be taken for the next frame's. */
static void
test_descriptor_of_broken_frame(void)
{
    g_autoptr(GByteArray) bad = frame_of("[]", 2);
    g_autoptr(GByteArray) good = frame_of("{\"n\":1}", 7);
    guint before = open_descriptors();
    int sockets[2], file = fresh_file(), fd = 4711;
    TbChannel *channel;

    make_sockets(sockets);
    channel = tb_channel_new(sockets[0]);
    send_raw(sockets[1], bad->data, bad->len, &file, 1);
    send_raw(sockets[1], good->data, good->len, NULL, 0);
    expect_result(channel, TRUE, TB_CHANNEL_BROKEN, TB_REASON_INVALID_REQUEST);
    expect_number(channel, 1, &fd);
    g_assert_cmpint(fd, ==, -1);
    (void)close(file);
    (void)close(sockets[1]);
    tb_channel_free(channel);
    g_assert_cmpuint(open_descriptors(), ==, before);
}

static void
test_oversized(void)
{
    static const guint32 lengths[] = {TB_CHANNEL_FRAME_MAX + 1, 1u << 31, G_MAXUINT32};

    for (gsize i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autoptr(TbChannel) channel = NULL;
        int sockets[2];

        make_sockets(sockets);
        channel = tb_channel_new(sockets[0]);
        send_raw(sockets[1], &lengths[i], sizeof lengths[i], NULL, 0);
        send_raw(sockets[1], "xxxx", 4, NULL, 0);
        expect_result(channel, TRUE, TB_CHANNEL_BROKEN, TB_REASON_INTERNAL);
        expect_result(channel, TRUE, TB_CHANNEL_BROKEN, TB_REASON_INTERNAL);
        (void)close(sockets[1]);
    }
}

typedef struct Sending {
    TbChannel *channel;
    json_t *message;
    int fd; /* to go along; 0: none */
    gboolean sent;
} Sending;

static gpointer
send_in_thread(gpointer data)
{
    Sending *sending = data;

    sending->sent = tb_channel_send(sending->channel, sending->message,
                                    sending->fd > 0 ? sending->fd : -1, NULL);
    return NULL;
}

/* The largest frame that may be, far over what a socket holds, goes through in pieces. */
static void
test_largest(Pair *pair, gconstpointer data)
{
    g_autofree char *text = g_strnfill(TB_CHANNEL_FRAME_MAX - strlen("{\"t\":\"\"}"), 'x');
    Sending sending = {.channel = pair->theirs, .message = json_pack("{s:s}", "t", text)};
    GThread *thread = g_thread_new("sender", send_in_thread, &sending);
    json_t *got = NULL;
    int fd;

    g_assert_cmpint(tb_channel_receive(pair->ours, TRUE, &got, &fd, NULL), ==, TB_CHANNEL_MESSAGE);
    g_thread_join(thread);
    g_assert_true(sending.sent);
    g_assert_true(json_equal(got, sending.message));
    json_decref(sending.message);
    json_decref(got);
}

/* A message that goes out in many pieces takes its descriptor along once. Read without the unit's
 * own receiver, which would close what is too much. */
static void
test_descriptor_sent_once(void)
{
    g_autofree char *text = g_strnfill(2 << 20, 'x');
    int sockets[2], file = fresh_file();
    Sending sending = {.message = json_pack("{s:s}", "t", text), .fd = file};
    gsize total = sizeof(guint32) + strlen("{\"t\":\"\"}") + strlen(text);
    gsize received = 0, reads = 0;
    guint descriptors = 0;
    GThread *thread;

    make_sockets(sockets);
    sending.channel = tb_channel_new(sockets[0]);
    thread = g_thread_new("sender", send_in_thread, &sending);
    while (received < total) {
        char bytes[65536];
        union {
            struct cmsghdr align;
            char bytes[CMSG_SPACE(4 * sizeof(int))];
        } control;
        struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
        struct msghdr header = {.msg_iov = &part,
                                .msg_iovlen = 1,
                                .msg_control = control.bytes,
                                .msg_controllen = sizeof control.bytes};
        ssize_t got = recvmsg(sockets[1], &header, MSG_CMSG_CLOEXEC);
        struct cmsghdr *item = CMSG_FIRSTHDR(&header);

        g_assert_cmpint(got, >, 0);
        received += (gsize)got;
        reads++;
        if (item) {
            int fd;

            g_assert_cmpuint(reads, ==, 1); /* with the first byte */
            g_assert_cmpuint(item->cmsg_len, ==, CMSG_LEN(sizeof fd));
            memcpy(&fd, CMSG_DATA(item), sizeof fd);
            assert_same_file(fd, file);
            (void)close(fd);
            descriptors++;
        }
    }
    g_thread_join(thread);
    g_assert_true(sending.sent);
    g_assert_cmpuint(reads, >, 10);
    g_assert_cmpuint(descriptors, ==, 1);
    json_decref(sending.message);
    tb_channel_free(sending.channel);
    (void)close(sockets[1]);
    (void)close(file);
}

static void
test_too_large_to_send(Pair *pair, gconstpointer data)
{
    g_autofree char *text = g_strnfill(TB_CHANNEL_FRAME_MAX, 'x');
    g_autoptr(GError) error = NULL;
    json_t *message = json_pack("{s:s}", "t", text);
    int fd;

    g_assert_false(tb_channel_send(pair->theirs, message, -1, &error));
    g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
    json_decref(message);
    send_number(pair->theirs, 1, -1); /* nothing of it was sent: the stream is good */
    expect_number(pair->ours, 1, &fd);
}

/* A peer that does not read is given 2 seconds, no more. */
static void
test_peer_does_not_read(Pair *pair, gconstpointer data)
{
    g_autofree char *text = g_strnfill(4 << 20, 'x');
    g_autoptr(GError) error = NULL;
    json_t *message = json_pack("{s:s}", "t", text);
    gint64 start = g_get_monotonic_time(), took;

    g_assert_false(tb_channel_send(pair->ours, message, -1, &error));
    took = (g_get_monotonic_time() - start) / 1000;
    g_assert_error(error, TB_FAULT, TB_REASON_INTERNAL);
    g_assert_cmpint(took, >=, 1900);
    g_assert_cmpint(took, <, 4000);
    json_decref(message);
}

/* A receiver that waits is woken by what another thread sends later. */
static void
test_wait(Pair *pair, gconstpointer data)
{
    Sending sending = {.channel = pair->theirs, .message = json_pack("{s:i}", "n", 5)};
    GThread *thread;
    int fd;

    expect_result(pair->ours, FALSE, TB_CHANNEL_NOTHING, 0);
    thread = g_thread_new("sender", send_in_thread, &sending);
    expect_number(pair->ours, 5, &fd);
    g_thread_join(thread);
    json_decref(sending.message);
}

static void
test_not_a_socket(void)
{
    g_autoptr(TbChannel) channel = tb_channel_new(fresh_file());

    expect_result(channel, FALSE, TB_CHANNEL_BROKEN, TB_REASON_INTERNAL);
}

static void
test_fd(void)
{
    int sockets[2];
    TbChannel *channel;

    make_sockets(sockets);
    channel = tb_channel_new(sockets[0]);
    g_assert_cmpint(tb_channel_get_fd(channel), ==, sockets[0]);
    tb_channel_free(channel);
    g_assert_cmpint(fcntl(sockets[0], F_GETFD), ==, -1); /* the channel took it */
    (void)close(sockets[1]);
    tb_channel_free(NULL);
}

#define ADD_PAIR(name, function)                                                                   \
    g_test_add("/common/channel/" name, Pair, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD_PAIR("message", test_message);
    ADD_PAIR("content", test_content);
    ADD_PAIR("descriptor", test_descriptor);
    ADD_PAIR("back-to-back", test_back_to_back);
    g_test_add_func("/common/channel/two-frames-then-descriptor", test_two_frames_then_descriptor);
    g_test_add_func("/common/channel/pieces", test_pieces);
    g_test_add_func("/common/channel/too-many-descriptors", test_too_many_descriptors);
    g_test_add_func("/common/channel/descriptor-of-half-a-frame", test_descriptor_of_half_a_frame);
    ADD_PAIR("closed", test_closed);
    ADD_PAIR("closed-with-unread", test_closed_with_unread);
    ADD_PAIR("send-to-closed", test_send_to_closed);
    g_test_add_func("/common/channel/broken", test_broken);
    g_test_add_func("/common/channel/descriptor-of-broken-frame", test_descriptor_of_broken_frame);
    g_test_add_func("/common/channel/oversized", test_oversized);
    ADD_PAIR("largest", test_largest);
    g_test_add_func("/common/channel/descriptor-sent-once", test_descriptor_sent_once);
    ADD_PAIR("too-large-to-send", test_too_large_to_send);
    ADD_PAIR("peer-does-not-read", test_peer_does_not_read);
    ADD_PAIR("wait", test_wait);
    g_test_add_func("/common/channel/not-a-socket", test_not_a_socket);
    g_test_add_func("/common/channel/fd", test_fd);
    return g_test_run();
}
