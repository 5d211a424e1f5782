/* SPDX-License-Identifier: Apache-2.0
 *
 * What a page asks that needs the user: the parameters of authenticate, getSigningCertificate and
 * sign, checked (docs/protocol.md, section 3).
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/selection.h"
#include "tokenbridge/auth-token.h"

typedef struct TbRequest {
    TbPurpose purpose;
    char *origin;
    char *top_origin; /* or NULL */
    char *nonce;      /* authenticate */
    char *lang;       /* or NULL */
    char **issuers;   /* base64 DER names */
    char **policies;  /* OIDs */
    guint timeout;    /* ms */
    TbChainMode chain;
    char *certificate; /* sign: base64 DER */
    char *hash_name;   /* sign: "SHA-256" */
    char *hash;        /* sign: base64 */
    char *hash_hex;    /* sign: for the dialog */
} TbRequest;

/* Reads params (an object, or NULL for none). default_timeout in ms. invalid_request, unsupported
 * (hash function) or origin_refused. */
TbRequest *tb_request_read(TbPurpose purpose, json_t *params, guint default_timeout,
                           GError **error);

void tb_request_free(TbRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbRequest, tb_request_free)

/* Members that every request with a dialog may have. */
gboolean tb_request_read_lang(json_t *params, char **out_lang, GError **error);
gboolean tb_request_read_timeout(json_t *params, guint *inout_timeout, GError **error);
