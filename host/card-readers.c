/* SPDX-License-Identifier: Apache-2.0
 *
 * Readers and cards: see card-readers.h. What tokenbridge-readers says comes in part from a service
 * and from devices, and is checked: what it does not name in docs/protocol.md, 4.4, is refused, and
 * the process ended.
 */
#include "host/card-readers.h"

#include <string.h>

#include "host/child.h"
#include "host/common/fault.h"
#include "host/common/json.h"
#include "host/common/log.h"

#define PROGRAM "tokenbridge-readers"
#define FIRST_WORD_MS 1000 /* then nobody waits for it any more */
#define RETIRE_GRACE_MS 1000
#define PAUSE_AFTER_FAULT_US ((gint64)10 * G_USEC_PER_SEC)
#define READERS_MAX 16
#define NAME_MAX_BYTES 1024

struct TbReadersUse {
    void (*told)(gpointer data);
    gpointer data;
};

struct TbCardReaders {
    guint idle_ms;
    TbChild *child;      /* NULL: not running */
    json_t *known;       /* the last message, checked and made anew; NULL: none */
    gint64 started;      /* when the process was */
    gint64 since;        /* of the state */
    gboolean waiting;    /* for the first word */
    guint patience;      /* source: the end of waiting */
    guint idle;          /* source */
    guint news;          /* source: users are to be told */
    gint64 paused_until; /* after a fault */
    GPtrArray *uses;     /* TbReadersUse */
};

TbCardReaders *
tb_card_readers_new(guint idle_ms)
{
    TbCardReaders *readers = g_new0(TbCardReaders, 1);

    readers->idle_ms = idle_ms;
    readers->uses = g_ptr_array_new_with_free_func(g_free);
    return readers;
}

static void
clear_source(guint *inout_source)
{
    if (*inout_source)
        g_source_remove(*inout_source);
    *inout_source = 0;
}

void
tb_card_readers_free(TbCardReaders *readers)
{
    if (!readers)
        return;
    tb_child_free(readers->child);
    clear_source(&readers->patience);
    clear_source(&readers->idle);
    clear_source(&readers->news);
    json_decref(readers->known);
    g_ptr_array_unref(readers->uses);
    g_free(readers);
}

/* --- what is known --- */

TbReadersState
tb_card_readers_state(const TbCardReaders *readers)
{
    const char *service = json_string_value(json_object_get(readers->known, "service"));
    json_t *list = json_object_get(readers->known, "readers");
    TbReadersState state = json_array_size(list) > 0 ? TB_READERS_EMPTY : TB_READERS_NONE;

    if (!service)
        return TB_READERS_UNKNOWN;
    if (strcmp(service, "ok") != 0)
        return TB_READERS_NO_SERVICE;
    for (gsize i = 0; i < json_array_size(list); i++) {
        json_t *reader = json_array_get(list, i);

        if (!json_is_true(json_object_get(reader, "card")))
            continue;
        if (!json_is_true(json_object_get(reader, "mute")))
            return TB_READERS_CARD;
        state = TB_READERS_MUTE;
    }
    return state;
}

gboolean
tb_card_readers_is_settled(const TbCardReaders *readers)
{
    return !readers->waiting;
}

gint64
tb_card_readers_since(const TbCardReaders *readers)
{
    return readers->since;
}

json_t *
tb_card_readers_describe(const TbCardReaders *readers)
{
    return json_incref(readers->known);
}

static gboolean
on_news(gpointer data)
{
    TbCardReaders *readers = data;
    g_autoptr(GPtrArray) uses = g_ptr_array_new();

    readers->news = 0;
    for (guint i = 0; i < readers->uses->len; i++)
        g_ptr_array_add(uses, readers->uses->pdata[i]);
    for (guint i = 0; i < uses->len; i++) {
        TbReadersUse *use = uses->pdata[i];

        /* One that is told may make another leave. */
        if (g_ptr_array_find(readers->uses, use, NULL))
            use->told(use->data);
    }
    return G_SOURCE_REMOVE;
}

static void
tell(TbCardReaders *readers)
{
    readers->waiting = FALSE;
    clear_source(&readers->patience);
    if (!readers->news)
        readers->news = g_idle_add_full(G_PRIORITY_DEFAULT, on_news, readers, NULL);
}

/* Takes known. */
static void
set_known(TbCardReaders *readers, json_t *known)
{
    TbReadersState before = tb_card_readers_state(readers);

    json_decref(readers->known);
    readers->known = known;
    if (readers->waiting && known)
        readers->since = readers->started; /* so it was all the time */
    else if (tb_card_readers_state(readers) != before)
        readers->since = g_get_monotonic_time();
    tell(readers);
}

/* --- the process --- */

