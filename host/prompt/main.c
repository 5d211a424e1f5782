/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenbridge-prompt: the dialog in GTK 4. Started by the host with a channel as descriptor 3
 * (docs/protocol.md, section 4). Where GTK finds no display, tokenbridge-prompt-pinentry takes over
 * this process and the channel, of which nothing has been read by then. Sees the PIN; stores
 * nothing. One thread of ours.
 */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtk/gtk.h>

#include "core/secret.h"
#include "host/common/channel.h"
#include "host/common/harden.h"
#include "host/common/log.h"
#include "host/common/sandbox-own.h"
#include "host/prompt/language.h"
#include "host/prompt/session.h"
#include "host/prompt/style.h"
#include "tokenbridge-config.h"

#define PINENTRY_PROMPT "tokenbridge-prompt-pinentry"

/* Where there is no session bus, GTK would have one started to offer the accessibility tree on, to
 * nobody; and that would outlive this program by hours. */
static void
forbid_bus_launch(void)
{
    const char *address = g_getenv("DBUS_SESSION_BUS_ADDRESS");
    g_autofree char *socket_path = g_build_filename(g_get_user_runtime_dir(), "bus", NULL);

    if ((address && *address) || access(socket_path, F_OK) == 0)
        return;
    g_setenv("DBUS_SESSION_BUS_ADDRESS", "disabled:", TRUE);
    if (!g_getenv("AT_SPI_BUS_ADDRESS"))
        g_setenv("GTK_A11Y", "none", TRUE);
}

/* Before GTK reads them: no GL (it costs 200 ms and 130 MB here), no input method. These are
 * settings of this process, not of the user's desktop. */
static void
set_environment(void)
{
    g_setenv("GDK_DEBUG", "gl-disable", TRUE);
    g_setenv("GSK_RENDERER", "cairo", TRUE);
    g_setenv("GTK_IM_MODULE", "gtk-im-context-simple", TRUE);
    forbid_bus_launch();
}

/* Beside this program where it is installed, in pinentry/ in a build tree. Does not return when it
 * succeeds. */
static void
become_pinentry_prompt(char **argv)
{
    static const char *const places[] = {PINENTRY_PROMPT, "pinentry/" PINENTRY_PROMPT};
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = program ? g_path_get_dirname(program) : NULL;

    (void)fcntl(TB_CHANNEL_FD, F_SETFD, 0);
    for (guint i = 0; folder && i < G_N_ELEMENTS(places); i++) {
        g_autofree char *path = g_build_filename(folder, places[i], NULL);

        argv[0] = path;
        (void)execv(path, argv);
    }
}

static int
report_no_display(TbChannel *channel)
{
    json_t *message =
        json_pack("{s:s, s:s}", "type", "failed", "message",
                  "The dialog cannot be shown: there is no display, and " PINENTRY_PROMPT
                  " cannot be started. Run the browser in a graphical session, or install "
                  "Tokenbridge again.");

    (void)tb_channel_send(channel, message, -1, NULL);
    json_decref(message);
    return 1;
}

static gboolean
channel_is_there(void)
{
    int type = 0;
    socklen_t size = sizeof type;

    return getsockopt(TB_CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

int
main(int argc, char **argv)
{
    g_autoptr(TbChannel) channel = NULL;
    bool locked = false;

    tb_harden_process(TB_CHANNEL_FD);
    tb_log_init("tokenbridge-prompt");
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)puts("tokenbridge-prompt " TB_VERSION);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)puts(
            "tokenbridge-prompt is Tokenbridge's dialog. tokenbridge-host starts it; there is "
            "nothing to do\nwith it by hand.");
        return 0;
    }
    if (!channel_is_there()) {
        tb_log(TB_LOG_ERROR, "no-channel",
               "message=\"This program is started by tokenbridge-host, not by hand.\"");
        return 2;
    }
    tb_harden_die_with_parent();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)fcntl(TB_CHANNEL_FD, F_SETFD, FD_CLOEXEC);
    if (!tb_secret_init(&locked) || !locked)
        tb_log(TB_LOG_WARNING, "memory-not-locked", "locked=%s", locked ? "yes" : "no");
    set_environment();
    tb_sandbox_enter_prompt();
    (void)setlocale(LC_ALL, "");
    gtk_disable_setlocale();
    g_set_prgname("tokenbridge-prompt");
    tb_language_init();
    if (!gtk_init_check()) {
        become_pinentry_prompt(argv);
        channel = tb_channel_new(TB_CHANNEL_FD);
        return report_no_display(channel);
    }
    tb_sandbox_forbid_programs(); /* not before: the other prompt is one, and starts one */
    g_set_application_name("Tokenbridge");
    g_object_set(gtk_settings_get_default(), "gtk-enable-primary-paste", FALSE, NULL);
    tb_style_load();
    tb_style_follow_desktop();
    channel = tb_channel_new(TB_CHANNEL_FD);
    return tb_session_run(channel);
}
