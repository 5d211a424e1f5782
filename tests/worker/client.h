/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a tokenbridge-worker in a process, and the host's end of its channel. The program is
 * TB_TEST_WORKER; TB_TEST_WORKER_WRAP, if set, is put before it ("valgrind -q ..."). Test code
 * only; one thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#define TB_TEST_NO_PIN ((const char *)NULL)

typedef struct TbTestWorker TbTestWorker;

/* environment: "NAME=value" strings up to a NULL, beside the caller's own. */
TbTestWorker *tb_test_worker_start(const char *module, const char *const *environment);

/* With these arguments: options, the module, its initialisation string; up to a NULL. */
TbTestWorker *tb_test_worker_start_with(const char *const *arguments,
                                        const char *const *environment);

/* Ends the channel, then the process unless it ends by itself; checks that it does, and how. */
void tb_test_worker_free(TbTestWorker *worker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbTestWorker, tb_test_worker_free)

GPid tb_test_worker_pid(const TbTestWorker *worker);

/* Sends a request (the reference is taken) and a descriptor (-1: none). */
void tb_test_worker_send(TbTestWorker *worker, json_t *request, int fd);

/* The next answer; NULL when the channel has ended. */
json_t *tb_test_worker_receive(TbTestWorker *worker);

/* Whether an answer, or the end, comes within so many milliseconds. */
gboolean tb_test_worker_answers(TbTestWorker *worker, int milliseconds);

/* Both. */
json_t *tb_test_worker_ask(TbTestWorker *worker, json_t *request, int fd);

/* With the PIN on a pipe, or without one (TB_TEST_NO_PIN). */
json_t *tb_test_worker_ask_with_pin(TbTestWorker *worker, json_t *request, const char *pin);

/* A pipe with a text in it, whose write end is closed: the read end is ends[0]. And its end. */
void tb_test_pipe(int ends[2], const char *text);
void tb_test_pipe_close(int ends[2]);

/* Sends bytes as they are. */
void tb_test_worker_send_raw(TbTestWorker *worker, const void *bytes, gsize length);

/* Closes our end of the channel. */
void tb_test_worker_hang_up(TbTestWorker *worker);

/* The wait status once the process has ended, or -1 after so many milliseconds. */
int tb_test_worker_wait(TbTestWorker *worker, int milliseconds);
