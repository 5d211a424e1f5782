/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: runs a function in a forked child, because what it does to its process (hardening,
 * environment, standard error) cannot be undone. Test code only; single-threaded callers.
 */
#pragma once

#include <glib.h>

/* What the child does. It writes what it has to say to fd and may return, or end itself. */
typedef void (*TbTestChild)(int fd, gconstpointer data);

/* Runs body in a child and returns all that it wrote (g_free it; NUL follows), and its length and
 * wait status. A child that returns exits 0 without running exit handlers; one that takes over 60
 * seconds is ended by SIGALRM, which the status shows. */
char *tb_test_in_child(TbTestChild body, gconstpointer data, gsize *out_length, int *out_status);

/* The same for a child that must end well: fails the test, showing what it wrote, unless it exits
 * 0. out_length may be NULL. */
char *tb_test_output_of_child(TbTestChild body, gconstpointer data, gsize *out_length);
