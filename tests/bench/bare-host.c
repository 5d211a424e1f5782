/* SPDX-License-Identifier: Apache-2.0
 *
 * The least that a native-messaging host with GLib and jansson can be: what the real one's start is
 * compared with. Reads one frame, answers, waits for the end of its input. Trusts its input.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib-unix.h>
#include <jansson.h>

static gboolean
on_input(gint fd, GIOCondition condition, gpointer loop)
{
    char frame[4096];
    ssize_t got = read(fd, frame, sizeof frame);
    json_t *request = got > 4 ? json_loadb(frame + 4, (size_t)got - 4, 0, NULL) : NULL;
    json_t *reply;
    uint32_t length;
    char *text;

    if (!request) {
        g_main_loop_quit(loop);
        return G_SOURCE_REMOVE;
    }
    reply = json_pack("{s:O, s:s}", "id", json_object_get(request, "id"), "result", "bare");
    text = json_dumps(reply, JSON_COMPACT);
    length = (uint32_t)strlen(text);
    memcpy(frame, &length, sizeof length);
    memcpy(frame + 4, text, length);
    if (write(STDOUT_FILENO, frame, length + 4) < 0)
        g_main_loop_quit(loop);
    free(text);
    json_decref(reply);
    json_decref(request);
    return G_SOURCE_CONTINUE;
}

int
main(void)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

    g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, loop);
    g_main_loop_run(loop);
    return 0;
}
