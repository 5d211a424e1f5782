/* SPDX-License-Identifier: Apache-2.0
 *
 * What PC/SC knows of readers and cards: tokenbridge-readers, started when somebody wants to know,
 * ended when nobody has for a while. That it is missing, fails or is slow is no failure: then
 * nothing is known. Lives in the default main context.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef struct TbCardReaders TbCardReaders;

typedef enum TbReadersState {
    TB_READERS_UNKNOWN, /* nobody tells */
    TB_READERS_NO_SERVICE,
    TB_READERS_NONE,
    TB_READERS_EMPTY, /* readers, and no card in any */
    TB_READERS_MUTE,  /* a card in one of them, or more, and none of these answers */
    TB_READERS_CARD,  /* a card that answers */
} TbReadersState;

/* idle_ms: how long the process is kept for the next one who wants to know. */
TbCardReaders *tb_card_readers_new(guint idle_ms);
void tb_card_readers_free(TbCardReaders *readers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbCardReaders, tb_card_readers_free)

typedef struct TbReadersUse TbReadersUse;

/* From now on somebody wants to know. told comes when something has changed, and once when it is
 * settled that nothing will be said; never from within a call. */
TbReadersUse *tb_card_readers_use(TbCardReaders *readers, void (*told)(gpointer data),
                                  gpointer data);
void tb_card_readers_leave(TbCardReaders *readers, TbReadersUse *use);

/* Whether something was said, or is not to be waited for. */
gboolean tb_card_readers_is_settled(const TbCardReaders *readers);

TbReadersState tb_card_readers_state(const TbCardReaders *readers);

/* When (g_get_monotonic_time) the state became what it is. */
gint64 tb_card_readers_since(const TbCardReaders *readers);

/* {"service", "readers": [...]} as in docs/protocol.md, section 3: a new reference, or NULL when
 * nothing is known. */
json_t *tb_card_readers_describe(const TbCardReaders *readers);
