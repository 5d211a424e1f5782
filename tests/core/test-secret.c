/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests core/secret.c: that the bytes really lie in the secure heap and nowhere else, editing and
 * its limits, reading from a pipe, and that nothing is left after free. The canary is only ever
 * spelled out in the secret itself; elsewhere it is masked, so that a scan of memory can count it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <glib.h>
#include <openssl/crypto.h>

#include "core/secret.h"
#include "tests/support/assert.h"

#define MASK 0x5a
#define SCAN_SIZE 65536u

static const unsigned char masked_canary[] = {'t' ^ MASK, 'B' ^ MASK, '7' ^ MASK, '#' ^ MASK,
                                              'q' ^ MASK, 'Z' ^ MASK, '9' ^ MASK, '!' ^ MASK,
                                              'k' ^ MASK, '4' ^ MASK, 'W' ^ MASK, '@' ^ MASK};

static gboolean heap_locked;

/* Not in main: the test of life before init runs this program again. */
static void
need_heap(void)
{
    static gsize once;

    if (g_once_init_enter(&once)) {
        bool locked = false;

        g_assert_true(tb_secret_init(&locked));
        heap_locked = locked;
        g_once_init_leave(&once, 1);
    }
}

static TbSecret *
secret_of(const char *text, size_t capacity)
{
    TbSecret *secret;

    need_heap();
    secret = tb_secret_new(capacity);
    g_assert_nonnull(secret);
    g_assert_true(tb_secret_insert(secret, 0, text, strlen(text)));
    return secret;
}

static void
assert_holds(const TbSecret *secret, const char *text)
{
    g_assert_cmpuint(tb_secret_length(secret), ==, strlen(text));
    tb_test_assert_bytes(tb_secret_data(secret), tb_secret_length(secret) + 1, text,
                         strlen(text) + 1);
}

