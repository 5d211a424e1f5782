/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge authenticate: the authentication token that a page would get, on standard output. The
 * origin is the caller's word here, so this is for tests and for programs that are the relying
 * party's own; the token is good for that origin and nonce only.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/command.h"
#include "host/cli/stand-in.h"
#include "host/common/fault.h"
#include "host/common/harden.h"
#include "host/common/modules.h"
#include "host/offer.h"
#include "host/operation.h"

#define PIN_TIMEOUT_MS 60000
#define TIMEOUT_MAX 600 /* seconds */
#define ID_SIZE 64      /* SHA-256 in hexadecimal */

typedef struct Options {
    char *origin;
    char *nonce;
    char *certificate;
    char *lang;
    int pin_fd; /* -1: a dialog asks */
    int timeout;
    gboolean json;
} Options;

typedef struct Run {
    const Options *options;
    const TbConfig *config;
    TbWorkers *workers;
    GMainLoop *loop;
    json_t *result; /* or */
    GError *error;
} Run;

static void
options_clear(Options *options)
{
    g_free(options->origin);
    g_free(options->nonce);
    g_free(options->certificate);
    g_free(options->lang);
}

/* The request as the extension would send it, so that the same checks are made. */
static TbRequest *
make_request(const Run *run, GError **error)
{
    const Options *options = run->options;
    json_t *params = json_pack("{s:s, s:s, s:s*}", "origin", options->origin, "nonce",
                               options->nonce, "lang", options->lang);
    TbRequest *request;

    if (!params) {
        tb_fault(error, TB_REASON_INVALID_REQUEST, "The options are not UTF-8.");
        return NULL;
    }
    if (options->timeout > 0)
        json_object_set_new(params, "timeout", json_integer((json_int_t)options->timeout * 1000));
    request = tb_request_read(TB_PURPOSE_AUTHENTICATE, params, run->config->user_timeout, error);
    json_decref(params);
    return request;
}

static void
on_listed(gboolean complete, gpointer loop)
{
    if (complete)
        g_main_loop_quit(loop);
}

static const char *
string(json_t *object, const char *member)
{
    const char *value = json_string_value(json_object_get(object, member));

    return value ? value : "";
}

/* The one to use among what is offered: the one named, or the only one that can be used. Borrowed.
 */
static json_t *
pick(const Run *run, json_t *offered, GError **error)
{
    const char *wanted = run->options->certificate;
    g_autoptr(GString) ids = g_string_new(NULL);
    json_t *picked = NULL;
    guint usable = 0;

    for (gsize i = 0; i < json_array_size(offered); i++) {
        json_t *choice = json_array_get(offered, i);
        gboolean good = json_is_true(json_object_get(choice, "usable"));

        if (wanted ? strcmp(string(choice, "id"), wanted) != 0 : !good)
            continue;
        if (!good) {
            tb_fault(error, TB_REASON_NO_CERTIFICATE, "This certificate cannot be used: %s.",
                     string(choice, "problem"));
            return NULL;
        }
        usable++;
        picked = picked ? picked : choice; /* of two tokens, the one the host will take */
        g_string_append_printf(ids, "\n  %s  %s", string(choice, "id"), string(choice, "name"));
    }
    if (usable == 1 || (usable > 1 && wanted))
        return picked;
    if (usable > 1)
        tb_fault(error, TB_REASON_INVALID_REQUEST,
                 "Several certificates can be used. Name one with --certificate:%s", ids->str);
    else
        tb_fault(error, TB_REASON_NO_CERTIFICATE,
                 wanted ? "No token has this certificate, or it cannot sign in."
                        : "No certificate can be used now.");
    return NULL;
}

