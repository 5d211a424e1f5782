/* SPDX-License-Identifier: Apache-2.0
 *
 * For the PIV card emulator: the card's PIN and PUK with their tries, kept in a file so that a card
 * that is taken out, or an emulator that is started again, knows how many are left. For tests only:
 * the file holds both in clear. One thread.
 */
#pragma once

#include <glib.h>

#define PIV_PIN_SIZE ((gsize)8) /* padded with 0xff: SP 800-73-4 part 2, 2.4.3 */
#define PIV_TRIES 5

typedef enum PivSecret {
    PIV_SECRET_PIN,
    PIV_SECRET_PUK,
} PivSecret;

typedef struct PivPins PivPins;

/* path: where they are kept; made, with PIN 123456 and PUK 12345678, when there is no such file. */
PivPins *piv_pins_new(const char *path, GError **error);
void piv_pins_free(PivPins *pins);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PivPins, piv_pins_free)

guint piv_pins_tries(const PivPins *pins, PivSecret which);
void piv_pins_set_tries(PivPins *pins, PivSecret which, guint tries);

/* TRUE when it is right, which gives all tries back; else one try is gone. With none left nothing
 * is compared. */
gboolean piv_pins_try(PivPins *pins, PivSecret which, const guint8 padded[PIV_PIN_SIZE]);

/* FALSE, and nothing is changed, unless it is 6 to 8 characters (of a PIN: digits) and padding. The
 * new one has all tries. */
gboolean piv_pins_set(PivPins *pins, PivSecret which, const guint8 padded[PIV_PIN_SIZE]);
