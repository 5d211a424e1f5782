/* SPDX-License-Identifier: Apache-2.0
 *
 * For the PIV card emulator: the connection to vpcd, the virtual reader in pcscd. vpcd listens; a
 * card is in while it has a connection. It asks in messages of a two-byte length and that many
 * bytes: one byte is a control, more are a command APDU. One thread.
 */
#pragma once

#include <glib.h>

enum {
    PIV_LINK_OFF = 0,
    PIV_LINK_ON = 1,
    PIV_LINK_RESET = 2,
    PIV_LINK_ATR = 4,
};

typedef struct PivLink PivLink;

/* port: vpcd's, on 127.0.0.1. */
PivLink *piv_link_new(guint16 port);
void piv_link_free(PivLink *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PivLink, piv_link_free)

/* Connects unless that is done; without vpcd nothing happens, so it may be called again and again.
 */
void piv_link_connect(PivLink *link);

/* To wait for input on; -1: not connected. */
int piv_link_fd(const PivLink *link);

/* Takes the bytes that have come. At their end the connection is dropped. */
void piv_link_read(PivLink *link);

/* The next complete message; NULL: none. */
GByteArray *piv_link_next(PivLink *link);

void piv_link_send(PivLink *link, const guint8 *bytes, gsize length);

/* For the reader, the card is out. */
void piv_link_drop(PivLink *link);
