/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's conversation with the extension: frames in, requests dispatched, replies out. Lives in
 * the default main context.
 */
#pragma once

#include <glib.h>

#include "host/common/config.h"
#include "host/prompt.h"

typedef struct TbServer TbServer;

/* What a server works with; all borrowed. */
typedef struct TbServerParts {
    const TbConfig *config;
    const GPtrArray *modules; /* TbModule */
    TbPrompter prompter;
    GMainLoop *loop;     /* is quit when the browser has gone */
    const GError *fault; /* NULL, or why nothing can be done: every request is answered with it */
} TbServerParts;

/* Takes out_fd; in_fd is borrowed. */
TbServer *tb_server_new(int in_fd, int out_fd, const TbServerParts *parts);

/* Ends all requests, dialogs and workers at once. */
void tb_server_free(TbServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbServer, tb_server_free)

/* What the process is to exit with: 0 after the end of input, 1 after input that ended within a
 * frame or could not be followed. */
int tb_server_exit_status(const TbServer *server);