/* A PIN that nobody can be asked about again must not be the one that locks the token. */
static gboolean
check_pin_state(json_t *choice, GError **error)
{
    json_t *pin = json_object_get(choice, "pin");

    if (json_is_true(json_object_get(pin, "pad")))
        return tb_fault(error, TB_REASON_INVALID_REQUEST,
                        "This token's PIN is typed on the reader. Leave --pin-fd out.");
    if (strcmp(string(pin, "state"), "final_try") == 0)
        return tb_fault(
            error, TB_REASON_PIN_INCORRECT,
            "One try is left for this token's PIN. Leave --pin-fd out, so that a dialog "
            "asks whether to use it.");
    return TRUE;
}

/* Lists everything first, so that the PIN goes to no token but the right one. Returns the id. */
static char *
choose_certificate(const Run *run, const TbRequest *request, GError **error)
{
    g_autoptr(TbOffer) offer = tb_offer_new(run->config, run->workers, request);
    TbReason problem = 0;
    json_t *message;
    json_t *picked = NULL;
    char *id = NULL;

    tb_workers_list(run->workers, on_listed, run->loop);
    g_main_loop_run(run->loop);
    message = tb_offer_message(offer, TRUE, &problem);
    if (json_array_size(json_object_get(message, "certificates")) == 0)
        tb_fault(error, problem,
                 problem == TB_REASON_TOKEN_MISSING ? "No token is there. Insert it and try again."
                 : problem == TB_REASON_NO_CERTIFICATE
                     ? "A token is there, but no certificate that can sign in."
                     : "No PKCS#11 module works; \"tokenbridge list\" says why.");
    else
        picked = pick(run, json_object_get(message, "certificates"), error);
    if (picked && check_pin_state(picked, error))
        id = g_strdup(string(picked, "id"));
    json_decref(message);
    return id;
}

static void
on_done(json_t *result, const GError *error, const char *problem, gpointer data)
{
    Run *run = data;

    run->result = json_incref(result);
    run->error = error ? g_error_copy(error) : NULL;
    g_main_loop_quit(run->loop);
}

/* Takes request. */
static void
operate(Run *run, TbRequest *request, TbPrompter prompter)
{
    TbOperationContext context = {
        .config = run->config, .workers = run->workers, .prompter = prompter};

    if (tb_operation_start(&context, request, on_done, run, &run->error))
        g_main_loop_run(run->loop);
}

static void
ask_person(Run *run, TbRequest *request)
{
    g_autoptr(TbPromptProcess) process = tb_prompt_process_new(run->config);
    TbPrompter dialog = tb_prompt_process_prompter(process);
    g_autoptr(TbStandIn) narrow = NULL;

    if (run->options->certificate)
        narrow = tb_stand_in_new_narrow(run->options->certificate, &dialog);
    operate(run, request, narrow ? tb_stand_in_prompter(narrow) : dialog);
}

static TbSecret *
read_pin(int fd, GError **error)
{
    TbSecret *pin = NULL;

    if (tb_secret_init(NULL))
        pin = tb_secret_new(TB_PIN_MAX);
    if (!pin)
        tb_fault(error, TB_REASON_INTERNAL, "There is no protected memory for the PIN.");
    else if (!tb_secret_read(pin, fd, PIN_TIMEOUT_MS))
        tb_fault(error, TB_REASON_INVALID_REQUEST,
                 "No PIN of up to %d bytes could be read from descriptor %d.", TB_PIN_MAX, fd);
    else if (tb_secret_length(pin) == 0)
        tb_fault(error, TB_REASON_INVALID_REQUEST, "The PIN on descriptor %d is empty.", fd);
    else
        return pin;
    tb_secret_free(pin);
    return NULL;
}

/* Takes request. */
static void
use_pin(Run *run, TbRequest *request)
{
    g_autoptr(TbStandIn) stand_in = NULL;
    TbSecret *pin = read_pin(run->options->pin_fd, &run->error);
    g_autofree char *id = pin ? choose_certificate(run, request, &run->error) : NULL;

    if (!id) {
        tb_secret_free(pin);
        tb_request_free(request);
        return;
    }
    stand_in = tb_stand_in_new(id, pin);
    operate(run, request, tb_stand_in_prompter(stand_in));
    if (tb_stand_in_fault(stand_in)) {
        g_clear_error(&run->error);
        run->error = g_error_copy(tb_stand_in_fault(stand_in));
    }
}

