/* SPDX-License-Identifier: Apache-2.0
 *
 * The browsers, and where each looks for native-messaging manifests on Linux. A table; no state.
 */
#pragma once

#include <glib.h>

typedef enum TbScope {
    TB_SCOPE_USER,
    TB_SCOPE_SYSTEM,
    TB_SCOPE_LAST = TB_SCOPE_SYSTEM,
} TbScope;

typedef struct TbBrowser {
    const char *name;        /* as --browser takes it */
    const char *title;       /* for people */
    gboolean gecko;          /* Firefox's form of manifest; else Chromium's */
    gboolean user_in_config; /* both are below XDG_CONFIG_HOME; else below the home directory */
    const char *profile;     /* what the browser makes there when it is used */
    const char *user;        /* folder of the user's manifests */
    const char *system[2];   /* folders of the system's; the second only where its parent exists */
    const char *programs[3]; /* what the browser may be called in PATH */
} TbBrowser;

const TbBrowser *tb_browsers_table(gsize *out_count);

/* NULL for a name that is not in the table. */
const TbBrowser *tb_browsers_find(const char *name);

/* The folders where the browser looks in a scope, NULL-terminated. root (may be NULL) is put before
 * each path. */
char **tb_browsers_folders(const TbBrowser *browser, TbScope scope, const char *root);

/* Whether the browser seems to be installed, or was used by this user. */
gboolean tb_browsers_is_there(const TbBrowser *browser);

const char *tb_scope_word(TbScope scope); /* "user", "system" */
