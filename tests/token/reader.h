/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: reads members of the script. A script with a mistake must never pass for a token
 * that behaves oddly, so every mistake ends the process at once with a line on standard error that
 * names the place, and exit status TT_EXIT_SCRIPT. Test code only; no state.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <p11-kit/pkcs11.h>

#include "tests/token/names.h"

#define TT_EXIT_SCRIPT 97

/* Says what is wrong at a place ("slots[0].token") and ends the process. */
G_NORETURN void tt_fail(const char *where, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Fails unless value is an object with no members but these. */
void tt_read_only(json_t *value, const char *where, const char *const *members);

/* Members; absent or null gives the fallback. Strings are borrowed from object. */
const char *tt_read_string(json_t *object, const char *where, const char *member,
                           const char *fallback);
gboolean tt_read_boolean(json_t *object, const char *where, const char *member, gboolean fallback);
guint64 tt_read_integer(json_t *object, const char *where, const char *member, guint64 fallback);

/* A number of PKCS#11: an integer, a name of the table, "0x...", or "unavailable"
 * (CK_UNAVAILABLE_INFORMATION). */
CK_ULONG tt_read_number(json_t *object, const char *where, const char *member, TtNames table,
                        CK_ULONG fallback);

/* The index of the member's word in a NULL-terminated list; absent: 0, the first. */
guint tt_read_choice(json_t *object, const char *where, const char *member,
                     const char *const *words);

/* Bytes in hexadecimal; NULL when absent. */
GBytes *tt_read_hex(json_t *object, const char *where, const char *member);

/* A blank-padded field: text, or {"hex": "..."} for bytes that are no text and are not padded. */
void tt_read_padded(json_t *object, const char *where, const char *member, const char *fallback,
                    unsigned char *out_field, gsize size);

/* An array; NULL when absent. Borrowed from object. */
json_t *tt_read_array(json_t *object, const char *where, const char *member);
