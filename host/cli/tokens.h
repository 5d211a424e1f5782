/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens, modules and readers as text for people: what "list" shows.
 */
#pragma once

#include "host/listing.h"
#include "host/workers.h"

/* All that is known. Whether at least one module could be asked. */
gboolean tb_cli_tokens_print(const TbWorkers *workers);

/* Of readers and cards, a line each; nothing when nothing is known. */
void tb_cli_tokens_print_readers(const TbWorkers *workers);

/* The result of listTokens: a new reference. */
json_t *tb_cli_tokens_to_json(const TbWorkers *workers);

/* tokenbridge list --watch: prints the state, and then each change until the user has had enough
 * (Ctrl-C) or nobody reads it any more. */
void tb_cli_tokens_watch(TbWorkers *workers, gboolean json);
