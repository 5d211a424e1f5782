/* SPDX-License-Identifier: Apache-2.0
 *
 * The PIN of a token: see pin.h. A token is known by maker, model and serial, not by slot: the same
 * token in another reader is still the same, and two that cannot be told apart count as one.
 */
#include "host/worker/pin.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#define KEY_SIZE 32 /* bytes */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MAC, EVP_MAC_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MAC_CTX, EVP_MAC_CTX_free)

typedef struct Refused {
    TbPinDigest digest;
    gboolean doubtful; /* the token did not say that it was for the PIN */
} Refused;

struct TbPinMemory {
    guint8 *key;     /* KEY_SIZE random bytes in the secure heap */
    GArray *refused; /* Refused */
};

const char *
tb_pin_state(const CK_TOKEN_INFO *info)
{
    if (info->flags & CKF_USER_PIN_LOCKED)
        return "locked";
    if ((info->flags & CKF_LOGIN_REQUIRED) && !(info->flags & CKF_USER_PIN_INITIALIZED))
        return "not_initialised";
    if (info->flags & CKF_USER_PIN_TO_BE_CHANGED)
        return "to_be_changed";
    if (info->flags & CKF_USER_PIN_FINAL_TRY)
        return "final_try";
    if (info->flags & CKF_USER_PIN_COUNT_LOW)
        return "low";
    return "ok";
}

static const char *
puk_state(const CK_TOKEN_INFO *info)
{
    if (info->flags & CKF_SO_PIN_LOCKED)
        return "locked";
    if (info->flags & CKF_SO_PIN_TO_BE_CHANGED)
        return "to_be_changed";
    if (info->flags & CKF_SO_PIN_FINAL_TRY)
        return "final_try";
    if (info->flags & CKF_SO_PIN_COUNT_LOW)
        return "low";
    return "ok";
}

/* CK_UNAVAILABLE_INFORMATION, or nonsense, becomes our own limits. */
void
tb_pin_limits(const CK_TOKEN_INFO *info, CK_ULONG *out_min, CK_ULONG *out_max)
{
    CK_ULONG max =
        info->ulMaxPinLen == 0 || info->ulMaxPinLen > TB_PIN_MAX ? TB_PIN_MAX : info->ulMaxPinLen;

    *out_max = max;
    *out_min = info->ulMinPinLen > max ? 1 : MAX(info->ulMinPinLen, 1);
}

static json_t *
to_json(const CK_TOKEN_INFO *info, const char *state)
{
    json_t *pin = json_object();
    CK_ULONG min;
    CK_ULONG max;

    tb_pin_limits(info, &min, &max);
    json_object_set_new(pin, "state", json_string(state));
    json_object_set_new(pin, "pad", json_boolean(info->flags & CKF_PROTECTED_AUTHENTICATION_PATH));
    json_object_set_new(pin, "min", json_integer((json_int_t)min));
    json_object_set_new(pin, "max", json_integer((json_int_t)max));
    return pin;
}

json_t *
tb_pin_to_json(const CK_TOKEN_INFO *info)
{
    return to_json(info, tb_pin_state(info));
}

json_t *
tb_pin_puk_to_json(const CK_TOKEN_INFO *info)
{
    return to_json(info, puk_state(info));
}

TbPinMemory *
tb_pin_memory_new(void)
{
    guint8 *key = OPENSSL_secure_zalloc(KEY_SIZE);
    TbPinMemory *memory;

    if (!key || !CRYPTO_secure_allocated(key) || RAND_bytes(key, KEY_SIZE) != 1) {
        OPENSSL_secure_clear_free(key, KEY_SIZE);
        return NULL;
    }
    memory = g_new0(TbPinMemory, 1);
    memory->key = key;
    memory->refused = g_array_new(FALSE, FALSE, sizeof(Refused));
    return memory;
}

void
tb_pin_memory_free(TbPinMemory *memory)
{
    if (!memory)
        return;
    OPENSSL_secure_clear_free(memory->key, KEY_SIZE);
    g_array_unref(memory->refused);
    g_free(memory);
}

gboolean
tb_pin_memory_digest(const TbPinMemory *memory, const CK_TOKEN_INFO *info, CK_USER_TYPE kind,
                     const TbSecret *pin, TbPinDigest *out_digest)
{
    g_autoptr(EVP_MAC) mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    g_autoptr(EVP_MAC_CTX) context = mac ? EVP_MAC_CTX_new(mac) : NULL;
    char hash[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
                           OSSL_PARAM_construct_end()};
    TbPinDigest digest;
    size_t length = 0;
    gboolean good;

    /* All fields before the PIN are of fixed size, so no two inputs run together. */
    good = context && EVP_MAC_init(context, memory->key, KEY_SIZE, params) &&
           EVP_MAC_update(context, info->manufacturerID, sizeof info->manufacturerID) &&
           EVP_MAC_update(context, info->model, sizeof info->model) &&
           EVP_MAC_update(context, info->serialNumber, sizeof info->serialNumber) &&
           EVP_MAC_update(context, (const unsigned char *)&kind, sizeof kind) &&
           EVP_MAC_update(context, tb_secret_data(pin), tb_secret_length(pin)) &&
           EVP_MAC_final(context, digest.bytes, &length, sizeof digest.bytes) &&
           length == sizeof digest.bytes;
    ERR_clear_error();
    if (good)
        *out_digest = digest;
    return good;
}

gboolean
tb_pin_memory_has(const TbPinMemory *memory, const TbPinDigest *digest)
{
    for (guint i = 0; i < memory->refused->len; i++) {
        const Refused *refused = &g_array_index(memory->refused, Refused, i);

        if (CRYPTO_memcmp(refused->digest.bytes, digest->bytes, sizeof digest->bytes) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
add(TbPinMemory *memory, const TbPinDigest *digest, gboolean doubtful)
{
    const Refused refused = {.digest = *digest, .doubtful = doubtful};

    g_array_append_vals(memory->refused, &refused, 1);
}

void
tb_pin_memory_add(TbPinMemory *memory, const TbPinDigest *digest)
{
    add(memory, digest, FALSE);
}

void
tb_pin_memory_add_doubtful(TbPinMemory *memory, const TbPinDigest *digest)
{
    add(memory, digest, TRUE);
}

void
tb_pin_memory_forget_doubtful(TbPinMemory *memory)
{
    for (guint i = memory->refused->len; i > 0; i--) {
        if (g_array_index(memory->refused, Refused, i - 1).doubtful)
            g_array_remove_index_fast(memory->refused, i - 1);
    }
}

void
tb_pin_memory_remove(TbPinMemory *memory, const TbPinDigest *digest)
{
    for (guint i = memory->refused->len; i > 0; i--) {
        const Refused *refused = &g_array_index(memory->refused, Refused, i - 1);

        if (CRYPTO_memcmp(refused->digest.bytes, digest->bytes, sizeof digest->bytes) == 0)
            g_array_remove_index_fast(memory->refused, i - 1);
    }
}
