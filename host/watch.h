/* SPDX-License-Identifier: Apache-2.0
 *
 * Follows tokens as they come and go while somebody looks at them. Each module is listed again by
 * itself, a while after its own last answer: one that hangs or is slow delays only what it has
 * itself. Lives in the default main context.
 */
#pragma once

#include <glib.h>

#include "host/workers.h"

typedef struct TbWatch TbWatch;

/* Lists every module now, and then again and again. changed comes after each answer or failure,
 * whatever it says, when readers or cards have changed, and once when there is no module; never
 * from within a call. The watch may be freed from within. */
TbWatch *tb_watch_new(TbWorkers *workers, void (*changed)(gpointer data), gpointer data);

/* The same of one module only. */
TbWatch *tb_watch_new_module(TbWorkers *workers, guint module, void (*changed)(gpointer data),
                             gpointer data);

void tb_watch_free(TbWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbWatch, tb_watch_free)

/* Whether every module has answered or failed at least once, and it is known what readers and cards
 * there are, or that nobody tells. */
gboolean tb_watch_is_complete(const TbWatch *watch);

/* Begins no more listings: a token that is at work is left alone. */
void tb_watch_pause(TbWatch *watch);

/* Lists every module at once, and goes on. */
void tb_watch_resume(TbWatch *watch);
