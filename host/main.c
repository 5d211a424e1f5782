/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge-host: started by a browser, one process for each native-messaging port. It speaks
 * JSON-RPC on its standard streams, draws no window, loads no PKCS#11 module and never sees a PIN;
 * workers and prompts do that. One thread, one GLib main loop.
 *
 * Trust: the arguments are the browser's word; standard input is the extension's and is not
 * trusted; the configuration is the administrator's and the user's.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <glib-unix.h>

#include "host/caller.h"
#include "host/common/config.h"
#include "host/common/harden.h"
#include "host/common/log.h"
#include "host/common/modules.h"
#include "host/common/sandbox-own.h"
#include "host/launcher.h"
#include "host/prompt.h"
#include "host/server.h"
#include "host/workers.h"
#include "tokenbridge-config.h"

enum {
    EXIT_GOOD = 0,
    EXIT_FAULT = 1,
    EXIT_CALLER = 2, /* wrong arguments, or a caller that is not configured */
};

static const char usage[] =
    "Usage: tokenbridge-host chrome-extension://ID/\n"
    "       tokenbridge-host MANIFEST ADD-ON-ID\n"
    "\n"
    "The native part of Tokenbridge. Browsers start it for the Tokenbridge extension and talk to "
    "it\n"
    "on standard input and output (docs/protocol.md); there is nothing to do with it by hand.\n"
    "\n"
    "  tokenbridge status      shows whether browsers will find it\n"
    "  tokenbridge list        shows tokens and certificates\n"
    "  tokenbridge --help      shows what else there is\n"
    "\n"
    "  --help, --version       print this text, or the version, and exit\n"
    "\n"
    "Exit status: 0 when the browser has closed the port, 1 after a fault, 2 for an unknown "
    "caller.\n";

/* Whatever prints from now on, ours or a library's, goes to standard error; only the framer has the
 * descriptor of the browser's pipe. */
static int
take_standard_output(void)
{
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

    if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return -1;
    return fd;
}

static gboolean
on_signal(gint fd, GIOCondition condition, gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

/* By descriptor: g_unix_signal_add() would start a thread, and the sandbox refuses threads. */
static int
open_signals(void)
{
    sigset_t signals;

    (void)signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

typedef struct Run {
    GMainLoop *loop;
    gboolean lost; /* the launcher */
} Run;

/* Without its launcher the host can serve nobody; the extension starts the next one. */
static void
on_launcher_lost(gpointer data)
{
    Run *run = data;

    run->lost = TRUE;
    g_main_loop_quit(run->loop);
}

/* All that the launcher may start: what the configuration gives, not what a message says. */
static void
allow_programs(const TbConfig *config, const GPtrArray *modules)
{
    const char *const pinentry[] = {config->pinentry, NULL};

    for (guint i = 0; i < modules->len; i++) {
        g_auto(GStrv) arguments = tb_workers_arguments(modules->pdata[i]);

        tb_launcher_allow(
            &(const TbCommand){"tokenbridge-worker", (const char *const *)arguments, TRUE});
    }
    tb_launcher_allow(&(const TbCommand){"tokenbridge-prompt", pinentry, FALSE});
    tb_launcher_allow(&(const TbCommand){"tokenbridge-prompt-pinentry", pinentry, FALSE});
    tb_launcher_allow(&(const TbCommand){"tokenbridge-readers", NULL, FALSE});
}

static int
serve(Run *run, const TbConfig *config, GPtrArray *modules, const GError *fault, int out_fd)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(TbPromptProcess) process = tb_prompt_process_new(config);
    const TbServerParts parts = {
        .config = config,
        .modules = modules,
        .prompter = tb_prompt_process_prompter(process),
        .loop = loop,
        .fault = fault,
    };
    g_autoptr(TbServer) server = tb_server_new(STDIN_FILENO, out_fd, &parts);

    run->loop = loop;
    g_unix_fd_add(open_signals(), G_IO_IN, on_signal, loop);
    g_main_loop_run(loop);
    return run->lost ? EXIT_FAULT : tb_server_exit_status(server);
}

static int
print_and_exit_status(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        printf("tokenbridge-host %s\n", TB_VERSION);
        return EXIT_GOOD;
    }
    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return EXIT_GOOD;
    }
    if (isatty(STDIN_FILENO)) {
        fputs(usage, stderr);
        return EXIT_CALLER;
    }
    return -1;
}

int
main(int argc, char **argv)
{
    g_autoptr(TbConfig) config = NULL;
    g_autoptr(GPtrArray) modules = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) launcher_fault = NULL;
    Run run = {0};
    int status;
    int out_fd;

    tb_harden_process(-1);
    tb_log_init("tokenbridge-host");
    status = print_and_exit_status(argc, argv);
    if (status >= 0)
        return status;
    out_fd = take_standard_output();
    if (out_fd < 0) {
        tb_log(TB_LOG_ERROR, "no-standard-output", "%s", "");
        return EXIT_FAULT;
    }
    config = tb_config_load_default(&error);
    if (!config) {
        /* Going on, with what is compiled in, only to tell the caller: a host that exits at once
         * looks to the browser like one that is not installed. */
        tb_log(TB_LOG_ERROR, "configuration", "error=\"%s\"", error->message);
        config = tb_config_load(NULL, NULL, NULL);
    }
    if (!tb_caller_is_known(config, argc, argv)) {
        tb_log(TB_LOG_ERROR, "unknown-caller", "argument=\"%.100s\"", argc > 1 ? argv[1] : "");
        return EXIT_CALLER;
    }
    modules = tb_modules_discover(config, NULL);
    allow_programs(config, modules);
    if (!tb_launcher_fork(on_launcher_lost, &run, &launcher_fault)) {
        tb_log(TB_LOG_ERROR, "no-launcher", "error=\"%s\"", launcher_fault->message);
        return EXIT_FAULT;
    }
    tb_sandbox_enter_host();
    return serve(&run, config, modules, error, out_fd);
}
