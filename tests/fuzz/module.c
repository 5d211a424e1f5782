/* SPDX-License-Identifier: Apache-2.0
 *
 * The module: see module.h. Each call takes a byte of the stream, its deed: 0 is good behaviour,
 * others are the lies of that call, the highest are error codes. It lies in what it answers, and
 * never writes outside the buffers it is given: a module that does can do anything to its worker,
 * which is what the worker's process is for. Nor does it do what libp11 0.4.12 is known not to
 * bear (docs/testing.md).
 */
#include "tests/fuzz/module.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <string.h>

#include "tests/fuzz/identity.h"

#define EXPORTED __attribute__((visibility("default")))
#define SLOT 1
#define SESSIONS 16
#define FOUND_MAX 300 /* objects of one search; libp11 goes on for as long as there are more */
#define FIRST_ERROR 0xe0

enum { ANN = 1, ANN_KEY, ANN_PUBLIC_KEY, CA, BOB, BOB_KEY, EVE, ODD, OBJECTS };

typedef struct Session {
    bool open;
    CK_OBJECT_HANDLE found[FOUND_MAX];
    CK_ULONG count, given;
    CK_OBJECT_HANDLE key;
    CK_MECHANISM_TYPE mechanism;
} Session;

static const uint8_t *stream;
static size_t stream_size, stream_at;
static unsigned long calls, fail_at, session_count;
static CK_RV fail_with;
static bool fail_lasting;
static Session sessions[SESSIONS + 1];

/* --- The stream ----------------------------------------------------------------------------------
 */

static uint8_t
byte(void)
{
    return stream_at < stream_size ? stream[stream_at++] : 0;
}

static CK_ULONG
number(void)
{
    static const CK_ULONG interesting[] = {
        0,     1,     2,         3,         31,        32,        64,   255,
        256,   257,   300,       2048,      2049,      4096,      4097, 16384,
        16385, 65536, 1UL << 20, 1UL << 31, 1UL << 32, 1UL << 62, ~0UL, ~0UL - 1,
    };
    uint8_t kind = byte();
    CK_ULONG value = 0;

    if (kind < 0x80)
        return interesting[kind % (sizeof interesting / sizeof *interesting)];
    for (int i = 0; i < 8 && i <= (kind & 7); i++)
        value = value << 8 | byte();
    return value;
}

static void
text(unsigned char *field, size_t size)
{
    for (size_t i = 0; i < size; i++)
        field[i] = byte();
}

static CK_RV
begin(uint8_t *out_deed)
{
    static const CK_RV errors[] = {
        CKR_GENERAL_ERROR,
        CKR_DEVICE_REMOVED,
        CKR_TOKEN_NOT_PRESENT,
        CKR_SLOT_ID_INVALID,
        CKR_SESSION_HANDLE_INVALID,
        CKR_SESSION_CLOSED,
        CKR_PIN_INCORRECT,
        CKR_PIN_LOCKED,
        CKR_PIN_INVALID,
        CKR_PIN_LEN_RANGE,
        CKR_PIN_EXPIRED,
        CKR_USER_ALREADY_LOGGED_IN,
        CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
        CKR_USER_NOT_LOGGED_IN,
        CKR_USER_PIN_NOT_INITIALIZED,
        CKR_FUNCTION_CANCELED,
        CKR_FUNCTION_FAILED,
        CKR_FUNCTION_NOT_SUPPORTED,
        CKR_HOST_MEMORY,
        CKR_DEVICE_ERROR,
        CKR_DEVICE_MEMORY,
        CKR_BUFFER_TOO_SMALL,
        CKR_KEY_HANDLE_INVALID,
        CKR_MECHANISM_INVALID,
        CKR_DATA_LEN_RANGE,
        CKR_TOKEN_NOT_RECOGNIZED,
        CKR_CANCEL,
        CKR_OPERATION_NOT_INITIALIZED,
        CKR_VENDOR_DEFINED | 0x42,
        ~0UL,
    };

    *out_deed = 0;
    if (++calls == fail_at || (fail_lasting && fail_at && calls > fail_at))
        return fail_with;
    *out_deed = byte();
    return *out_deed < FIRST_ERROR ? CKR_OK : errors[*out_deed % (sizeof errors / sizeof *errors)];
}

