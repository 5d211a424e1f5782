/* SPDX-License-Identifier: Apache-2.0
 *
 * PKCS#11 return values as our words and sentences. A CK_RV comes from a maker's module: any number
 * may arrive here. No state.
 */
#pragma once

#include <glib.h>
#include <p11-kit/pkcs11.h>

#include "tokenbridge/reason.h"

/* What was being done decides what a return value means. */
typedef enum TbCkrStage {
    TB_CKR_LOOKING,   /* nothing is in use yet: an absent token is missing, not removed */
    TB_CKR_IN_USE,    /* a session is open */
    TB_CKR_LOGIN,     /* a PIN was sent */
    TB_CKR_PUK,       /* a PUK was sent */
    TB_CKR_NEW_PIN,   /* a new PIN was sent; what was shown before it was right */
    TB_CKR_PAD_LOGIN, /* the reader asked for the PIN itself */
    TB_CKR_PAD_PUK,
    TB_CKR_PAD_NEW_PIN,
} TbCkrStage;

/* The stage when it is the reader that asks. */
TbCkrStage tb_ckr_stage_of_pad(TbCkrStage stage);

#define TB_CKR_NAME_MAX 48 /* bytes with the NUL */

/* "CKR_PIN_INCORRECT", or "CKR 0x80000001" for a number that the standard does not name. Returns
 * buffer or a static string. */
const char *tb_ckr_name(CK_RV rv, char buffer[TB_CKR_NAME_MAX]);

TbReason tb_ckr_reason(CK_RV rv, TbCkrStage stage);

/* Sets an error that says what happened, what to do, and the call and value for the expert. Returns
 * FALSE. */
gboolean tb_ckr_fault(GError **error, CK_RV rv, TbCkrStage stage, const char *call);
