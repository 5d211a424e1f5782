/* SPDX-License-Identifier: Apache-2.0
 *
 * What "list" shows: see tokens.h. What tokens, modules and readers are called is anybody's word;
 * command.c keeps it from harming the terminal.
 */
#include "host/cli/tokens.h"

#include <string.h>

#include "host/cli/command.h"
#include "host/missing.h"
#include "host/selection.h"

static char *
day(gint64 seconds)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(seconds);

    return time ? g_date_time_format(time, "%Y-%m-%d") : g_strdup("?");
}

static const char *
purpose(const TbCertificate *certificate)
{
    const char *const *usage = (const char *const *)certificate->key_usage;

    if (certificate->ca)
        return "certificate authority";
    if (certificate->has_no_key)
        return "no private key";
    if (tb_selection_signs_in(certificate))
        return "signs in";
    return usage && g_strv_contains(usage, "nonRepudiation") ? "signs documents" : "other purpose";
}

static void
print_certificate(const TbCertificate *certificate, gint64 now)
{
    g_autofree char *from = day(certificate->not_before);
    g_autofree char *until = day(certificate->not_after);
    g_autofree char *algorithms = g_strjoinv(", ", certificate->algorithms);

    tb_cli_print("    ");
    tb_cli_print_styled(TB_STYLE_BOLD, "%s", certificate->name);
    tb_cli_print(" (%s)\n      issued by %s, ", purpose(certificate), certificate->issuer_name);
    if (now > certificate->not_after)
        tb_cli_print_styled(TB_STYLE_BAD, "expired on %s", until);
    else if (now < certificate->not_before)
        tb_cli_print_styled(TB_STYLE_BAD, "not valid before %s", from);
    else
        tb_cli_print("valid until %s", until);
    if (*algorithms)
        tb_cli_print(", %s", algorithms);
    tb_cli_print("\n      ");
    tb_cli_print_styled(TB_STYLE_FAINT, "%s\n", certificate->id);
}

static const char *
pin_sentence(TbPinState state)
{
    switch (state) {
    case TB_PIN_OK:
        return NULL;
    case TB_PIN_LOW:
        return "a wrong PIN was typed; few tries are left";
    case TB_PIN_FINAL_TRY:
        return "one try is left for the PIN";
    case TB_PIN_LOCKED:
        return "the PIN is locked";
    case TB_PIN_TO_BE_CHANGED:
        return "the PIN must be changed first";
    case TB_PIN_NOT_INITIALISED:
        return "there is no PIN yet";
    }
    return NULL;
}

static void
print_token(const TbToken *token, gint64 now)
{
    const char *pin = pin_sentence(token->pin_state);

    tb_cli_print("  Token \"%s\" in %s, serial %s%s\n", token->label, token->reader, token->serial,
                 token->pin_pad ? ", PIN typed on the reader" : "");
    if (pin)
        tb_cli_print_styled(TB_STYLE_BAD, "    %s\n", pin);
    for (guint i = 0; i < token->certificates->len; i++)
        print_certificate(token->certificates->pdata[i], now);
    if (token->fault)
        tb_cli_print_styled(TB_STYLE_BAD, "    %s\n", token->fault->message);
    else if (token->hidden)
        tb_cli_print_styled(TB_STYLE_FAINT, "    no certificate shows without the PIN\n");
    else if (token->certificates->len == 0)
        tb_cli_print_styled(TB_STYLE_FAINT, "    no certificates\n");
}

static void
print_module(const TbModuleState *state)
{
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;

    tb_cli_print_styled(TB_STYLE_BOLD, "%s", state->module->name);
    tb_cli_print(" (%s)\n", state->module->path);
    if (!state->tokens) {
        tb_cli_print_styled(TB_STYLE_BAD, "  %s\n", state->error->message);
        return;
    }
    for (guint i = 0; i < state->tokens->len; i++)
        print_token(state->tokens->pdata[i], now);
    if (state->tokens->len == 0)
        tb_cli_print_styled(TB_STYLE_FAINT, "  no token\n");
}

static gboolean
any_pcsc(const TbWorkers *workers)
{
    for (guint i = 0; i < tb_workers_count(workers); i++) {
        if (tb_workers_state(workers, i)->pcsc)
            return TRUE;
    }
    return FALSE;
}

static void
print_cards(json_t *list)
{
    for (gsize i = 0; i < json_array_size(list); i++) {
        json_t *reader = json_array_get(list, i);
        gboolean card = json_is_true(json_object_get(reader, "card"));
        gboolean mute = json_is_true(json_object_get(reader, "mute"));

        tb_cli_print("  %s: %s\n", json_string_value(json_object_get(reader, "name")),
                     mute   ? "a card that does not answer; is it the right way round?"
                     : card ? "a card"
                            : "no card");
    }
}

void
tb_cli_tokens_print_readers(const TbWorkers *workers)
{
    TbCardReaders *readers = tb_workers_card_readers(workers);
    TbReadersState state = tb_card_readers_state(readers);
    json_t *known = tb_card_readers_describe(readers);
    const char *word;

    if (state == TB_READERS_UNKNOWN)
        return;
    tb_cli_print_styled(TB_STYLE_BOLD, "%s\n", "Readers");
    if (state == TB_READERS_NO_SERVICE && any_pcsc(workers))
        tb_cli_print_styled(TB_STYLE_BAD, "%s\n", "  the reader service (pcscd) is not running");
    else if (state == TB_READERS_NO_SERVICE)
        tb_cli_print_styled(
            TB_STYLE_FAINT, "%s\n",
            "  no reader service (pcscd) is running, and no module in use needs it");
    else if (state == TB_READERS_NONE)
        tb_cli_print_styled(TB_STYLE_FAINT, "%s\n", "  no reader is connected");
    print_cards(json_object_get(known, "readers"));
    if (state == TB_READERS_CARD &&
        tb_missing_certificate(workers, &word) == TB_REASON_TOKEN_MISSING &&
        g_strcmp0(word, "card_unknown") == 0)
        tb_cli_print_styled(TB_STYLE_BAD, "%s\n", "  no module knows the card");
    json_decref(known);
}

gboolean
tb_cli_tokens_print(const TbWorkers *workers)
{
    gboolean any = FALSE;

    for (guint i = 0; i < tb_workers_count(workers); i++) {
        const TbModuleState *state = tb_workers_state(workers, i);

        any = any || state->tokens;
        print_module(state);
    }
    if (tb_workers_count(workers) == 0)
        tb_cli_print("No PKCS#11 module was found. Install your token's, for example the package "
                     "opensc-pkcs11, or name it in tokenbridge.conf.\n");
    tb_cli_tokens_print_readers(workers);
    return any;
}

json_t *
tb_cli_tokens_to_json(const TbWorkers *workers)
{
    json_t *modules = json_array();

    for (guint i = 0; i < tb_workers_count(workers); i++)
        json_array_append_new(modules, tb_workers_describe(tb_workers_state(workers, i)));
    return json_pack("{s:o, s:o*}", "modules", modules, "readers",
                     tb_card_readers_describe(tb_workers_card_readers(workers)));
}
