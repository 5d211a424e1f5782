/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's side of the Assuan line protocol, as far as a pinentry speaks it: one command, then
 * data lines, then OK or ERR. What the peer sends is not trusted: lines are bounded, unknown lines
 * are an error. A data line may hold the PIN, so everything is read straight into the secure heap
 * and cleansed once it has been used. One client belongs to one thread; it never blocks on reading.
 */
#pragma once

#include <glib.h>

#include "core/secret.h"

#define TB_ASSUAN_LINE_MAX 1000 /* bytes of one line, without its newline */

/* libgpg-error's codes; what pinentry sends has its own source in the upper bits (5 << 24, so that
 * "cancelled" is 83886179), other implementations have others. */
#define TB_ASSUAN_CODE(number) ((number)&0xffffu)
#define TB_ASSUAN_TIMEOUT 62u
#define TB_ASSUAN_CANCELLED 99u
#define TB_ASSUAN_NOT_CONFIRMED 114u
#define TB_ASSUAN_FULLY_CANCELLED 198u

typedef struct TbAssuan TbAssuan;

/* Takes both descriptors: read_fd brings the peer's lines, write_fd takes ours (they may be equal).
 * NULL when the secure heap is full; the descriptors are closed then too. */
TbAssuan *tb_assuan_new(int read_fd, int write_fd);
void tb_assuan_free(TbAssuan *assuan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbAssuan, tb_assuan_free)

int tb_assuan_get_fd(const TbAssuan *assuan); /* for poll; borrowed */

/* Percent-escapes UTF-8 text into at most room bytes; what does not fit is cut at a character and
 * ends in an ellipsis. Newly allocated. */
char *tb_assuan_escape(const char *text, gsize room);

/* Sends "command text", escaped and cut to one line; text may be NULL. Errors: internal. */
gboolean tb_assuan_send(TbAssuan *assuan, const char *command, const char *text, GError **error);

typedef enum TbAssuanReply {
    TB_ASSUAN_NOTHING,  /* no whole reply is there yet */
    TB_ASSUAN_OK,       /* data lines, if any, are in the secret */
    TB_ASSUAN_TOO_LONG, /* OK, but more data came than the secret can hold: it is empty */
    TB_ASSUAN_ERR,      /* *out_code has the number */
    TB_ASSUAN_BROKEN,   /* the peer has gone or does not speak Assuan; error says which */
} TbAssuanReply;

/* Reads what is there. Data lines are appended to data, percent-decoded; it is emptied unless the
 * reply is OK or still to come. */
TbAssuanReply tb_assuan_receive(TbAssuan *assuan, TbSecret *data, guint *out_code, GError **error);
