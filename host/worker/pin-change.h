/* SPDX-License-Identifier: Apache-2.0
 *
 * Another PIN for a token: shown the old one, or the PUK. What can fail without them is done before
 * they are read, each is sent once where it may be wrong, and the new PIN is sent only when it
 * keeps to the token's limits. One thread.
 */
#pragma once

#include <glib.h>

#include "host/worker/login.h"
#include "host/worker/opensc.h"

typedef struct TbPinChange {
    const char *serial; /* the token that must be in the slot */
    int pin_fd;         /* borrowed: old PIN or PUK, a newline, the new PIN; -1: the key pad */
    TbOpensc opensc;
} TbPinChange;

/* For a login that was only made; the caller clears it. On success login->report has the states of
 * PIN and PUK afterwards. */
gboolean tb_pin_change(TbLogin *login, const TbPinChange *change, GError **error);
gboolean tb_pin_unblock(TbLogin *login, const TbPinChange *change, GError **error);
