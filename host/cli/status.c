/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge status: what is installed, what is configured, and whether browsers will find it.
 * Starts nothing and changes nothing.
 */
#include <string.h>

#include "host/cli/browsers.h"
#include "host/cli/command.h"
#include "host/cli/manifest.h"
#include "host/common/fault.h"
#include "host/common/modules.h"
#include "host/common/paths.h"
#include "tokenbridge-config.h"

/* What the whole command finds; it prints from this, as text or as JSON. */
typedef struct Status {
    json_t *report;
    gboolean problems;
} Status;

static json_t *
report_programs(Status *status)
{
    static const struct {
        const char *name;
        gboolean needed;
    } programs[] = {
        {"tokenbridge-host", TRUE},
        {"tokenbridge-worker", TRUE},
        {"tokenbridge-prompt", FALSE}, /* not built without GTK */
        {"tokenbridge-prompt-pinentry", TRUE},
    };
    json_t *list = json_array();

    for (gsize i = 0; i < G_N_ELEMENTS(programs); i++) {
        g_autofree char *path = tb_paths_program(programs[i].name);

        if (!path && programs[i].needed)
            status->problems = TRUE;
        json_array_append_new(list, json_pack("{s:s, s:s?, s:b}", "name", programs[i].name, "path",
                                              path, "needed", programs[i].needed));
    }
    return list;
}

static const char *
prompt_word(TbPromptProgram prompt)
{
    switch (prompt) {
    case TB_PROMPT_AUTO:
        return "auto";
    case TB_PROMPT_GTK:
        return "gtk";
    case TB_PROMPT_PINENTRY:
        return "pinentry";
    }
    g_assert_not_reached();
}

static void
report_configuration(Status *status)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = tb_config_load_default(&error);
    g_autoptr(GPtrArray) modules = NULL;
    json_t *list = json_array();

    if (config) {
        json_object_set_new(status->report, "configuration", json_pack("{s:s}", "state", "ok"));
        json_object_set_new(status->report, "prompt", json_string(prompt_word(config->prompt)));
        modules = tb_modules_discover(config, NULL);
    } else {
        status->problems = TRUE;
        json_object_set_new(
            status->report, "configuration",
            json_pack("{s:s, s:s}", "state", "internal", "message", error->message));
    }
    for (guint i = 0; modules && i < modules->len; i++) {
        const TbModule *module = modules->pdata[i];
        gboolean exists = g_file_test(module->path, G_FILE_TEST_EXISTS);

        status->problems = status->problems || !exists;
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:b}", "name", module->name, "path",
                                        module->path, "source", module->source, "exists", exists));
    }
    json_object_set_new(status->report, "modules", list);
}

static json_t *
report_manifests(Status *status, const TbBrowser *browser, const char *root)
{
    static const char *const words[] = {
        [TB_MANIFEST_MISSING] = "missing",
        [TB_MANIFEST_GOOD] = "ok",
        [TB_MANIFEST_BAD] = "bad",
    };
    json_t *list = json_array();

    for (TbScope scope = TB_SCOPE_USER; scope <= TB_SCOPE_LAST; scope++) {
        g_auto(GStrv) folders = tb_browsers_folders(browser, scope, root);

        for (char **folder = folders; *folder; folder++) {
            g_autofree char *path = g_build_filename(*folder, TB_MANIFEST_FILE, NULL);
            g_autofree char *problem = NULL;
            TbManifestState state = tb_manifest_check(path, browser->gecko, root, &problem);

            status->problems = status->problems || state == TB_MANIFEST_BAD;
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s*}", "scope",
                                                  tb_scope_word(scope), "path", path, "state",
                                                  words[state], "message", problem));
        }
    }
    return list;
}

static json_t *
report_browsers(Status *status, const char *root)
{
    json_t *list = json_array();
    gsize count = 0;
    const TbBrowser *table = tb_browsers_table(&count);

    for (gsize i = 0; i < count; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:b, s:o}", "name", table[i].name, "title",
                                        table[i].title, "found", tb_browsers_is_there(&table[i]),
                                        "manifests", report_manifests(status, &table[i], root)));
    return list;
}

static const char *
text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value ? value : "";
}

static gboolean
is_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

