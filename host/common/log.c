/* SPDX-License-Identifier: Apache-2.0
 *
 * One line per event on standard error, written with one write so that lines of the host and its
 * children, which share it, do not mix.
 */
#include "host/common/log.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static const char *program_name = "tokenbridge";
static TbLogLevel threshold = TB_LOG_WARNING;

static const char *const level_words[] = {
    [TB_LOG_DEBUG] = "debug",
    [TB_LOG_INFO] = "info",
    [TB_LOG_WARNING] = "warning",
    [TB_LOG_ERROR] = "error",
};

void
tb_log_init(const char *program)
{
    const char *wanted = g_getenv("TOKENBRIDGE_LOG");

    program_name = program;
    for (guint i = 0; wanted && i < G_N_ELEMENTS(level_words); i++) {
        if (strcmp(wanted, level_words[i]) == 0)
            threshold = (TbLogLevel)i;
    }
}

/* Breaks a line, commands a terminal, or turns the reading direction round. */
static gboolean
acts(gunichar character)
{
    return (g_unichar_iscntrl(character) && character != '\t') ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

/* Values come from modules and messages: a line break in one must not make a second line, and a
 * control character must not reach the administrator's terminal. */
static char *
neutralise(const char *detail)
{
    g_autofree char *text = g_utf8_make_valid(detail, -1);
    GString *harmless = g_string_new(NULL);

    for (char *c = text; *c; c = g_utf8_next_char(c)) {
        gunichar character = g_utf8_get_char(c);

        g_string_append_unichar(harmless, acts(character) ? ' ' : character);
    }
    return g_string_free(harmless, FALSE);
}

void
tb_log(TbLogLevel level, const char *event, const char *format, ...)
{
    g_autofree char *detail = NULL;
    g_autofree char *harmless = NULL;
    g_autofree char *line = NULL;
    va_list args;

    if (level < threshold)
        return;
    va_start(args, format);
    detail = g_strdup_vprintf(format, args);
    va_end(args);
    harmless = neutralise(detail);
    line = g_strdup_printf("%s: %s: %s%s%s\n", program_name, level_words[level], event,
                           *harmless ? " " : "", harmless);
    if (write(STDERR_FILENO, line, strlen(line)) < 0)
        return; /* nobody is listening; there is nowhere else to say so */
}