#define BEGIN                                                                                      \
    uint8_t deed;                                                                                  \
    CK_RV begun = begin(&deed);                                                                    \
    (void)deed;                                                                                    \
    if (begun != CKR_OK)                                                                           \
    return begun

typedef struct Value {
    const void *bytes;
    CK_ULONG length;
} Value;

static Value public_bits(CK_ULONG object);

EXPORTED void fuzz_module_feed(const uint8_t *data, size_t size);
EXPORTED void fuzz_module_fail(unsigned long nth, CK_RV rv, int lasting);
EXPORTED unsigned long fuzz_module_calls(void);
EXPORTED unsigned long fuzz_module_sessions(void);
EXPORTED CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out_list);

void
fuzz_module_feed(const uint8_t *data, size_t size)
{
    (void)public_bits(ANN_KEY);
    (void)public_bits(BOB_KEY);
    stream = data;
    stream_size = size;
    stream_at = 0;
    calls = fail_at = session_count = 0;
    memset(sessions, 0, sizeof sessions);
}

void
fuzz_module_fail(unsigned long nth, CK_RV rv, int lasting)
{
    fail_at = nth ? calls + nth : 0;
    fail_with = rv;
    fail_lasting = lasting != 0;
}

unsigned long
fuzz_module_calls(void)
{
    return calls;
}

unsigned long
fuzz_module_sessions(void)
{
    return session_count;
}

/* --- Module, slots, tokens -----------------------------------------------------------------------
 */

static CK_RV
initialize(void *args)
{
    (void)args;
    BEGIN;
    return CKR_OK;
}

static CK_RV
finalize(void *reserved)
{
    (void)reserved;
    memset(sessions, 0, sizeof sessions);
    session_count = 0;
    calls++;
    return CKR_OK;
}

static void
pad(unsigned char *field, size_t size, const char *value)
{
    memset(field, ' ', size);
    memcpy(field, value, strlen(value));
}

static CK_RV
get_info(CK_INFO *info)
{
    BEGIN;
    memset(info, 0, sizeof *info);
    info->cryptokiVersion = (CK_VERSION){2, deed};
    pad(info->manufacturerID, sizeof info->manufacturerID, "Tokenbridge");
    pad(info->libraryDescription, sizeof info->libraryDescription, "Fuzz");
    if (deed)
        text(info->libraryDescription, sizeof info->libraryDescription);
    return CKR_OK;
}

static CK_RV
get_slot_list(CK_BBOOL token_present, CK_SLOT_ID *list, CK_ULONG *count)
{
    CK_ULONG room = *count;
    CK_ULONG wanted = 1;

    BEGIN;
    if (deed)
        wanted = deed % 8;
    if (!list) {
        *count = token_present && deed > 0xc0 ? number() : wanted;
        return CKR_OK;
    }
    if (wanted > room)
        return CKR_BUFFER_TOO_SMALL;
    for (CK_ULONG i = 0; i < wanted; i++)
        list[i] = deed & 0x80 ? number() : SLOT + i;
    /* libp11 asks for slots without tokens too, and believes the count. */
    *count = token_present && deed > 0xd0 ? number() : wanted;
    return CKR_OK;
}

static CK_RV
get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    (void)slot;
    BEGIN;
    memset(info, 0, sizeof *info);
    pad(info->slotDescription, sizeof info->slotDescription, "Reader");
    pad(info->manufacturerID, sizeof info->manufacturerID, "Tokenbridge");
    info->flags = CKF_TOKEN_PRESENT | CKF_REMOVABLE_DEVICE;
    if (deed & 1)
        text(info->slotDescription, sizeof info->slotDescription);
    if (deed & 2)
        info->flags = number();
    return CKR_OK;
}

