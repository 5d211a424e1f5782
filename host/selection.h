/* SPDX-License-Identifier: Apache-2.0
 *
 * Which certificates fit a request. Pure.
 */
#pragma once

#include <glib.h>

#include "host/listing.h"

typedef enum TbPurpose {
    TB_PURPOSE_AUTHENTICATE,
    TB_PURPOSE_CHOOSE, /* a certificate for signing documents */
    TB_PURPOSE_SIGN,
} TbPurpose;

typedef struct TbFilter {
    TbPurpose purpose;
    gboolean any_signer; /* policy lets this origin sign documents with sign-in certificates */
    const char *const *issuers;  /* base64 DER names; NULL or empty: any */
    const char *const *policies; /* OIDs; NULL or empty: any */
    const char *certificate;     /* base64 DER: only this one; or NULL */
    gint64 now;                  /* Unix seconds */
} TbFilter;

/* Why a fitting certificate cannot be chosen now. */
typedef enum TbObstacle {
    TB_OBSTACLE_NONE,
    TB_OBSTACLE_EXPIRED,
    TB_OBSTACLE_NOT_YET_VALID,
    TB_OBSTACLE_PIN_LOCKED,
    TB_OBSTACLE_PIN_NOT_SET,
    TB_OBSTACLE_PIN_TO_BE_CHANGED,
} TbObstacle;

/* The certificates of all tokens (an array of arrays of TbToken; NULL entries are skipped) that
 * fit; usable ones first, then the longest valid. Elements are borrowed from the listing. */
GPtrArray *tb_selection_fitting(const GPtrArray *listings, const TbFilter *filter);

TbObstacle tb_selection_obstacle(const TbCertificate *certificate, gint64 now);

/* What is in the way of the token itself. */
TbObstacle tb_selection_token_obstacle(const TbToken *token);

/* The algorithm to use: the best that token and key can (sign-in), or the one for a document's hash
 * ("SHA-256"). NULL when there is none. */
const TbAlgorithm *tb_selection_algorithm(const TbCertificate *certificate, TbPurpose purpose,
                                          const char *hash_name);

/* Whether a certificate may sign in: no CA, digitalSignature, and an extended key usage of client
 * authentication, smart card logon, any, or none at all. */
gboolean tb_selection_signs_in(const TbCertificate *certificate);
