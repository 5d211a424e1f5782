/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge-readers: tells the host what PC/SC knows of readers and cards, at the start and
 * whenever it changes, so that "no reader service", "no reader", "no card" and "card not
 * recognised" are told apart. A process of its own, because the host opens no socket. Started by
 * the host with the channel as descriptor 3; reads nothing from it, and ends when it ends. One
 * thread.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/common/channel.h"
#include "host/common/harden.h"
#include "host/common/log.h"
#include "host/common/sandbox-own.h"
#include "host/readers/readers.h"
#include "tokenbridge-config.h"

#define WAIT_MS 400

static const char help[] = "tokenbridge-readers tells tokenbridge-host about card readers. There "
                           "is nothing to do with it by\n"
                           "hand; \"tokenbridge list\" shows what it sees.\n";

static gboolean
host_is_there(void)
{
    struct pollfd poll_fd = {.fd = TB_CHANNEL_FD, .events = POLLIN};

    return poll(&poll_fd, 1, 0) == 0;
}

static void
serve(TbChannel *channel)
{
    g_autoptr(TbReaderWatch) watch = tb_reader_watch_new();
    json_t *told = NULL;

    while (host_is_there()) {
        json_t *now = tb_reader_watch_look(watch);

        if (told && json_equal(told, now)) {
            json_decref(now);
        } else {
            json_decref(told);
            told = now;
            if (!tb_channel_send(channel, told, -1, NULL))
                break;
        }
        tb_reader_watch_wait(watch, WAIT_MS);
    }
    json_decref(told);
}

int
main(int argc, char **argv)
{
    g_autoptr(TbChannel) channel = NULL;

    tb_harden_process(TB_CHANNEL_FD);
    tb_log_init("tokenbridge-readers");
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("tokenbridge-readers %s\n", TB_VERSION);
        return 0;
    }
    if (argc != 1 || !host_is_there()) {
        fputs(help, argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    tb_harden_die_with_parent();
    tb_sandbox_enter_readers();
    channel = tb_channel_new(TB_CHANNEL_FD);
    serve(channel);
    return 0;
}
