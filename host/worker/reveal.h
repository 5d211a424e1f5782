/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates that a token shows only after a login. One thread.
 */
#pragma once

#include <glib.h>

#include "host/worker/login.h"
#include "host/worker/slot.h"

/* Logs in, with the PIN of a pipe (-1: the key pad), and adds to the slot of a listing what shows
 * now. The PIN is wiped; the login stays, for a signature right after, until the caller clears it.
 * On failure the slot is as before. */
gboolean tb_reveal(TbLogin *login, TbSlot *slot, int pin_fd, GError **error);
