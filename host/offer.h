/* SPDX-License-Identifier: Apache-2.0
 *
 * What the dialog is offered for a request: the certificates that fit, or what is missing. Reads
 * the workers' listings and the user's last choice; changes nothing.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/common/config.h"
#include "host/request.h"
#include "host/selection.h"
#include "host/workers.h"
#include "tokenbridge/reason.h"

typedef struct TbOffer {
    const TbConfig *config;
    const TbWorkers *workers;
    const TbRequest *request;
} TbOffer;

/* The "certificates" message: a new reference, or NULL while there is nothing to say, because not
 * every module has answered yet (complete FALSE). *out_problem: why nothing can be chosen, 0 when
 * something can. */
json_t *tb_offer_message(const TbOffer *offer, gboolean complete, TbReason *out_problem);

/* The certificate with this id if it is offered and usable now, else NULL; borrowed from the
 * listing. */
const TbCertificate *tb_offer_find(const TbOffer *offer, const char *id);
