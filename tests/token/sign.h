/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: signatures, with OpenSSL. OpenSSL's error queue is left as it was, for it is the
 * caller's too. All under the module's lock. Test code only.
 */
#pragma once

#include "tests/token/sessions.h"

CK_RV tt_sign_init(const TtUse *use, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);

/* C_Sign and C_SignFinal (data NULL, length 0: only the parts). With signature NULL the length. */
CK_RV tt_sign(TtSignature *signature, const CK_BYTE *data, CK_ULONG length, CK_BYTE *out_signature,
              CK_ULONG *inout_length);
CK_RV tt_sign_update(TtSignature *signature, const CK_BYTE *part, CK_ULONG length);

void tt_sign_clear(TtSignature *signature);
