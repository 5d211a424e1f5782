/* SPDX-License-Identifier: Apache-2.0
 *
 * What the next process makes of a message: each lives in a file of its own, because the types of
 * worker, host and prompt share names. Test code only.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Whether the host can read a worker's listing. */
bool fuzz_host_reads_listing(json_t *answer);

/* Whether the prompt can read a message of the host's; says why not on standard error. */
bool fuzz_prompt_reads_message(json_t *message, bool has_fd);
