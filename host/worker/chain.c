/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains among the certificates of one token: see chain.h. Two certificates may have signed each
 * other; walks are therefore bounded by TB_CHAIN_MAX and never meet a certificate twice.
 */
#include "host/worker/chain.h"

#include <openssl/err.h>
#include <stdlib.h>

#include "core/base64.h"

static gboolean
is_self_issued(const TbCertificate *certificate)
{
    return X509_NAME_cmp(X509_get_subject_name(certificate->x509),
                         X509_get_issuer_name(certificate->x509)) == 0;
}

static gboolean
has_issued(const TbCertificate *issuer, const TbCertificate *certificate)
{
    EVP_PKEY *key = tb_certificate_public_key(issuer);
    gboolean signed_by;

    if (!key || X509_NAME_cmp(X509_get_subject_name(issuer->x509),
                              X509_get_issuer_name(certificate->x509)) != 0)
        return FALSE;
    signed_by = X509_verify(certificate->x509, key) == 1;
    ERR_clear_error();
    return signed_by;
}

/* A renewed authority's certificates carry the same name and key: the one valid longest is meant.
 */
static gboolean
lasts_longer(const TbCertificate *a, const TbCertificate *b)
{
    return !b || ASN1_TIME_compare(X509_get0_notAfter(a->x509), X509_get0_notAfter(b->x509)) > 0;
}

void
tb_chain_link(GPtrArray *certificates)
{
    for (guint i = 0; i < certificates->len; i++) {
        TbCertificate *certificate = g_ptr_array_index(certificates, i);

        certificate->issuer = NULL;
        if (is_self_issued(certificate))
            continue;
        for (guint j = 0; j < certificates->len; j++) {
            const TbCertificate *candidate = g_ptr_array_index(certificates, j);

            if (j != i && candidate->ca && lasts_longer(candidate, certificate->issuer) &&
                has_issued(candidate, certificate))
                certificate->issuer = candidate;
        }
    }
}

/* The certificates above one, root left out; borrowed. */
static guint
collect(const TbCertificate *certificate, const TbCertificate *out_chain[TB_CHAIN_MAX])
{
    guint count = 0;

    for (const TbCertificate *next = certificate->issuer; next && count < TB_CHAIN_MAX;
         next = next->issuer) {
        gboolean met = next == certificate || is_self_issued(next);

        for (guint i = 0; i < count && !met; i++)
            met = out_chain[i] == next;
        if (met)
            break;
        out_chain[count++] = next;
    }
    return count;
}

static void
append_base64(json_t *list, const void *bytes, gsize length)
{
    char *text = tb_base64_encode(bytes, length);

    json_array_append_new(list, json_string(text));
    free(text);
}

json_t *
tb_chain_to_json(const TbCertificate *certificate)
{
    const TbCertificate *chain[TB_CHAIN_MAX];
    guint count = collect(certificate, chain);
    json_t *list = json_array();

    for (guint i = 0; i < count; i++)
        append_base64(list, g_bytes_get_data(chain[i]->der, NULL), g_bytes_get_size(chain[i]->der));
    return list;
}

static void
append_issuer_name(json_t *list, const TbCertificate *certificate)
{
    const unsigned char *der = NULL;
    size_t length = 0;

    if (X509_NAME_get0_der(X509_get_issuer_name(certificate->x509), &der, &length))
        append_base64(list, der, length);
}

json_t *
tb_chain_issuers_to_json(const TbCertificate *certificate)
{
    const TbCertificate *chain[TB_CHAIN_MAX];
    guint count = collect(certificate, chain);
    json_t *list = json_array();

    append_issuer_name(list, certificate);
    for (guint i = 0; i < count; i++)
        append_issuer_name(list, chain[i]);
    return list;
}
