/* SPDX-License-Identifier: Apache-2.0
 *
 * The terminal for a pinentry of the text kind; see the header.
 */
#include "host/prompt/pinentry/terminal.h"

#include <termios.h>
#include <unistd.h>

struct TbTerminal {
    char path[64];
    struct termios settings;
};

TbTerminal *
tb_terminal_find(void)
{
    g_autoptr(TbTerminal) terminal = g_new0(TbTerminal, 1);
    if (ttyname_r(STDERR_FILENO, terminal->path, sizeof terminal->path) != 0 ||
        tcgetattr(STDERR_FILENO, &terminal->settings) != 0)
        return NULL;
    return g_steal_pointer(&terminal);
}

void
tb_terminal_free(TbTerminal *terminal)
{
    g_free(terminal);
}

const char *
tb_terminal_path(const TbTerminal *terminal)
{
    return terminal->path;
}

void
tb_terminal_restore(const TbTerminal *terminal)
{
    /* Leaves the alternate screen, shows the cursor, ends colours (ECMA-48 and xterm): what curses
     * would have done at its end. */
    static const char normal[] = "\033[?1049l\033[?25h\033[0m\r\n";

    (void)tcsetattr(STDERR_FILENO, TCSAFLUSH, &terminal->settings);
    if (write(STDERR_FILENO, normal, sizeof normal - 1) < 0)
        return; /* the terminal has gone: nothing to restore */
}