static CK_RV
get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    (void)slot;
    BEGIN;
    memset(info, 0, sizeof *info);
    pad(info->label, sizeof info->label, "Ann");
    pad(info->manufacturerID, sizeof info->manufacturerID, "Tokenbridge");
    pad(info->model, sizeof info->model, "Fuzz");
    pad(info->serialNumber, sizeof info->serialNumber, "0001");
    info->flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;
    info->ulMaxPinLen = 16;
    info->ulMinPinLen = 4;
    if (deed & 1)
        info->flags = (CK_FLAGS)byte() << 16 | (CK_FLAGS)byte() << 8 | byte() |
                      (deed & 0x80 ? CKF_TOKEN_INITIALIZED : 0);
    if (deed & 2)
        text(info->label, sizeof info->label);
    if (deed & 4)
        text(info->serialNumber, sizeof info->serialNumber);
    if (deed & 8) {
        info->ulMaxPinLen = number();
        info->ulMinPinLen = number();
    }
    if (deed & 16)
        info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
    return CKR_OK;
}

static CK_RV
get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    static const CK_MECHANISM_TYPE have[] = {CKM_ECDSA, CKM_RSA_PKCS, CKM_RSA_PKCS_PSS,
                                             CKM_SHA256_RSA_PKCS, CKM_EDDSA};
    CK_ULONG wanted = sizeof have / sizeof *have;
    CK_ULONG room = *count;

    (void)slot;
    BEGIN;
    if (deed & 1)
        wanted = byte() % 8;
    if (!list) {
        *count = deed & 2 ? number() : wanted;
        return CKR_OK;
    }
    for (CK_ULONG i = 0; i < wanted && i < room; i++)
        list[i] = deed & 4 ? number() : have[i % (sizeof have / sizeof *have)];
    *count = deed & 2 ? number() : wanted < room ? wanted : room;
    return CKR_OK;
}

static CK_RV
get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    (void)slot;
    (void)type;
    BEGIN;
    memset(info, 0, sizeof *info);
    info->flags = deed ? number() : CKF_SIGN;
    return CKR_OK;
}

/* --- Sessions and logins
 * -------------------------------------------------------------------------- */

static Session *
session_of(CK_SESSION_HANDLE handle)
{
    return handle >= 1 && handle <= SESSIONS && sessions[handle].open ? &sessions[handle] : NULL;
}

static CK_RV
open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
             CK_SESSION_HANDLE *out_handle)
{
    (void)slot;
    (void)flags;
    (void)application;
    (void)notify;
    BEGIN;
    for (CK_SESSION_HANDLE handle = 1; handle <= SESSIONS; handle++) {
        if (sessions[handle].open)
            continue;
        memset(&sessions[handle], 0, sizeof sessions[handle]);
        sessions[handle].open = true;
        session_count++;
        *out_handle = handle;
        return CKR_OK;
    }
    return CKR_SESSION_COUNT;
}

