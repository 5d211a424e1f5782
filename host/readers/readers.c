/* SPDX-License-Identifier: Apache-2.0
 *
 * Readers and cards by PC/SC: see readers.h. Cards are only looked at, never connected to: a look
 * must not take a card from a program that is using it.
 */
#include "host/readers/readers.h"

#include <string.h>

#include <winscard.h>

#define READERS_MAX 15 /* pcsclite takes 16 at once, one of them for new readers */
#define RETRY_US (G_USEC_PER_SEC / 2)
#define FAILED_US (G_USEC_PER_SEC / 20) /* so that no failure makes us spin */
#define LOOK_TRIES 2
#define NEW_READER "\\\\?PnP?\\Notification"

struct TbReaderWatch {
    SCARDCONTEXT context;
    gboolean connected;
    char *names; /* as pcscd gives them: each ended by NUL, the last one empty */
    SCARD_READERSTATE states[READERS_MAX + 1];
    guint count;
};

TbReaderWatch *
tb_reader_watch_new(void)
{
    return g_new0(TbReaderWatch, 1);
}

static void
detach(TbReaderWatch *watch)
{
    if (watch->connected)
        (void)SCardReleaseContext(watch->context);
    watch->connected = FALSE;
    watch->count = 0;
}

void
tb_reader_watch_free(TbReaderWatch *watch)
{
    if (!watch)
        return;
    detach(watch);
    g_free(watch->names);
    g_free(watch);
}

static gboolean
attach(TbReaderWatch *watch)
{
    if (watch->connected && SCardIsValidContext(watch->context) != SCARD_S_SUCCESS)
        detach(watch);
    if (!watch->connected)
        watch->connected = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &watch->context) ==
                           SCARD_S_SUCCESS;
    return watch->connected;
}

/* FALSE when the service has gone; no reader at all is no failure. */
static gboolean
list_readers(TbReaderWatch *watch)
{
    DWORD length = 0;
    LONG rv = SCardListReaders(watch->context, NULL, NULL, &length);

    watch->count = 0;
    g_clear_pointer(&watch->names, g_free);
    if (rv == SCARD_E_NO_READERS_AVAILABLE)
        return TRUE;
    if (rv != SCARD_S_SUCCESS)
        return FALSE;
    watch->names = g_malloc0((gsize)length + 2);
    rv = SCardListReaders(watch->context, NULL, watch->names, &length);
    if (rv != SCARD_S_SUCCESS)
        return rv == SCARD_E_NO_READERS_AVAILABLE || rv == SCARD_E_INSUFFICIENT_BUFFER;
    for (const char *name = watch->names; *name && watch->count < READERS_MAX;
         name += strlen(name) + 1) {
        memset(&watch->states[watch->count], 0, sizeof watch->states[0]);
        watch->states[watch->count++].szReader = name;
    }
    return TRUE;
}

static json_t *
reader_json(const SCARD_READERSTATE *state)
{
    g_autofree char *name = g_utf8_make_valid(state->szReader, -1);

    return json_pack("{s:s, s:b, s:b}", "name", name, "card",
                     (state->dwEventState & SCARD_STATE_PRESENT) != 0, "mute",
                     (state->dwEventState & SCARD_STATE_MUTE) != 0);
}

static json_t *
message(const char *service, json_t *readers)
{
    return json_pack("{s:s, s:s, s:o}", "type", "readers", "service", service, "readers", readers);
}

/* FALSE when the service has gone, or a reader has between two calls: the next try sees what is
 * left. */
static gboolean
read_states(TbReaderWatch *watch)
{
    if (!attach(watch))
        return FALSE;
    if (!list_readers(watch)) {
        detach(watch);
        return FALSE;
    }
    return watch->count == 0 ||
           SCardGetStatusChange(watch->context, 0, watch->states, watch->count) == SCARD_S_SUCCESS;
}

json_t *
tb_reader_watch_look(TbReaderWatch *watch)
{
    json_t *readers = json_array();
    gboolean good = FALSE;

    for (int i = 0; i < LOOK_TRIES && !good; i++)
        good = read_states(watch);
    if (!watch->connected)
        return message("missing", readers);
    for (guint i = 0; good && i < watch->count; i++) {
        json_array_append_new(readers, reader_json(&watch->states[i]));
        watch->states[i].dwCurrentState = watch->states[i].dwEventState;
    }
    return message("ok", readers);
}

void
tb_reader_watch_wait(TbReaderWatch *watch, guint timeout_ms)
{
    SCARD_READERSTATE *last = &watch->states[watch->count];
    LONG rv;

    if (!watch->connected) {
        g_usleep(RETRY_US);
        return;
    }
    memset(last, 0, sizeof *last);
    last->szReader = NEW_READER;
    last->dwCurrentState = (DWORD)watch->count << 16;
    rv = SCardGetStatusChange(watch->context, timeout_ms, watch->states, watch->count + 1);
    if (rv == SCARD_E_NO_SERVICE)
        detach(watch);
    else if (rv != SCARD_S_SUCCESS && rv != SCARD_E_TIMEOUT)
        g_usleep(FAILED_US);
}
