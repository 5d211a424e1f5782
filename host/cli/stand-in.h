/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands in for the dialog, or before it, when the command line names the certificate: a
 * prompt (host/prompt.h) that answers without a person, and one that shows a person that
 * certificate only. Lives in the default main context.
 */
#pragma once

#include <glib.h>

#include "core/secret.h"
#include "host/prompt.h"

typedef struct TbStandIn TbStandIn;

/* Submits the certificate with this id as soon as it is offered and answers for the PIN once; a PIN
 * that was wrong ends the request, it is never tried again. Takes pin. */
TbStandIn *tb_stand_in_new(const char *certificate, TbSecret *pin);

/* Shows dialogs of inner (borrowed, outlives it) with that certificate alone. */
TbStandIn *tb_stand_in_new_narrow(const char *certificate, const TbPrompter *inner);

void tb_stand_in_free(TbStandIn *stand_in);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbStandIn, tb_stand_in_free)

TbPrompter tb_stand_in_prompter(TbStandIn *stand_in);

/* Why it gave up, or NULL; borrowed. The operation then only knows that it was cancelled. */
const GError *tb_stand_in_fault(const TbStandIn *stand_in);
