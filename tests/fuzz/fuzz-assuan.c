/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: host/prompt/pinentry/assuan.c, as it reads a pinentry. The first byte chooses the
 * pieces in which the rest arrives; whatever they are, the replies are the same, and data is kept
 * only beside an OK.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/secret.h"
#include "host/common/fault.h"
#include "host/prompt/pinentry/assuan.h"
#include "tests/fuzz/fuzz.h"

#define PIPE_ROOM 32768 /* what a pipe takes without anybody reading */
#define SECRET_ROOM 64

static void
note(GString *replies, TbAssuanReply reply, guint code, TbSecret *data)
{
    g_string_append_printf(replies, "%d", reply);
    if (reply == TB_ASSUAN_OK)
        g_string_append_len(replies, (const char *)tb_secret_data(data),
                            (gssize)tb_secret_length(data));
    else if (reply == TB_ASSUAN_ERR)
        g_string_append_printf(replies, " %u", code);
    if (reply != TB_ASSUAN_OK)
        FUZZ_CHECK(tb_secret_length(data) == 0);
    g_string_append_c(replies, ';');
    tb_secret_clear(data); /* as the dialog does before its next command */
}

/* FALSE when the peer is of no more use. */
static gboolean
drain(TbAssuan *assuan, TbSecret *data, GString *replies)
{
    for (;;) {
        g_autoptr(GError) error = NULL;
        guint code = 0;
        TbAssuanReply reply = tb_assuan_receive(assuan, data, &code, &error);

        FUZZ_CHECK((error != NULL) == (reply == TB_ASSUAN_BROKEN));
        if (reply == TB_ASSUAN_NOTHING)
            return TRUE;
        note(replies, reply, code, data);
        if (reply == TB_ASSUAN_BROKEN)
            return FALSE;
    }
}

static GString *
replies_of(const uint8_t *bytes, size_t size, size_t piece)
{
    GString *replies = g_string_new(NULL);
    TbSecret *data = tb_secret_new(SECRET_ROOM);
    gboolean going = TRUE;
    TbAssuan *assuan;
    int ends[2];

    FUZZ_CHECK(data && pipe2(ends, O_CLOEXEC) == 0);
    assuan = tb_assuan_new(ends[0], open("/dev/null", O_WRONLY | O_CLOEXEC));
    FUZZ_CHECK(assuan);
    for (size_t at = 0; going && at < size; at += piece) {
        size_t now = MIN(piece, size - at);

        FUZZ_CHECK(write(ends[1], bytes + at, now) == (ssize_t)now);
        going = drain(assuan, data, replies);
    }
    FUZZ_CHECK(close(ends[1]) == 0);
    if (going)
        FUZZ_CHECK(!drain(assuan, data, replies)); /* its end is an end */
    tb_assuan_free(assuan);
    tb_secret_free(data);
    return replies;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready = false;
    g_autoptr(GString) whole = NULL;
    g_autoptr(GString) pieces = NULL;

    if (!ready)
        FUZZ_CHECK((ready = tb_secret_init(NULL)));
    if (size < 2 || size > PIPE_ROOM)
        return 0;
    whole = replies_of(data + 1, size - 1, size);
    pieces = replies_of(data + 1, size - 1, data[0] + 1u);
    FUZZ_CHECK(g_string_equal(whole, pieces));
    return 0;
}