static void
print_programs(const json_t *programs)
{
    for (gsize i = 0; i < json_array_size(programs); i++) {
        const json_t *program = json_array_get(programs, i);
        gboolean there = json_is_string(json_object_get(program, "path"));

        if (there)
            tb_cli_print("  %s\n", text(program, "path"));
        else
            tb_cli_print_styled(is_true(program, "needed") ? TB_STYLE_BAD : TB_STYLE_FAINT,
                                "  %s: not installed\n", text(program, "name"));
    }
}

static void
print_configuration(const json_t *report)
{
    const json_t *configuration = json_object_get(report, "configuration");
    const json_t *modules = json_object_get(report, "modules");

    tb_cli_print_styled(TB_STYLE_BOLD, "Configuration\n");
    if (strcmp(text(configuration, "state"), "ok") != 0) {
        tb_cli_print_styled(TB_STYLE_BAD, "  %s\n", text(configuration, "message"));
        return;
    }
    tb_cli_print("  dialog: %s\n", text(report, "prompt"));
    tb_cli_print_styled(TB_STYLE_BOLD, "Modules\n");
    if (json_array_size(modules) == 0)
        tb_cli_print_styled(TB_STYLE_BAD,
                            "  none: install your token's PKCS#11 module, for example the package "
                            "opensc-pkcs11\n");
    for (gsize i = 0; i < json_array_size(modules); i++) {
        const json_t *module = json_array_get(modules, i);

        tb_cli_print("  %s: %s (%s)", text(module, "name"), text(module, "path"),
                     text(module, "source"));
        if (!is_true(module, "exists"))
            tb_cli_print_styled(TB_STYLE_BAD, " does not exist");
        tb_cli_print("\n");
    }
}

static void
print_browser(const json_t *browser)
{
    const json_t *manifests = json_object_get(browser, "manifests");
    gboolean any = FALSE;

    for (gsize i = 0; i < json_array_size(manifests); i++) {
        const json_t *manifest = json_array_get(manifests, i);
        const char *state = text(manifest, "state");

        if (strcmp(state, "missing") == 0)
            continue;
        any = TRUE;
        tb_cli_print("  %s: ", text(browser, "title"));
        if (strcmp(state, "ok") == 0)
            tb_cli_print_styled(TB_STYLE_GOOD, "ok");
        else
            tb_cli_print_styled(TB_STYLE_BAD, "%s", text(manifest, "message"));
        tb_cli_print(" (%s)\n", text(manifest, "path"));
    }
    if (!any && is_true(browser, "found"))
        tb_cli_print("  %s: no manifest; \"tokenbridge install --browser %s\" writes one\n",
                     text(browser, "title"), text(browser, "name"));
}

static void
print_report(const json_t *report)
{
    const json_t *browsers = json_object_get(report, "browsers");

    tb_cli_print_styled(TB_STYLE_BOLD, "Tokenbridge %s\n", TB_VERSION);
    print_programs(json_object_get(report, "programs"));
    print_configuration(report);
    tb_cli_print_styled(TB_STYLE_BOLD, "Browsers\n");
    for (gsize i = 0; i < json_array_size(browsers); i++)
        print_browser(json_array_get(browsers, i));
}

TbExit
tb_cli_status(int argc, char **argv)
{
    g_autofree char *root = NULL;
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        {"root", 0, 0, G_OPTION_ARG_FILENAME, &root, "Look for manifests below DIR", "DIR"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL},
        {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    };
    Status status = {0};

    if (!tb_cli_parse(
            &argc, &argv, entries, NULL,
            "Shows versions, programs, configuration, PKCS#11 modules, and for each browser "
            "whether\nit will find Tokenbridge. Starts nothing and changes nothing.\n"
            "\n"
            "Exit status: 0 nothing is wrong, 1 something is (a missing program or module, "
            "a bad\nconfiguration or manifest), 2 the command line is wrong."))
        return TB_EXIT_USAGE;
    if (argc > 1)
        return tb_cli_usage("\"%s\" is no option", argv[1]);
    status.report =
        json_pack("{s:s, s:s, s:i}", "name", "tokenbridge", "version", TB_VERSION, "protocol", 1);
    json_object_set_new(status.report, "programs", report_programs(&status));
    report_configuration(&status);
    json_object_set_new(status.report, "browsers", report_browsers(&status, root));
    if (json) {
        tb_cli_print_json(status.report);
    } else {
        print_report(status.report);
        json_decref(status.report);
    }
    return status.problems ? TB_EXIT_FAILED : TB_EXIT_GOOD;
}
