/* SPDX-License-Identifier: Apache-2.0
 *
 * What PC/SC knows of readers and cards, which PKCS#11 does not tell: without a reader service,
 * without a reader, without a card and with a card that no module knows, modules show the same
 * empty list. Blocks; belongs to one thread. What readers are called is taken as it comes and made
 * UTF-8.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef struct TbReaderWatch TbReaderWatch;

TbReaderWatch *tb_reader_watch_new(void);
void tb_reader_watch_free(TbReaderWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbReaderWatch, tb_reader_watch_free)

/* The "readers" message (docs/protocol.md, 4.4) for the state now: a new reference. */
json_t *tb_reader_watch_look(TbReaderWatch *watch);

/* Waits for a change, at most timeout_ms. */
void tb_reader_watch_wait(TbReaderWatch *watch, guint timeout_ms);
