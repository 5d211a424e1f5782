/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules for choosing certificates.
 *
 * Sign-in asks for digitalSignature and a client purpose (RFC 5280, 4.2.1.3 and 4.2.1.12); what
 * other usages the certificate has does not matter, because many tokens carry one certificate for
 * all.
 *
 * Documents ask for nonRepudiation, and that the certificate could not sign in as well. A page
 * chooses the digest of a document, and it could choose that of another site's sign-in or TLS
 * handshake; only a key that no site accepts for sign-in is safe from that. The administrator may
 * name origins that are trusted with it all the same.
 */
#include "host/selection.h"

#include <string.h>

#define OID_CLIENT_AUTH "1.3.6.1.5.5.7.3.2"
#define OID_SMARTCARD_LOGON "1.3.6.1.4.1.311.20.2.2"
#define OID_ANY_PURPOSE "2.5.29.37.0"

static gboolean
has(char **list, const char *word)
{
    return list && g_strv_contains((const char *const *)list, word);
}

static gboolean
names_client_purpose(const TbCertificate *certificate)
{
    return has(certificate->extended_key_usage, OID_CLIENT_AUTH) ||
           has(certificate->extended_key_usage, OID_SMARTCARD_LOGON) ||
           has(certificate->extended_key_usage, OID_ANY_PURPOSE);
}

gboolean
tb_selection_signs_in(const TbCertificate *certificate)
{
    if (certificate->ca)
        return FALSE;
    if (certificate->key_usage && !has(certificate->key_usage, "digitalSignature"))
        return FALSE;
    return !certificate->extended_key_usage || names_client_purpose(certificate);
}

static gboolean
signs_documents(const TbCertificate *certificate, gboolean any_signer)
{
    if (certificate->ca)
        return FALSE;
    if (any_signer)
        return has(certificate->key_usage, "nonRepudiation") || tb_selection_signs_in(certificate);
    /* A client purpose is enough to be refused: validators in the field look at nothing else. */
    return has(certificate->key_usage, "nonRepudiation") && !tb_selection_signs_in(certificate) &&
           !names_client_purpose(certificate);
}

static gboolean
any_in_common(char **have, const char *const *wanted)
{
    if (!wanted || !*wanted)
        return TRUE;
    for (; *wanted; wanted++) {
        if (has(have, *wanted))
            return TRUE;
    }
    return FALSE;
}

/* The host signs for documents what the page has hashed; not every token can. */
static char **
algorithms_for(const TbCertificate *certificate, TbPurpose purpose)
{
    return purpose == TB_PURPOSE_AUTHENTICATE ? certificate->algorithms
                                              : certificate->digest_algorithms;
}

static gboolean
fits(const TbCertificate *certificate, const TbFilter *filter)
{
    gboolean purpose = filter->purpose == TB_PURPOSE_AUTHENTICATE
                           ? tb_selection_signs_in(certificate)
                           : signs_documents(certificate, filter->any_signer);

    return purpose && !certificate->has_no_key && algorithms_for(certificate, filter->purpose)[0] &&
           any_in_common(certificate->issuers, filter->issuers) &&
           any_in_common(certificate->policies, filter->policies) &&
           (!filter->certificate || strcmp(filter->certificate, certificate->der) == 0);
}

TbObstacle
tb_selection_obstacle(const TbCertificate *certificate, gint64 now)
{
    if (now > certificate->not_after)
        return TB_OBSTACLE_EXPIRED;
    if (now < certificate->not_before)
        return TB_OBSTACLE_NOT_YET_VALID;
    return tb_selection_token_obstacle(certificate->token);
}