static gboolean
read_reader(json_t *object, json_t *list, GError **error)
{
    static const char *const members[] = {"name", "card", "mute", NULL};
    gboolean card = FALSE, mute = FALSE;
    const char *name;

    if (!json_is_object(object))
        return tb_fault(error, TB_REASON_INTERNAL, "A reader is no object.");
    if (!tb_json_only(object, "a reader", members, error) ||
        !tb_json_required_string(object, "name", NAME_MAX_BYTES, &name, error) ||
        !tb_json_boolean(object, "card", &card, error) ||
        !tb_json_boolean(object, "mute", &mute, error))
        return FALSE;
    json_array_append_new(list,
                          json_pack("{s:s, s:b, s:b}", "name", name, "card", card, "mute", mute));
    return TRUE;
}

/* What is told others of it is made anew. NULL and an error. */
static json_t *
read_message(json_t *message, GError **error)
{
    static const char *const members[] = {"type", "service", "readers", NULL};
    json_t *list = json_object_get(message, "readers");
    json_t *known = json_pack("{s:[]}", "readers");
    const char *type = "", *service = "";
    gboolean good = tb_json_only(message, "the message", members, error) &&
                    tb_json_required_string(message, "type", 16, &type, error) &&
                    tb_json_required_string(message, "service", 16, &service, error);

    if (good && (strcmp(type, "readers") != 0 ||
                 (strcmp(service, "ok") != 0 && strcmp(service, "missing") != 0) ||
                 !json_is_array(list) || json_array_size(list) > READERS_MAX))
        good = tb_fault(error, TB_REASON_INTERNAL, "It is not what is in the protocol.");
    for (gsize i = 0; good && i < json_array_size(list); i++)
        good = read_reader(json_array_get(list, i), json_object_get(known, "readers"), error);
    if (!good) {
        json_decref(known);
        return NULL;
    }
    json_object_set_new(known, "service", json_string(service));
    return known;
}

static void
stop(TbCardReaders *readers)
{
    g_clear_pointer(&readers->child, tb_child_free);
    clear_source(&readers->idle);
}

static void
fail(TbCardReaders *readers, const char *what)
{
    tb_log(TB_LOG_WARNING, "readers-fault", "detail=\"%s\"", what);
    stop(readers);
    readers->paused_until = g_get_monotonic_time() + PAUSE_AFTER_FAULT_US;
    set_known(readers, NULL);
}

static void
on_message(json_t *message, gpointer data)
{
    TbCardReaders *readers = data;
    g_autoptr(GError) error = NULL;
    json_t *known = read_message(message, &error);

    if (known)
        set_known(readers, known);
    else
        fail(readers, error->message);
}

static void
on_gone(const char *how, gboolean crashed, gpointer data)
{
    fail(data, how);
}

static const TbChildEvents child_events = {on_message, on_gone};

static gboolean
on_patience(gpointer data)
{
    TbCardReaders *readers = data;

    readers->patience = 0;
    tell(readers);
    return G_SOURCE_REMOVE;
}

static void
start(TbCardReaders *readers)
{
    g_autoptr(GError) error = NULL;

    if (readers->child || g_get_monotonic_time() < readers->paused_until)
        return;
    readers->child = tb_child_start(PROGRAM, NULL, FALSE, &child_events, readers, &error);
    if (!readers->child) {
        tb_log(TB_LOG_INFO, "readers-none", "detail=\"%s\"", error->message);
        readers->paused_until = g_get_monotonic_time() + PAUSE_AFTER_FAULT_US;
        return;
    }
    readers->waiting = TRUE;
    readers->started = g_get_monotonic_time();
    readers->patience = g_timeout_add(FIRST_WORD_MS, on_patience, readers);
}

static gboolean
on_idle(gpointer data)
{
    TbCardReaders *readers = data;

    readers->idle = 0;
    if (readers->child)
        tb_child_retire(g_steal_pointer(&readers->child), RETIRE_GRACE_MS);
    readers->waiting = FALSE;
    clear_source(&readers->patience);
    g_clear_pointer(&readers->known, json_decref); /* nobody follows it any more */
    return G_SOURCE_REMOVE;
}

TbReadersUse *
tb_card_readers_use(TbCardReaders *readers, void (*told)(gpointer data), gpointer data)
{
    TbReadersUse *use = g_new0(TbReadersUse, 1);

    use->told = told;
    use->data = data;
    g_ptr_array_add(readers->uses, use);
    clear_source(&readers->idle);
    start(readers);
    return use;
}

void
tb_card_readers_leave(TbCardReaders *readers, TbReadersUse *use)
{
    g_ptr_array_remove(readers->uses, use);
    if (readers->uses->len == 0 && readers->child)
        readers->idle = g_timeout_add(readers->idle_ms, on_idle, readers);
}
