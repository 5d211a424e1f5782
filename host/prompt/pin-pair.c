/* SPDX-License-Identifier: Apache-2.0
 *
 * Two secrets on one pipe: see pin-pair.h. The limits come from the worker and were bounded when
 * the message was read.
 */
#include "host/prompt/pin-pair.h"

#include <string.h>

#include <openssl/crypto.h>

gboolean
tb_pin_fits(const TbPin *pin, gsize length)
{
    return length >= MAX(pin->min, 1) && length <= pin->max;
}

gboolean
tb_pin_pair_same(const TbSecret *a, const TbSecret *b)
{
    gsize length = tb_secret_length(a);

    return length == tb_secret_length(b) &&
           CRYPTO_memcmp(tb_secret_data(a), tb_secret_data(b), length) == 0;
}

static gboolean
append_line(TbSecret *lines, const TbSecret *secret)
{
    gsize length = tb_secret_length(secret);

    return length > 0 && !memchr(tb_secret_data(secret), '\n', length) &&
           tb_secret_insert(lines, tb_secret_length(lines), tb_secret_data(secret), length) &&
           tb_secret_insert(lines, tb_secret_length(lines), "\n", 1);
}

gboolean
tb_pin_pair_write(const TbSecret *old_pin, const TbSecret *new_pin, int fd)
{
    gsize room = tb_secret_length(old_pin) + tb_secret_length(new_pin) + 2;
    TbSecret *lines = tb_secret_new(room);
    gboolean written = lines && append_line(lines, old_pin) && append_line(lines, new_pin) &&
                       tb_secret_write(lines, fd);

    tb_secret_free(lines);
    return written;
}
