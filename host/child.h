/* SPDX-License-Identifier: Apache-2.0
 *
 * A child process of the host with a channel to it (docs/protocol.md, section 4). Lives in the
 * default main context; callbacks come from there, never from within a call.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/process.h"

typedef struct TbChild TbChild;

typedef struct TbChildEvents {
    /* A message; both are borrowed. The child may be freed from within. */
    void (*message)(json_t *message, gpointer data);
    /* The process has ended or broke the protocol; nothing follows. how is a sentence fragment,
     * such as "crashed (signal 11)". The child is to be freed by its owner. */
    void (*gone)(const char *how, gboolean crashed, gpointer data);
} TbChildEvents;

/* Who starts processes from now on; tb_process_starter in the beginning. */
void tb_child_set_starter(const TbStarter *starter);

/* Starts program (a name for tb_paths_program) with arguments (NULL-terminated, without argv[0]).
 * own_group puts it, and whatever it starts, into a process group that is ended with it. */
TbChild *tb_child_start(const char *program, const char *const *arguments, gboolean own_group,
                        const TbChildEvents *events, gpointer data, GError **error);

/* Sends a message, and a duplicate of fd unless it is -1; both borrowed. */
gboolean tb_child_send(TbChild *child, json_t *message, int fd, GError **error);

/* From now on events go elsewhere. */
void tb_child_set_events(TbChild *child, const TbChildEvents *events, gpointer data);

/* Ends the process at once, without waiting for it, and frees; no more callbacks. NULL is allowed.
 */
void tb_child_free(TbChild *child);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbChild, tb_child_free)

/* Lets the process end by itself: closes the channel, frees, and ends it after grace_ms. */
void tb_child_retire(TbChild *child, guint grace_ms);
