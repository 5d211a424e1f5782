/* SPDX-License-Identifier: Apache-2.0
 *
 * The results that a page gets (docs/protocol.md, sections 3 and 6). Pure.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/request.h"
#include "host/selection.h"

/* What is kept of the certificate that the user chose: copies, because listings come and go. */
typedef struct TbChosen {
    char *id;
    char *der;
    char **chain;
    char **algorithms;
    char *token_serial;
    guint64 slot;
    guint module;
    gboolean pin_pad;
    TbKeyType key_type;
    const TbAlgorithm *algorithm; /* for this request; NULL for TB_PURPOSE_CHOOSE */
} TbChosen;

TbChosen *tb_chosen_new(const TbCertificate *certificate, const TbRequest *request);
void tb_chosen_free(TbChosen *chosen);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbChosen, tb_chosen_free)

/* The worker's "sign" request: a new reference; NULL and an error. */
json_t *tb_outcome_sign_request(const TbRequest *request, const TbChosen *chosen, GError **error);

/* The result for the page from the worker's signature (base64). A new reference; NULL and an error.
 */
json_t *tb_outcome_signed(const TbRequest *request, const TbChosen *chosen, const char *signature,
                          GError **error);

/* The result of getSigningCertificate. */
json_t *tb_outcome_certificate(const TbChosen *chosen);
