/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's side of a worker's answer: see readers.h.
 */
#include "host/listing.h"
#include "tests/fuzz/readers.h"

bool
fuzz_host_reads_listing(json_t *answer)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) tokens = tb_listing_read(answer, 0, &error);

    if (!tokens)
        g_printerr("the host cannot read it: %s\n", error->message);
    return tokens != NULL;
}