static TbExit
finish(Run *run)
{
    TbExit status = TB_EXIT_GOOD;

    if (run->result) {
        char *text = json_dumps(run->result, JSON_COMPACT);

        puts(text);
        free(text);
    } else {
        status = tb_cli_fail(run->error, run->options->json);
    }
    json_decref(run->result);
    g_clear_error(&run->error);
    return status;
}

static TbExit
authenticate(const Options *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = tb_config_load_default(&error);
    g_autoptr(GPtrArray) modules = config ? tb_modules_discover(config, NULL) : NULL;
    g_autoptr(TbWorkers) workers = config ? tb_workers_new(modules, config) : NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    Run run = {.options = options, .config = config, .workers = workers, .loop = loop};
    TbRequest *request = config ? make_request(&run, &error) : NULL;

    if (!request)
        return tb_cli_fail(error, options->json);
    if (options->pin_fd >= 0)
        use_pin(&run, request);
    else
        ask_person(&run, request);
    return finish(&run);
}

static gboolean
check_options(const Options *options, int argc, char **argv)
{
    const char *id = options->certificate;

    if (argc > 1)
        tb_cli_usage("\"%s\" is no option", argv[1]);
    else if (!options->origin || !options->nonce)
        tb_cli_usage("--origin and --nonce are needed");
    else if (id && (strlen(id) != ID_SIZE || strspn(id, "0123456789abcdef") != ID_SIZE))
        tb_cli_usage("--certificate takes the SHA-256 that \"tokenbridge list\" shows: 64 digits "
                     "0-9 a-f");
    else if (options->timeout < 0 || options->timeout > TIMEOUT_MAX)
        tb_cli_usage("--timeout takes 1 to %d seconds", TIMEOUT_MAX);
    else if (options->pin_fd < -1 || (options->pin_fd >= 0 && fcntl(options->pin_fd, F_GETFD) < 0))
        tb_cli_usage("--pin-fd %d is not an open descriptor", options->pin_fd);
    else
        return TRUE;
    return FALSE;
}

TbExit
tb_cli_authenticate(int argc, char **argv)
{
    Options options = {.pin_fd = -1};
    const GOptionEntry entries[] = {
        {"origin", 0, 0, G_OPTION_ARG_STRING, &options.origin, "The site, as https://example.org",
         "ORIGIN"},
        {"nonce", 0, 0, G_OPTION_ARG_STRING, &options.nonce,
         "The site's nonce: 44 to 128 characters of base64", "NONCE"},
        {"certificate", 0, 0, G_OPTION_ARG_STRING, &options.certificate,
         "Only this certificate (SHA-256, as \"tokenbridge list\" shows it)", "SHA256"},
        {"pin-fd", 0, 0, G_OPTION_ARG_INT, &options.pin_fd,
         "Read the PIN from this descriptor, up to a newline; no dialog", "N"},
        {"lang", 0, 0, G_OPTION_ARG_STRING, &options.lang, "Language of the dialog", "TAG"},
        {"timeout", 0, 0, G_OPTION_ARG_INT, &options.timeout, "How long to wait for the user",
         "SECONDS"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print errors as JSON too", NULL},
        {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    };
    TbExit status = TB_EXIT_USAGE;

    if (tb_cli_parse(
            &argc, &argv, entries, NULL,
            "Prints an authentication token (docs/protocol.md, section 6) for a site and its "
            "nonce.\nA dialog asks for certificate and PIN, unless --pin-fd gives the PIN; "
            "then a wrong PIN\nis tried once, and the last try is never used.\n"
            "\n"
            "Exit status: 0 the token was printed, 1 it failed, 2 the command line is "
            "wrong.") &&
        check_options(&options, argc, argv)) {
        tb_harden_process(options.pin_fd);
        status = authenticate(&options);
    }
    options_clear(&options);
    return status;
}
