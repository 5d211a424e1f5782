/* SPDX-License-Identifier: Apache-2.0
 *
 * A pinentry as a child process: started with pipes on its standard input and output, in a session
 * of its own, and ended for good when asked to. Single-threaded programs only (it forks).
 */
#pragma once

#include <sys/types.h>

#include <glib.h>

typedef struct TbProgram {
    pid_t pid;
    int read_fd;  /* its standard output; the caller's to close */
    int write_fd; /* its standard input; the caller's to close */
} TbProgram;

/* Starts program (an absolute path) without arguments. Standard error is shared. Errors: internal.
 */
gboolean tb_program_spawn(const char *program, TbProgram *out_program, GError **error);

/* Kills the child and whatever it started in its session's group, and waits for it. */
void tb_program_kill(pid_t pid);
