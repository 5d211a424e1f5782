/* SPDX-License-Identifier: Apache-2.0
 *
 * Replies to the browser: frames are queued and written as the pipe takes them, so that a browser
 * that does not read never stops the host. Lives in the default main context.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef struct TbOutput TbOutput;

/* Takes fd and makes it non-blocking. broken is called once when the browser no longer reads. */
TbOutput *tb_output_new(int fd, void (*broken)(gpointer data), gpointer data);
void tb_output_free(TbOutput *output);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbOutput, tb_output_free)

/* Sends a message (taken). One that would pass the browsers' limit of 1 MiB is replaced by an error
 * with the same id. */
void tb_output_send(TbOutput *output, json_t *message);
