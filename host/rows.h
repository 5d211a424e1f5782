/* SPDX-License-Identifier: Apache-2.0
 *
 * What the dialog offers, row by row: a certificate on a token, or a token that shows its
 * certificates only after its PIN. One token that two modules see is one row; two tokens with the
 * same certificate are two. Pure.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "host/selection.h"

#define TB_ROWS_MAX 256 /* what the dialog takes; nobody chooses among more */

typedef struct TbRow {
    char *id;
    const TbToken *token;             /* borrowed from the listing, like */
    const TbCertificate *certificate; /* NULL: hidden until login */
} TbRow;

void tb_row_free(TbRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbRow, tb_row_free)

/* The ids that were given to rows, for as long as one dialog is open. An id stays with its token
 * and is never another's: what the user chose on the screen is what is meant, whatever has come and
 * gone since. */
typedef struct TbRowNames TbRowNames;

TbRowNames *tb_row_names_new(void);
void tb_row_names_free(TbRowNames *names);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbRowNames, tb_row_names_free)

/* A new array of TbRow, from the fitting certificates (in the order of tb_selection_fitting) and
 * the hidden tokens. Of several modules that see one token it takes the first, by configuration, in
 * which it can be used; one whose bit is set in doubtful (1 << module) only when there is no other.
 */
GPtrArray *tb_rows_new(const GPtrArray *certificates, const GPtrArray *hidden, guint64 doubtful,
                       gint64 now, TbRowNames *names);

/* The "certificates" member for the dialog: a new reference. */
json_t *tb_rows_choices(const GPtrArray *rows, TbPurpose purpose, gint64 now);

/* What keeps a row from being chosen now. */
TbObstacle tb_row_obstacle(const TbRow *row, gint64 now);
