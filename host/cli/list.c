/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge list: what tokens there are and what is on them. Each module is asked by a worker of
 * its own; what a worker says is not trusted.
 */
#include "host/cli/command.h"
#include "host/cli/tokens.h"
#include "host/common/harden.h"
#include "host/common/modules.h"
#include "host/watch.h"

typedef struct Once {
    TbWatch *watch;
    GMainLoop *loop;
} Once;

static void
on_listed(gpointer data)
{
    Once *once = data;

    if (tb_watch_is_complete(once->watch))
        g_main_loop_quit(once->loop);
}

/* Whether at least one module could be asked. */
static gboolean
list_once(TbWorkers *workers, gboolean json)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    Once once = {.loop = loop};
    gboolean any = FALSE;

    once.watch = tb_watch_new(workers, on_listed, &once);
    tb_watch_pause(once.watch);
    g_main_loop_run(loop);
    tb_watch_free(once.watch);
    if (!json)
        return tb_cli_tokens_print(workers);
    for (guint i = 0; i < tb_workers_count(workers); i++)
        any = any || tb_workers_state(workers, i)->tokens;
    tb_cli_print_json(tb_cli_tokens_to_json(workers));
    return any;
}

TbExit
tb_cli_list(int argc, char **argv)
{
    gboolean json = FALSE, watch = FALSE;
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json,
         "Print JSON, as listTokens in docs/protocol.md; with --watch an object a line", NULL},
        {"watch", 0, 0, G_OPTION_ARG_NONE, &watch,
         "Go on, and print each change as it comes, until Ctrl-C", NULL},
        {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(TbConfig) config = NULL;
    g_autoptr(GPtrArray) modules = NULL;
    g_autoptr(TbWorkers) workers = NULL;

    if (!tb_cli_parse(&argc, &argv, entries, NULL,
                      "Shows the modules, their tokens, and the certificates on these, and card "
                      "readers; no PIN is\nneeded.\n"
                      "\n"
                      "Exit status: 0 modules have answered, or --watch was ended, 1 none has, 2 "
                      "the command line is\nwrong."))
        return TB_EXIT_USAGE;
    if (argc > 1)
        return tb_cli_usage("\"%s\" is no option", argv[1]);
    tb_harden_process(-1);
    config = tb_config_load_default(&error);
    if (!config)
        return tb_cli_fail(error, json);
    modules = tb_modules_discover(config, NULL);
    workers = tb_workers_new(modules, config);
    if (!watch)
        return list_once(workers, json) ? TB_EXIT_GOOD : TB_EXIT_FAILED;
    tb_cli_tokens_watch(workers, json);
    return TB_EXIT_GOOD;
}