static CK_RV
close_session(CK_SESSION_HANDLE handle)
{
    Session *session = session_of(handle);

    /* It closes whatever it answers, so that a session still open is one that nobody closed. */
    if (session) {
        session->open = false;
        session_count--;
    }
    BEGIN;
    return session ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

static CK_RV
close_all_sessions(CK_SLOT_ID slot)
{
    (void)slot;
    memset(sessions, 0, sizeof sessions);
    session_count = 0;
    BEGIN;
    return CKR_OK;
}

static CK_RV
get_session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
    BEGIN;
    memset(info, 0, sizeof *info);
    info->slotID = SLOT;
    info->state = deed;
    return session_of(handle) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

static CK_RV
log_in(CK_SESSION_HANDLE handle, CK_USER_TYPE kind, CK_UTF8CHAR *pin, CK_ULONG length)
{
    (void)kind;
    (void)pin;
    (void)length;
    BEGIN;
    return session_of(handle) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

static CK_RV
log_out(CK_SESSION_HANDLE handle)
{
    BEGIN;
    return session_of(handle) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

static CK_RV
init_pin(CK_SESSION_HANDLE handle, CK_UTF8CHAR *pin, CK_ULONG length)
{
    (void)pin;
    (void)length;
    BEGIN;
    return session_of(handle) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

static CK_RV
set_pin(CK_SESSION_HANDLE handle, CK_UTF8CHAR *old_pin, CK_ULONG old_length, CK_UTF8CHAR *new_pin,
        CK_ULONG new_length)
{
    (void)old_pin;
    (void)old_length;
    (void)new_pin;
    (void)new_length;
    BEGIN;
    return session_of(handle) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

/* --- Objects
 * ---------------------------------------------------------------------------------------- */

static CK_OBJECT_CLASS
class_of(CK_ULONG object)
{
    switch (object) {
    case ANN_KEY:
    case BOB_KEY:
        return CKO_PRIVATE_KEY;
    case ANN_PUBLIC_KEY:
        return CKO_PUBLIC_KEY;
    default:
        return CKO_CERTIFICATE;
    }
}

/* "id": that of the person. */
static unsigned char
id_of(CK_ULONG object)
{
    switch (object) {
    case ANN:
    case ANN_KEY:
    case ANN_PUBLIC_KEY:
        return 1;
    case BOB:
    case BOB_KEY:
        return 2;
    default:
        return (unsigned char)object;
    }
}

static Value
certificate_of(CK_ULONG object)
{
    static unsigned char odd[1024];

    switch (object) {
    case CA:
        return (Value){ca_certificate, sizeof ca_certificate};
    case BOB:
        return (Value){bob_certificate, sizeof bob_certificate};
    case EVE:
        return (Value){eve_certificate, sizeof eve_certificate};
    case ODD: { /* Ann's with some bytes changed, or the stream's own */
        CK_ULONG length = sizeof ann_certificate;
        uint8_t changes = byte();

        memcpy(odd, ann_certificate, length);
        if (changes & 0x80) {
            length = byte() * 4UL;
            text(odd, length);
        }
        for (; changes & 0x7f; changes--) {
            CK_ULONG at = (CK_ULONG)byte() << 8 | byte();

            odd[at % sizeof odd] = byte();
        }
        return (Value){odd, length};
    }
    default:
        return (Value){ann_certificate, sizeof ann_certificate};
    }
}

/* The bits of a certificate's public key, out of its DER; read once, for OpenSSL may later be made
 * to fail. */
static Value
public_bits(CK_ULONG object)
{
    static unsigned char bits[2][512];
    static Value values[2];
    bool bob = object == BOB_KEY;
    Value certificate = certificate_of(bob ? BOB : ANN);
    const unsigned char *from = certificate.bytes;

    if (!values[bob].bytes) {
        X509 *x509 = d2i_X509(NULL, &from, (long)certificate.length);
        ASN1_BIT_STRING *string = X509_get0_pubkey_bitstr(x509);

        values[bob] = (Value){bits[bob], (CK_ULONG)ASN1_STRING_length(string)};
        memcpy(bits[bob], ASN1_STRING_get0_data(string), values[bob].length);
        X509_free(x509);
    }
    return values[bob];
}

static bool
attribute_of(CK_ULONG object, CK_ATTRIBUTE_TYPE type, Value *out_value)
{
    static CK_ULONG number_value;
    static unsigned char byte_value;
    Value of_number = {&number_value, sizeof number_value};
    Value of_byte = {&byte_value, 1};
    CK_OBJECT_CLASS class = class_of(object);

    switch (type) {
    case CKA_CLASS:
        number_value = class;
        *out_value = of_number;
        return true;
    case CKA_CERTIFICATE_TYPE:
        number_value = CKC_X_509;
        *out_value = of_number;
        return class == CKO_CERTIFICATE;
    case CKA_KEY_TYPE:
        number_value = object == BOB_KEY ? CKK_RSA : CKK_EC;
        *out_value = of_number;
        return class != CKO_CERTIFICATE;
    case CKA_ID:
        byte_value = id_of(object);
        *out_value = of_byte;
        return true;
    case CKA_LABEL:
        *out_value = (Value){"label", 5};
        return true;
    case CKA_VALUE:
        *out_value = certificate_of(object);
        return class == CKO_CERTIFICATE;
    case CKA_MODULUS: /* the SEQUENCE's first INTEGER: four bytes of header, four, a zero */
        *out_value = public_bits(object);
        out_value->bytes = (const unsigned char *)out_value->bytes + 9;
        out_value->length = 256;
        return object == BOB_KEY;
    case CKA_EC_POINT:
        *out_value = public_bits(object);
        return object == ANN_PUBLIC_KEY;
    case CKA_ALWAYS_AUTHENTICATE:
        byte_value = object == BOB_KEY;
        *out_value = of_byte;
        return class == CKO_PRIVATE_KEY;
    default:
        return false;
    }
}

static bool
fits(CK_ULONG object, const CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count; i++) {
        Value value;

        if (!attribute_of(object, wanted[i].type, &value) || value.length != wanted[i].ulValueLen ||
            memcmp(value.bytes, wanted[i].pValue, value.length) != 0)
            return false;
    }
    return true;
}

static CK_RV
find_objects_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    Session *session = session_of(handle);
    CK_ULONG last = EVE; /* the good ones without the odd ones */

    BEGIN;
    if (!session)
        return CKR_SESSION_HANDLE_INVALID;
    session->count = session->given = 0;
    if (deed == 0)
        last = CA;
    else if (deed & 1)
        last = OBJECTS;
    for (CK_ULONG object = ANN; object <= last && object < OBJECTS; object++) {
        if ((deed & 0x40) || fits(object, wanted, count))
            session->found[session->count++] = object;
    }
    for (CK_ULONG more = deed & 0x20 ? byte() : 0; more > 0; more--)
        session->found[session->count++] = deed & 0x10 ? byte() : ANN;
    return CKR_OK;
}

static CK_RV
find_objects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *out, CK_ULONG room, CK_ULONG *out_count)
{
    Session *session = session_of(handle);
    CK_ULONG count = 0;

    BEGIN;
    if (!session)
        return CKR_SESSION_HANDLE_INVALID;
    while (count < room && session->given < session->count)
        out[count++] = session->found[session->given++];
    *out_count = deed == 1 && room > 1 ? number() : count; /* libp11 asks one by one */
    return CKR_OK;
}

static CK_RV
find_objects_final(CK_SESSION_HANDLE handle)
{
    BEGIN;
    return session_of(handle) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

/* What libp11 asks as well: it believes the length, and a second answer longer than the first. */
static bool
libp11_asks(CK_ATTRIBUTE_TYPE type)
{
    return type == CKA_VALUE || type == CKA_ID || type == CKA_LABEL || type == CKA_CERTIFICATE_TYPE;
}

static CK_RV
get_attribute(CK_ULONG object, CK_ATTRIBUTE *attribute, uint8_t deed)
{
    static unsigned char noise[65536];
    Value value = {NULL, 0};
    bool have = attribute_of(object, attribute->type, &value);

    if (deed == 1) /* it has not */
        have = false;
    if (deed >= 2 && deed < 0x40) { /* something else */
        have = true;
        value = (Value){noise, deed};
        text(noise, deed);
    }
    if (deed >= 0x40 && deed < 0x50) /* something long */
        value = (Value){noise, number() % sizeof noise};
    if (!have) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (!attribute->pValue) {
        attribute->ulValueLen = value.length;
        if (deed >= 0x50 && deed < 0x60) /* libp11 allocates it, and writes to all of it */
            attribute->ulValueLen = libp11_asks(attribute->type) ? number() % 70000 : number();
        return CKR_OK;
    }
    if (attribute->ulValueLen < value.length) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_BUFFER_TOO_SMALL;
    }
    if (value.length)
        memcpy(attribute->pValue, value.bytes, value.length);
    attribute->ulValueLen = value.length;
    if (deed >= 0x60 && deed < 0x70 && !libp11_asks(attribute->type))
        attribute->ulValueLen = number();
    return CKR_OK;
}

static CK_RV
get_attribute_value(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes,
                    CK_ULONG count)
{
    CK_RV rv = CKR_OK;

    BEGIN;
    if (!session_of(handle))
        return CKR_SESSION_HANDLE_INVALID;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_RV one = get_attribute(object % OBJECTS, &attributes[i], deed);

        if (one != CKR_OK)
            rv = one;
    }
    return rv;
}

/* --- Signatures
 * -------------------------------------------------------------------------------------- */

static CK_RV
sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    Session *session = session_of(handle);

    BEGIN;
    if (!session)
        return CKR_SESSION_HANDLE_INVALID;
    session->key = key % OBJECTS;
    session->mechanism = mechanism->mechanism;
    return CKR_OK;
}

