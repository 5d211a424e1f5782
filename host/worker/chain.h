/* SPDX-License-Identifier: Apache-2.0
 *
 * Which certificate of a token issued which: by name first, then by signature, because names can be
 * shared (a renewed authority) or copied. Whether a chain may be trusted is the relying party's
 * question, not asked here. One thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/worker/certificate.h"

#define TB_CHAIN_MAX 8 /* certificates above the leaf */

/* Sets the issuer of each TbCertificate in certificates from among them. */
void tb_chain_link(GPtrArray *certificates);

/* base64 DER of the issuers of a certificate, its own issuer first, without the self-signed root.
 */
json_t *tb_chain_to_json(const TbCertificate *certificate);

/* base64 DER of the issuer names: the certificate's own, then that of each in its chain. */
json_t *tb_chain_issuers_to_json(const TbCertificate *certificate);
