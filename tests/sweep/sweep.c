/* SPDX-License-Identifier: Apache-2.0
 *
 * Fault sweeps: see sweep.h. The __wrap_ functions take the place of those that our objects call
 * (-Wl,--wrap in meson.build); with _FORTIFY_SOURCE some of them have a second name.
 */
#include "tests/sweep/sweep.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const SweepFault sweep_faults[] = {
    {"allocation fails", SWEEP_ALLOCATION, ENOMEM, FALSE, FALSE, FALSE},
    {"all allocations fail", SWEEP_ALLOCATION, ENOMEM, FALSE, TRUE, FALSE},
    {"read interrupted", SWEEP_READ, EINTR, FALSE, FALSE, TRUE},
    {"read of one byte", SWEEP_READ, 0, TRUE, FALSE, TRUE},
    {"reads of one byte", SWEEP_READ, 0, TRUE, TRUE, TRUE},
    {"read fails", SWEEP_READ, EIO, FALSE, TRUE, FALSE},
    {"read without memory", SWEEP_READ, ENOMEM, FALSE, FALSE, FALSE},
    {"connection reset", SWEEP_READ, ECONNRESET, FALSE, TRUE, FALSE},
    {"write interrupted", SWEEP_WRITE, EINTR, FALSE, FALSE, TRUE},
    {"write of one byte", SWEEP_WRITE, 0, TRUE, FALSE, TRUE},
    {"writes of one byte", SWEEP_WRITE, 0, TRUE, TRUE, TRUE},
    {"nobody reads", SWEEP_WRITE, EPIPE, FALSE, TRUE, FALSE},
    {"no space", SWEEP_WRITE, ENOSPC, FALSE, FALSE, FALSE},
    {"write without memory", SWEEP_WRITE, ENOMEM, FALSE, FALSE, FALSE},
    {"poll interrupted", SWEEP_POLL, EINTR, FALSE, FALSE, TRUE},
    {"poll without memory", SWEEP_POLL, ENOMEM, FALSE, TRUE, FALSE},
    {"no more descriptors or processes", SWEEP_MAKE, EAGAIN, FALSE, FALSE, FALSE},
    {NULL, SWEEP_ALLOCATION, 0, FALSE, FALSE, FALSE},
};

static struct {
    const SweepFault *fault;
    guint nth;   /* the call that fails */
    guint calls; /* made so far */
    gboolean on;
    gboolean fired;
} sweep;

/* Whether this call is the one. */
static gboolean
fails(SweepWhat what)
{
    if (!sweep.on || !sweep.fault || sweep.fault->what != what)
        return FALSE;
    sweep.calls++;
    if (sweep.calls != sweep.nth && !(sweep.fault->lasting && sweep.calls > sweep.nth))
        return FALSE;
    sweep.fired = TRUE;
    errno = sweep.fault->error;
    return TRUE;
}

void
sweep_on(void)
{
    sweep.on = TRUE;
}

void
sweep_off(void)
{
    sweep.on = FALSE;
}

gboolean
sweep_fired(void)
{
    return sweep.fired;
}

guint
sweep_run(const SweepFault *fault, SweepBody body, gpointer data, guint max, guint step)
{
    guint runs = 0;

    /* Once without: what a library does only at its first use is done by then. */
    sweep.fault = NULL;
    sweep.fired = FALSE;
    body(fault, data);
    sweep.fault = fault;
    if (fault->what != SWEEP_ALLOCATION)
        step = 1;
    else /* that all fail from one on is much the same for the next one */
        step *= fault->lasting ? 23 : SWEEP_STEP;
    for (sweep.nth = 1; sweep.nth <= max; sweep.nth += step) {
        sweep.calls = 0;
        sweep.fired = FALSE;
        body(fault, data);
        g_assert_false(sweep.on);
        if (!sweep.fired)
            break;
        runs++;
    }
    g_assert_cmpuint(sweep.nth, <=, max);
    sweep.fault = NULL;
    return runs;
}

