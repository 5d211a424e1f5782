/* SPDX-License-Identifier: Apache-2.0
 *
 * For the PIV card emulator: slots and data objects. See slots.h.
 */
#include "tests/piv/slots.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "tests/piv/tlv.h"

#define TAG_CHUID 0x5fc102
#define TAG_CCC 0x5fc107
#define TAG_KEY_HISTORY 0x5fc10c
#define TAG_DISCOVERY 0x7e
#define TAG_OBJECT 0x53
#define TAG_ERROR_DETECTION 0xfe
#define RETIRED_FIRST 0x82
#define RETIRED_LAST 0x95
#define RETIRED_TAG 0x5fc10d /* of the first; the others follow */
#define CERTIFICATE_MAX 3000 /* what a YubiKey holds */

typedef struct Slot {
    guint reference;
    EVP_PKEY *key; /* or NULL */
    guint8 *certificate;
    gsize certificate_size;
} Slot;

struct PivSlots {
    guint32 serial;
    GPtrArray *slots;
};

static void
slot_free(gpointer data)
{
    Slot *slot = data;

    EVP_PKEY_free(slot->key);
    OPENSSL_free(slot->certificate);
    g_free(slot);
}

PivSlots *
piv_slots_new(guint32 serial)
{
    PivSlots *slots = g_new0(PivSlots, 1);

    slots->serial = serial;
    slots->slots = g_ptr_array_new_with_free_func(slot_free);
    return slots;
}

void
piv_slots_free(PivSlots *slots)
{
    if (!slots)
        return;
    g_ptr_array_unref(slots->slots);
    g_free(slots);
}

static const Slot *
find(const PivSlots *slots, guint reference)
{
    for (guint i = 0; i < slots->slots->len; i++) {
        const Slot *slot = g_ptr_array_index(slots->slots, i);

        if (slot->reference == reference)
            return slot;
    }
    return NULL;
}

/* The tag of a slot's certificate; 0 when there is no such slot (SP 800-73-4 part 1, table 3). */
static guint32
certificate_tag(guint reference)
{
    switch (reference) {
    case 0x9a:
        return 0x5fc105;
    case 0x9c:
        return 0x5fc10a;
    case 0x9d:
        return 0x5fc10b;
    case 0x9e:
        return 0x5fc101;
    default:
        if (reference < RETIRED_FIRST || reference > RETIRED_LAST)
            return 0;
        return RETIRED_TAG + reference - RETIRED_FIRST;
    }
}

static gboolean
refuse(GError **error, const char *path, const char *what)
{
    ERR_clear_error();
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: %s", path, what);
    return FALSE;
}

static gboolean
read_certificate(Slot *slot, const char *path, GError **error)
{
    FILE *file = fopen(path, "re");
    X509 *x509 = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    int size = x509 ? i2d_X509(x509, &slot->certificate) : -1;

    if (file)
        (void)fclose(file);
    X509_free(x509);
    if (size <= 0 || size > CERTIFICATE_MAX)
        return refuse(error, path, "not a certificate in PEM, or too long for a card");
    slot->certificate_size = (gsize)size;
    return TRUE;
}

static gboolean
read_key(Slot *slot, const char *path, GError **error)
{
    FILE *file = fopen(path, "re");

    slot->key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (file)
        (void)fclose(file);
    return slot->key ? TRUE : refuse(error, path, "not a private key in PEM");
}

gboolean
piv_slots_fill(PivSlots *slots, guint reference, const char *certificate_path, const char *key_path,
               GError **error)
{
    Slot *slot;

    if (certificate_tag(reference) == 0 || find(slots, reference)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "slot %02X does not exist or is given twice", reference);
        return FALSE;
    }
    slot = g_new0(Slot, 1);
    slot->reference = reference;
    g_ptr_array_add(slots->slots, slot);
    return read_certificate(slot, certificate_path, error) &&
           (!key_path || read_key(slot, key_path, error));
}

static void
put_chuid(const PivSlots *slots, GByteArray *out)
{
    /* A FASC-N of no agency (9999), so that readers take the GUID for the card's number. */
    static const guint8 fascn[25] = {0xd4, 0xe7, 0x39, 0xda, 0x73, 0x9c, 0xed, 0x39, 0xce,
                                     0x73, 0x9d, 0x83, 0x68, 0x58, 0x21, 0x08, 0x42, 0x10,
                                     0x84, 0x21, 0xc8, 0x42, 0x10, 0xc3, 0xeb};
    guint32 serial = GUINT32_TO_BE(slots->serial);
    guint8 guid[16] = {0x54, 0x42, 0x50, 0x49, 0x56, 0x00, 0x40, 0x00, 0x80, 0x00};

    memcpy(guid + sizeof guid - sizeof serial, &serial, sizeof serial);
    piv_tlv_append(out, 0x30, fascn, sizeof fascn);
    piv_tlv_append(out, 0x34, guid, sizeof guid);
    piv_tlv_append(out, 0x35, "20991231", 8);
    piv_tlv_append(out, 0x3e, NULL, 0);
}

