/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a worker process. See client.h.
 */
#include "tests/worker/client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/channel.h"

#define END_MS 30000 /* under valgrind on a busy machine */

struct TbTestWorker {
    GPid pid;
    TbChannel *channel; /* NULL after tb_test_worker_hang_up() */
    int status;         /* -1: still running, or never waited for */
};

TbTestWorker *
tb_test_worker_start(const char *module, const char *const *environment)
{
    return tb_test_worker_start_with((const char *const[]){module, NULL}, environment);
}

TbTestWorker *
tb_test_worker_start_with(const char *const *arguments, const char *const *environment)
{
    TbTestWorker *worker = g_new0(TbTestWorker, 1);
    const char *wrap = g_getenv("TB_TEST_WORKER_WRAP");
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_auto(GStrv) prefix = g_strsplit(wrap ? wrap : "", " ", -1);
    g_auto(GStrv) argv = NULL;
    g_auto(GStrv) envp = g_get_environ();
    posix_spawn_file_actions_t actions;
    int ends[2];

    if (wrap)
        g_strv_builder_addv(builder, (const char **)(guintptr)prefix);
    g_strv_builder_add(builder, g_getenv("TB_TEST_WORKER"));
    g_strv_builder_addv(builder, (const char **)(guintptr)arguments);
    argv = g_strv_builder_end(builder);
    for (; *environment; environment++) {
        g_auto(GStrv) parts = g_strsplit(*environment, "=", 2);

        envp = g_environ_setenv(envp, parts[0], parts[1], TRUE);
    }
    g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    g_assert_cmpint(posix_spawn_file_actions_init(&actions), ==, 0);
    g_assert_cmpint(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0), ==, 0);
    g_assert_cmpint(posix_spawn_file_actions_adddup2(&actions, 2, 1), ==, 0);
    g_assert_cmpint(posix_spawn_file_actions_adddup2(&actions, ends[1], TB_CHANNEL_FD), ==, 0);
    g_assert_cmpint(posix_spawnp(&worker->pid, argv[0], &actions, NULL, argv, envp), ==, 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    worker->channel = tb_channel_new(ends[0]);
    worker->status = -1;
    return worker;
}

int
tb_test_worker_wait(TbTestWorker *worker, int milliseconds)
{
    for (int i = 0; worker->status < 0 && i <= milliseconds; i++) {
        int status = 0;

        if (waitpid(worker->pid, &status, WNOHANG) == worker->pid)
            worker->status = status;
        else
            g_usleep(1000);
    }
    return worker->status;
}

void
tb_test_worker_free(TbTestWorker *worker)
{
    tb_test_worker_hang_up(worker);
    if (tb_test_worker_wait(worker, END_MS) < 0) {
        kill(worker->pid, SIGKILL);
        (void)tb_test_worker_wait(worker, END_MS);
        g_test_fail_printf("the worker did not end when its channel did");
    } else if (worker->status != 0) {
        g_test_fail_printf("the worker ended with wait status %d", worker->status);
    }
    g_free(worker);
}

GPid
tb_test_worker_pid(const TbTestWorker *worker)
{
    return worker->pid;
}

void
tb_test_worker_hang_up(TbTestWorker *worker)
{
    g_clear_pointer(&worker->channel, tb_channel_free);
}

void
tb_test_worker_send(TbTestWorker *worker, json_t *request, int fd)
{
    g_autoptr(GError) error = NULL;
    struct pollfd poll_fd = {.fd = tb_channel_get_fd(worker->channel), .events = POLLIN};

    /* One whose module crashed while it was loaded may have gone already: the answer shows it. */
    if (!tb_channel_send(worker->channel, request, fd, &error) &&
        (poll(&poll_fd, 1, 0) != 1 || !(poll_fd.revents & POLLHUP)))
        g_assert_no_error(error);
    json_decref(request);
}

void
tb_test_worker_send_raw(TbTestWorker *worker, const void *bytes, gsize length)
{
    g_assert_cmpint(send(tb_channel_get_fd(worker->channel), bytes, length, MSG_NOSIGNAL), ==,
                    (gssize)length);
}

json_t *
tb_test_worker_receive(TbTestWorker *worker)
{
    g_autoptr(GError) error = NULL;
    json_t *answer = NULL;
    int fd = -1;
    TbChannelResult result = tb_channel_receive(worker->channel, TRUE, &answer, &fd, &error);

    g_assert_no_error(error);
    g_assert_cmpint(fd, ==, -1);
    g_assert_true(result == TB_CHANNEL_MESSAGE || result == TB_CHANNEL_CLOSED);
    return answer;
}

gboolean
tb_test_worker_answers(TbTestWorker *worker, int milliseconds)
{
    struct pollfd poll_fd = {.fd = tb_channel_get_fd(worker->channel), .events = POLLIN};

    return poll(&poll_fd, 1, milliseconds) == 1;
}

json_t *
tb_test_worker_ask(TbTestWorker *worker, json_t *request, int fd)
{
    json_t *answer;

    tb_test_worker_send(worker, request, fd);
    answer = tb_test_worker_receive(worker);
    if (!answer)
        g_error("the worker ended instead of answering (wait status %d)",
                tb_test_worker_wait(worker, END_MS));
    return answer;
}

void
tb_test_pipe(int ends[2], const char *text)
{
    g_assert_no_errno(pipe2(ends, O_CLOEXEC));
    g_assert_cmpint(write(ends[1], text, strlen(text)), ==, (gssize)strlen(text));
    (void)close(ends[1]);
    ends[1] = -1;
}

void
tb_test_pipe_close(int ends[2])
{
    (void)close(ends[0]);
    ends[0] = -1;
}

json_t *
tb_test_worker_ask_with_pin(TbTestWorker *worker, json_t *request, const char *pin)
{
    g_autofree char *line = pin ? g_strconcat(pin, "\n", NULL) : NULL;
    int ends[2];
    json_t *answer;

    if (!pin)
        return tb_test_worker_ask(worker, request, -1);
    tb_test_pipe(ends, line);
    answer = tb_test_worker_ask(worker, request, ends[0]);
    tb_test_pipe_close(ends);
    return answer;
}
