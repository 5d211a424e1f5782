/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: host/listing.c, as the host reads a worker's listing, and what it makes of it. What
 * it offers, the prompt can read; what it asks of the worker and gives to the page is bounded.
 */
#include <string.h>

#include "host/common/fault.h"
#include "host/common/json.h"
#include "host/listing.h"
#include "host/outcome.h"
#include "host/rows.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/readers.h"
#include "tokenbridge/auth-token.h"

#define NOW 1800000000
#define NONCE "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define SIGNATURE "MDEyMzQ1Njc4OWFiY2RlZg=="

static const TbPurpose purposes[] = {TB_PURPOSE_AUTHENTICATE, TB_PURPOSE_CHOOSE, TB_PURPOSE_SIGN};

static void
check_reply(json_t *reply, const GError *error)
{
    char *text;

    FUZZ_CHECK((reply == NULL) == (error != NULL));
    if (!reply)
        return;
    text = json_dumps(reply, JSON_COMPACT);
    FUZZ_CHECK(text);
    free(text);
    json_decref(reply);
}

/* As if the user had chosen it. */
static void
use(const TbCertificate *certificate, TbPurpose purpose)
{
    const TbRequest request = {.purpose = purpose,
                               .origin = (char *)(guintptr) "https://example.org",
                               .nonce = (char *)(guintptr)NONCE,
                               .certificate = certificate->der,
                               .hash_name = (char *)(guintptr) "SHA-256",
                               .hash = (char *)(guintptr)NONCE};
    g_autoptr(TbChosen) chosen = tb_chosen_new(certificate, &request);
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) error_at_end = NULL;

    if (purpose == TB_PURPOSE_CHOOSE) {
        check_reply(tb_outcome_certificate(chosen), NULL);
        return;
    }
    if (!chosen->algorithm)
        return;
    check_reply(tb_outcome_sign_request(&request, chosen, &error), error);
    check_reply(tb_outcome_signed(&request, chosen, SIGNATURE, &error_at_end), error_at_end);
}

static void
offer(GPtrArray *tokens, TbPurpose purpose, const char *certificate)
{
    const TbFilter filter = {.purpose = purpose, .certificate = certificate, .now = NOW};
    g_autoptr(GPtrArray) listings = g_ptr_array_new();
    g_autoptr(GPtrArray) hidden = g_ptr_array_new();
    g_autoptr(TbRowNames) names = tb_row_names_new();
    g_autoptr(GPtrArray) fitting = NULL;
    g_autoptr(GPtrArray) rows = NULL;
    json_t *message;

    g_ptr_array_add(listings, NULL); /* a module that has not answered */
    g_ptr_array_add(listings, tokens);
    for (guint i = 0; i < tokens->len; i++) {
        if (((TbToken *)tokens->pdata[i])->hidden)
            g_ptr_array_add(hidden, tokens->pdata[i]);
    }
    fitting = tb_selection_fitting(listings, &filter);
    rows = tb_rows_new(fitting, hidden, 0, NOW, names);
    FUZZ_CHECK(rows->len <= fitting->len + hidden->len);
    message = json_pack("{s:s, s:o}", "type", "certificates", "certificates",
                        tb_rows_choices(rows, purpose, NOW));
    FUZZ_CHECK(message && fuzz_prompt_reads_message(message, false));
    json_decref(message);
    for (guint i = 0; i < fitting->len; i++)
        use(fitting->pdata[i], purpose);
}

static void
check_token(const TbToken *token)
{
    FUZZ_CHECK(token->label && token->serial && token->reader && json_is_object(token->pin));
    for (guint i = 0; i < token->certificates->len; i++) {
        const TbCertificate *certificate = token->certificates->pdata[i];

        FUZZ_CHECK(certificate->token == token && strlen(certificate->id) == 64);
        FUZZ_CHECK(certificate->der && certificate->name && certificate->issuer_name);
        FUZZ_CHECK(certificate->policies && certificate->algorithms && certificate->chain);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) tokens = NULL;
    const char *first = NULL;
    json_t *answer = tb_json_parse(data, size, NULL);

    if (!answer)
        return 0;
    tokens = tb_listing_read(answer, 1, &error);
    json_decref(answer);
    FUZZ_CHECK((tokens == NULL) == (error != NULL));
    if (!tokens) {
        FUZZ_CHECK(tb_fault_reason(error) == TB_REASON_MODULE_FAILED);
        return 0;
    }
    for (guint i = 0; i < tokens->len; i++) {
        const TbToken *token = tokens->pdata[i];

        check_token(token);
        if (!first && token->certificates->len > 0)
            first = ((const TbCertificate *)token->certificates->pdata[0])->der;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(purposes); i++)
        offer(tokens, purposes[i], purposes[i] == TB_PURPOSE_SIGN ? first : NULL);
    return 0;
}
