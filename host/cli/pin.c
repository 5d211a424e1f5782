/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge pin: changes a token's PIN, or unblocks it with the PUK. PINs are typed in the native
 * dialog alone; none is read from the command line or from standard input. What the workers list is
 * not trusted.
 */
#include <string.h>

#include "host/cli/command.h"
#include "host/common/fault.h"
#include "host/common/harden.h"
#include "host/common/modules.h"
#include "host/listing.h"
#include "host/pin-operation.h"

typedef struct Options {
    TbPinPurpose purpose;
    char *token;
    char *module;
    char *lang;
    gboolean json;
} Options;

typedef struct Run {
    const Options *options;
    TbOperationContext context;
    const GPtrArray *modules;
    GMainLoop *loop;
    json_t *result; /* or */
    GError *error;
} Run;

static void
on_listed(gboolean complete, gpointer loop)
{
    if (complete)
        g_main_loop_quit(loop);
}

/* A token that the options mean, and where it is. */
typedef struct Found {
    const TbModuleState *state;
    const TbToken *token;
} Found;

static GArray *
find_tokens(const Run *run)
{
    const Options *options = run->options;
    GArray *all = g_array_new(FALSE, FALSE, sizeof(Found));

    for (guint i = 0; i < tb_workers_count(run->context.workers); i++) {
        const TbModuleState *state = tb_workers_state(run->context.workers, i);

        if (options->module && strcmp(options->module, state->module->name) != 0)
            continue;
        for (guint j = 0; state->tokens && j < state->tokens->len; j++) {
            Found found = {state, state->tokens->pdata[j]};

            if (!options->token || strcmp(options->token, found.token->serial) == 0)
                g_array_append_val(all, found);
        }
    }
    return all;
}

/* Why there is no token. */
static void
explain_none(const Run *run, GError **error)
{
    const TbWorkers *workers = run->context.workers;
    const char *wanted = run->options->module;
    gboolean known = !wanted, works = FALSE;

    for (guint i = 0; i < tb_workers_count(workers); i++) {
        const TbModuleState *state = tb_workers_state(workers, i);

        if (wanted && strcmp(wanted, state->module->name) != 0)
            continue;
        known = TRUE;
        works = works || state->tokens;
    }
    if (!known)
        tb_fault(error, TB_REASON_INVALID_REQUEST,
                 "There is no PKCS#11 module \"%s\"; \"tokenbridge list\" shows their names.",
                 wanted);
    else if (!works)
        tb_fault(error, TB_REASON_MODULE_FAILED,
                 "No PKCS#11 module works; \"tokenbridge list\" says why.");
    else if (run->options->token)
        tb_fault(error, TB_REASON_TOKEN_MISSING,
                 "No token with the serial number \"%s\" is there. Insert it and try again.",
                 run->options->token);
    else
        tb_fault(error, TB_REASON_TOKEN_MISSING, "No token is there. Insert it and try again.");
}

static void
explain_many(const Run *run, const GArray *all, GError **error)
{
    g_autoptr(GString) list = g_string_new(NULL);
    const Found *first = &g_array_index(all, Found, 0);
    gboolean serials = FALSE, modules = FALSE;

    for (guint i = 0; i < all->len; i++) {
        const Found *found = &g_array_index(all, Found, i);

        serials = serials || strcmp(found->token->serial, first->token->serial) != 0;
        modules = modules || found->state != first->state;
        g_string_append_printf(list, "\n  %s  \"%s\" in %s (module %s)", found->token->serial,
                               found->token->label, found->token->reader,
                               found->state->module->name);
    }
    tb_fault(error, TB_REASON_INVALID_REQUEST, "Several tokens are there. %s:%s",
             serials   ? "Name one with --token"
             : modules ? "Name the module with --module"
                       : "They have the same serial number: leave only one inserted",
             list->str);
}

/* The dialog would say so too; here it is said without one. */
static gboolean
check_locks(TbPinPurpose purpose, const TbToken *token, GError **error)
{
    if (purpose == TB_PIN_CHANGE && token->pin_state == TB_PIN_LOCKED)
        return tb_fault(error, TB_REASON_PIN_BLOCKED,
                        "The PIN of this token is locked. \"tokenbridge pin unblock\" unlocks it "
                        "with the PUK.");
    if (purpose == TB_PIN_UNBLOCK && token->puk_state == TB_PIN_LOCKED)
        return tb_fault(error, TB_REASON_PUK_BLOCKED,
                        "The PUK of this token is locked. Ask who issued the token.");
    return TRUE;
}

static const Found *
pick(const Run *run, const GArray *all, GError **error)
{
    const Found *found = &g_array_index(all, Found, 0);

    if (all->len == 0)
        explain_none(run, error);
    else if (all->len > 1)
        explain_many(run, all, error);
    else if (check_locks(run->options->purpose, found->token, error))
        return found;
    return NULL;
}