/* --- Allocations
 * ------------------------------------------------------------------------------------ */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *
__wrap_malloc(size_t size)
{
    return fails(SWEEP_ALLOCATION) ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return fails(SWEEP_ALLOCATION) ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *block, size_t size)
{
    return fails(SWEEP_ALLOCATION) ? NULL : __real_realloc(block, size);
}

/* libp11 0.4.12 allocates with OpenSSL's functions as well, and uses what it does not get. */
static gboolean
is_libp11(const char *file)
{
    return file && strstr(file, "p11_");
}

static void *
openssl_malloc(size_t size, const char *file, int line)
{
    if (size == 0 || (!is_libp11(file) && fails(SWEEP_ALLOCATION)))
        return NULL;
    return __real_malloc(size);
}

static void *
openssl_realloc(void *block, size_t size, const char *file, int line)
{
    if (block && size == 0) {
        free(block);
        return NULL;
    }
    return !is_libp11(file) && fails(SWEEP_ALLOCATION) ? NULL : __real_realloc(block, size);
}

static void
openssl_free(void *block, const char *file, int line)
{
    free(block);
}

void
sweep_init(void)
{
    g_assert_cmpint(CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free), ==, 1);
}

/* --- Input and output
 * --------------------------------------------------------------------------------- */

ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __real_recvmsg(int fd, struct msghdr *header, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *header, int flags);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
ssize_t __wrap_read(int fd, void *bytes, size_t size);
ssize_t __wrap___read_chk(int fd, void *bytes, size_t size, size_t room);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_recvmsg(int fd, struct msghdr *header, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *header, int flags);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);

ssize_t
__wrap_read(int fd, void *bytes, size_t size)
{
    if (!fails(SWEEP_READ))
        return __real_read(fd, bytes, size);
    return sweep.fault->partly ? __real_read(fd, bytes, MIN(size, 1)) : -1;
}

ssize_t
__wrap___read_chk(int fd, void *bytes, size_t size, size_t room)
{
    return __wrap_read(fd, bytes, size);
}

ssize_t
__wrap_write(int fd, const void *bytes, size_t size)
{
    if (!fails(SWEEP_WRITE))
        return __real_write(fd, bytes, size);
    return sweep.fault->partly ? __real_write(fd, bytes, MIN(size, 1)) : -1;
}

ssize_t
__wrap_recvmsg(int fd, struct msghdr *header, int flags)
{
    if (!fails(SWEEP_READ))
        return __real_recvmsg(fd, header, flags);
    if (!sweep.fault->partly)
        return -1;
    header->msg_iov->iov_len = MIN(header->msg_iov->iov_len, 1);
    return __real_recvmsg(fd, header, flags);
}

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *header, int flags)
{
    struct iovec part = {.iov_base = header->msg_iov->iov_base, .iov_len = 1};
    struct msghdr one = *header;

    if (!fails(SWEEP_WRITE))
        return __real_sendmsg(fd, header, flags);
    one.msg_iov = &part;
    return sweep.fault->partly ? __real_sendmsg(fd, &one, flags) : -1;
}

int
__wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    return fails(SWEEP_POLL) ? -1 : __real_poll(fds, count, timeout);
}

int
__wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
    return __wrap_poll(fds, count, timeout);
}

/* --- What is made
 * ---------------------------------------------------------------------------------- */

int __real_pipe2(int ends[2], int flags);
pid_t __real_fork(void);
int __wrap_pipe2(int ends[2], int flags);
pid_t __wrap_fork(void);

int
__wrap_pipe2(int ends[2], int flags)
{
    return fails(SWEEP_MAKE) ? -1 : __real_pipe2(ends, flags);
}

pid_t
__wrap_fork(void)
{
    return fails(SWEEP_MAKE) ? -1 : __real_fork();
}
