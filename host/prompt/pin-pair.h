/* SPDX-License-Identifier: Apache-2.0
 *
 * The two secrets of a change: the PIN or PUK that holds, and the new PIN. They stay in the secure
 * heap. No state, any thread.
 */
#pragma once

#include <glib.h>

#include "core/secret.h"
#include "host/prompt/message.h"

/* Whether a PIN of so many bytes can be one, by the limits of the token. */
gboolean tb_pin_fits(const TbPin *pin, gsize length);

gboolean tb_pin_pair_same(const TbSecret *a, const TbSecret *b);

/* Writes both to fd, each with its newline (docs/protocol.md, 4.3). False on a write error, when
 * the secure heap is full, or when one is empty or has a newline in it: nothing is written then. */
gboolean tb_pin_pair_write(const TbSecret *old_pin, const TbSecret *new_pin, int fd);
