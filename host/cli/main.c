/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge: the command line. It shows what is there, writes the browsers' manifests, and signs
 * in without a browser. It loads no PKCS#11 module; workers do.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "host/cli/command.h"
#include "host/common/log.h"
#include "tokenbridge-config.h"

static const struct {
    const char *name;
    TbExit (*run)(int argc, char **argv);
} commands[] = {
    {"authenticate", tb_cli_authenticate},
    {"install", tb_cli_install},
    {"list", tb_cli_list},
    {"pin", tb_cli_pin},
    {"status", tb_cli_status},
    {"uninstall", tb_cli_uninstall},
};

static const char help[] =
    "Usage: tokenbridge COMMAND [OPTION...]\n"
    "\n"
    "Sign in to web sites with the certificate on a hardware token.\n"
    "\n"
    "Commands:\n"
    "  status        what is installed, and whether browsers will find it\n"
    "  list          tokens and their certificates\n"
    "  authenticate  make an authentication token for a site, as its page would ask for it\n"
    "  pin           change the PIN of a token, or unblock it with the PUK\n"
    "  install       let browsers find Tokenbridge (writes native-messaging manifests)\n"
    "  uninstall     remove these manifests\n"
    "\n"
    "  tokenbridge COMMAND --help   shows the options of a command\n"
    "  --help, --version            print this text, or the version, and exit\n"
    "\n"
    "Exit status: 0 it worked, 1 it failed, 2 the command line is wrong.\n";

int
main(int argc, char **argv)
{
    (void)setlocale(LC_ALL, "");
    (void)signal(SIGPIPE, SIG_IGN); /* a worker may go while it is given the PIN */
    tb_log_init("tokenbridge");
    g_set_prgname("tokenbridge");
    if (argc < 2) {
        fputs(help, stderr);
        return TB_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        fputs(help, stdout);
        return TB_EXIT_GOOD;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("tokenbridge " TB_VERSION);
        return TB_EXIT_GOOD;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            g_autofree char *name = g_strdup_printf("tokenbridge %s", argv[1]);

            g_set_prgname(name);
            return (int)commands[i].run(argc - 1, argv + 1);
        }
    }
    return (int)tb_cli_usage("there is no command \"%s\"", argv[1]);
}
