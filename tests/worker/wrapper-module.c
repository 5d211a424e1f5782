/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a PKCS#11 module in front of a real one. It writes down what was called, and does
 * wrong what a script tells it to. TB_WRAPPER_REAL is the real module's path, TB_WRAPPER_LOG the
 * file to append to, TB_WRAPPER_SCRIPT a key file, read anew at each call (group [do], all
 * optional):
 *
 *   C_Login=0xa0        answers so instead of calling       C_Login-once=0x100   only the first
 * time C_Login-hang=true   never answers                       C_OpenSession-slot=5 only for slot 5
 *   flags=0x100         sets token flags                    flags-after-login=0x40000  once one
 * came pad-pin=1234        is a PIN pad on which that is typed pad-delay=600        milliseconds
 *   corrupt=true        changes a bit of each signature     mechanisms=combined  or none
 *   garbage=value       the first certificate is no DER, or =type no X.509 certificate
 *   endless=true        searches never end
 *   length=0x7fffffff   claims this length for CKA_VALUE
 *
 * Test code only; one thread. PINs are never written.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST own;
static GHashTable *done_once;
static gboolean login_seen;
static const EVP_MD *hash; /* of a combined mechanism played by us */

static GKeyFile *
script(void)
{
    const char *path = g_getenv("TB_WRAPPER_SCRIPT");
    GKeyFile *file = g_key_file_new();

    if (path)
        (void)g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL);
    return file;
}

static char *
word(const char *name, const char *suffix)
{
    g_autoptr(GKeyFile) file = script();
    g_autofree char *key = g_strconcat(name, suffix, NULL);

    return g_key_file_get_string(file, "do", key, NULL);
}

static guint64
number(const char *name, const char *suffix)
{
    g_autofree char *text = word(name, suffix);

    return text ? g_ascii_strtoull(text, NULL, 0) : 0;
}

static gboolean
is_told(const char *name, const char *suffix)
{
    g_autofree char *text = word(name, suffix);

    return g_strcmp0(text, "true") == 0;
}

static void note(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void
note(const char *format, ...)
{
    const char *path = g_getenv("TB_WRAPPER_LOG");
    g_autofree char *line = NULL;
    va_list args;
    int fd;

    if (!path)
        return;
    va_start(args, format);
    line = g_strdup_vprintf(format, args);
    va_end(args);
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, strlen(line)) < 0)
        g_error("the log cannot be written");
    close(fd);
}

/* Whether the script answers a call itself. */
static gboolean
intercept(const char *name, CK_RV *out_rv)
{
    guint64 once = number(name, "-once");

    if (!done_once)
        done_once = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    note("%s\n", name);
    while (is_told(name, "-hang"))
        g_usleep(100000);
    if (once != 0 && g_hash_table_add(done_once, g_strdup(name))) {
        *out_rv = once;
        return TRUE;
    }
    *out_rv = number(name, "");
    return *out_rv != 0;
}

#define INTERCEPT(name)                                                                            \
    do {                                                                                           \
        CK_RV told;                                                                                \
        if (intercept(name, &told))                                                                \
            return told;                                                                           \
    } while (0)

static CK_RV
wrap_initialize(void *args)
{
    INTERCEPT("C_Initialize");
    return real->C_Initialize(args);
}

static CK_RV
wrap_finalize(void *reserved)
{
    INTERCEPT("C_Finalize");
    return real->C_Finalize(reserved);
}

static CK_RV
wrap_get_info(CK_INFO *info)
{
    INTERCEPT("C_GetInfo");
    return real->C_GetInfo(info);
}

static CK_RV
wrap_get_slot_list(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
    INTERCEPT("C_GetSlotList");
    return real->C_GetSlotList(present, list, count);
}

static CK_RV
wrap_get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_RV rv;

    INTERCEPT("C_GetTokenInfo");
    rv = real->C_GetTokenInfo(slot, info);
    info->flags |= number("flags", "");
    if (login_seen)
        info->flags |= number("flags-after-login", "");
    return rv;
}

static CK_RV
wrap_open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                  CK_SESSION_HANDLE *session)
{
    guint64 only = number("C_OpenSession", "-slot");

    if (only == 0 || only == slot)
        INTERCEPT("C_OpenSession");
    return real->C_OpenSession(slot, flags, application, notify, session);
}

static CK_RV
wrap_close_session(CK_SESSION_HANDLE session)
{
    INTERCEPT("C_CloseSession");
    return real->C_CloseSession(session);
}

static CK_RV
wrap_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG length)
{
    g_autofree char *pad_pin = word("pad-pin", "");

    note("login user=%lu %s\n", user, pin ? "pin" : "pad");
    login_seen = TRUE;
    if (!pin)
        g_usleep(number("pad-delay", "") * 1000);
    INTERCEPT("C_Login");
    if (!pin && pad_pin)
        return real->C_Login(session, user, (CK_UTF8CHAR *)pad_pin, strlen(pad_pin));
    return real->C_Login(session, user, pin, length);
}

static CK_RV
wrap_logout(CK_SESSION_HANDLE session)
{
    INTERCEPT("C_Logout");
    return real->C_Logout(session);
}

