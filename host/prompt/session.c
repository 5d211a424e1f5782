/* SPDX-License-Identifier: Apache-2.0
 *
 * The session: see session.h. The host is the one who started this process, but what it sends is
 * checked all the same; anything out of order ends the session. GTK's thread.
 */
#include "host/prompt/session.h"

#include <glib-unix.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/prompt/language.h"
#include "host/prompt/pin-care.h"
#include "host/prompt/window.h"

typedef struct TbSession {
    TbChannel *channel;
    GMainLoop *loop;
    /* One of them once "show" has come: for a site's request, or for the care of a PIN. */
    TbWindow *window;
    TbPinCare *care;
    int status;
} TbSession;

static void
finish(TbSession *session, int status)
{
    session->status = status;
    g_main_loop_quit(session->loop);
}

static void
fail(TbSession *session, const char *event, const GError *error)
{
    tb_log(TB_LOG_ERROR, event, "message=\"%s\"", error->message);
    finish(session, 1);
}

static void
send_message(TbSession *session, json_t *message)
{
    g_autoptr(GError) error = NULL;

    if (!tb_channel_send(session->channel, message, -1, &error))
        fail(session, "send-failed", error);
    json_decref(message);
}

static void
on_painted(gpointer data)
{
    send_message(data, json_pack("{s:s}", "type", "ready"));
}

static void
on_submitted(const char *id, gpointer data)
{
    send_message(data, json_pack("{s:s, s:s*}", "type", "submit", "certificate", id));
}

static void
on_cancelled(gpointer data)
{
    send_message(data, json_pack("{s:s}", "type", "cancelled"));
    finish(data, 0);
}

static void
on_ended(gpointer data)
{
    finish(data, 0);
}

static gboolean
open_window(TbSession *session, const TbMessage *message, GError **error)
{
    static const TbWindowEvents events = {on_painted, on_submitted, on_cancelled, on_ended};

    if (session->window || session->care)
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"show\" came twice.");
    gtk_widget_set_default_direction(tb_language_set(message->lang) ? GTK_TEXT_DIR_RTL
                                                                    : GTK_TEXT_DIR_LTR);
    if (tb_operation_is_pin_care(message->operation))
        session->care = tb_pin_care_new(message, &events, session, error);
    else
        session->window = tb_window_new(message, &events, session, error);
    return session->window || session->care;
}

/* A PIN goes into a pipe and nowhere else. */
static gboolean
write_pin(TbSession *session, int fd, GError **error)
{
    struct stat what;
    gboolean asked_for;

    if (fstat(fd, &what) != 0 || !S_ISFIFO(what.st_mode))
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"pin\" came without a pipe.");
    asked_for = session->care ? tb_pin_care_write_pins(session->care, fd)
                              : tb_window_write_pin(session->window, fd);
    return asked_for || tb_fault(error, TB_REASON_INVALID_REQUEST, "\"pin\" came unasked.");
}

static gboolean
refuse(const char *type, GError **error)
{
    return tb_fault(error, TB_REASON_INVALID_REQUEST, "\"%s\" is not for this dialog.", type);
}

/* What a site's request is told. */
static gboolean
obey_in_window(TbWindow *window, const TbMessage *message, GError **error)
{
    switch (message->type) {
    case TB_MESSAGE_CERTIFICATES:
        tb_window_set_certificates(window, message);
        return TRUE;
    case TB_MESSAGE_WORKING:
        tb_window_set_working(window, message->pad);
        return TRUE;
    case TB_MESSAGE_PIN_FAILED:
        if (message->what != TB_PIN_KIND_PIN)
            return refuse("pin_failed", error);
        tb_window_set_pin_failed(window, &message->pin, message->repeated);
        return TRUE;
    case TB_MESSAGE_DONE:
        tb_window_set_done(window);
        return TRUE;
    case TB_MESSAGE_FAILED:
        tb_window_set_failed(window, message->reason, message->text);
        return TRUE;
    case TB_MESSAGE_TOKEN:
        return refuse("token", error);
    case TB_MESSAGE_SHOW:
    case TB_MESSAGE_PIN:
    case TB_MESSAGE_CLOSE:
        break;
    }
    g_assert_not_reached();
}

/* What the care of a PIN is told. */
static gboolean
obey_in_care(TbPinCare *care, TbMessage *message, GError **error)
{
    switch (message->type) {
    case TB_MESSAGE_TOKEN:
        tb_pin_care_set_token(care, message);
        return TRUE;
    case TB_MESSAGE_WORKING:
        tb_pin_care_set_working(care, message->pad);
        return TRUE;
    case TB_MESSAGE_PIN_FAILED:
        tb_pin_care_set_failed_pin(care, message);
        return TRUE;
    case TB_MESSAGE_DONE:
        tb_pin_care_set_done(care);
        return TRUE;
    case TB_MESSAGE_FAILED:
        tb_pin_care_set_failed(care, message->reason, message->text);
        return TRUE;
    case TB_MESSAGE_CERTIFICATES:
        return refuse("certificates", error);
    case TB_MESSAGE_SHOW:
    case TB_MESSAGE_PIN:
    case TB_MESSAGE_CLOSE:
        break;
    }
    g_assert_not_reached();
}

static gboolean
obey(TbSession *session, TbMessage *message, int fd, GError **error)
{
    if (message->type == TB_MESSAGE_SHOW)
        return open_window(session, message, error);
    if (message->type == TB_MESSAGE_CLOSE) {
        finish(session, 0);
        return TRUE;
    }
    if (!session->window && !session->care)
        return tb_fault(error, TB_REASON_INVALID_REQUEST, "The first message was not \"show\".");
    if (message->type == TB_MESSAGE_PIN)
        return write_pin(session, fd, error);
    return session->care ? obey_in_care(session->care, message, error)
                         : obey_in_window(session->window, message, error);
}

static gboolean
receive_one(TbSession *session, json_t *object, int fd, GError **error)
{
    g_autoptr(TbMessage) message = tb_message_parse(object, fd >= 0, error);

    return message && obey(session, message, fd, error);
}

static gboolean
on_readable(gint channel_fd, GIOCondition condition, gpointer data)
{
    TbSession *session = data;

    while (g_main_loop_is_running(session->loop)) {
        g_autoptr(GError) error = NULL;
        json_t *object = NULL;
        int fd = -1;
        gboolean good;

        switch (tb_channel_receive(session->channel, FALSE, &object, &fd, &error)) {
        case TB_CHANNEL_NOTHING:
            return G_SOURCE_CONTINUE;
        case TB_CHANNEL_CLOSED:
            finish(session, 0);
            return G_SOURCE_REMOVE;
        case TB_CHANNEL_BROKEN:
            fail(session, "channel-broken", error);
            return G_SOURCE_REMOVE;
        case TB_CHANNEL_MESSAGE:
            good = receive_one(session, object, fd, &error);
            json_decref(object);
            if (fd >= 0)
                close(fd);
            if (!good) {
                fail(session, "message-refused", error);
                return G_SOURCE_REMOVE;
            }
            break;
        }
    }
    return G_SOURCE_REMOVE;
}

int
tb_session_run(TbChannel *channel)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    TbSession session = {.channel = channel, .loop = loop};
    GSource *source = g_unix_fd_source_new(tb_channel_get_fd(channel), G_IO_IN);

    g_source_set_callback(source, G_SOURCE_FUNC(on_readable), &session, NULL);
    g_source_attach(source, NULL);
    g_main_loop_run(loop);
    g_source_destroy(source);
    g_source_unref(source);
    tb_window_free(session.window);
    tb_pin_care_free(session.care);
    return session.status;
}
