/* SPDX-License-Identifier: Apache-2.0
 *
 * What is missing: see missing.h.
 *
 * Without a token all modules look alike. What PC/SC says tells the states apart, but it is not
 * the whole truth: a soft token needs no reader, and some USB tokens come with a driver of their
 * own. So service, readers and cards are named only when a module is in use that reaches its tokens
 * by PC/SC (its worker says so); otherwise the plain "insert your token" is all that is certain. A
 * card that is there, though, and that no module knows, is worth telling in any case.
 */
#include "host/missing.h"

#include "host/common/fault.h"
#include "host/listing.h"

/* Whether every module was asked after the card came, and after it had shown a token for the last
 * time: in between, a card that is read slowly, or just taken out, is not an unknown one. */
static gboolean
card_was_looked_at(const TbWorkers *workers)
{
    gint64 since = tb_card_readers_since(tb_workers_card_readers(workers));

    for (guint i = 0; i < tb_workers_count(workers); i++) {
        const TbModuleState *state = tb_workers_state(workers, i);

        if (!state->error && (state->asked_at < since || state->asked_at < state->lost_at))
            return FALSE;
    }
    return TRUE;
}

static const char *
reader_word(const TbWorkers *workers)
{
    gboolean pcsc = FALSE;

    for (guint i = 0; i < tb_workers_count(workers); i++)
        pcsc = pcsc || tb_workers_state(workers, i)->pcsc;
    switch (tb_card_readers_state(tb_workers_card_readers(workers))) {
    case TB_READERS_UNKNOWN:
        break;
    case TB_READERS_NO_SERVICE:
        return pcsc ? "no_reader_service" : "no_token";
    case TB_READERS_NONE:
        return pcsc ? "no_reader" : "no_token";
    case TB_READERS_EMPTY:
        return pcsc ? "no_card" : "no_token";
    case TB_READERS_MUTE:
        return "card_unknown";
    case TB_READERS_CARD:
        return card_was_looked_at(workers) ? "card_unknown" : NULL;
    }
    return "no_token";
}

static gboolean
any_token(const TbWorkers *workers)
{
    for (guint i = 0; i < tb_workers_count(workers); i++) {
        const TbModuleState *state = tb_workers_state(workers, i);

        if (state->tokens && state->tokens->len > 0)
            return TRUE;
    }
    return FALSE;
}

TbReason
tb_missing_token(const TbWorkers *workers, const char **out_word)
{
    *out_word = any_token(workers) ? "no_token" : reader_word(workers);
    return TB_REASON_TOKEN_MISSING;
}

/* What the tokens that are there are missing; 0: there is none. */
static TbReason
find_in_tokens(const TbWorkers *workers, const char **out_word)
{
    TbReason fault = 0;

    for (guint i = 0; i < tb_workers_count(workers); i++) {
        const GPtrArray *tokens = tb_workers_state(workers, i)->tokens;

        for (guint j = 0; tokens && j < tokens->len; j++) {
            const TbToken *token = tokens->pdata[j];

            if (!token->fault) {
                *out_word = "no_certificate";
                return TB_REASON_NO_CERTIFICATE;
            }
            if (!fault)
                fault = tb_fault_reason(token->fault);
        }
    }
    /* Not "a token without certificate": nobody could look. */
    *out_word = "module_failed";
    return fault;
}

/* What the modules failed with: none has answered in time, or else that they failed. */
static TbReason
module_fault(const TbWorkers *workers)
{
    for (guint i = 0; i < tb_workers_count(workers); i++) {
        const GError *error = tb_workers_state(workers, i)->error;

        if (error && tb_fault_reason(error) != TB_REASON_MODULE_TIMEOUT)
            return TB_REASON_MODULE_FAILED;
    }
    return TB_REASON_MODULE_TIMEOUT;
}

TbReason
tb_missing_certificate(const TbWorkers *workers, const char **out_word)
{
    gboolean any_failed = FALSE, all_failed = TRUE;
    TbReason reason;

    if (tb_workers_count(workers) == 0) {
        *out_word = "no_module";
        return TB_REASON_MODULE_FAILED;
    }
    reason = find_in_tokens(workers, out_word);
    if (reason)
        return reason;
    /* A module that fails over it, and OpenSC takes its time, is not to blame. */
    if (tb_card_readers_state(tb_workers_card_readers(workers)) == TB_READERS_MUTE)
        return tb_missing_token(workers, out_word);
    for (guint i = 0; i < tb_workers_count(workers); i++) {
        gboolean failed = tb_workers_state(workers, i)->error != NULL;

        any_failed = any_failed || failed;
        all_failed = all_failed && failed;
    }
    /* Of several modules one that fails may be nobody's; but a card that is there, and that the
     * others do not know, is probably its. */
    if (all_failed || (any_failed && tb_card_readers_state(tb_workers_card_readers(workers)) ==
                                         TB_READERS_CARD)) {
        *out_word = "module_failed";
        return module_fault(workers);
    }
    return tb_missing_token(workers, out_word);
}
