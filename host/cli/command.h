/* SPDX-License-Identifier: Apache-2.0
 *
 * The subcommands of tokenbridge, each in a file of its own, and what they have in common: exit
 * statuses, options, output. A command line is its user's own word. One thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef enum TbExit {
    TB_EXIT_GOOD = 0,
    TB_EXIT_FAILED = 1,
    TB_EXIT_USAGE = 2,
} TbExit;

/* Each takes the arguments from its own name on, and returns the exit status. */
TbExit tb_cli_authenticate(int argc, char **argv);
TbExit tb_cli_install(int argc, char **argv);
TbExit tb_cli_list(int argc, char **argv);
TbExit tb_cli_pin(int argc, char **argv);
TbExit tb_cli_status(int argc, char **argv);
TbExit tb_cli_uninstall(int argc, char **argv);

/* Reads options; description is shown below them by --help, which exits with 0. On a wrong option
 * it says so on standard error and returns FALSE: then the exit status is TB_EXIT_USAGE. Words that
 * are no options stay in argv. */
gboolean tb_cli_parse(int *inout_argc, char ***inout_argv, const GOptionEntry *options,
                      const char *parameters, const char *description);

/* Says on standard error what is wrong with the command line. Returns TB_EXIT_USAGE. */
TbExit tb_cli_usage(const char *format, ...) G_GNUC_PRINTF(1, 2);

typedef enum TbStyle {
    TB_STYLE_GOOD,
    TB_STYLE_BAD,
    TB_STYLE_FAINT,
    TB_STYLE_BOLD,
} TbStyle;

/* Prints to standard output, in colour when that is a terminal (and NO_COLOR is not set). Control
 * characters do not get through: labels and names come from tokens. */
void tb_cli_print(const char *format, ...) G_GNUC_PRINTF(1, 2);
void tb_cli_print_styled(TbStyle style, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* "tokenbridge: message" to standard error, or {"error": {"reason", "message"}} to standard output.
 * Returns TB_EXIT_FAILED. */
TbExit tb_cli_fail(const GError *error, gboolean json);

/* Takes value and prints it as indented JSON. */
void tb_cli_print_json(json_t *value);
