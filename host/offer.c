/* SPDX-License-Identifier: Apache-2.0
 *
 * The offer: see offer.h.
 */
#include "host/offer.h"

#include <string.h>

#include "host/last-used.h"
#include "host/policy.h"

static TbFilter
filter_for(const TbOffer *offer)
{
    const TbRequest *request = offer->request;

    return (TbFilter){
        .purpose = request->purpose,
        .any_signer = tb_policy_any_signer(offer->config, request->origin),
        .issuers = (const char *const *)request->issuers,
        .policies = (const char *const *)request->policies,
        .certificate = request->certificate,
        .now = g_get_real_time() / G_USEC_PER_SEC,
    };
}

static GPtrArray *
fitting(const TbOffer *offer, const TbFilter *filter)
{
    g_autoptr(GPtrArray) listings = tb_workers_listings(offer->workers);

    return tb_selection_fitting(listings, filter);
}

/* Why no certificate fits: as a word for the page, and as one for the dialog. */
static TbReason
find_problem(const TbWorkers *workers, const char **out_word)
{
    gboolean any_token = FALSE, all_failed = TRUE;

    for (guint i = 0; i < tb_workers_count(workers); i++) {
        const TbModuleState *state = tb_workers_state(workers, i);

        any_token = any_token || (state->tokens && state->tokens->len > 0);
        all_failed = all_failed && state->error;
    }
    if (any_token) {
        *out_word = "no_certificate";
        return TB_REASON_NO_CERTIFICATE;
    }
    if (tb_workers_count(workers) == 0) {
        *out_word = "no_module";
        return TB_REASON_MODULE_FAILED;
    }
    *out_word = all_failed ? "module_failed" : "no_token";
    return all_failed ? TB_REASON_MODULE_FAILED : TB_REASON_TOKEN_MISSING;
}

/* What stands in the way when certificates fit but none can be used. */
static TbReason
find_obstacle(const GPtrArray *certificates, gint64 now)
{
    TbReason reason = TB_REASON_NO_CERTIFICATE;

    for (guint i = 0; i < certificates->len; i++) {
        TbObstacle obstacle = tb_selection_obstacle(certificates->pdata[i], now);

        if (obstacle == TB_OBSTACLE_NONE)
            return 0;
        if (obstacle == TB_OBSTACLE_PIN_LOCKED)
            reason = TB_REASON_PIN_BLOCKED;
    }
    return reason;
}

json_t *
tb_offer_message(const TbOffer *offer, gboolean complete, TbReason *out_problem)
{
    TbFilter filter = filter_for(offer);
    g_autoptr(GPtrArray) certificates = fitting(offer, &filter);
    g_autofree char *preferred = NULL;
    json_t *message;

    if (certificates->len == 0 && !complete)
        return NULL; /* a slower module may still have one */
    message = json_pack("{s:s, s:o}", "type", "certificates", "certificates",
                        tb_selection_choices(certificates, filter.purpose, filter.now));
    if (certificates->len == 0) {
        const char *word;

        *out_problem = find_problem(offer->workers, &word);
        json_object_set_new(message, "problem", json_string(word));
        return message;
    }
    *out_problem = find_obstacle(certificates, filter.now);
    preferred = tb_last_used_get(offer->request->origin);
    if (preferred)
        json_object_set_new(message, "preferred", json_string(preferred));
    return message;
}

const TbCertificate *
tb_offer_find(const TbOffer *offer, const char *id)
{
    TbFilter filter = filter_for(offer);
    g_autoptr(GPtrArray) certificates = fitting(offer, &filter);

    for (guint i = 0; i < certificates->len; i++) {
        const TbCertificate *certificate = certificates->pdata[i];

        if (strcmp(certificate->id, id) == 0 &&
            tb_selection_obstacle(certificate, filter.now) == TB_OBSTACLE_NONE)
            return certificate;
    }
    return NULL;
}
