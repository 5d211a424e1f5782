/* SPDX-License-Identifier: Apache-2.0
 *
 * For the PIV card emulator: data objects of a tag, a length and a value (BER, as SP 800-73-4 uses
 * it). What is read comes from a program under test and is not trusted. No state.
 */
#pragma once

#include <glib.h>

/* Appends one data object. tag: one to three bytes, as they are sent. */
void piv_tlv_append(GByteArray *out, guint32 tag, const void *value, gsize length);

/* The first object with this tag; FALSE when there is none before the data end or make no sense. */
gboolean piv_tlv_find(const guint8 *data, gsize length, guint32 tag, const guint8 **out_value,
                      gsize *out_length);
