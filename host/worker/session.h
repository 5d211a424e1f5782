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

#include "host/worker/module.h"
#include "host/worker/pin.h"
#include "tokenbridge/algorithm.h"

typedef struct TbSignRequest {
    CK_SLOT_ID slot;
    const char *serial;         /* the token that must be in the slot */
    const char *certificate_id; /* SHA-256 of its DER, in hex */
    const TbAlgorithm *algorithm;
    GBytes *input;
    gboolean prehashed; /* input is the digest */
    int pin_fd;         /* the PIN's pipe, borrowed; -1: the reader's key pad */
} TbSignRequest;

/* What is known of the PIN after a failure. */
typedef struct TbPinReport {
    gboolean known; /* info was read from the token after it refused something */
    CK_TOKEN_INFO info;
    gboolean repeated; /* this PIN was wrong before, and was not sent */
} TbPinReport;

/* Signs. The module must be loaded. known is the slot of a listing that shows this token, or NULL;
 * it saves reading certificates and mechanisms again. out_report is written on failure too.
 * *out_signature: ECDSA as r||s. */
gboolean tb_session_sign(const TbModule *module, TbSlot *known, TbPinMemory *memory,
                         const TbSignRequest *request, GBytes **out_signature,
                         TbPinReport *out_report, GError **error);
