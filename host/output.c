/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of replies: see output.h. Only our own JSON passes here.
 */
#include "host/output.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/common/fault.h"
#include "host/rpc.h"

#define MESSAGE_MAX 1048575 /* "under 1 MiB": browsers end the port at more than 1048576 bytes */

struct TbOutput {
    int fd;
    GByteArray *queue;
    guint source;
    void (*broken)(gpointer data);
    gpointer data;
};

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data);

TbOutput *
tb_output_new(int fd, void (*broken)(gpointer data), gpointer data)
{
    TbOutput *output = g_new0(TbOutput, 1);

    output->fd = fd;
    output->queue = g_byte_array_new();
    output->broken = broken;
    output->data = data;
    (void)g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    return output;
}

void
tb_output_free(TbOutput *output)
{
    if (!output)
        return;
    if (output->source)
        g_source_remove(output->source);
    close(output->fd);
    g_byte_array_unref(output->queue);
    g_free(output);
}

/* Writes what the pipe takes; false when it is broken. */
static gboolean
flush(TbOutput *output)
{
    while (output->queue->len > 0) {
        ssize_t written = write(output->fd, output->queue->data, output->queue->len);

        if (written > 0)
            g_byte_array_remove_range(output->queue, 0, (guint)written);
        else if (errno == EAGAIN)
            return TRUE;
        else if (errno != EINTR)
            return FALSE;
    }
    return TRUE;
}

static void
continue_later(TbOutput *output)
{
    if (output->queue->len > 0 && !output->source)
        output->source = g_unix_fd_add(output->fd, G_IO_OUT, on_writable, output);
}

static gboolean
on_writable(gint fd, GIOCondition condition, gpointer data)
{
    TbOutput *output = data;

    output->source = 0;
    if (flush(output))
        continue_later(output);
    else
        output->broken(output->data);
    return G_SOURCE_REMOVE;
}

static char *
dump(json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    g_autoptr(GError) error = NULL;
    json_t *reply;

    if (text && strlen(text) <= MESSAGE_MAX)
        return text;
    free(text);
    tb_fault(&error, TB_REASON_INTERNAL, "The reply would be longer than browsers take (1 MiB).");
    reply = tb_rpc_error(json_object_get(message, "id"), 0, error, NULL);
    text = json_dumps(reply, JSON_COMPACT);
    json_decref(reply);
    return text;
}

void
tb_output_send(TbOutput *output, json_t *message)
{
    char *text = dump(message);
    guint32 length = (guint32)strlen(text);

    json_decref(message);
    g_byte_array_append(output->queue, (const guint8 *)&length, sizeof length);
    g_byte_array_append(output->queue, (const guint8 *)text, length);
    free(text);
    /* At once where possible; a failure is told from the main loop, not from within this call. */
    if (!output->source && flush(output) && output->queue->len == 0)
        return;
    continue_later(output);
}
