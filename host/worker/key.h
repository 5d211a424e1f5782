/* SPDX-License-Identifier: Apache-2.0
 *
 * The private keys of a token that may belong to a certificate. CKA_ID is only a hint (ids can be
 * empty, shared or wrong); the public key decides where the token shows enough of it. The answers
 * are a module's and not trusted: the caller verifies what such a key signs. One thread.
 */
#pragma once

#include <glib.h>
#include <p11-kit/pkcs11.h>

#include "host/worker/certificate.h"

/* Handles (CK_OBJECT_HANDLE), likeliest first; keys that are known to be others' are left out. The
 * array may be empty. *out_only says that it is the only key with the certificate's CKA_ID: once it
 * has signed well, the caller may set key_proven, and the next search asks for that id alone. */
CK_RV tb_key_find(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                  const TbCertificate *certificate, GArray **out_keys, gboolean *out_only);
