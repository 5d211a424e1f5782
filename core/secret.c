/* SPDX-License-Identifier: Apache-2.0
 *
 * The one type for PINs, in the OpenSSL secure heap. OPENSSL_secure_malloc falls back to the
 * ordinary heap in silence until the secure heap is set up, so that is checked here at every
 * allocation.
 */
#include "core/secret.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define HEAP_SIZE 16384 /* bytes; powers of two both */
#define HEAP_UNIT 16

struct TbSecret {
    size_t capacity;
    size_t length;
    unsigned char bytes[]; /* capacity + 1: a NUL follows the last byte */
};

bool
tb_secret_init(bool *out_locked)
{
    /* 1: ready; 2: ready, but mlock was refused (RLIMIT_MEMLOCK); 0: nothing. */
    int result = CRYPTO_secure_malloc_init(HEAP_SIZE, HEAP_UNIT);

    if (out_locked)
        *out_locked = result == 1;
    return result == 1 || result == 2;
}

TbSecret *
tb_secret_new(size_t capacity)
{
    TbSecret *secret;

    if (!CRYPTO_secure_malloc_initialized() || capacity > HEAP_SIZE)
        return NULL;
    secret = OPENSSL_secure_zalloc(sizeof *secret + capacity + 1);
    if (!secret)
        return NULL;
    if (!CRYPTO_secure_allocated(secret)) {
        OPENSSL_secure_free(secret);
        return NULL;
    }
    secret->capacity = capacity;
    return secret;
}

void
tb_secret_free(TbSecret *secret)
{
    if (secret)
        OPENSSL_secure_clear_free(secret, sizeof *secret + secret->capacity + 1);
}

const unsigned char *
tb_secret_data(const TbSecret *secret)
{
    return secret->bytes;
}

size_t
tb_secret_length(const TbSecret *secret)
{
    return secret->length;
}

bool
tb_secret_insert(TbSecret *secret, size_t offset, const void *bytes, size_t length)
{
    if (offset > secret->length || length > secret->capacity - secret->length)
        return false;
    memmove(secret->bytes + offset + length, secret->bytes + offset, secret->length - offset);
    memcpy(secret->bytes + offset, bytes, length);
    secret->length += length;
    secret->bytes[secret->length] = '\0';
    return true;
}

void
tb_secret_erase(TbSecret *secret, size_t offset, size_t length)
{
    if (offset >= secret->length)
        return;
    if (length > secret->length - offset)
        length = secret->length - offset;
    memmove(secret->bytes + offset, secret->bytes + offset + length,
            secret->length - offset - length);
    secret->length -= length;
    OPENSSL_cleanse(secret->bytes + secret->length, length);
}

void
tb_secret_clear(TbSecret *secret)
{
    tb_secret_erase(secret, 0, secret->length);
}

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool
wait_readable(int fd, int64_t deadline)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    for (;;) {
        int64_t left = deadline < 0 ? -1 : deadline - now_ms();
        int result = poll(&poll_fd, 1, left < 0 && deadline >= 0 ? 0 : (int)left);

        if (result > 0)
            return true;
        /* A time of 0 asks whether something is there already; so does a deadline that has passed.
         */
        if ((result < 0 && errno != EINTR) || (deadline >= 0 && left <= 0))
            return false;
    }
}

bool
tb_secret_read(TbSecret *secret, int fd, int timeout_ms)
{
    int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;

    tb_secret_clear(secret);
    for (;;) {
        unsigned char *end = secret->bytes + secret->length;
        ssize_t got;

        if (!wait_readable(fd, deadline))
            break;
        /* One byte at a time: what follows the newline belongs to somebody else. The byte after the
         * capacity is read into the place of the NUL, to tell a full PIN from one that is too long.
         */
        got = read(fd, end, 1);
        if (got == 0 || (got == 1 && *end == '\n')) {
            *end = '\0';
            return true;
        }
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got < 0 || secret->length == secret->capacity) {
            *end = '\0';
            break;
        }
        secret->length++;
    }
    tb_secret_clear(secret);
    return false;
}

bool
tb_secret_write(const TbSecret *secret, int fd)
{
    size_t written = 0;

    while (written < secret->length) {
        ssize_t got = write(fd, secret->bytes + written, secret->length - written);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        written += (size_t)got;
    }
    return true;
}
