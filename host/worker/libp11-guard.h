/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps libp11 0.4.12 out of its endless wait: when C_OpenSession fails (a token that has just
 * gone), it waits for another thread to give a session back, and there is none. One module a
 * process, one thread.
 */
#pragma once

#include <glib.h>
#include <libp11.h>
#include <p11-kit/pkcs11.h>

/* From now on the context calls the module through functions of our own, in which a session that
 * does not open becomes one that finds nothing. FALSE when libp11 is not as we know it: then it
 * must not be asked to open sessions. functions: what the context was loaded with. */
gboolean tb_libp11_guard(PKCS11_CTX *context, CK_FUNCTION_LIST *functions);
