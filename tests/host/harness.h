/* SPDX-License-Identifier: Apache-2.0
 *
 * For the host's tests: private directories, a main loop with deadlines, and listings as a worker
 * would send them. Test code only; it trusts its callers. One thread, the default main context.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

/* For g_test_init's callers: everything the units keep (state, lock, configuration) goes into a
 * fresh directory, which is removed by tb_test_end(). Call before any unit. */
void tb_test_begin(int *argc, char ***argv);
int tb_test_end(void); /* runs the tests; main's return value */

/* The private directory, and a path below it (g_free). */
const char *tb_test_directory(void);
char *tb_test_path(const char *name);

/* Writes a file below the private directory; returns its path (g_free). */
char *tb_test_write(const char *name, const char *text);

/* Milliseconds, times the environment's TB_TEST_SLOW (sanitizers, valgrind, busy machines). */
guint tb_test_ms(guint milliseconds);

/* Runs the main context until *flag is not 0; the test fails after `seconds` (times TB_TEST_SLOW).
 */
void tb_test_wait(const guint *flag, guint seconds);

/* Runs the main context for a while. */
void tb_test_run_for(guint milliseconds);

/* Runs the main context until there is no process of that number any more; a zombie counts as one.
 */
void tb_test_wait_gone(pid_t pid, guint seconds);
gboolean tb_test_is_running(pid_t pid); /* zombies are not */

/* JSON with ' for ". */
json_t *tb_test_json(const char *text) G_GNUC_WARN_UNUSED_RESULT;

/* A certificate that can sign in with ES256, valid now, with the members of `changes` (tb_test_json
 * text, or NULL) over it; null removes a member. Its id is that of its name. */
json_t *tb_test_certificate(const char *name, const char *changes);
char *tb_test_certificate_id(const char *name);

/* A token with these certificates (taken; end with NULL). */
json_t *tb_test_token(const char *serial, const char *changes, ...) G_GNUC_NULL_TERMINATED;

/* {"tokens": [tokens...]} (taken; end with NULL). */
json_t *tb_test_listing(json_t *first, ...) G_GNUC_NULL_TERMINATED;

/* Writes a script of fake-worker.c; takes script. Returns the "module's path" (g_free). */
char *tb_test_worker_script(const char *name, json_t *script);

/* A list of modules, which frees them; empty yet. */
GPtrArray *tb_test_modules(void);

/* Adds a module with such a worker to it; takes script. Returns the module's path (g_free). */
char *tb_test_modules_add(GPtrArray *modules, const char *name, json_t *script);

/* How many lines of that worker's log begin with word, and the last of them (g_free; NULL: none).
 */
guint tb_test_worker_log(const char *script_path, const char *word, char **out_last);

/* The number behind word in the last such line, which must be there: "started", "forked". */
pid_t tb_test_worker_pid(const char *script_path, const char *word);
