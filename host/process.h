/* SPDX-License-Identifier: Apache-2.0
 *
 * Child processes: started with a channel, watched, ended. There are two ways to start them behind
 * one interface: by this process itself (here; the command line, and within the launcher), or, for
 * the host, which may start nothing once it is in its sandbox, by the launcher (launcher.h).
 *
 * Lives in the default main context; callbacks come from there, never from within a call.
 */
#pragma once

#include <glib.h>

/* One of our own programs, and how it is started. */
typedef struct TbCommand {
    const char *program;          /* a name for tb_paths_program() */
    const char *const *arguments; /* NULL-terminated, without argv[0]; or NULL */
    gboolean own_group;           /* a process group of its own, all of which ends with it */
} TbCommand;

/* code and status are those of waitid(2). The process is released by that. */
typedef void (*TbProcessEnded)(guint process, int code, int status, gpointer data);

typedef struct TbStarter {
    /* Starts a process; returns its number (not the kernel's) and the caller's end of its channel;
     * 0 and error when it cannot. */
    guint (*start)(const TbCommand *command, TbProcessEnded ended, gpointer data, int *out_channel,
                   GError **error);
    /* Ends it, and its group where it has one. ended is still called, unless it was left. */
    void (*kill)(guint process);
    /* No more callbacks; ends it when it is still there after grace_ms. */
    void (*leave)(guint process, guint grace_ms);
} TbStarter;

/* By this process. */
extern const TbStarter tb_process_starter;

/* How many there are that have not ended. */
guint tb_process_count(void);

/* Ends all that have a group of their own, with their groups. The others end by themselves with
 * this process (tb_harden_die_with_parent()). */
void tb_process_kill_groups(void);
