/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge list: what tokens there are and what is on them. Each module is asked by a worker of
 * its own; what a worker says is not trusted.
 */
#include <string.h>

#include "host/cli/command.h"
#include "host/common/fault.h"
#include "host/common/harden.h"
#include "host/common/modules.h"
#include "host/selection.h"
#include "host/workers.h"

static void
on_listed(gboolean complete, gpointer loop)
{
    if (complete)
        g_main_loop_quit(loop);
}

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
    if (token->certificates->len == 0)
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

/* Prints what the workers know. Whether at least one module could be asked. */
static gboolean
print_all(const TbWorkers *workers, gboolean json)
{
    json_t *modules = json_array();
    gboolean any = FALSE;

    for (guint i = 0; i < tb_workers_count(workers); i++) {
        const TbModuleState *state = tb_workers_state(workers, i);

        any = any || state->tokens;
        json_array_append_new(modules, tb_workers_describe(state));
        if (!json)
            print_module(state);
    }
    if (json)
        tb_cli_print_json(json_pack("{s:O}", "modules", modules));
    else if (json_array_size(modules) == 0)
        tb_cli_print("No PKCS#11 module was found. Install your token's, for example the package "
                     "opensc-pkcs11, or name it in tokenbridge.conf.\n");
    json_decref(modules);
    return any;
}

TbExit
tb_cli_list(int argc, char **argv)
{
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON, as listTokens in docs/protocol.md",
         NULL},
        {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = NULL;
    g_autoptr(GPtrArray) modules = NULL;
    g_autoptr(TbWorkers) workers = NULL;
    g_autoptr(GMainLoop) loop = NULL;

    if (!tb_cli_parse(&argc, &argv, entries, NULL,
                      "Shows the modules, their tokens, and the certificates on these; no PIN is "
                      "needed.\n"
                      "\n"
                      "Exit status: 0 modules have answered, 1 none has, 2 the command line is "
                      "wrong."))
        return TB_EXIT_USAGE;
    if (argc > 1)
        return tb_cli_usage("\"%s\" is no option", argv[1]);
    tb_harden_process(-1);
    config = tb_config_load_default(&error);
    if (!config)
        return tb_cli_fail(error, json);
    modules = tb_modules_discover(config, NULL);
    workers = tb_workers_new(modules, config);
    loop = g_main_loop_new(NULL, FALSE);
    tb_workers_list(workers, on_listed, loop);
    g_main_loop_run(loop);
    return print_all(workers, json) ? TB_EXIT_GOOD : TB_EXIT_FAILED;
}
