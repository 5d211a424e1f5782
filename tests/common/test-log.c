/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests host/common/log.c in forked children with a standard error of their own: the form of a
 * line, the threshold, and that no value from outside can break a line or command a terminal.
 */
#include <string.h>
#include <unistd.h>

#include "host/common/log.h"
#include "tests/support/assert.h"
#include "tests/support/child.h"

static void
become_program(int fd, const char *level)
{
    if (dup2(fd, STDERR_FILENO) < 0)
        _exit(2);
    if (level)
        g_setenv("TOKENBRIDGE_LOG", level, TRUE);
    else
        g_unsetenv("TOKENBRIDGE_LOG");
    tb_log_init("test-program");
}

static void
log_all_levels(int fd, gconstpointer data)
{
    become_program(fd, data);
    tb_log(TB_LOG_DEBUG, "d", "n=%d", 1);
    tb_log(TB_LOG_INFO, "i", "n=%d", 2);
    tb_log(TB_LOG_WARNING, "w", "n=%d", 3);
    tb_log(TB_LOG_ERROR, "e", "%s", "");
}

#define LINE_D "test-program: debug: d n=1\n"
#define LINE_I "test-program: info: i n=2\n"
#define LINE_W "test-program: warning: w n=3\n"
#define LINE_E "test-program: error: e\n"

static void
test_thresholds(void)
{
    static const struct {
        const char *level;
        const char *lines;
    } rows[] = {
        {NULL, LINE_W LINE_E},
        {"", LINE_W LINE_E},
        {"debug", LINE_D LINE_I LINE_W LINE_E},
        {"info", LINE_I LINE_W LINE_E},
        {"warning", LINE_W LINE_E},
        {"error", LINE_E},
        {"DEBUG", LINE_W LINE_E},
        {"all", LINE_W LINE_E},
        {"debug ", LINE_W LINE_E},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        gsize length;
        g_autofree char *output = tb_test_output_of_child(log_all_levels, rows[i].level, &length);

        if (strcmp(output, rows[i].lines) != 0)
            tb_test_row_failed("%s: %s", rows[i].level ? rows[i].level : "unset", output);
    }
}

static void
log_value(int fd, gconstpointer data)
{
    become_program(fd, NULL);
    tb_log(TB_LOG_ERROR, "event", "value=%s end=1", (const char *)data);
}

/* What stands before and after the value is there, on one line, and nothing in it acts. */
static void
test_neutralised(void)
{
    static const struct {
        const char *what;
        const char *value;
    } rows[] = {
        {"line feed", "a\nforged: error: line"},
        {"carriage return", "a\rb"},
        {"CRLF", "a\r\nb"},
        {"escape", "a\033[2Jb"},
        {"escape at the end", "a\033"},
        {"bell", "a\ab"},
        {"backspace", "a\b\b\bb"},
        {"vertical tab, form feed", "a\vb\fc"},
        {"DEL", "a\177b"},
        {"C1 control sequence introducer", "a\xc2\x9b"
                                           "2Jb"},
        {"C1 next line", "a\xc2\x85z"},
        {"raw C1 byte", "a\x9b"
                        "2Jb"},
        {"line separator", "a\xe2\x80\xa8z"},
        {"paragraph separator", "a\xe2\x80\xa9z"},
        {"right-to-left override", "a\xe2\x80\xaez"},
        {"invalid UTF-8", "a\xff\xfe\xc3"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        gsize length;
        g_autofree char *output = tb_test_output_of_child(log_value, rows[i].value, &length);
        gboolean good = g_utf8_validate(output, (gssize)length, NULL);

        good = good && g_str_has_prefix(output, "test-program: error: event value=a");
        good = good && g_str_has_suffix(output, " end=1\n");
        good = good && strchr(output, '\n') == output + length - 1;
        for (char *c = output; good && c < output + length - 1; c = g_utf8_next_char(c)) {
            gunichar character = g_utf8_get_char(c);

            good = g_unichar_isprint(character) && (character < 0x2028 || character > 0x202e);
        }
        if (!good) {
            g_autofree char *shown = g_strescape(output, NULL);

            tb_test_row_failed("%s: %s", rows[i].what, shown);
        }
    }
}

/* People's names are not mangled. */
static void
test_kept(void)
{
    static const char *const rows[] = {
        "P\xc3\xa4rt M\xc3\xa4nd",
        "\xd8\xa7\xdb\x8c\xd8\xb1\xd8\xa7\xd9\x86",
        "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae\xd9\x88\xd8\xa7\xd9\x87\xd9\x85", /* with a ZWNJ */
        "a\tb",
        "100 %s %n",
        "C:\\x\"y\""};

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        gsize length;
        g_autofree char *output = tb_test_output_of_child(log_value, rows[i], &length);
        g_autofree char *expected =
            g_strdup_printf("test-program: error: event value=%s end=1\n", rows[i]);

        if (strcmp(output, expected) != 0)
            tb_test_row_failed("%s", output);
    }
}

static void
test_long(void)
{
    g_autofree char *value = g_strnfill(60000, 'x'); /* under the size of a pipe */
    gsize length;
    g_autofree char *output = tb_test_output_of_child(log_value, value, &length);

    g_assert_true(g_str_has_suffix(output, "xxx end=1\n"));
    g_assert_cmpuint(length, >, 60000);
}

static void
log_to_nobody(int fd, gconstpointer data)
{
    become_program(fd, NULL);
    (void)close(STDERR_FILENO);
    tb_log(TB_LOG_ERROR, "event", "%s", (const char *)data);
}

static void
test_closed(void)
{
    gsize length;
    g_autofree char *output = tb_test_output_of_child(log_to_nobody, "x", &length);

    g_assert_cmpstr(output, ==, "");
    g_assert_cmpuint(length, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/common/log/thresholds", test_thresholds);
    g_test_add_func("/common/log/neutralised", test_neutralised);
    g_test_add_func("/common/log/kept", test_kept);
    g_test_add_func("/common/log/long", test_long);
    g_test_add_func("/common/log/closed", test_closed);
    return g_test_run();
}
