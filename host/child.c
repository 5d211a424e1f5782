/* SPDX-License-Identifier: Apache-2.0
 *
 * Child processes: see child.h. A worker runs a maker's code and a prompt is driven by a person, so
 * a child may hang, crash or babble; each costs its own request only.
 */
#include "host/child.h"

#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

#include "host/common/channel.h"
#include "host/common/log.h"

struct TbChild {
    char *program;
    guint process; /* its number; 0: it has ended */
    TbChannel *channel;
    guint channel_source;
    const TbChildEvents *events;
    gpointer data;
    gboolean *freed; /* set by tb_child_free while a callback runs */
};

static const TbStarter *starter = &tb_process_starter;

static char *
describe_end(int code, int status, gboolean *out_crashed)
{
    *out_crashed = FALSE;
    if (code == CLD_EXITED)
        return g_strdup_printf("ended (exit status %d)", status);
    if (code != CLD_KILLED && code != CLD_DUMPED)
        return g_strdup("ended");
    *out_crashed = status != SIGKILL && status != SIGTERM;
    return g_strdup_printf("%s (signal %d)", *out_crashed ? "crashed" : "was ended", status);
}

static void
on_ended(guint process, int code, int status, gpointer data)
{
    TbChild *child = data;
    gboolean crashed;
    g_autofree char *how = describe_end(code, status, &crashed);

    child->process = 0;
    tb_log(crashed ? TB_LOG_WARNING : TB_LOG_DEBUG, "child-gone", "program=%s how=\"%s\"",
           child->program, how);
    child->events->gone(how, crashed, child->data);
}

static gboolean
on_channel(gint fd, GIOCondition condition, gpointer data)
{
    TbChild *child = data;

    for (;;) {
        g_autoptr(GError) error = NULL;
        json_t *message = NULL;
        gboolean freed = FALSE;
        int received = -1;
        TbChannelResult result =
            tb_channel_receive(child->channel, FALSE, &message, &received, &error);

        if (result == TB_CHANNEL_NOTHING)
            return G_SOURCE_CONTINUE;
        if (result != TB_CHANNEL_MESSAGE) {
            if (error)
                tb_log(TB_LOG_WARNING, "child-broken", "program=%s error=\"%s\"", child->program,
                       error->message);
            /* Whatever is left of it is of no use, even when it only closed the channel and lives
             * on; on_ended() tells the owner how it ended. */
            starter->kill(child->process);
            child->channel_source = 0;
            return G_SOURCE_REMOVE;
        }
        if (received >= 0)
            close(received); /* no child has a descriptor to give */
        child->freed = &freed;
        child->events->message(message, child->data);
        json_decref(message);
        if (freed)
            return G_SOURCE_REMOVE;
        child->freed = NULL;
    }
}

void
tb_child_set_starter(const TbStarter *other)
{
    starter = other;
}

TbChild *
tb_child_start(const char *program, const char *const *arguments, gboolean own_group,
               const TbChildEvents *events, gpointer data, GError **error)
{
    const TbCommand command = {program, arguments, own_group};
    TbChild *child = g_new0(TbChild, 1);
    int channel_fd = -1;

    child->process = starter->start(&command, on_ended, child, &channel_fd, error);
    if (!child->process) {
        g_free(child);
        return NULL;
    }
    child->program = g_strdup(program);
    child->events = events;
    child->data = data;
    child->channel = tb_channel_new(channel_fd);
    child->channel_source = g_unix_fd_add(channel_fd, G_IO_IN | G_IO_HUP, on_channel, child);
    return child;
}

gboolean
tb_child_send(TbChild *child, json_t *message, int fd, GError **error)
{
    return tb_channel_send(child->channel, message, fd, error);
}

void
tb_child_set_events(TbChild *child, const TbChildEvents *events, gpointer data)
{
    child->events = events;
    child->data = data;
}

static void
release(TbChild *child, guint grace_ms)
{
    if (child->freed)
        *child->freed = TRUE;
    if (child->channel_source)
        g_source_remove(child->channel_source);
    if (child->process)
        starter->leave(child->process, grace_ms);
    tb_channel_free(child->channel);
    g_free(child->program);
    g_free(child);
}

void
tb_child_free(TbChild *child)
{
    if (child)
        release(child, 0);
}

void
tb_child_retire(TbChild *child, guint grace_ms)
{
    release(child, MAX(grace_ms, 1));
}
