/* SPDX-License-Identifier: Apache-2.0
 *
 * One dialog from "show" to its end: carries messages between the channel and the window
 * (docs/protocol.md, 4.2). GTK's thread.
 */
#pragma once

#include <glib.h>

#include "host/common/channel.h"

/* Serves the channel until the dialog is over, the host closes it or sends what is no message.
 * Returns the program's exit status: 0, or 1 after a fault, which is logged. channel is borrowed.
 */
int tb_session_run(TbChannel *channel);