static void
put_capabilities(const PivSlots *slots, GByteArray *out)
{
    static const guint8 empty[] = {0xf3, 0xf4, 0xf6, 0xf7, 0xfa, 0xfb, 0xfc, 0xfd};
    guint32 serial = GUINT32_TO_BE(slots->serial);
    guint8 identifier[21] = {0xa0, 0x00, 0x00, 0x01, 0x16, 0xff, 0x02};

    memcpy(identifier + sizeof identifier - sizeof serial, &serial, sizeof serial);
    piv_tlv_append(out, 0xf0, identifier, sizeof identifier);
    piv_tlv_append(out, 0xf1, "\x21", 1);
    piv_tlv_append(out, 0xf2, "\x21", 1);
    piv_tlv_append(out, 0xf5, "\x10", 1);
    for (gsize i = 0; i < G_N_ELEMENTS(empty); i++)
        piv_tlv_append(out, empty[i], NULL, 0);
}

static void
put_discovery(GByteArray *out)
{
    static const guint8 application[] = {0xa0, 0x00, 0x00, 0x03, 0x08, 0x00,
                                         0x00, 0x10, 0x00, 0x01, 0x00};

    piv_tlv_append(out, 0x4f, application, sizeof application);
    piv_tlv_append(out, 0x5f2f, "\x40\x00", 2); /* the application's own PIN, and no other */
}

static void
put_key_history(const PivSlots *slots, GByteArray *out)
{
    guint8 count = 0;

    for (guint i = 0; i < slots->slots->len; i++) {
        const Slot *slot = g_ptr_array_index(slots->slots, i);

        if (slot->reference >= RETIRED_FIRST && slot->reference <= RETIRED_LAST)
            count++;
    }
    piv_tlv_append(out, 0xc1, &count, 1);
    piv_tlv_append(out, 0xc2, "\0", 1);
    piv_tlv_append(out, 0xf3, NULL, 0);
}

static gboolean
put_certificate(const PivSlots *slots, guint32 tag, GByteArray *out)
{
    for (guint i = 0; i < slots->slots->len; i++) {
        const Slot *slot = g_ptr_array_index(slots->slots, i);

        if (certificate_tag(slot->reference) != tag)
            continue;
        piv_tlv_append(out, 0x70, slot->certificate, slot->certificate_size);
        piv_tlv_append(out, 0x71, "\0", 1); /* not compressed */
        return TRUE;
    }
    return FALSE;
}

GByteArray *
piv_slots_object(const PivSlots *slots, guint32 tag)
{
    g_autoptr(GByteArray) content = g_byte_array_new();
    GByteArray *object;

    switch (tag) {
    case TAG_CHUID:
        put_chuid(slots, content);
        break;
    case TAG_CCC:
        put_capabilities(slots, content);
        break;
    case TAG_KEY_HISTORY:
        put_key_history(slots, content);
        break;
    case TAG_DISCOVERY:
        put_discovery(content);
        break;
    default:
        if (!put_certificate(slots, tag, content))
            return NULL;
    }
    object = g_byte_array_new();
    if (tag == TAG_DISCOVERY) {
        piv_tlv_append(object, TAG_DISCOVERY, content->data, content->len);
    } else {
        piv_tlv_append(content, TAG_ERROR_DETECTION, NULL, 0);
        piv_tlv_append(object, TAG_OBJECT, content->data, content->len);
    }
    return object;
}

gboolean
piv_slots_has_key(const PivSlots *slots, guint reference)
{
    const Slot *slot = find(slots, reference);

    return slot && slot->key;
}

PivPinPolicy
piv_slots_policy(guint reference)
{
    if (reference == 0x9e)
        return PIV_PIN_NEVER;
    return reference == 0x9c ? PIV_PIN_ALWAYS : PIV_PIN_ONCE;
}

static gboolean
is_algorithm_of(const EVP_PKEY *key, guint8 algorithm)
{
    int bits = EVP_PKEY_get_bits(key);

    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        return bits == 2048 && algorithm == 0x07;
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           ((bits == 256 && algorithm == 0x11) || (bits == 384 && algorithm == 0x14));
}

gboolean
piv_slots_sign(const PivSlots *slots, guint reference, guint8 algorithm, const guint8 *input,
               gsize length, GByteArray **out_signature)
{
    const Slot *slot = find(slots, reference);
    gsize room = slot && slot->key ? (gsize)EVP_PKEY_get_size(slot->key) : 0;
    EVP_PKEY_CTX *context;
    guint8 signature[512];
    size_t size = sizeof signature;
    gboolean good;

    if (room == 0 || room > sizeof signature || !is_algorithm_of(slot->key, algorithm) ||
        (algorithm == 0x07 ? length != room : length == 0 || length > 64))
        return FALSE;
    context = EVP_PKEY_CTX_new(slot->key, NULL);
    good = context && EVP_PKEY_sign_init(context) == 1 &&
           (algorithm != 0x07 || EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1) &&
           EVP_PKEY_sign(context, signature, &size, input, length) == 1;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    if (good)
        *out_signature = g_byte_array_append(g_byte_array_new(), signature, (guint)size);
    return good;
}
