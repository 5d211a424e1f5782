/* SPDX-License-Identifier: Apache-2.0
 *
 * A forked child for tests: see child.h. Test code only; inputs are the tests' own.
 */
#include "tests/support/child.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS 60

char *
tb_test_in_child(TbTestChild body, gconstpointer data, gsize *out_length, int *out_status)
{
    GByteArray *output;
    int ends[2];
    pid_t pid;

    g_assert_no_errno(pipe(ends));
    pid = fork();
    g_assert_no_errno(pid);
    if (pid == 0) {
        (void)close(ends[0]);
        (void)alarm(CHILD_SECONDS);
        body(ends[1], data);
        _exit(0); /* the parent's exit handlers (sanitizers, GTest) are not the child's */
    }
    g_assert_no_errno(close(ends[1]));
    output = g_byte_array_new(); /* after the fork, or valgrind calls it the child's leak */
    for (;;) {
        guint8 bytes[4096];
        ssize_t got = read(ends[0], bytes, sizeof bytes);

        if (got < 0 && errno == EINTR)
            continue;
        g_assert_cmpint(got, >=, 0);
        if (got == 0)
            break;
        g_byte_array_append(output, bytes, (guint)got);
    }
    g_assert_no_errno(close(ends[0]));
    g_assert_no_errno(waitpid(pid, out_status, 0));
    *out_length = output->len;
    g_byte_array_append(output, (const guint8 *)"", 1);
    return (char *)g_byte_array_free(output, FALSE);
}

char *
tb_test_output_of_child(TbTestChild body, gconstpointer data, gsize *out_length)
{
    gsize length;
    int status = -1;
    char *output = tb_test_in_child(body, data, &length, &status);

    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        g_error("the child ended with status %x: %s", (guint)status, output);
    if (out_length)
        *out_length = length;
    return output;
}
