/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's side of the Assuan line protocol; see the header for what is trusted.
 */
#include "host/prompt/pinentry/assuan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib-unix.h>

#include <openssl/crypto.h>

#include "host/common/fault.h"

#define BUFFER_SIZE (TB_ASSUAN_LINE_MAX + 2) /* libassuan may end a line with CR LF */
#define ELLIPSIS "\xe2\x80\xa6"

struct TbAssuan {
    int read_fd;
    int write_fd;
    char *buffer; /* secure heap */
    gsize used;
    gboolean overflow; /* the data lines of this reply were more than the secret takes */
};

TbAssuan *
tb_assuan_new(int read_fd, int write_fd)
{
    TbAssuan *assuan = g_new0(TbAssuan, 1);
    assuan->read_fd = read_fd;
    assuan->write_fd = write_fd;
    assuan->buffer = OPENSSL_secure_zalloc(BUFFER_SIZE);
    if (assuan->buffer == NULL || !CRYPTO_secure_allocated(assuan->buffer) ||
        !g_unix_set_fd_nonblocking(read_fd, TRUE, NULL))
        g_clear_pointer(&assuan, tb_assuan_free);
    return assuan;
}

void
tb_assuan_free(TbAssuan *assuan)
{
    if (assuan == NULL)
        return;
    OPENSSL_secure_clear_free(assuan->buffer, BUFFER_SIZE);
    close(assuan->read_fd);
    if (assuan->write_fd != assuan->read_fd)
        close(assuan->write_fd);
    g_free(assuan);
}

int
tb_assuan_get_fd(const TbAssuan *assuan)
{
    return assuan->read_fd;
}

static gboolean
must_escape(const char *character)
{
    return *character == '%' || g_ascii_iscntrl(*character);
}

char *
tb_assuan_escape(const char *text, gsize room)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    gsize total = 0;
    for (const char *c = valid; *c != '\0'; c++)
        total += must_escape(c) ? 3 : 1;
    gboolean cut = total > room;
    gsize limit = cut && room >= strlen(ELLIPSIS) ? room - strlen(ELLIPSIS) : room;
    GString *line = g_string_sized_new(MIN(total, room) + 1);

    for (const char *c = valid; *c != '\0';) {
        gsize size = (gsize)g_utf8_skip[(guchar)*c];
        if ((must_escape(c) ? 3 : size) > limit - line->len)
            break;
        if (must_escape(c))
            g_string_append_printf(line, "%%%02X", (guint)(guchar)*c);
        else
            g_string_append_len(line, c, (gssize)size);
        c += size;
    }
    if (cut && room >= strlen(ELLIPSIS))
        g_string_append(line, ELLIPSIS);
    return g_string_free(line, FALSE);
}

gboolean
tb_assuan_send(TbAssuan *assuan, const char *command, const char *text, GError **error)
{
    g_autoptr(GString) line = g_string_new(command);
    if (text != NULL) {
        g_string_append_c(line, ' ');
        g_autofree char *escaped = tb_assuan_escape(text, TB_ASSUAN_LINE_MAX - line->len);
        g_string_append(line, escaped);
    }
    g_string_append_c(line, '\n');
    for (gsize sent = 0; sent < line->len;) {
        ssize_t n = write(assuan->write_fd, line->str + sent, line->len - sent);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            return tb_fault(error, TB_REASON_INTERNAL,
                            "The PIN program does not take commands: %s.", g_strerror(errno));
        }
        sent += (gsize)n;
    }
    return TRUE;
}

/* Decodes %XX in place. Returns the new length; stray percent signs stay as they are, as
 * libassuan's own decoder leaves them. */
static gsize
unescape(char *bytes, gsize length)
{
    gsize out = 0;
    for (gsize in = 0; in < length; in++) {
        if (bytes[in] == '%' && length - in > 2 && g_ascii_isxdigit(bytes[in + 1]) &&
            g_ascii_isxdigit(bytes[in + 2])) {
            bytes[out++] = (char)(g_ascii_xdigit_value(bytes[in + 1]) * 16 +
                                  g_ascii_xdigit_value(bytes[in + 2]));
            in += 2;
        } else {
            bytes[out++] = bytes[in];
        }
    }
    return out;
}

