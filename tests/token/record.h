/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: the record of calls, so that tests can count them. One JSON object a line, in the
 * file that the script names as "log", written when the call is over, or before a fault ends it:
 *
 *   {"call": "C_Login", "slot": 1, "rv": "CKR_PIN_INCORRECT", "pid": 4711,
 *    "user": "user", "pin_length": 6, "right": false, "pin_number": 1}
 *
 * rv is "hang", "segv", "abort" or "exit" for a call that never came back. C_Login, C_SetPIN and
 * C_InitPIN have user ("user", "so", "context"); where a PIN was given, pin_length and right (of
 * C_SetPIN's old PIN; C_InitPIN has no right); new_length; pin_number is 1 for the first PIN that
 * this process gave, 2 for the first one that is another, and so on. With the key pad "pad" is
 * true. C_SignInit has "mechanism". Never a PIN. Test code only.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "tests/token/script.h"

/* Whether this call is recorded: see "log_all" in script.h. */
gboolean tt_record_wants(const TtScript *script, const char *call);

/* The number of a PIN among those that this process has given, from 1. Under the module's lock. */
guint tt_record_pin_number(const void *pin, gsize length);

/* Appends a line; details (may be NULL) has the members after "pid". */
void tt_record_write(const TtScript *script, const char *call, gboolean has_slot, CK_SLOT_ID slot,
                     const char *result, json_t *details);