/* r and s of a signature of P-256 in DER, each into 32 bytes. */
static void
raw_from_der(const unsigned char *der, unsigned char *raw)
{
    const unsigned char *at = der + 2;

    for (int half = 0; half < 2; half++) {
        size_t length = at[1];
        const unsigned char *number_at = at + 2;

        at += 2 + length;
        while (length > 32) {
            number_at++;
            length--;
        }
        memset(raw, 0, 32);
        memcpy(raw + 32 - length, number_at, length);
        raw += 32;
    }
}

static CK_RV
sign_well(const Session *session, const unsigned char *data, CK_ULONG length, unsigned char *out,
          CK_ULONG *inout_length)
{
    bool rsa = session->key == BOB_KEY;
    const unsigned char *from = rsa ? bob_key : ann_key;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &from, rsa ? sizeof bob_key : sizeof ann_key);
    EVP_PKEY_CTX *context = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    unsigned char signature[512];
    size_t size = sizeof signature;
    CK_RV rv = CKR_FUNCTION_FAILED;

    if (context && EVP_PKEY_sign_init(context) == 1 &&
        EVP_PKEY_sign(context, signature, &size, data, length) == 1) {
        CK_ULONG needed = rsa ? size : 64;

        rv = *inout_length < needed ? CKR_BUFFER_TOO_SMALL : CKR_OK;
        if (rv == CKR_OK && rsa)
            memcpy(out, signature, size);
        else if (rv == CKR_OK)
            raw_from_der(signature, out);
        *inout_length = needed;
    }
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return rv;
}

