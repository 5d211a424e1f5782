/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokens of one module as docs/protocol.md, 4.1 shows them. The last listing is kept and shown
 * again while a cheap look finds nothing changed. One thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/worker/module.h"

typedef struct TbListing TbListing;

TbListing *tb_listing_new(TbModule *module); /* module is borrowed, and must live longer */
void tb_listing_free(TbListing *listing);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbListing, tb_listing_free)

/* The answer to "list"; a new reference that must not be changed. NULL on error: module_failed. */
json_t *tb_listing_answer(TbListing *listing, GError **error);

/* The slot of the last listing that has this token, or NULL; borrowed until the next call. */
TbSlot *tb_listing_find(const TbListing *listing, CK_SLOT_ID id, const char *serial);

/* Whether the last listing shows a token in this slot that is there, but fails. */
gboolean tb_listing_has_failure(const TbListing *listing, CK_SLOT_ID id);

/* After a login has shown more of a slot of the last listing: its token as it is shown from now on;
 * a new reference that must not be changed. */
json_t *tb_listing_revealed(TbListing *listing, const TbSlot *slot);

/* Forgets the last listing: the next answer is read from the tokens. */
void tb_listing_forget(TbListing *listing);

/* The same, and the module is started anew for the next one: it may believe in a daemon that has
 * gone. */
void tb_listing_distrust(TbListing *listing);
