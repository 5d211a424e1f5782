/* SPDX-License-Identifier: Apache-2.0
 *
 * What each of our processes does first in main, before it reads anything: undumpable, no core
 * files, umask 077, descriptors 0 to 2 open, all others closed; out of memory is the end, for
 * jansson as for GLib. Linux only.
 */
#pragma once

#include <glib.h>

/* Keeps descriptors 0, 1, 2 and keep_fd (-1: none) and closes the rest; opens /dev/null where 0, 1
 * or 2 is missing. */
void tb_harden_process(int keep_fd);

/* Closes this descriptor and all above it. */
void tb_harden_close_from(int first);

/* Asks the kernel to end this process with SIGTERM when its parent goes; exits at once when it goes
 * meanwhile. A parent that went before is noticed by the end of the channel. */
void tb_harden_die_with_parent(void);