static void
test_before_init(void)
{
    if (g_test_subprocess()) {
        g_assert_null(tb_secret_new(8));
        g_assert_true(tb_secret_init(NULL));
        tb_secret_free(tb_secret_new(8));
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
    g_test_trap_assert_passed();
}

static void
test_new(void)
{
    static const size_t good[] = {0, 1, 8, TB_PIN_MAX, 4096};
    static const size_t bad[] = {16384, 16385, 1 << 20, SIZE_MAX - 16, SIZE_MAX};

    need_heap();
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        TbSecret *secret = tb_secret_new(good[i]);

        g_assert_nonnull(secret);
        g_assert_true(CRYPTO_secure_allocated(secret));
        g_assert_true(CRYPTO_secure_allocated(tb_secret_data(secret)));
        g_assert_true(CRYPTO_secure_allocated(tb_secret_data(secret) + good[i]));
        assert_holds(secret, "");
        tb_secret_free(secret);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(tb_secret_new(bad[i]));
    tb_secret_free(NULL);
}

/* The first line of a mapping in /proc/self/maps or smaps: "start-end mode ...". */
static gboolean
parse_mapping(const char *line, guint64 *out_start, guint64 *out_end, const char **out_mode)
{
    char *after;
    guint64 start = g_ascii_strtoull(line, &after, 16);
    const char *second = after + 1;
    guint64 end;

    if (after == line || *after != '-')
        return FALSE;
    end = g_ascii_strtoull(second, &after, 16);
    if (after == second || *after != ' ')
        return FALSE;
    *out_start = start;
    *out_end = end;
    *out_mode = after + 1;
    return TRUE;
}

/* The kernel's word for it: the mapping is not dumped, and locked if init said so. */
static void
test_mapping(void)
{
    TbSecret *secret = secret_of("x", TB_PIN_MAX);
    guint64 address = (guint64)(guintptr)tb_secret_data(secret);
    FILE *smaps = fopen("/proc/self/smaps", "re");
    gboolean inside = FALSE, seen = FALSE;
    char line[1024];

    g_assert_nonnull(smaps);
    while (fgets(line, sizeof line, smaps)) {
        guint64 start, end;
        const char *mode;

        if (parse_mapping(line, &start, &end, &mode))
            inside = address >= start && address < end;
        if (inside && g_str_has_prefix(line, "VmFlags:")) {
            seen = TRUE;
            g_assert_nonnull(strstr(line, " dd"));
            g_assert_true((strstr(line, " lo") != NULL) == heap_locked);
        }
    }
    g_assert_true(seen);
    (void)fclose(smaps);
    tb_secret_free(secret);
}

static void
test_full_heap(void)
{
    TbSecret *secrets[1024];
    gsize count = 0;

    need_heap();
    while (count < G_N_ELEMENTS(secrets) && (secrets[count] = tb_secret_new(TB_PIN_MAX)))
        count++;
    g_assert_cmpuint(count, >=, 16); /* two tries for each of eight tokens */
    g_assert_cmpuint(count, <, G_N_ELEMENTS(secrets));
    for (gsize i = 0; i < count; i++)
        tb_secret_free(secrets[i]);
    secrets[0] = tb_secret_new(TB_PIN_MAX);
    g_assert_nonnull(secrets[0]);
    tb_secret_free(secrets[0]);
}

static void
test_insert(void)
{
    static const struct {
        const char *before;
        size_t offset;
        const char *bytes;
        const char *after; /* NULL: refused */
    } rows[] = {
        {"", 0, "", ""},
        {"", 0, "1", "1"},
        {"", 1, "1", NULL},
        {"123", 0, "x", "x123"},
        {"123", 1, "xy", "1xy23"},
        {"123", 3, "xy", "123xy"},
        {"123", 4, "x", NULL},
        {"123", 3, "45678", "12345678"},
        {"123", 0, "45678", "45678123"},
        {"123", 3, "456789", NULL},
        {"123", 0, "456789", NULL},
        {"12345678", 8, "", "12345678"},
        {"12345678", 8, "9", NULL},
        {"12345678", 0, "9", NULL},
        {"123", SIZE_MAX, "x", NULL},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        TbSecret *secret = secret_of(rows[i].before, 8);
        bool done = tb_secret_insert(secret, rows[i].offset, rows[i].bytes, strlen(rows[i].bytes));

        g_assert_true(done == (rows[i].after != NULL));
        assert_holds(secret, rows[i].after ? rows[i].after : rows[i].before);
        tb_secret_free(secret);
    }
}

static void
test_insert_huge(void)
{
    TbSecret *secret = secret_of("123", 8);

    /* length is compared before bytes are looked at */
    g_assert_false(tb_secret_insert(secret, 0, "", SIZE_MAX));
    g_assert_false(tb_secret_insert(secret, 3, "", SIZE_MAX - 2));
    assert_holds(secret, "123");
    tb_secret_free(secret);
}

static void
test_erase(void)
{
    static const struct {
        size_t offset;
        size_t length;
        const char *after;
    } rows[] = {
        {0, 0, "12345678"},
        {0, 1, "2345678"},
        {7, 1, "1234567"},
        {2, 3, "12678"},
        {0, 8, ""},
        {0, 9, ""},
        {0, SIZE_MAX, ""},
        {4, SIZE_MAX, "1234"},
        {8, 1, "12345678"},
        {9, 1, "12345678"},
        {SIZE_MAX, 1, "12345678"},
        {SIZE_MAX, SIZE_MAX, "12345678"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        TbSecret *secret = secret_of("12345678", 8);

        tb_secret_erase(secret, rows[i].offset, rows[i].length);
        assert_holds(secret, rows[i].after);
        for (gsize b = strlen(rows[i].after); b < 9; b++) /* what was freed is cleansed */
            g_assert_cmphex(tb_secret_data(secret)[b], ==, 0);
        tb_secret_free(secret);
    }
}

static void
test_clear(void)
{
    TbSecret *secret = secret_of("12345678", 8);

    tb_secret_clear(secret);
    tb_secret_clear(secret);
    for (gsize b = 0; b < 9; b++)
        g_assert_cmphex(tb_secret_data(secret)[b], ==, 0);
    assert_holds(secret, "");
    g_assert_true(tb_secret_insert(secret, 0, "abc", 3));
    assert_holds(secret, "abc");
    tb_secret_free(secret);
}

static void
make_pipe(int ends[2])
{
    g_assert_no_errno(pipe2(ends, O_CLOEXEC));
}

static void
test_read(void)
{
    static const struct {
        const char *input;
        const char *result; /* NULL: refused */
        const char *rest;   /* what stays in the pipe */
    } rows[] = {
        {"1234\n", "1234", ""},
        {"1234", "1234", ""},
        {"", "", ""},
        {"\n", "", ""},
        {"\n1234", "", "1234"},
        {"1234\n5678\n", "1234", "5678\n"},
        {"12345678", "12345678", ""},
        {"12345678\n", "12345678", ""},
        {"12345678\nnext", "12345678", "next"},
        {"123456789", NULL, ""},
        {"123456789\n", NULL, "\n"},
        {"1234\r\n", "1234\r", ""},
        {"\xd9\xa1\xd9\xa2\n", "\xd9\xa1\xd9\xa2", ""},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        TbSecret *secret = secret_of("before", 8);
        char rest[32] = "";
        int ends[2];
        bool done;

        make_pipe(ends);
        g_assert_cmpint(write(ends[1], rows[i].input, strlen(rows[i].input)), ==,
                        (gssize)strlen(rows[i].input));
        g_assert_no_errno(close(ends[1]));
        done = tb_secret_read(secret, ends[0], 10000);
        if (done != (rows[i].result != NULL))
            tb_test_row_failed("row %" G_GSIZE_FORMAT, i);
        assert_holds(secret, rows[i].result ? rows[i].result : "");
        for (gsize b = tb_secret_length(secret); b < 9; b++)
            g_assert_cmphex(tb_secret_data(secret)[b], ==, 0);
        g_assert_cmpint(read(ends[0], rest, sizeof rest - 1), ==, (gssize)strlen(rows[i].rest));
        g_assert_cmpstr(rest, ==, rows[i].rest);
        g_assert_no_errno(close(ends[0]));
        tb_secret_free(secret);
    }
}

typedef struct Slow {
    int fd;
    const char *text;
    gulong pause_us;
} Slow;

static gpointer
write_slowly(gpointer data)
{
    const Slow *slow = data;

    for (const char *c = slow->text; *c; c++) {
        g_usleep(slow->pause_us);
        g_assert_cmpint(write(slow->fd, c, 1), ==, 1);
    }
    return NULL;
}

static void
test_read_byte_by_byte(void)
{
    TbSecret *secret = secret_of("", 8);
    Slow slow = {.text = "123456\n", .pause_us = 2000};
    GThread *writer;
    int ends[2];

    make_pipe(ends);
    slow.fd = ends[1];
    writer = g_thread_new("writer", write_slowly, &slow);
    g_assert_true(tb_secret_read(secret, ends[0], 60000)); /* the write end stays open */
    assert_holds(secret, "123456");
    g_thread_join(writer);

    /* and with no time limit, from a descriptor that does not block */
    g_assert_no_errno(fcntl(ends[0], F_SETFL, O_NONBLOCK));
    writer = g_thread_new("writer", write_slowly, &slow);
    g_assert_true(tb_secret_read(secret, ends[0], -1));
    assert_holds(secret, "123456");
    g_thread_join(writer);
    g_assert_no_errno(close(ends[0]));
    g_assert_no_errno(close(ends[1]));
    tb_secret_free(secret);
}

/* A writer that goes on for ever, a byte now and then, does not move the deadline. */
static void
test_read_timeout(void)
{
    static const struct {
        const char *text;
        gulong pause_us;
    } rows[] = {{"", 0}, {"12", 0}, {"1234567", 100000}};

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        TbSecret *secret = secret_of("before", 8);
        Slow slow = {.text = rows[i].text, .pause_us = rows[i].pause_us};
        GThread *writer;
        gint64 start = g_get_monotonic_time(), took;
        int ends[2];

        make_pipe(ends);
        slow.fd = ends[1];
        writer = g_thread_new("writer", write_slowly, &slow);
        g_assert_false(tb_secret_read(secret, ends[0], 300));
        took = (g_get_monotonic_time() - start) / 1000;
        g_assert_cmpint(took, >=, 299);
        if (rows[i].pause_us > 0)
            g_assert_cmpint(took, <, 700); /* the writer needs 700 ms */
        assert_holds(secret, "");
        for (gsize b = 0; b < 9; b++)
            g_assert_cmphex(tb_secret_data(secret)[b], ==, 0);
        g_thread_join(writer);
        g_assert_no_errno(close(ends[0]));
        g_assert_no_errno(close(ends[1]));
        tb_secret_free(secret);
    }
}

static void
test_read_errors(void)
{
    TbSecret *secret = secret_of("before", 8);
    int directory = open("/", O_RDONLY | O_CLOEXEC);

    g_assert_no_errno(directory);
    g_assert_false(tb_secret_read(secret, directory, 1000)); /* EISDIR */
    assert_holds(secret, "");
    g_assert_no_errno(close(directory));
    g_assert_false(tb_secret_read(secret, directory, 1000)); /* EBADF */
    assert_holds(secret, "");
    tb_secret_free(secret);
}

static void
test_write(void)
{
    TbSecret *secret = secret_of("1234", 8);
    TbSecret *back = secret_of("", 8);
    int ends[2];

    make_pipe(ends);
    g_assert_true(tb_secret_write(secret, ends[1]));
    g_assert_no_errno(close(ends[1]));
    g_assert_true(tb_secret_read(back, ends[0], 10000));
    assert_holds(back, "1234");
    g_assert_no_errno(close(ends[0]));
    tb_secret_free(secret);
    tb_secret_free(back);
}

static void
test_write_errors(void)
{
    TbSecret *secret = secret_of("1234", 8);
    TbSecret *empty = secret_of("", 8);
    int ends[2];

    (void)signal(SIGPIPE, SIG_IGN);
    make_pipe(ends);
    g_assert_no_errno(close(ends[0]));
    g_assert_false(tb_secret_write(secret, ends[1]));
    g_assert_true(tb_secret_write(empty, ends[1])); /* nothing to write, nothing to fail */
    g_assert_no_errno(close(ends[1]));
    g_assert_false(tb_secret_write(secret, ends[1]));
    (void)signal(SIGPIPE, SIG_DFL);
    tb_secret_free(secret);
    tb_secret_free(empty);
}

static gsize
count_in(const unsigned char *bytes, gsize length)
{
    const unsigned char *end = bytes + length;
    gsize found = 0;

    for (const unsigned char *at = bytes;; at++) {
        gsize same = 0;

        at = memchr(at, masked_canary[0] ^ MASK, (gsize)(end - at));
        if (!at || (gsize)(end - at) < sizeof masked_canary)
            return found;
        while (same < sizeof masked_canary && (at[same] ^ MASK) == masked_canary[same])
            same++;
        found += same == sizeof masked_canary;
    }
}

/* How often the canary stands in this process's private writable memory (heap, stacks, secure
 * heap). The buffer is a shared mapping, so that what is read into it is not counted again. */
static gsize
count_canaries(void)
{
    unsigned char *buffer =
        mmap(NULL, SCAN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");
    gsize found = 0, scanned = 0;
    char line[1024];

    g_assert_true(buffer != MAP_FAILED);
    g_assert_no_errno(memory);
    g_assert_nonnull(maps);
    while (fgets(line, sizeof line, maps)) {
        guint64 start, end;
        const char *mode;

        if (!parse_mapping(line, &start, &end, &mode) || !g_str_has_prefix(mode, "rw") ||
            mode[2] == '\0' || mode[3] != 'p' || end - start > 256u << 20)
            continue; /* over 256 MiB: a sanitizer's shadow, not data */
        while (start < end) {
            ssize_t got = pread(memory, buffer, (gsize)MIN(end - start, SCAN_SIZE), (off_t)start);

            if (got < (ssize_t)sizeof masked_canary)
                break;
            found += count_in(buffer, (gsize)got);
            scanned += (gsize)got;
            if (start + (guint64)got >= end)
                break;
            start += (guint64)got - (sizeof masked_canary - 1); /* one may lie across the edge */
        }
    }
    g_assert_cmpuint(scanned, >, 16384);
    (void)fclose(maps);
    (void)close(memory);
    (void)munmap(buffer, SCAN_SIZE);
    return found;
}

static void
write_canary(int fd)
{
    volatile unsigned char c;

    for (gsize i = 0; i < sizeof masked_canary; i++) {
        c = masked_canary[i] ^ MASK;
        g_assert_cmpint(write(fd, (const void *)(guintptr)&c, 1), ==, 1);
    }
    c = 0;
}

/* Of what goes through a pipe into a secret and out again there is one copy, and none after. */
static void
test_nothing_left(void)
{
    TbSecret *secret = secret_of("", 64);
    g_autofree unsigned char *control = NULL;
    const volatile unsigned char *bytes;
    int in[2], out[2];

    make_pipe(in);
    make_pipe(out);
    g_assert_cmpuint(count_canaries(), ==, 0);
    write_canary(in[1]);
    g_assert_no_errno(close(in[1]));
    g_assert_true(tb_secret_read(secret, in[0], 10000));
    g_assert_cmpuint(tb_secret_length(secret), ==, sizeof masked_canary);
    g_assert_cmpuint(count_canaries(), ==, 1);
    g_assert_true(tb_secret_write(secret, out[1]));
    g_assert_true(tb_secret_insert(secret, 0, "0", 1));
    tb_secret_erase(secret, 0, 1);
    g_assert_cmpuint(count_canaries(), ==, 1);

    /* That the scan can find a copy on the ordinary heap: */
    control = g_malloc(sizeof masked_canary);
    memcpy(control, tb_secret_data(secret), sizeof masked_canary);
    g_assert_cmpuint(count_canaries(), ==, 2);
    OPENSSL_cleanse(control, sizeof masked_canary);

    bytes = tb_secret_data(secret);
    tb_secret_free(secret);
    g_assert_cmpuint(count_canaries(), ==, 0);
    /* The mapping stays; OpenSSL's free list takes 16 bytes, which lie before the first of ours. */
    for (gsize i = 0; i <= 64; i++)
        g_assert_cmphex(bytes[i], ==, 0);
    g_assert_no_errno(close(in[0]));
    g_assert_no_errno(close(out[0]));
    g_assert_no_errno(close(out[1]));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/secret/before-init", test_before_init);
    g_test_add_func("/core/secret/new", test_new);
    g_test_add_func("/core/secret/mapping", test_mapping);
    g_test_add_func("/core/secret/full-heap", test_full_heap);
    g_test_add_func("/core/secret/insert", test_insert);
    g_test_add_func("/core/secret/insert-huge", test_insert_huge);
    g_test_add_func("/core/secret/erase", test_erase);
    g_test_add_func("/core/secret/clear", test_clear);
    g_test_add_func("/core/secret/read", test_read);
    g_test_add_func("/core/secret/read-byte-by-byte", test_read_byte_by_byte);
    g_test_add_func("/core/secret/read-timeout", test_read_timeout);
    g_test_add_func("/core/secret/read-errors", test_read_errors);
    g_test_add_func("/core/secret/write", test_write);
    g_test_add_func("/core/secret/write-errors", test_write_errors);
    g_test_add_func("/core/secret/nothing-left", test_nothing_left);
    return g_test_run();
}
