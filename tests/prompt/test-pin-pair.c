/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/prompt/pin-pair.c: what goes into the pipe, and nothing else.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "host/prompt/pin-pair.h"

static TbSecret *
secret(const char *text)
{
    TbSecret *made = tb_secret_new(TB_PIN_MAX);

    g_assert_nonnull(made);
    g_assert_true(tb_secret_insert(made, 0, text, strlen(text)));
    return made;
}

/* What a pair writes; NULL when it refuses. */
static char *
written(const char *old_text, const char *new_text)
{
    TbSecret *old_pin = secret(old_text), *new_pin = secret(new_text);
    char buffer[1024] = "";
    int ends[2];
    gboolean good;
    ssize_t size;

    g_assert_cmpint(pipe(ends), ==, 0);
    good = tb_pin_pair_write(old_pin, new_pin, ends[1]);
    close(ends[1]);
    size = read(ends[0], buffer, sizeof buffer - 1);
    close(ends[0]);
    tb_secret_free(old_pin);
    tb_secret_free(new_pin);
    if (!good)
        g_assert_cmpint(size, ==, 0); /* not even a part */
    return good ? g_strndup(buffer, (gsize)size) : NULL;
}

static void
expect(const char *old_text, const char *new_text, const char *expected)
{
    g_autofree char *text = written(old_text, new_text);

    g_assert_cmpstr(text, ==, expected);
}

static void
test_write(void)
{
    g_autofree char *longest = g_strnfill(TB_PIN_MAX, '7');
    g_autofree char *both = g_strdup_printf("%s\n%s\n", longest, longest);

    expect("1234", "567890", "1234\n567890\n");
    expect("é", "中", "é\n中\n");
    expect(longest, longest, both);
    expect("", "5678", NULL);
    expect("1234", "", NULL);
    expect("12\n34", "5678", NULL);
    expect("1234", "5678\n", NULL);
}

static void
test_closed(void)
{
    TbSecret *pin = secret("1234");
    int ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    close(ends[0]);
    g_assert_false(tb_pin_pair_write(pin, pin, ends[1]));
    close(ends[1]);
    tb_secret_free(pin);
}

static void
test_same(void)
{
    TbSecret *a = secret("1234"), *b = secret("1234"), *c = secret("12345"), *d = secret("1235");
    TbSecret *none = secret("");

    g_assert_true(tb_pin_pair_same(a, b));
    g_assert_false(tb_pin_pair_same(a, c));
    g_assert_false(tb_pin_pair_same(a, d));
    g_assert_false(tb_pin_pair_same(none, a));
    g_assert_true(tb_pin_pair_same(none, none));
    tb_secret_free(a);
    tb_secret_free(b);
    tb_secret_free(c);
    tb_secret_free(d);
    tb_secret_free(none);
}

static void
test_fits(void)
{
    const TbPin usual = {.min = 4, .max = 8}, any = {.min = 0, .max = 255};

    g_assert_false(tb_pin_fits(&usual, 3));
    g_assert_true(tb_pin_fits(&usual, 4));
    g_assert_true(tb_pin_fits(&usual, 8));
    g_assert_false(tb_pin_fits(&usual, 9));
    g_assert_false(tb_pin_fits(&any, 0)); /* never an empty PIN */
    g_assert_true(tb_pin_fits(&any, 1));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    g_assert_true(tb_secret_init(NULL));
    g_test_add_func("/pin-pair/write", test_write);
    g_test_add_func("/pin-pair/closed", test_closed);
    g_test_add_func("/pin-pair/same", test_same);
    g_test_add_func("/pin-pair/fits", test_fits);
    return g_test_run();
}
