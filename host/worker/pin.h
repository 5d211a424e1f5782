/* SPDX-License-Identifier: Apache-2.0
 *
 * The PIN of a token: its state as the token tells, and the memory of PINs that were refused, so
 * that no wrong PIN costs two tries. PINs are held as keyed digests only. One thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <p11-kit/pkcs11.h>

#include "core/secret.h"

/* The "pin" object of docs/protocol.md, 4.1. */
json_t *tb_pin_to_json(const CK_TOKEN_INFO *info);

/* The "puk" object: the same of the SO's PIN, which is the PUK of a card. */
json_t *tb_pin_puk_to_json(const CK_TOKEN_INFO *info);

/* How many bytes a PIN must and may have. */
void tb_pin_limits(const CK_TOKEN_INFO *info, CK_ULONG *out_min, CK_ULONG *out_max);

/* The word of its state: "ok", "low" ... */
const char *tb_pin_state(const CK_TOKEN_INFO *info);

/* The flags of CK_TOKEN_INFO that say something of a PIN, and change with use. */
#define TB_PIN_FLAGS                                                                               \
    (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED |                       \
     CKF_USER_PIN_TO_BE_CHANGED | CKF_USER_PIN_INITIALIZED | CKF_SO_PIN_COUNT_LOW |                \
     CKF_SO_PIN_FINAL_TRY | CKF_SO_PIN_LOCKED | CKF_SO_PIN_TO_BE_CHANGED)

typedef struct TbPinMemory TbPinMemory;

/* NULL when the secure heap or the random generator fails. */
TbPinMemory *tb_pin_memory_new(void);
void tb_pin_memory_free(TbPinMemory *memory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbPinMemory, tb_pin_memory_free)

typedef struct TbPinDigest {
    guint8 bytes[32]; /* HMAC-SHA256 */
} TbPinDigest;

/* The keyed digest of a PIN for this token and this kind of login (CKU_USER; CKU_SO for a PUK;
 * CKU_CONTEXT_SPECIFIC: a signature PIN can be another than the card's). FALSE when OpenSSL fails.
 */
gboolean tb_pin_memory_digest(const TbPinMemory *memory, const CK_TOKEN_INFO *info,
                              CK_USER_TYPE kind, const TbSecret *pin, TbPinDigest *out_digest);

/* Whether the token has refused it. */
gboolean tb_pin_memory_has(const TbPinMemory *memory, const TbPinDigest *digest);

void tb_pin_memory_add(TbPinMemory *memory, const TbPinDigest *digest);

/* The same, when the token did not say that it was the PIN that it refused; and what to do once it
 * turns out to have been something else. */
void tb_pin_memory_add_doubtful(TbPinMemory *memory, const TbPinDigest *digest);
void tb_pin_memory_forget_doubtful(TbPinMemory *memory);

/* The token takes it again: it has become the PIN. */
void tb_pin_memory_remove(TbPinMemory *memory, const TbPinDigest *digest);
