/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration: /etc/tokenbridge/tokenbridge.conf, then the user's own file over it, except
 * for keys that the system file locks (docs/administration.md). Read once at start, then constant.
 */
#pragma once

#include <glib.h>

#include "host/common/sandbox-level.h"

typedef enum TbPromptProgram {
    TB_PROMPT_AUTO, /* GTK, and pinentry when GTK finds no display */
    TB_PROMPT_GTK,
    TB_PROMPT_PINENTRY,
} TbPromptProgram;

/* One PKCS#11 module. */
typedef struct TbModule {
    char *name;      /* short, unique: a configured name, the p11-kit name, or the file's */
    char *path;      /* absolute */
    char *init_args; /* for pReserved (NSS), or NULL */
    char *source;    /* "configuration", "p11-kit" or "well-known" */
    gboolean off;    /* enabled=false: not used, wherever else it may be found */
    TbSandboxLevel sandbox;
    char **state; /* directories that its worker may write to whatever the level; or NULL */
} TbModule;

typedef struct TbConfig {
    TbPromptProgram prompt;
    char *pinentry; /* path, or NULL: look for one */

    gboolean use_p11_kit;
    gboolean use_well_known;
    char **disabled_modules; /* names */
    GPtrArray *modules;      /* TbModule, from [module NAME] */

    char **chromium_ids; /* the compiled-in id first */
    char **firefox_ids;

    char **allowed_origins; /* empty: all */
    char **blocked_origins;
    char **framed_origins; /* may ask from within a frame; empty: the extension decides */
    char **authentication_signer_origins; /* may use sign-in certificates in `sign` (protocol.md) */

    guint list_timeout; /* all in milliseconds */
    guint sign_timeout;
    guint pin_pad_timeout;
    guint user_timeout;
    guint worker_idle; /* how long an idle worker is kept */
} TbConfig;

/* Reads both files; either may be NULL or absent. A key that is unknown, malformed or not allowed
 * here is an error that names file and line. */
TbConfig *tb_config_load(const char *system_path, const char *user_path, GError **error);

/* Reads the files where they belong: TB_SYSCONFDIR and XDG_CONFIG_HOME. */
TbConfig *tb_config_load_default(GError **error);

void tb_config_free(TbConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbConfig, tb_config_free)

TbModule *tb_module_new(const char *name, const char *path, const char *init_args,
                        const char *source);
void tb_module_free(TbModule *module);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbModule, tb_module_free)
