/* SPDX-License-Identifier: Apache-2.0
 *
 * A PKCS#11 module that answers what fuzz data, or a sweep, says: see module.c. The worker loads it
 * by its path, as any other; these functions are found in it by name. Test code only; one thread.
 */
#pragma once

#include <p11-kit/pkcs11.h>
#include <stddef.h>
#include <stdint.h>

/* Forgets all sessions and takes a new stream (borrowed). At its end, and from the start with none,
 * the module behaves well: a token "Ann" with Ann's certificate and key, and the authority's. */
typedef void (*FuzzModuleFeed)(const uint8_t *data, size_t size);
#define FUZZ_MODULE_FEED "fuzz_module_feed"

/* The nth call from now (1: the next) answers rv, and so do all later ones when lasting; 0: none.
 */
typedef void (*FuzzModuleFail)(unsigned long nth, CK_RV rv, int lasting);
#define FUZZ_MODULE_FAIL "fuzz_module_fail"

/* Calls since the last feed; and how many sessions are open. */
typedef unsigned long (*FuzzModuleCount)(void);
#define FUZZ_MODULE_CALLS "fuzz_module_calls"
#define FUZZ_MODULE_SESSIONS "fuzz_module_sessions"
