/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands in for the dialog: see stand-in.h.
 */
#include "host/cli/stand-in.h"

#include <string.h>

#include "host/common/fault.h"

#define PATIENCE_MS 5000 /* for a certificate that was listed before and is not offered now */

struct TbStandIn {
    char *certificate;
    TbSecret *pin;           /* until it is used */
    const TbPrompter *inner; /* narrow only */
    GError *fault;
};

typedef struct StandInPrompt {
    TbPrompt base;
    TbStandIn *stand_in;
    const TbPromptEvents *events;
    gpointer data;
    TbPrompt *shown; /* narrow: the real one */
    GQueue replies;  /* json_t*: events may not come from within send() */
    guint idle;
    guint patience;
    gboolean submitted;
} StandInPrompt;

static TbStandIn *
stand_in_new(const char *certificate)
{
    TbStandIn *stand_in = g_new0(TbStandIn, 1);

    stand_in->certificate = g_strdup(certificate);
    return stand_in;
}

TbStandIn *
tb_stand_in_new(const char *certificate, TbSecret *pin)
{
    TbStandIn *stand_in = stand_in_new(certificate);

    stand_in->pin = pin;
    return stand_in;
}

TbStandIn *
tb_stand_in_new_narrow(const char *certificate, const TbPrompter *inner)
{
    TbStandIn *stand_in = stand_in_new(certificate);

    stand_in->inner = inner;
    return stand_in;
}

void
tb_stand_in_free(TbStandIn *stand_in)
{
    if (!stand_in)
        return;
    g_free(stand_in->certificate);
    tb_secret_free(stand_in->pin);
    g_clear_error(&stand_in->fault);
    g_free(stand_in);
}

const GError *
tb_stand_in_fault(const TbStandIn *stand_in)
{
    return stand_in->fault;
}

/* --- without a person --- */

