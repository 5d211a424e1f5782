/* SPDX-License-Identifier: Apache-2.0
 *
 * Listing again and again: see watch.h. It polls, because it must: most modules have no slot
 * events, or lie about them, and a look that finds nothing new costs a millisecond
 * (docs/protocol.md, 4.1).
 */
#include "host/watch.h"

#define RELIST_MS 400 /* insertion and removal are seen within 500 ms */

/* A module that cannot even be started (a TPM's, on a computer without one) fills the log at each
 * try with what its libraries print. */
#define RELIST_FAILED_MS 3000

/* One module under watch. */
typedef struct Place {
    TbWatch *watch;
    guint module;
    TbWorkersCall *call; /* under way, or NULL */
    guint due;           /* source */
    gboolean answered;   /* at least once */
    gboolean failed;     /* the last time */
    gboolean again;      /* the answer under way may be of what was before */
} Place;

struct TbWatch {
    TbWorkers *workers;
    void (*changed)(gpointer data);
    gpointer data;
    Place *places;
    guint count;
    guint no_module; /* source */
    TbReadersUse *readers;
    TbReadersState readers_state; /* when they were last heard of */
    gboolean paused;
};

static void list(Place *place);

static gboolean
on_due(gpointer data)
{
    Place *place = data;

    place->due = 0;
    list(place);
    return G_SOURCE_REMOVE;
}

/* One failure may pass at once; what fails again is given more time. */
static guint
next_delay(Place *place)
{
    gboolean failed = tb_workers_state(place->watch->workers, place->module)->error != NULL;
    gboolean stays = failed && place->failed;

    place->failed = failed;
    if (place->again)
        return 0;
    return stays ? RELIST_FAILED_MS : RELIST_MS;
}

static void
on_listed(gboolean complete, gpointer data)
{
    Place *place = data;
    TbWatch *watch = place->watch;
    guint delay = next_delay(place);

    place->call = NULL;
    if (!watch->paused)
        place->due = g_timeout_add(delay, on_due, place);
    place->answered = TRUE;
    place->again = FALSE;
    watch->changed(watch->data);
}

static void
list(Place *place)
{
    place->call = tb_workers_list_module(place->watch->workers, place->module, on_listed, place);
}

static gboolean
on_no_module(gpointer data)
{
    TbWatch *watch = data;

    watch->no_module = 0;
    watch->changed(watch->data);
    return G_SOURCE_REMOVE;
}

/* A card that comes or goes is looked at at once. */
static void
on_readers_told(gpointer data)
{
    TbWatch *watch = data;
    TbReadersState state = tb_card_readers_state(tb_workers_card_readers(watch->workers));
    gboolean news =
        state != TB_READERS_UNKNOWN && watch->readers_state != TB_READERS_UNKNOWN && !watch->paused;

    watch->readers_state = state;
    for (guint i = 0; news && i < watch->count; i++)
        watch->places[i].again = watch->places[i].call != NULL;
    if (news)
        tb_watch_resume(watch);
    watch->changed(watch->data);
}

static TbWatch *
watch_new(TbWorkers *workers, guint first, guint count, void (*changed)(gpointer data),
          gpointer data)
{
    TbWatch *watch = g_new0(TbWatch, 1);

    watch->workers = workers;
    watch->changed = changed;
    watch->data = data;
    watch->count = count;
    watch->places = g_new0(Place, count);
    for (guint i = 0; i < count; i++) {
        watch->places[i].watch = watch;
        watch->places[i].module = first + i;
        list(&watch->places[i]);
    }
    watch->readers = tb_card_readers_use(tb_workers_card_readers(workers), on_readers_told, watch);
    if (count == 0)
        watch->no_module = g_idle_add(on_no_module, watch);
    return watch;
}

TbWatch *
tb_watch_new(TbWorkers *workers, void (*changed)(gpointer data), gpointer data)
{
    return watch_new(workers, 0, tb_workers_count(workers), changed, data);
}

TbWatch *
tb_watch_new_module(TbWorkers *workers, guint module, void (*changed)(gpointer data), gpointer data)
{
    return watch_new(workers, module, 1, changed, data);
}

void
tb_watch_free(TbWatch *watch)
{
    if (!watch)
        return;
    tb_watch_pause(watch);
    tb_card_readers_leave(tb_workers_card_readers(watch->workers), watch->readers);
    for (guint i = 0; i < watch->count; i++) {
        if (watch->places[i].call)
            tb_workers_cancel(watch->workers, watch->places[i].call);
    }
    if (watch->no_module)
        g_source_remove(watch->no_module);
    g_free(watch->places);
    g_free(watch);
}

gboolean
tb_watch_is_complete(const TbWatch *watch)
{
    for (guint i = 0; i < watch->count; i++) {
        if (!watch->places[i].answered)
            return FALSE;
    }
    return tb_card_readers_is_settled(tb_workers_card_readers(watch->workers));
}

void
tb_watch_pause(TbWatch *watch)
{
    watch->paused = TRUE;
    for (guint i = 0; i < watch->count; i++) {
        Place *place = &watch->places[i];

        if (place->due)
            g_source_remove(place->due);
        place->due = 0;
    }
}

void
tb_watch_resume(TbWatch *watch)
{
    tb_watch_pause(watch); /* what was due is due now */
    watch->paused = FALSE;
    for (guint i = 0; i < watch->count; i++) {
        if (!watch->places[i].call)
            list(&watch->places[i]);
    }
}