TbObstacle
tb_selection_token_obstacle(const TbToken *token)
{
    switch (token->pin_state) {
    case TB_PIN_LOCKED:
        return TB_OBSTACLE_PIN_LOCKED;
    case TB_PIN_NOT_INITIALISED:
        return TB_OBSTACLE_PIN_NOT_SET;
    case TB_PIN_TO_BE_CHANGED:
        return TB_OBSTACLE_PIN_TO_BE_CHANGED;
    case TB_PIN_OK:
    case TB_PIN_LOW:
    case TB_PIN_FINAL_TRY:
        break;
    }
    return TB_OBSTACLE_NONE;
}

static gint
compare(gconstpointer a, gconstpointer b, gpointer data)
{
    const TbCertificate *first = *(const TbCertificate *const *)a;
    const TbCertificate *second = *(const TbCertificate *const *)b;
    gint64 now = *(const gint64 *)data;
    gboolean first_usable = tb_selection_obstacle(first, now) == TB_OBSTACLE_NONE;
    gboolean second_usable = tb_selection_obstacle(second, now) == TB_OBSTACLE_NONE;

    if (first_usable != second_usable)
        return first_usable ? -1 : 1;
    if (first->not_after != second->not_after)
        return first->not_after > second->not_after ? -1 : 1;
    /* An order that does not change between listings. */
    if (strcmp(first->id, second->id) != 0)
        return strcmp(first->id, second->id);
    if (first->module != second->module)
        return first->module < second->module ? -1 : 1;
    return first->token->slot < second->token->slot ? -1 : 1;
}

/* Whether another certificate makes a sign-in key of this one's key: the rule for documents is
 * about the key, not about the certificate that a page names. */
static gboolean
key_signs_in(const GPtrArray *listings, const TbCertificate *certificate)
{
    for (guint i = 0; certificate->key_id && i < listings->len; i++) {
        const GPtrArray *tokens = listings->pdata[i];

        for (guint j = 0; tokens && j < tokens->len; j++) {
            const TbToken *token = tokens->pdata[j];

            for (guint k = 0; k < token->certificates->len; k++) {
                const TbCertificate *other = token->certificates->pdata[k];

                if (g_strcmp0(other->key_id, certificate->key_id) == 0 &&
                    (tb_selection_signs_in(other) || names_client_purpose(other)))
                    return TRUE;
            }
        }
    }
    return FALSE;
}

GPtrArray *
tb_selection_fitting(const GPtrArray *listings, const TbFilter *filter)
{
    GPtrArray *fitting = g_ptr_array_new();
    gint64 now = filter->now;

    for (guint i = 0; i < listings->len; i++) {
        const GPtrArray *tokens = listings->pdata[i];

        for (guint j = 0; tokens && j < tokens->len; j++) {
            const TbToken *token = tokens->pdata[j];

            for (guint k = 0; k < token->certificates->len; k++) {
                const TbCertificate *certificate = token->certificates->pdata[k];

                if (fits(certificate, filter) &&
                    (filter->purpose == TB_PURPOSE_AUTHENTICATE || filter->any_signer ||
                     !key_signs_in(listings, certificate)))
                    g_ptr_array_add(fitting, token->certificates->pdata[k]);
            }
        }
    }
    g_ptr_array_sort_with_data(fitting, compare, &now);
    return fitting;
}

const TbAlgorithm *
tb_selection_algorithm(const TbCertificate *certificate, TbPurpose purpose, const char *hash_name)
{
    for (char **name = algorithms_for(certificate, purpose); *name; name++) {
        const TbAlgorithm *algorithm = tb_algorithm_by_jwa(*name);

        if (!algorithm || algorithm->key_type != certificate->key_type)
            continue;
        if (purpose == TB_PURPOSE_AUTHENTICATE)
            return algorithm;
        /* A document's hash need not go with an EC key's curve. An RSA key signs with what the
         * token has for that hash. */
        if (algorithm->key_type == TB_KEY_EC)
            return tb_algorithm_find(TB_KEY_EC, TB_PADDING_NONE, hash_name);
        if (algorithm->key_type == TB_KEY_RSA && strcmp(algorithm->hash_name, hash_name) == 0)
            return algorithm;
    }
    return NULL;
}
