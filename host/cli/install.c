/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge install and uninstall: write and remove the browsers' manifests.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/cli/browsers.h"
#include "host/cli/command.h"
#include "host/cli/manifest.h"
#include "host/common/fault.h"
#include "host/common/paths.h"

typedef struct Options {
    gboolean user;
    gboolean system;
    char **browsers; /* as given; may be NULL */
    char *root;
    char *host;
    gboolean force;
    gboolean json;
} Options;

typedef struct Job {
    const Options *options;
    TbScope scope;
    gboolean install;
    const TbConfig *config; /* install only */
    const char *host;       /* install only */
    GHashTable *done;       /* paths; several browsers may share one */
    json_t *report;
    gboolean failed;
} Job;

static void
options_clear(Options *options)
{
    g_strfreev(options->browsers);
    g_free(options->root);
    g_free(options->host);
}

/* Browsers that read the manifest of another one are told of, since it serves both. */
static char *
other_readers(const TbBrowser *browser, TbScope scope, const char *folder, const char *root)
{
    g_autoptr(GString) names = g_string_new(NULL);
    gsize count = 0;
    const TbBrowser *table = tb_browsers_table(&count);

    for (gsize i = 0; i < count; i++) {
        g_auto(GStrv) folders = tb_browsers_folders(&table[i], scope, root);

        if (&table[i] != browser && g_strv_contains((const char *const *)folders, folder))
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", table[i].title);
    }
    return names->len ? g_strdup(names->str) : NULL;
}

static void
report(Job *job, const TbBrowser *browser, const char *path, const char *word, const char *message,
       const char *others)
{
    json_array_append_new(job->report, json_pack("{s:s, s:s, s:s, s:s*}", "browser", browser->name,
                                                 "path", path, "result", word, "message", message));
    if (job->options->json)
        return;
    tb_cli_print("%s: ", browser->title);
    tb_cli_print_styled(message ? TB_STYLE_BAD : TB_STYLE_GOOD, "%s", word);
    if (message)
        tb_cli_print(": %s\n", message);
    else if (others)
        tb_cli_print(" %s (%s too)\n", path, others);
    else
        tb_cli_print(" %s\n", path);
}

static void
do_folder(Job *job, const TbBrowser *browser, const char *folder)
{
    g_autofree char *path = g_build_filename(folder, TB_MANIFEST_FILE, NULL);
    g_autofree char *others = NULL;
    g_autoptr(GError) error = NULL;
    TbManifestResult result = TB_MANIFEST_ABSENT;
    gboolean good;

    if (!g_hash_table_add(job->done, g_strdup(path)))
        return;
    if (job->install) {
        json_t *manifest = tb_manifest_new(job->config, browser->gecko, job->host);

        good = tb_manifest_write(path, manifest, job->options->force, &result, &error);
        json_decref(manifest);
    } else {
        good = tb_manifest_remove(path, job->options->force, &result, &error);
    }
    job->failed = job->failed || !good;
    others = other_readers(browser, job->scope, folder, job->options->root);
    report(job, browser, path, good ? tb_manifest_result_word(result) : "failed",
           error ? error->message : NULL, others);
}

static void
do_browser(Job *job, const TbBrowser *browser)
{
    g_auto(GStrv) folders = tb_browsers_folders(browser, job->scope, job->options->root);

    for (char **folder = folders; *folder; folder++)
        do_folder(job, browser, *folder);
}

/* The named browsers; else, for the system and for removal, all, and for a user those that are
 * there. */
static GPtrArray *
choose_browsers(const Job *job)
{
    GPtrArray *chosen = g_ptr_array_new();
    gboolean all = !job->install || job->scope == TB_SCOPE_SYSTEM;
    gsize count = 0;
    const TbBrowser *table = tb_browsers_table(&count);

    for (gsize i = 0; i < count; i++) {
        const char *const *named = (const char *const *)job->options->browsers;

        if (named ? g_strv_contains(named, table[i].name) : all || tb_browsers_is_there(&table[i]))
            g_ptr_array_add(chosen, (gpointer)(guintptr)&table[i]);
    }
    return chosen;
}

static TbExit
run_job(Job *job)
{
    g_autoptr(GPtrArray) chosen = choose_browsers(job);
    g_autoptr(GHashTable) done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GError) error = NULL;

    if (chosen->len == 0) {
        tb_fault(&error, TB_REASON_INTERNAL,
                 "No browser was found for this user. Name one with --browser.");
        return tb_cli_fail(error, job->options->json);
    }
    job->done = done;
    job->report = json_array();
    for (guint i = 0; i < chosen->len; i++)
        do_browser(job, chosen->pdata[i]);
    if (job->options->json)
        tb_cli_print_json(json_pack("{s:s, s:s*, s:O}", "scope", tb_scope_word(job->scope), "host",
                                    job->host, "manifests", job->report));
    json_decref(job->report);
    return job->failed ? TB_EXIT_FAILED : TB_EXIT_GOOD;
}

