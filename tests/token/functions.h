/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: the list of its functions. Test code only.
 */
#pragma once

#include <p11-kit/pkcs11.h>

/* Static; the same each time. */
CK_FUNCTION_LIST *tt_functions(void);