/* The request as the extension would send it, so that the same checks are made. */
static TbPinRequest *
make_request(const Run *run, GError **error)
{
    g_autoptr(GArray) all = find_tokens(run);
    const Found *found = pick(run, all, error);
    TbPinRequest *request;
    json_t *params;

    if (!found)
        return NULL;
    params = json_pack("{s:s, s:I, s:s, s:s*}", "module", found->state->module->name, "slot",
                       (json_int_t)found->token->slot, "token", found->token->serial, "lang",
                       run->options->lang);
    if (!params) {
        tb_fault(error, TB_REASON_INVALID_REQUEST, "The options are not UTF-8.");
        return NULL;
    }
    request = tb_pin_request_read(run->options->purpose, params, run->modules,
                                  run->context.config->user_timeout, error);
    json_decref(params);
    return request;
}

static void
on_done(json_t *result, const GError *error, const char *problem, gpointer data)
{
    Run *run = data;

    run->result = json_incref(result);
    run->error = error ? g_error_copy(error) : NULL;
    g_main_loop_quit(run->loop);
}

static void
operate(Run *run)
{
    TbPinRequest *request;

    tb_workers_list(run->context.workers, on_listed, run->loop);
    g_main_loop_run(run->loop);
    request = make_request(run, &run->error);
    if (request && tb_pin_operation_start(&run->context, request, on_done, run, &run->error))
        g_main_loop_run(run->loop);
}

static TbExit
finish(Run *run)
{
    TbExit status = TB_EXIT_GOOD;

    if (!run->result)
        status = tb_cli_fail(run->error, run->options->json);
    else if (run->options->json)
        tb_cli_print_json(json_incref(run->result));
    else
        tb_cli_print(run->options->purpose == TB_PIN_UNBLOCK
                         ? "The PIN was unblocked; the new one is in force.\n"
                         : "The PIN was changed.\n");
    json_decref(run->result);
    g_clear_error(&run->error);
    return status;
}

static TbExit
set_pin(const Options *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = tb_config_load_default(&error);
    g_autoptr(GPtrArray) modules = config ? tb_modules_discover(config, NULL) : NULL;
    g_autoptr(TbWorkers) workers = config ? tb_workers_new(modules, config) : NULL;
    g_autoptr(TbPromptProcess) process = config ? tb_prompt_process_new(config) : NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    Run run = {.options = options, .modules = modules, .loop = loop};

    if (!config)
        return tb_cli_fail(error, options->json);
    run.context.config = config;
    run.context.workers = workers;
    run.context.prompter = tb_prompt_process_prompter(process);
    operate(&run);
    return finish(&run);
}

static gboolean
read_purpose(int argc, char **argv, TbPinPurpose *out_purpose)
{
    if (argc < 2)
        tb_cli_usage("\"change\" or \"unblock\" is needed");
    else if (argc > 2)
        tb_cli_usage("\"%s\" is no option; a PIN is typed in the dialog only", argv[2]);
    else if (strcmp(argv[1], "change") != 0 && strcmp(argv[1], "unblock") != 0)
        tb_cli_usage("there is \"change\" and \"unblock\", but no \"%s\"", argv[1]);
    else {
        *out_purpose = strcmp(argv[1], "change") == 0 ? TB_PIN_CHANGE : TB_PIN_UNBLOCK;
        return TRUE;
    }
    return FALSE;
}

TbExit
tb_cli_pin(int argc, char **argv)
{
    Options options = {0};
    const GOptionEntry entries[] = {
        {"token", 0, 0, G_OPTION_ARG_STRING, &options.token,
         "The token with this serial number, as \"tokenbridge list\" shows it", "SERIAL"},
        {"module", 0, 0, G_OPTION_ARG_STRING, &options.module, "Only tokens of this module",
         "NAME"},
        {"lang", 0, 0, G_OPTION_ARG_STRING, &options.lang, "Language of the dialog", "TAG"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print JSON, errors too", NULL},
        {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    };
    TbExit status = TB_EXIT_USAGE;

    if (tb_cli_parse(&argc, &argv, entries, "change|unblock",
                     "\"change\" gives a token a new PIN in place of the present one; \"unblock\" "
                     "gives it a new\nPIN by the PUK, when the PIN is locked or forgotten. A "
                     "dialog asks for them; they are\nnever read from the command line or from "
                     "standard input. When several tokens are there,\nthey are listed, and "
                     "--token names one.\n"
                     "\n"
                     "Exit status: 0 the new PIN is in force, 1 it is not, or nobody knows (the "
                     "message says\nwhich), 2 the command line is wrong.") &&
        read_purpose(argc, argv, &options.purpose)) {
        tb_harden_process(-1);
        status = set_pin(&options);
    }
    g_free(options.token);
    g_free(options.module);
    g_free(options.lang);
    return status;
}