static TbExit
install(Job *job)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = tb_config_load_default(&error);
    g_autofree char *found = NULL;

    if (!config)
        return tb_cli_fail(error, job->options->json);
    found =
        job->options->host ? g_strdup(job->options->host) : tb_paths_program("tokenbridge-host");
    if (!found) {
        tb_fault(&error, TB_REASON_INTERNAL,
                 "tokenbridge-host is not installed beside this program. Install Tokenbridge "
                 "again, or name it with --host.");
        return tb_cli_fail(error, job->options->json);
    }
    job->config = config;
    job->host = found;
    return run_job(job);
}

static gboolean
check_options(const Options *options, int rest)
{
    g_autoptr(GString) names = g_string_new(NULL);
    gsize count = 0;
    const TbBrowser *table = tb_browsers_table(&count);

    if (options->user && options->system) {
        tb_cli_usage("--user and --system exclude each other");
        return FALSE;
    }
    if (rest > 1 && !options->browsers) {
        tb_cli_usage("names of browsers come after --browser");
        return FALSE;
    }
    if (options->host && !g_path_is_absolute(options->host)) {
        tb_cli_usage("--host takes an absolute path");
        return FALSE;
    }
    for (gsize i = 0; i < count; i++)
        g_string_append_printf(names, "%s%s", i ? ", " : "", table[i].name);
    for (char **name = options->browsers; name && *name; name++) {
        if (!tb_browsers_find(*name)) {
            tb_cli_usage("there is no browser \"%s\"; there are %s", *name, names->str);
            return FALSE;
        }
    }
    return TRUE;
}

/* --browser a b c: what follows without an option is a name, too. */
static void
add_browsers(Options *options, int argc, char **argv)
{
    g_autoptr(GStrvBuilder) all = g_strv_builder_new();

    if (!options->browsers)
        return;
    for (char **name = options->browsers; *name; name++)
        g_strv_builder_add(all, *name);
    for (int i = 1; i < argc; i++)
        g_strv_builder_add(all, argv[i]);
    g_strfreev(options->browsers);
    options->browsers = g_strv_builder_end(all);
}

static TbExit
run(int argc, char **argv, gboolean install_them, const char *description)
{
    Options options = {0};
    const GOptionEntry entries[] = {
        {"user", 0, 0, G_OPTION_ARG_NONE, &options.user, "For this user (the default)", NULL},
        {"system", 0, 0, G_OPTION_ARG_NONE, &options.system, "For all users (the default for root)",
         NULL},
        {"browser", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.browsers, "Only for these browsers",
         "NAME..."},
        {"host", 0, install_them ? 0 : G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &options.host,
         "Where tokenbridge-host is or will be", "PATH"},
        {"root", 0, 0, G_OPTION_ARG_FILENAME, &options.root,
         "Put DIR before each path that is written, as packagers' DESTDIR", "DIR"},
        {"force", 0, 0, G_OPTION_ARG_NONE, &options.force,
         "Also touch files of that name that are not Tokenbridge's", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print JSON", NULL},
        {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    };
    Job job = {.options = &options, .install = install_them};
    TbExit status = TB_EXIT_USAGE;

    if (tb_cli_parse(&argc, &argv, entries, NULL, description)) {
        add_browsers(&options, argc, argv);
        if (check_options(&options, argc)) {
            (void)umask(022); /* folders that are made must be readable for the browser's users */
            job.scope = options.system || (!options.user && geteuid() == 0) ? TB_SCOPE_SYSTEM
                                                                            : TB_SCOPE_USER;
            status = install_them ? install(&job) : run_job(&job);
        }
    }
    options_clear(&options);
    return status;
}

TbExit
tb_cli_install(int argc, char **argv)
{
    return run(
        argc, argv, TRUE,
        "Writes a native-messaging manifest for each browser: chromium, chrome, edge, brave,\n"
        "vivaldi, opera, firefox, librewolf. Without --browser: with --system for all of them,\n"
        "with --user for those that are there. Doing it again changes nothing.\n"
        "\n"
        "Exit status: 0 all are there now, 1 something failed, 2 the command line is wrong.");
}

TbExit
tb_cli_uninstall(int argc, char **argv)
{
    return run(
        argc, argv, FALSE,
        "Removes the manifests that \"tokenbridge install\" writes, of all browsers or of those\n"
        "named: chromium, chrome, edge, brave, vivaldi, opera, firefox, librewolf.\n"
        "\n"
        "Exit status: 0 none is left, 1 something failed, 2 the command line is wrong.");
}
