/* SPDX-License-Identifier: Apache-2.0
 *
 * Native-messaging manifests: made, written, checked, removed. A manifest that is found may be
 * anybody's; one that is not recognisably ours is not touched unless that is asked for.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/common/config.h"

#define TB_MANIFEST_FILE "tokenbridge.json"

/* The manifest that lets the extensions of config start host (an absolute path). gecko: Firefox's
 * form. */
json_t *tb_manifest_new(const TbConfig *config, gboolean gecko, const char *host);

typedef enum TbManifestResult {
    TB_MANIFEST_WRITTEN,   /* there was none */
    TB_MANIFEST_UPDATED,   /* ours, with other contents, was replaced */
    TB_MANIFEST_REPLACED,  /* somebody else's was replaced, as asked for */
    TB_MANIFEST_UNCHANGED, /* it was there already */
    TB_MANIFEST_REMOVED,
    TB_MANIFEST_ABSENT, /* there was nothing to remove */
    TB_MANIFEST_LAST = TB_MANIFEST_ABSENT,
} TbManifestResult;

const char *tb_manifest_result_word(TbManifestResult result); /* "written", ... */

/* Writes manifest (borrowed) to path, whole or not at all, readable for all; makes the folder. A
 * file that is not ours is an error unless force. */
gboolean tb_manifest_write(const char *path, json_t *manifest, gboolean force,
                           TbManifestResult *out_result, GError **error);

/* Removes ours. A file that is not ours is an error unless force. */
gboolean tb_manifest_remove(const char *path, gboolean force, TbManifestResult *out_result,
                            GError **error);

typedef enum TbManifestState {
    TB_MANIFEST_MISSING,
    TB_MANIFEST_GOOD,
    TB_MANIFEST_BAD,
} TbManifestState;

/* Whether a browser can start the host by the manifest at path. root (may be NULL) is put before
 * the program's path. *out_problem is a sentence when it is BAD, else NULL. */
TbManifestState tb_manifest_check(const char *path, gboolean gecko, const char *root,
                                  char **out_problem);
