/* SPDX-License-Identifier: Apache-2.0
 *
 * What the dialog is offered for a request: the certificates that fit, or what is missing. Reads
 * the workers' listings and the user's last choice; of its own it only has the rows' names, so it
 * lives as long as the dialog.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/common/config.h"
#include "host/request.h"
#include "host/rows.h"
#include "host/workers.h"
#include "tokenbridge/reason.h"

typedef struct TbOffer TbOffer;

/* All borrowed. */
TbOffer *tb_offer_new(const TbConfig *config, const TbWorkers *workers, const TbRequest *request);
void tb_offer_free(TbOffer *offer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbOffer, tb_offer_free)

/* The "certificates" message: a new reference, or NULL while there is nothing to say, because not
 * every module has answered yet (complete FALSE). *out_problem: why nothing can be chosen, 0 when
 * something can. */
json_t *tb_offer_message(TbOffer *offer, gboolean complete, TbReason *out_problem);

/* The row with this id if it is offered and usable now, else NULL. */
TbRow *tb_offer_find(TbOffer *offer, const char *id);

/* The one usable certificate that a token offers; NULL when there is none or more than one.
 * Borrowed from the listing. */
const TbCertificate *tb_offer_only(const TbOffer *offer, guint module, guint64 slot,
                                   const char *serial);