static gboolean
on_idle(gpointer data)
{
    StandInPrompt *prompt = data;
    json_t *message = g_queue_pop_head(&prompt->replies);

    if (g_queue_is_empty(&prompt->replies))
        prompt->idle = 0;
    /* The prompt may be released, and freed, from within. */
    guint again = prompt->idle;
    prompt->events->message(message, prompt->data);
    json_decref(message);
    return again ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
reply(StandInPrompt *prompt, json_t *message)
{
    g_queue_push_tail(&prompt->replies, message);
    if (!prompt->idle)
        prompt->idle = g_idle_add(on_idle, prompt);
}

static void G_GNUC_PRINTF(3, 4)
    give_up(StandInPrompt *prompt, TbReason reason, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    if (prompt->stand_in->fault)
        return;
    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    tb_fault(&prompt->stand_in->fault, reason, "%s", what);
    reply(prompt, json_pack("{s:s}", "type", "cancelled"));
}

static gboolean
on_patience(gpointer data)
{
    StandInPrompt *prompt = data;

    prompt->patience = 0;
    give_up(prompt, TB_REASON_TOKEN_REMOVED, "The token was removed. Insert it and try again.");
    return G_SOURCE_REMOVE;
}

/* The certificate of a "certificates" message, borrowed, or NULL. */
static json_t *
find_choice(json_t *message, const char *id)
{
    json_t *list = json_object_get(message, "certificates");

    for (gsize i = 0; i < json_array_size(list); i++) {
        json_t *choice = json_array_get(list, i);

        if (g_strcmp0(json_string_value(json_object_get(choice, "id")), id) == 0)
            return choice;
    }
    return NULL;
}

static void
answer_certificates(StandInPrompt *prompt, json_t *message)
{
    json_t *choice = find_choice(message, prompt->stand_in->certificate);

    if (json_is_true(json_object_get(message, "again"))) {
        /* It was a token that showed its certificates only now. */
        give_up(prompt, TB_REASON_INVALID_REQUEST,
                "The token shows its certificates only after the PIN, and it is not certain which "
                "one is meant. Leave --pin-fd out.");
        return;
    }
    if (prompt->submitted)
        return;
    if (json_is_true(json_object_get(choice, "usable"))) {
        prompt->submitted = TRUE;
        reply(prompt, json_pack("{s:s, s:s}", "type", "submit", "certificate",
                                prompt->stand_in->certificate));
    } else if (!prompt->patience) {
        prompt->patience = g_timeout_add(PATIENCE_MS, on_patience, prompt);
    }
}

static gboolean
send_direct(TbPrompt *base, json_t *message, int fd, GError **error)
{
    StandInPrompt *prompt = (StandInPrompt *)base;
    const char *type = json_string_value(json_object_get(message, "type"));

    if (g_strcmp0(type, "certificates") == 0) {
        answer_certificates(prompt, message);
    } else if (g_strcmp0(type, "pin") == 0) {
        /* Once: what is written to the pipe afterwards is nothing, and the worker says so. */
        if (prompt->stand_in->pin && !tb_secret_write(prompt->stand_in->pin, fd))
            return tb_fault(error, TB_REASON_INTERNAL, "The worker does not take the PIN.");
        g_clear_pointer(&prompt->stand_in->pin, tb_secret_free);
    } else if (g_strcmp0(type, "pin_failed") == 0) {
        give_up(prompt, TB_REASON_PIN_INCORRECT, "The PIN was wrong. It was tried once.");
    }
    return TRUE;
}

static void
release_direct(TbPrompt *base, gboolean linger)
{
    StandInPrompt *prompt = (StandInPrompt *)base;

    if (prompt->idle)
        g_source_remove(prompt->idle);
    if (prompt->patience)
        g_source_remove(prompt->patience);
    for (json_t *message; (message = g_queue_pop_head(&prompt->replies));)
        json_decref(message);
    g_free(prompt);
}

/* --- with a person, and one certificate --- */

static gboolean
send_narrow(TbPrompt *base, json_t *message, int fd, GError **error)
{
    StandInPrompt *prompt = (StandInPrompt *)base;
    const char *type = json_string_value(json_object_get(message, "type"));
    json_t *narrow;
    json_t *choice;
    gboolean sent;

    if (g_strcmp0(type, "certificates") != 0)
        return prompt->shown->send(prompt->shown, message, fd, error);
    narrow = json_copy(message);
    choice = find_choice(message, prompt->stand_in->certificate);
    json_object_set_new(narrow, "certificates", choice ? json_pack("[O]", choice) : json_array());
    if (!choice && !json_object_get(narrow, "problem"))
        json_object_set_new(narrow, "problem", json_string("no_certificate"));
    sent = prompt->shown->send(prompt->shown, narrow, fd, error);
    json_decref(narrow);
    return sent;
}

static void
release_narrow(TbPrompt *base, gboolean linger)
{
    StandInPrompt *prompt = (StandInPrompt *)base;

    prompt->shown->release(prompt->shown, linger);
    g_free(prompt);
}

static TbPrompt *
open_stand_in(gpointer context, const TbPromptEvents *events, gpointer data, GError **error)
{
    TbStandIn *stand_in = context;
    StandInPrompt *prompt = g_new0(StandInPrompt, 1);

    prompt->stand_in = stand_in;
    prompt->base.send = stand_in->inner ? send_narrow : send_direct;
    prompt->base.release = stand_in->inner ? release_narrow : release_direct;
    prompt->events = events;
    prompt->data = data;
    g_queue_init(&prompt->replies);
    if (stand_in->inner) {
        prompt->shown = stand_in->inner->open(stand_in->inner->context, events, data, error);
        if (!prompt->shown) {
            g_free(prompt);
            return NULL;
        }
    }
    return &prompt->base;
}

TbPrompter
tb_stand_in_prompter(TbStandIn *stand_in)
{
    return (TbPrompter){.open = open_stand_in, .context = stand_in};
}
