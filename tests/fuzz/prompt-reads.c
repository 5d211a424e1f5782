/* SPDX-License-Identifier: Apache-2.0
 *
 * The prompt's side of the host's messages: see readers.h.
 */
#include "host/prompt/message.h"
#include "tests/fuzz/readers.h"

bool
fuzz_prompt_reads_message(json_t *message, bool has_fd)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbMessage) read = tb_message_parse(message, has_fd, &error);

    if (!read)
        g_printerr("the prompt cannot read it: %s\n", error->message);
    return read != NULL;
}