static gboolean
word_is(const char *line, gsize length, const char *word)
{
    gsize size = strlen(word);
    return length >= size && memcmp(line, word, size) == 0 && (length == size || line[size] == ' ');
}

/* One line, without its end. The first line of a session, the greeting, is an OK like any other. */
static TbAssuanReply
handle_line(TbAssuan *assuan, char *line, gsize length, TbSecret *data, guint *out_code,
            GError **error)
{
    if (length >= 2 && line[0] == 'D' && line[1] == ' ') {
        gsize size = unescape(line + 2, length - 2);
        if (!tb_secret_insert(data, tb_secret_length(data), line + 2, size))
            assuan->overflow = TRUE;
        return TB_ASSUAN_NOTHING;
    }
    if (word_is(line, length, "S") || (length > 0 && line[0] == '#'))
        return TB_ASSUAN_NOTHING; /* status lines and comments need no answer */
    gboolean overflow = assuan->overflow;
    assuan->overflow = FALSE;
    if (word_is(line, length, "OK")) {
        if (overflow)
            tb_secret_clear(data);
        return overflow ? TB_ASSUAN_TOO_LONG : TB_ASSUAN_OK;
    }
    tb_secret_clear(data);
    if (word_is(line, length, "ERR") && length > 4 && g_ascii_isdigit(line[4])) {
        guint code = 0;
        for (gsize i = 4; i < length && g_ascii_isdigit(line[i]); i++)
            code = code * 10 + (guint)g_ascii_digit_value(line[i]);
        *out_code = code;
        return TB_ASSUAN_ERR;
    }
    tb_fault(error, TB_REASON_INTERNAL, "The PIN program does not speak pinentry's protocol.");
    return TB_ASSUAN_BROKEN;
}

/* Takes the first whole line out of the buffer and handles it. */
static TbAssuanReply
next_line(TbAssuan *assuan, gboolean *out_found, TbSecret *data, guint *out_code, GError **error)
{
    char *end = memchr(assuan->buffer, '\n', assuan->used);
    *out_found = end != NULL;
    if (end == NULL)
        return TB_ASSUAN_NOTHING;
    gsize taken = (gsize)(end - assuan->buffer) + 1;
    gsize length = taken - 1;
    if (length > 0 && assuan->buffer[length - 1] == '\r')
        length--;
    TbAssuanReply reply = handle_line(assuan, assuan->buffer, length, data, out_code, error);
    memmove(assuan->buffer, assuan->buffer + taken, assuan->used - taken);
    assuan->used -= taken;
    OPENSSL_cleanse(assuan->buffer + assuan->used, BUFFER_SIZE - assuan->used);
    return reply;
}

TbAssuanReply
tb_assuan_receive(TbAssuan *assuan, TbSecret *data, guint *out_code, GError **error)
{
    for (;;) {
        gboolean found = FALSE;
        TbAssuanReply reply = next_line(assuan, &found, data, out_code, error);
        if (reply != TB_ASSUAN_NOTHING)
            return reply;
        if (found)
            continue;
        ssize_t n = -1;
        errno = ENOBUFS;
        if (assuan->used < BUFFER_SIZE)
            n = read(assuan->read_fd, assuan->buffer + assuan->used, BUFFER_SIZE - assuan->used);
        if (n > 0) {
            assuan->used += (gsize)n;
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return TB_ASSUAN_NOTHING;
        } else {
            tb_fault(error, TB_REASON_INTERNAL,
                     n < 0 && errno == ENOBUFS ? "The PIN program sent a line that is too long."
                                               : "The PIN program has ended.");
            tb_secret_clear(data);
            OPENSSL_cleanse(assuan->buffer, BUFFER_SIZE);
            assuan->used = 0;
            return TB_ASSUAN_BROKEN;
        }
    }
}
