/* SPDX-License-Identifier: Apache-2.0
 *
 * For the PIV card emulator: the card's key slots (9A, 9C, 9D, 9E and the retired ones, 82 to 95)
 * with certificates and keys from PEM files, the data objects that GET DATA hands out, and what
 * GENERAL AUTHENTICATE computes (SP 800-73-4 parts 1 and 2, SP 800-78-4). One thread.
 */
#pragma once

#include <glib.h>

typedef struct PivSlots PivSlots;

/* When the PIN is needed (SP 800-73-4 part 1, table 4b). */
typedef enum PivPinPolicy {
    PIV_PIN_NEVER,  /* 9E */
    PIV_PIN_ONCE,   /* the others */
    PIV_PIN_ALWAYS, /* 9C: right before each signature */
} PivPinPolicy;

/* serial: what tells this card from others; it becomes the GUID of the CHUID. */
PivSlots *piv_slots_new(guint32 serial);
void piv_slots_free(PivSlots *slots);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PivSlots, piv_slots_free)

/* Puts a certificate and its key (NULL: none, as for an issuer's certificate in a retired slot)
 * into a slot. */
gboolean piv_slots_fill(PivSlots *slots, guint reference, const char *certificate_path,
                        const char *key_path, GError **error);

/* What GET DATA answers for a tag, complete; NULL when the card has no such object. */
GByteArray *piv_slots_object(const PivSlots *slots, guint32 tag);

gboolean piv_slots_has_key(const PivSlots *slots, guint reference);
PivPinPolicy piv_slots_policy(guint reference);

/* Raw RSA of exactly the modulus' length, or ECDSA of a digest as DER. FALSE when the algorithm
 * (SP 800-78-4, table 6-2) is not the key's or the input does not fit. */
gboolean piv_slots_sign(const PivSlots *slots, guint reference, guint8 algorithm,
                        const guint8 *input, gsize length, GByteArray **out_signature);
