/* SPDX-License-Identifier: Apache-2.0
 *
 * The browsers' folders: see browsers.h.
 */
#include "host/cli/browsers.h"

#include <string.h>

#define CHROMIUM_SYSTEM "/etc/chromium/native-messaging-hosts"
#define CHROME_SYSTEM "/etc/opt/chrome/native-messaging-hosts"

/* Brave is built without a folder of its own; for Vivaldi and Opera reports differ, so both folders
 * are served where the browser's own exists. Opera reads Chrome's. */
static const TbBrowser browsers[] = {
    {"chromium",
     "Chromium",
     FALSE,
     TRUE,
     "chromium",
     "chromium/NativeMessagingHosts",
     {CHROMIUM_SYSTEM, NULL},
     {"chromium", "chromium-browser", NULL}},
    {"chrome",
     "Google Chrome",
     FALSE,
     TRUE,
     "google-chrome",
     "google-chrome/NativeMessagingHosts",
     {CHROME_SYSTEM, NULL},
     {"google-chrome", "google-chrome-stable", NULL}},
    {"edge",
     "Microsoft Edge",
     FALSE,
     TRUE,
     "microsoft-edge",
     "microsoft-edge/NativeMessagingHosts",
     {"/etc/opt/edge/native-messaging-hosts", NULL},
     {"microsoft-edge", "microsoft-edge-stable", NULL}},
    {"brave",
     "Brave",
     FALSE,
     TRUE,
     "BraveSoftware/Brave-Browser",
     "BraveSoftware/Brave-Browser/NativeMessagingHosts",
     {CHROMIUM_SYSTEM, NULL},
     {"brave-browser", "brave", NULL}},
    {"vivaldi",
     "Vivaldi",
     FALSE,
     TRUE,
     "vivaldi",
     "vivaldi/NativeMessagingHosts",
     {CHROMIUM_SYSTEM, "/etc/opt/vivaldi/native-messaging-hosts"},
     {"vivaldi", "vivaldi-stable", NULL}},
    {"opera",
     "Opera",
     FALSE,
     TRUE,
     "opera",
     "google-chrome/NativeMessagingHosts",
     {CHROME_SYSTEM, "/etc/opera/native-messaging-hosts"},
     {"opera", "opera-stable", NULL}},
    {"firefox",
     "Firefox",
     TRUE,
     FALSE,
     ".mozilla",
     ".mozilla/native-messaging-hosts",
     {"/usr/lib/mozilla/native-messaging-hosts", "/usr/lib64/mozilla/native-messaging-hosts"},
     {"firefox", "firefox-esr", NULL}},
    {"librewolf",
     "LibreWolf",
     TRUE,
     FALSE,
     ".librewolf",
     ".librewolf/native-messaging-hosts",
     {"/usr/lib/librewolf/native-messaging-hosts", "/usr/lib64/librewolf/native-messaging-hosts"},
     {"librewolf", NULL}},
};

const TbBrowser *
tb_browsers_table(gsize *out_count)
{
    *out_count = G_N_ELEMENTS(browsers);
    return browsers;
}

const TbBrowser *
tb_browsers_find(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(browsers); i++) {
        if (strcmp(browsers[i].name, name) == 0)
            return &browsers[i];
    }
    return NULL;
}

static char *
below(const char *root, const char *path)
{
    return root ? g_build_filename(root, path, NULL) : g_strdup(path);
}

static char *
in_home(const TbBrowser *browser, const char *path)
{
    const char *base = browser->user_in_config ? g_get_user_config_dir() : g_get_home_dir();

    return g_build_filename(base, path, NULL);
}

char **
tb_browsers_folders(const TbBrowser *browser, TbScope scope, const char *root)
{
    g_autoptr(GStrvBuilder) folders = g_strv_builder_new();

    if (scope == TB_SCOPE_USER) {
        g_autofree char *own = in_home(browser, browser->user);
        g_autofree char *folder = below(root, own);

        g_strv_builder_add(folders, folder);
        return g_strv_builder_end(folders);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(browser->system) && browser->system[i]; i++) {
        g_autofree char *folder = below(root, browser->system[i]);
        g_autofree char *parent = g_path_get_dirname(folder);

        if (i == 0 || g_file_test(parent, G_FILE_TEST_IS_DIR))
            g_strv_builder_add(folders, folder);
    }
    return g_strv_builder_end(folders);
}

gboolean
tb_browsers_is_there(const TbBrowser *browser)
{
    g_autofree char *profile = in_home(browser, browser->profile);

    if (g_file_test(profile, G_FILE_TEST_IS_DIR))
        return TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS(browser->programs) && browser->programs[i]; i++) {
        g_autofree char *path = g_find_program_in_path(browser->programs[i]);

        if (path)
            return TRUE;
    }
    return FALSE;
}

const char *
tb_scope_word(TbScope scope)
{
    switch (scope) {
    case TB_SCOPE_USER:
        return "user";
    case TB_SCOPE_SYSTEM:
        return "system";
    }
    g_assert_not_reached();
}
