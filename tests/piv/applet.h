/* SPDX-License-Identifier: Apache-2.0
 *
 * For the PIV card emulator: the card application, from command APDU to response APDU (ISO 7816-4,
 * SP 800-73-4 part 2). Knows no reader, so that it can be tested on its own. Commands are not
 * trusted. One thread.
 */
#pragma once

#include <glib.h>

#include "tests/piv/pins.h"
#include "tests/piv/slots.h"

typedef struct PivApplet PivApplet;

/* Both must outlive it. */
PivApplet *piv_applet_new(PivPins *pins, const PivSlots *slots);
void piv_applet_free(PivApplet *applet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PivApplet, piv_applet_free)

/* Power on or reset: no PIN has been shown, nothing is selected. */
void piv_applet_reset(PivApplet *applet);

/* The response, with its status word. */
GByteArray *piv_applet_answer(PivApplet *applet, const guint8 *command, gsize length);
