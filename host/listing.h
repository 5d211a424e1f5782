/* SPDX-License-Identifier: Apache-2.0
 *
 * What a module's worker listed: tokens and their certificates, read from its answer
 * (docs/protocol.md, 4.1). The answer is not trusted: a worker runs a maker's code.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/common/config.h"
#include "tokenbridge/algorithm.h"

typedef enum TbPinState {
    TB_PIN_OK,
    TB_PIN_LOW,
    TB_PIN_FINAL_TRY,
    TB_PIN_LOCKED,
    TB_PIN_TO_BE_CHANGED,
    TB_PIN_NOT_INITIALISED,
} TbPinState;

typedef struct TbToken {
    guint module; /* index into the modules */
    guint64 slot;
    char *label;
    char *serial;
    char *reader;
    TbPinState pin_state;
    gboolean pin_pad;
    json_t *pin; /* for the dialog: state, pad, min, max */
    TbPinState puk_state;
    json_t *puk;             /* the same of the PUK */
    gboolean hidden;         /* it may have certificates that show only after login */
    GError *fault;           /* why it could not be read, or NULL */
    GPtrArray *certificates; /* TbCertificate */
} TbToken;

typedef struct TbCertificate {
    const TbToken *token; /* borrowed: the token owns its certificates */
    guint module;         /* index into the modules */
    char *id;             /* SHA-256 of the DER, lower-case hex */
    char *der;            /* base64 */
    char *name;
    char *issuer_name;
    gint64 not_before; /* Unix seconds */
    gint64 not_after;
    gboolean ca;
    gboolean
        has_no_key; /* the token says so; otherwise there is one, or nobody knows before login */
    TbKeyType key_type;
    char *key_id;              /* SHA-256 of the public key, hex; NULL when the worker gave none */
    char **key_usage;          /* NULL: no such extension */
    char **extended_key_usage; /* dotted OIDs; NULL: no such extension */
    char **policies;
    char **algorithms;        /* JWA names, best first */
    char **digest_algorithms; /* the same for a digest made elsewhere, as documents need */
    char **issuers;           /* base64 DER names, along the chain */
    char **chain;             /* base64 DER, the leaf's issuer first */
} TbCertificate;

/* Reads the "tokens" of a list answer; a new array of TbToken, or module_failed. */
GPtrArray *tb_listing_read(json_t *answer, guint module, GError **error);

/* Reads a worker's description of a PIN (NULL counts as malformed). It is made anew, so that the
 * dialog gets what the contract names and nothing else of the worker's. */
json_t *tb_listing_read_pin(json_t *pin, TbPinState *out_state, gboolean *out_pad, GError **error);
