/* SPDX-License-Identifier: Apache-2.0
 *
 * The offer: see offer.h.
 */
#include "host/offer.h"

#include <string.h>

#include "host/last-used.h"
#include "host/missing.h"
#include "host/policy.h"

struct TbOffer {
    const TbConfig *config;
    const TbWorkers *workers;
    const TbRequest *request;
    TbRowNames *names;
};

TbOffer *
tb_offer_new(const TbConfig *config, const TbWorkers *workers, const TbRequest *request)
{
    TbOffer *offer = g_new0(TbOffer, 1);

    offer->config = config;
    offer->workers = workers;
    offer->request = request;
    offer->names = tb_row_names_new();
    return offer;
}

void
tb_offer_free(TbOffer *offer)
{
    if (!offer)
        return;
    tb_row_names_free(offer->names);
    g_free(offer);
}

static gint64
unix_now(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

static GPtrArray *
fitting(const TbOffer *offer, gint64 now)
{
    const TbRequest *request = offer->request;
    g_autoptr(GPtrArray) listings = tb_workers_listings(offer->workers);
    const TbFilter filter = {
        .purpose = request->purpose,
        .any_signer = tb_policy_any_signer(offer->config, request->origin),
        .issuers = (const char *const *)request->issuers,
        .policies = (const char *const *)request->policies,
        .certificate = request->certificate,
        .now = now,
    };

    return tb_selection_fitting(listings, &filter);
}

static GPtrArray *
make_rows(TbOffer *offer, gint64 now)
{
    g_autoptr(GPtrArray) certificates = fitting(offer, now);
    g_autoptr(GPtrArray) hidden = g_ptr_array_new();
    guint64 doubtful = 0;

    for (guint i = 0; i < tb_workers_count(offer->workers); i++) {
        const TbModuleState *state = tb_workers_state(offer->workers, i);

        if (state->sign_failed && i < 64)
            doubtful |= (guint64)1 << i;
        for (guint j = 0; state->tokens && j < state->tokens->len; j++) {
            TbToken *token = state->tokens->pdata[j];

            if (token->hidden)
                g_ptr_array_add(hidden, token);
        }
    }
    return tb_rows_new(certificates, hidden, doubtful, now, offer->names);
}

/* What stands in the way when there are rows but none can be used. */
static TbReason
find_obstacle(const GPtrArray *rows, gint64 now)
{
    TbReason reason = TB_REASON_NO_CERTIFICATE;

    for (guint i = 0; i < rows->len; i++) {
        TbObstacle obstacle = tb_row_obstacle(rows->pdata[i], now);

        if (obstacle == TB_OBSTACLE_NONE)
            return 0;
        if (obstacle == TB_OBSTACLE_PIN_LOCKED)
            reason = TB_REASON_PIN_BLOCKED;
    }
    return reason;
}

/* The row of the certificate that was used last, one that can be used before others; or NULL. */
static const char *
preferred_row(const TbOffer *offer, const GPtrArray *rows, gint64 now)
{
    g_autofree char *used = tb_last_used_get(offer->request->origin);
    const char *id = NULL;

    for (guint i = 0; used && i < rows->len; i++) {
        const TbRow *row = rows->pdata[i];

        if (!row->certificate || strcmp(row->certificate->id, used) != 0)
            continue;
        if (tb_row_obstacle(row, now) == TB_OBSTACLE_NONE)
            return row->id;
        id = id ? id : row->id;
    }
    return id;
}

json_t *
tb_offer_message(TbOffer *offer, gboolean complete, TbReason *out_problem)
{
    gint64 now = unix_now();
    g_autoptr(GPtrArray) rows = make_rows(offer, now);
    const char *preferred;
    json_t *message;

    if (rows->len == 0 && !complete)
        return NULL; /* a slower module may still have one */
    message = json_pack("{s:s, s:o}", "type", "certificates", "certificates",
                        tb_rows_choices(rows, offer->request->purpose, now));
    if (rows->len == 0) {
        const char *word;

        *out_problem = tb_missing_certificate(offer->workers, &word);
        if (word)
            json_object_set_new(message, "problem", json_string(word));
        return message;
    }
    *out_problem = find_obstacle(rows, now);
    preferred = preferred_row(offer, rows, now);
    if (preferred)
        json_object_set_new(message, "preferred", json_string(preferred));
    return message;
}

TbRow *
tb_offer_find(TbOffer *offer, const char *id)
{
    gint64 now = unix_now();
    g_autoptr(GPtrArray) rows = make_rows(offer, now);

    for (guint i = 0; i < rows->len; i++) {
        const TbRow *row = rows->pdata[i];

        if (strcmp(row->id, id) == 0)
            return tb_row_obstacle(row, now) == TB_OBSTACLE_NONE ? g_ptr_array_steal_index(rows, i)
                                                                 : NULL;
    }
    return NULL;
}

const TbCertificate *
tb_offer_only(const TbOffer *offer, guint module, guint64 slot, const char *serial)
{
    gint64 now = unix_now();
    g_autoptr(GPtrArray) certificates = fitting(offer, now);
    const TbCertificate *only = NULL;

    for (guint i = 0; i < certificates->len; i++) {
        const TbCertificate *certificate = certificates->pdata[i];
        const TbToken *token = certificate->token;

        if (certificate->module != module || token->slot != slot ||
            strcmp(token->serial, serial) != 0 ||
            tb_selection_obstacle(certificate, now) != TB_OBSTACLE_NONE)
            continue;
        if (only)
            return NULL;
        only = certificate;
    }
    return only;
}