static CK_RV
sign(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG length, CK_BYTE *out, CK_ULONG *inout_length)
{
    Session *session = session_of(handle);

    BEGIN;
    if (!session)
        return CKR_SESSION_HANDLE_INVALID;
    if (deed == 0)
        return sign_well(session, data, length, out, inout_length);
    if (deed < 0x60) {
        *inout_length = *inout_length < deed ? *inout_length : deed;
        text(out, *inout_length);
        return CKR_OK;
    }
    *inout_length = number(); /* and says that it wrote so many */
    return CKR_OK;
}

static CK_RV
get_function_status(CK_SESSION_HANDLE handle)
{
    (void)handle;
    return CKR_FUNCTION_NOT_PARALLEL;
}

static CK_RV
generate_random(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG length)
{
    (void)handle;
    BEGIN;
    memset(out, 7, length);
    return CKR_OK;
}

static CK_FUNCTION_LIST functions = {
    .version = {2, 40},
    .C_Initialize = initialize,
    .C_Finalize = finalize,
    .C_GetInfo = get_info,
    .C_GetFunctionList = C_GetFunctionList,
    .C_GetSlotList = get_slot_list,
    .C_GetSlotInfo = get_slot_info,
    .C_GetTokenInfo = get_token_info,
    .C_GetMechanismList = get_mechanism_list,
    .C_GetMechanismInfo = get_mechanism_info,
    .C_InitPIN = init_pin,
    .C_SetPIN = set_pin,
    .C_OpenSession = open_session,
    .C_CloseSession = close_session,
    .C_CloseAllSessions = close_all_sessions,
    .C_GetSessionInfo = get_session_info,
    .C_Login = log_in,
    .C_Logout = log_out,
    .C_FindObjectsInit = find_objects_init,
    .C_FindObjects = find_objects,
    .C_FindObjectsFinal = find_objects_final,
    .C_GetAttributeValue = get_attribute_value,
    .C_SignInit = sign_init,
    .C_Sign = sign,
    .C_GetFunctionStatus = get_function_status,
    .C_GenerateRandom = generate_random,
};

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **out_list)
{
    *out_list = &functions;
    return CKR_OK;
}
