/* SPDX-License-Identifier: Apache-2.0
 *
 * What the subcommands have in common: see command.h.
 */
#include "host/cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/common/fault.h"

gboolean
tb_cli_parse(int *inout_argc, char ***inout_argv, const GOptionEntry *options,
             const char *parameters, const char *description)
{
    g_autoptr(GOptionContext) context = g_option_context_new(parameters);
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, options, NULL);
    g_option_context_set_description(context, description);
    if (g_option_context_parse(context, inout_argc, inout_argv, &error))
        return TRUE;
    tb_cli_usage("%s", error->message);
    return FALSE;
}

TbExit
tb_cli_usage(const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    fprintf(stderr, "%s: %s\nTry \"%s --help\".\n", g_get_prgname(), what, g_get_prgname());
    return TB_EXIT_USAGE;
}

static gboolean
use_colours(void)
{
    const char *terminal = g_getenv("TERM");
    const char *no_color = g_getenv("NO_COLOR"); /* https://no-color.org */

    return isatty(STDOUT_FILENO) && (!no_color || !*no_color) && g_strcmp0(terminal, "dumb") != 0;
}

/* text with each control character but the newline made a question mark: an escape sequence in a
 * token's label must not reach the terminal. C1 controls are two bytes in UTF-8. */
static char *
harmless(char *text)
{
    g_autofree char *owned = text;
    g_autofree char *valid = g_utf8_make_valid(owned, -1);
    GString *clean = g_string_new(NULL);

    for (char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        gboolean bad = c != '\n' && (g_unichar_iscntrl(c) || (c >= 0x202a && c <= 0x202e) ||
                                     (c >= 0x2066 && c <= 0x2069));

        g_string_append_unichar(clean, bad ? '?' : c);
    }
    return g_string_free(clean, FALSE);
}

void
tb_cli_print(const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = harmless(g_strdup_vprintf(format, args));
    va_end(args);
    fputs(text, stdout);
}

void
tb_cli_print_styled(TbStyle style, const char *format, ...)
{
    static const char *const codes[] = {
        [TB_STYLE_GOOD] = "32",
        [TB_STYLE_BAD] = "31",
        [TB_STYLE_FAINT] = "2",
        [TB_STYLE_BOLD] = "1",
    };
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = harmless(g_strdup_vprintf(format, args));
    va_end(args);
    if (use_colours())
        printf("\033[%sm%s\033[0m", codes[style], text);
    else
        fputs(text, stdout);
}

TbExit
tb_cli_fail(const GError *error, gboolean json)
{
    g_autofree char *message = NULL;

    if (json) {
        tb_cli_print_json(json_pack("{s:{s:s, s:s}}", "error", "reason",
                                    tb_reason_word(tb_fault_reason(error)), "message",
                                    error->message));
    } else {
        message = harmless(g_strdup(error->message));
        fprintf(stderr, "tokenbridge: %s\n", message);
    }
    return TB_EXIT_FAILED;
}

void
tb_cli_print_json(json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2));

    puts(text ? text : "null");
    free(text);
    json_decref(value);
}
