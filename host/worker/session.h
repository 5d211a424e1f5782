/* SPDX-License-Identifier: Apache-2.0
 *
 * One signature, from the first look at the token to the logout, in bare Cryptoki. The session is
 * fresh and closed on all paths; the PIN is in the secure heap only, and only as long as a login
 * still needs it; no signature leaves that the certificate's public key does not verify. One
 * thread.
 */
#pragma once

#include <glib.h>
#include <p11-kit/pkcs11.h>

#include "host/worker/login.h"
#include "host/worker/module.h"
#include "tokenbridge/algorithm.h"

typedef struct TbSignRequest {
    const char *serial;         /* the token that must be in the slot */
    const char *certificate_id; /* SHA-256 of its DER, in hex */
    const TbAlgorithm *algorithm;
    GBytes *input;
    gboolean prehashed; /* input is the digest */
    int pin_fd;         /* the PIN's pipe, borrowed; -1: the reader's key pad */
} TbSignRequest;

/* Signs in a login that was only made, which it opens, or in one that is held with nothing more to
 * enter (then an always-authenticate key is refused with invalid_request). The caller clears it.
 * known is the slot of a listing that shows this token, or NULL; it saves reading certificates and
 * mechanisms again, and has those that show only after login. *out_signature: ECDSA as r||s. */
gboolean tb_session_sign(TbLogin *login, TbSlot *known, const TbSignRequest *request,
                         GBytes **out_signature, GError **error);