static CK_RV
wrap_find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    INTERCEPT("C_FindObjectsInit");
    return real->C_FindObjectsInit(session, attributes, count);
}

static CK_RV
wrap_find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG max,
                  CK_ULONG *count)
{
    static CK_OBJECT_HANDLE next = 1000;

    INTERCEPT("C_FindObjects");
    if (!is_told("endless", ""))
        return real->C_FindObjects(session, objects, max, count);
    for (CK_ULONG i = 0; i < max; i++)
        objects[i] = next++;
    *count = max;
    return CKR_OK;
}

static CK_RV
wrap_get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                         CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    static CK_OBJECT_HANDLE spoilt; /* the first one that was asked for its value */
    g_autofree char *garbage = word("garbage", "");
    CK_RV rv = real->C_GetAttributeValue(session, object, attributes, count);

    for (CK_ULONG i = 0; i < count; i++) {
        if (attributes[i].type == CKA_VALUE && number("length", ""))
            attributes[i].ulValueLen = number("length", "");
        if (attributes[i].type == CKA_VALUE && spoilt == 0)
            spoilt = object;
        if (!garbage || !attributes[i].pValue || rv != CKR_OK || spoilt != object)
            continue;
        if (attributes[i].type == CKA_VALUE)
            memset(attributes[i].pValue, 0xff, attributes[i].ulValueLen);
        if (attributes[i].type == CKA_CERTIFICATE_TYPE && strcmp(garbage, "type") == 0)
            *(CK_CERTIFICATE_TYPE *)attributes[i].pValue = CKC_X_509_ATTR_CERT;
    }
    return rv;
}

static const struct {
    CK_MECHANISM_TYPE combined;
    const char *hash;
} ecdsa[] = {
    {CKM_ECDSA_SHA256, "SHA256"},
    {CKM_ECDSA_SHA384, "SHA384"},
    {CKM_ECDSA_SHA512, "SHA512"},
};

static CK_RV
wrap_get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    static const CK_MECHANISM_TYPE combined[] = {
        CKM_SHA256_RSA_PKCS,     CKM_SHA384_RSA_PKCS,     CKM_SHA512_RSA_PKCS,
        CKM_SHA256_RSA_PKCS_PSS, CKM_SHA384_RSA_PKCS_PSS, CKM_SHA512_RSA_PKCS_PSS,
        CKM_ECDSA_SHA256,        CKM_ECDSA_SHA384,        CKM_ECDSA_SHA512};
    g_autofree char *which = word("mechanisms", "");

    INTERCEPT("C_GetMechanismList");
    if (!which)
        return real->C_GetMechanismList(slot, list, count);
    *count = strcmp(which, "combined") == 0 ? G_N_ELEMENTS(combined) : 0;
    if (list)
        memcpy(list, combined, *count * sizeof *list);
    return CKR_OK;
}

static CK_RV
wrap_sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM raw = {CKM_ECDSA, NULL, 0};

    note("mechanism 0x%lx\n", mechanism->mechanism);
    INTERCEPT("C_SignInit");
    hash = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(ecdsa); i++) {
        if (mechanism->mechanism == ecdsa[i].combined)
            hash = EVP_get_digestbyname(ecdsa[i].hash);
    }
    return real->C_SignInit(session, hash ? &raw : mechanism, key);
}

static CK_RV
wrap_sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_length, CK_BYTE *signature,
          CK_ULONG *length)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_length = 0;
    CK_RV rv;

    INTERCEPT("C_Sign");
    if (hash) {
        g_assert_true(EVP_Digest(data, data_length, digest, &digest_length, hash, NULL));
        data = digest;
        data_length = digest_length;
    }
    rv = real->C_Sign(session, data, data_length, signature, length);
    if (rv == CKR_OK && is_told("corrupt", ""))
        signature[*length / 2] ^= 1;
    return rv;
}

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    union {
        void *symbol;
        CK_C_GetFunctionList function;
    } get;
    void *handle = dlopen(g_getenv("TB_WRAPPER_REAL"), RTLD_LAZY | RTLD_LOCAL);

    INTERCEPT("C_GetFunctionList");
    if (!handle)
        return CKR_GENERAL_ERROR;
    get.symbol = dlsym(handle, "C_GetFunctionList");
    if (!get.symbol || get.function(&real) != CKR_OK)
        return CKR_GENERAL_ERROR;
    own = *real;
    own.C_Initialize = wrap_initialize;
    own.C_Finalize = wrap_finalize;
    own.C_GetInfo = wrap_get_info;
    own.C_GetSlotList = wrap_get_slot_list;
    own.C_GetTokenInfo = wrap_get_token_info;
    own.C_OpenSession = wrap_open_session;
    own.C_CloseSession = wrap_close_session;
    own.C_Login = wrap_login;
    own.C_Logout = wrap_logout;
    own.C_FindObjectsInit = wrap_find_objects_init;
    own.C_FindObjects = wrap_find_objects;
    own.C_GetAttributeValue = wrap_get_attribute_value;
    own.C_GetMechanismList = wrap_get_mechanism_list;
    own.C_SignInit = wrap_sign_init;
    own.C_Sign = wrap_sign;
    *list = &own;
    return CKR_OK;
}
