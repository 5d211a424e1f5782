/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: objects: see objects.h. Test code only.
 */
#include "tests/token/objects.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "tests/token/reader.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)

typedef struct Attribute {
    CK_ATTRIBUTE_TYPE type;
    GBytes *value; /* NULL: sensitive */
} Attribute;

static void
attribute_clear(gpointer data)
{
    g_clear_pointer(&((Attribute *)data)->value, g_bytes_unref);
}

static void
object_free(gpointer data)
{
    TtObject *object = data;

    g_array_unref(object->attributes);
    EVP_PKEY_free(object->key);
    g_free(object);
}

GPtrArray *
tt_objects_new(void)
{
    return g_ptr_array_new_with_free_func(object_free);
}

/* Takes value. */
static void
set(TtObject *object, CK_ATTRIBUTE_TYPE type, GBytes *value)
{
    const Attribute attribute = {type, value};

    g_array_append_val(object->attributes, attribute);
}

static void
set_ulong(TtObject *object, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
    set(object, type, g_bytes_new(&value, sizeof value));
}

static void
set_bool(TtObject *object, CK_ATTRIBUTE_TYPE type, gboolean value)
{
    CK_BBOOL byte = value ? CK_TRUE : CK_FALSE;

    set(object, type, g_bytes_new(&byte, sizeof byte));
}

/* What every object of the entry has. */
static TtObject *
new_object(CK_OBJECT_CLASS object_class, json_t *entry, const char *where, gboolean is_private)
{
    TtObject *object = g_new0(TtObject, 1);
    const char *label = tt_read_string(entry, where, "label", "");
    GBytes *id = tt_read_hex(entry, where, "id");

    object->object_class = object_class;
    object->is_private = is_private;
    object->unreadable = tt_read_number(entry, where, "unreadable", TT_NAMES_RV, CKR_OK);
    object->attributes = g_array_new(FALSE, FALSE, sizeof(Attribute));
    g_array_set_clear_func(object->attributes, attribute_clear);
    set_ulong(object, CKA_CLASS, object_class);
    set_bool(object, CKA_TOKEN, TRUE);
    set_bool(object, CKA_PRIVATE, is_private);
    set_bool(object, CKA_MODIFIABLE, FALSE);
    set(object, CKA_LABEL, g_bytes_new(label, strlen(label)));
    set(object, CKA_ID, id ? id : g_bytes_new(NULL, 0));
    return object;
}

static GBytes *
read_file(json_t *entry, const char *where, const char *folder)
{
    const char *name = tt_read_string(entry, where, "file", NULL);
    g_autofree char *path = NULL;
    g_autoptr(GError) error = NULL;
    char *contents = NULL;
    gsize length = 0;

    if (!name)
        tt_fail(where, "\"file\" is missing");
    path = g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(folder, name, NULL);
    if (!g_file_get_contents(path, &contents, &length, &error))
        tt_fail(where, "%s", error->message);
    return g_bytes_new_take(contents, length);
}

/* PEM, or DER. */
static X509 *
read_certificate(json_t *entry, const char *where, const char *folder)
{
    g_autoptr(GBytes) file = read_file(entry, where, folder);
    gsize size;
    const unsigned char *bytes = g_bytes_get_data(file, &size);
    g_autoptr(BIO) memory = BIO_new_mem_buf(bytes, (int)size);
    X509 *x509 = PEM_read_bio_X509(memory, NULL, NULL, NULL);

    if (!x509)
        x509 = d2i_X509(NULL, &bytes, (long)size);
    if (!x509)
        tt_fail(where, "\"file\" is no certificate; for odd bytes use \"value\" or \"size\"");
    return x509;
}

static GBytes *
bytes_of(unsigned char *der, int length)
{
    GBytes *bytes = g_bytes_new(der, length > 0 ? (gsize)length : 0);

    OPENSSL_free(der);
    return bytes;
}

/* Cut to, or filled up to, "size" bytes. */
static GBytes *
with_size(GBytes *value, guint64 size)
{
    g_autoptr(GBytes) old = value;
    GByteArray *bytes = g_byte_array_new();
    gsize length;
    const guint8 *data = g_bytes_get_data(old, &length);

    g_byte_array_append(bytes, data, (guint)length);
    g_byte_array_set_size(bytes, (guint)size);
    if (size > length)
        memset(bytes->data + length, 0, size - length);
    return g_byte_array_free_to_bytes(bytes);
}

static void
set_certificate_fields(TtObject *object, X509 *x509)
{
    unsigned char *der = NULL;
    int length = i2d_X509_NAME(X509_get_subject_name(x509), &der);

    set(object, CKA_SUBJECT, bytes_of(der, length));
    der = NULL;
    length = i2d_X509_NAME(X509_get_issuer_name(x509), &der);
    set(object, CKA_ISSUER, bytes_of(der, length));
    der = NULL;
    length = i2d_ASN1_INTEGER(X509_get_serialNumber(x509), &der);
    set(object, CKA_SERIAL_NUMBER, bytes_of(der, length));
}

static TtObject *
certificate(json_t *entry, const char *where, const char *folder)
{
    static const char *const members[] = {"class",   "file",       "id",     "label",
                                          "private", "trusted",    "value",  "size",
                                          "type",    "unreadable", "repeat", NULL};
    GBytes *value = tt_read_hex(entry, where, "value");
    guint64 size;
    TtObject *object;

    tt_read_only(entry, where, members);
    object =
        new_object(CKO_CERTIFICATE, entry, where, tt_read_boolean(entry, where, "private", FALSE));
    set_ulong(object, CKA_CERTIFICATE_TYPE, tt_read_integer(entry, where, "type", CKC_X_509));
    set_ulong(object, CKA_CERTIFICATE_CATEGORY, 0);
    set_bool(object, CKA_TRUSTED, tt_read_boolean(entry, where, "trusted", FALSE));
    if (!value) {
        g_autoptr(X509) x509 = read_certificate(entry, where, folder);
        unsigned char *der = NULL;
        int length = i2d_X509(x509, &der);

        value = bytes_of(der, length);
        set_certificate_fields(object, x509);
    }
    size = tt_read_integer(entry, where, "size", g_bytes_get_size(value));
    set(object, CKA_VALUE, with_size(value, size));
    return object;
}

static GBytes *
key_number(const EVP_PKEY *key, const char *name)
{
    BIGNUM *number = NULL;
    g_autofree guint8 *bytes = NULL;
    int length;

    if (!EVP_PKEY_get_bn_param(key, name, &number))
        return g_bytes_new(NULL, 0);
    length = BN_num_bytes(number);
    bytes = g_malloc0((gsize)length + 1);
    (void)BN_bn2bin(number, bytes);
    BN_free(number);
    return g_bytes_new_take(g_steal_pointer(&bytes), (gsize)length);
}

/* CKA_EC_PARAMS: the curve's OID (PKCS#11 2.40, mechanisms, 2.3.3). */
static GBytes *
curve_oid(const EVP_PKEY *key)
{
    char group[64] = "ED25519";
    unsigned char *der = NULL;
    int length;

    (void)EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
    length = i2d_ASN1_OBJECT(OBJ_nid2obj(OBJ_sn2nid(group)), &der);
    return bytes_of(der, length);
}

/* CKA_EC_POINT: the point in an OCTET STRING. */
static GBytes *
curve_point(const EVP_PKEY *key)
{
    unsigned char point[256];
    size_t size = 0;
    ASN1_OCTET_STRING *string = ASN1_OCTET_STRING_new();
    unsigned char *der = NULL;
    int length;

    if (!EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size))
        size = 0;
    (void)ASN1_OCTET_STRING_set(string, point, (int)size);
    length = i2d_ASN1_OCTET_STRING(string, &der);
    ASN1_OCTET_STRING_free(string);
    return bytes_of(der, length);
}

static CK_KEY_TYPE
key_type(const EVP_PKEY *key, const char *where)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        return CKK_RSA;
    case EVP_PKEY_EC:
        return CKK_EC;
    case EVP_PKEY_ED25519:
        return CKK_EC_EDWARDS;
    default:
        tt_fail(where, "\"file\" is no RSA, EC or Ed25519 key");
    }
}

static void
set_public_part(TtObject *object, const EVP_PKEY *key, const char *where, gboolean point)
{
    CK_KEY_TYPE type = key_type(key, where);

    set_ulong(object, CKA_KEY_TYPE, type);
    if (type == CKK_RSA) {
        set(object, CKA_MODULUS, key_number(key, OSSL_PKEY_PARAM_RSA_N));
        set(object, CKA_PUBLIC_EXPONENT, key_number(key, OSSL_PKEY_PARAM_RSA_E));
        return;
    }
    set(object, CKA_EC_PARAMS, curve_oid(key));
    if (point)
        set(object, CKA_EC_POINT, curve_point(key));
}

static EVP_PKEY *
read_key(json_t *entry, const char *where, const char *folder)
{
    g_autoptr(GBytes) file = read_file(entry, where, folder);
    gsize size;
    const void *bytes = g_bytes_get_data(file, &size);
    g_autoptr(BIO) memory = BIO_new_mem_buf(bytes, (int)size);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(memory, NULL, NULL, NULL);

    if (!key)
        tt_fail(where, "\"file\" is no private key in PEM");
    return key;
}

static TtObject *
private_key(json_t *entry, const char *where, EVP_PKEY *key)
{
    TtObject *object =
        new_object(CKO_PRIVATE_KEY, entry, where, tt_read_boolean(entry, where, "private", TRUE));
    gboolean hidden = tt_read_boolean(entry, where, "hide_public", FALSE);

    object->always_authenticate = tt_read_boolean(entry, where, "always_authenticate", FALSE);
    object->key = key;
    EVP_PKEY_up_ref(key);
    object->may_sign = tt_read_boolean(entry, where, "sign", TRUE);
    set_bool(object, CKA_SIGN, object->may_sign);
    set_bool(object, CKA_DECRYPT, FALSE);
    set_bool(object, CKA_UNWRAP, FALSE);
    set_bool(object, CKA_DERIVE, FALSE);
    set_bool(object, CKA_LOCAL, FALSE);
    set_bool(object, CKA_SENSITIVE, TRUE);
    set_bool(object, CKA_ALWAYS_SENSITIVE, TRUE);
    set_bool(object, CKA_EXTRACTABLE, FALSE);
    set_bool(object, CKA_NEVER_EXTRACTABLE, TRUE);
    set_bool(object, CKA_ALWAYS_AUTHENTICATE, object->always_authenticate);
    set(object, CKA_VALUE, NULL);
    set(object, CKA_PRIVATE_EXPONENT, NULL);
    if (hidden)
        set_ulong(object, CKA_KEY_TYPE, key_type(key, where));
    else
        set_public_part(object, key, where, tt_read_boolean(entry, where, "show_point", FALSE));
    return object;
}

static TtObject *
public_key(json_t *entry, const char *where, const EVP_PKEY *key)
{
    TtObject *object = new_object(CKO_PUBLIC_KEY, entry, where, FALSE);

    set_bool(object, CKA_VERIFY, TRUE);
    set_bool(object, CKA_ENCRYPT, FALSE);
    set_bool(object, CKA_WRAP, FALSE);
    set_bool(object, CKA_DERIVE, FALSE);
    set_bool(object, CKA_LOCAL, FALSE);
    set_public_part(object, key, where, TRUE);
    return object;
}

static void
append_once(GPtrArray *objects, json_t *entry, const char *where, const char *folder)
{
    static const char *const classes[] = {"certificate", "private_key", "data", NULL};
    static const char *const key_members[] = {
        "class", "file",        "id",         "label",      "private",    "always_authenticate",
        "sign",  "hide_public", "show_point", "public_key", "unreadable", "repeat",
        NULL};
    static const char *const data_members[] = {"class", "id",         "label",  "private",
                                               "value", "unreadable", "repeat", NULL};
    g_autoptr(EVP_PKEY) key = NULL;
    TtObject *object;
    GBytes *value;

    switch (tt_read_choice(entry, where, "class", classes)) {
    case 0:
        g_ptr_array_add(objects, certificate(entry, where, folder));
        return;
    case 1:
        tt_read_only(entry, where, key_members);
        key = read_key(entry, where, folder);
        g_ptr_array_add(objects, private_key(entry, where, key));
        if (tt_read_boolean(entry, where, "public_key", FALSE))
            g_ptr_array_add(objects, public_key(entry, where, key));
        return;
    default:
        tt_read_only(entry, where, data_members);
        object =
            new_object(CKO_DATA, entry, where, tt_read_boolean(entry, where, "private", FALSE));
        value = tt_read_hex(entry, where, "value");
        set(object, CKA_VALUE, value ? value : g_bytes_new(NULL, 0));
        g_ptr_array_add(objects, object);
    }
}

static gpointer
share_object(gpointer data)
{
    const TtObject *object = data;
    TtObject *copy = g_memdup2(object, sizeof *object);

    if (copy->key)
        EVP_PKEY_up_ref(copy->key);
    g_array_ref(copy->attributes);
    return copy;
}

void
tt_objects_append(GPtrArray *objects, json_t *entry, const char *where, const char *folder)
{
    guint64 repeat = tt_read_integer(entry, where, "repeat", 1);
    guint first = objects->len;
    guint last;

    append_once(objects, entry, where, folder);
    last = objects->len;
    for (guint64 i = 1; i < repeat; i++) {
        for (guint j = first; j < last; j++)
            g_ptr_array_add(objects, share_object(g_ptr_array_index(objects, j)));
    }
}

static const Attribute *
find_attribute(const TtObject *object, CK_ATTRIBUTE_TYPE type)
{
    for (guint i = 0; i < object->attributes->len; i++) {
        const Attribute *attribute = &g_array_index(object->attributes, Attribute, i);

        if (attribute->type == type)
            return attribute;
    }
    return NULL;
}

static CK_RV
get_one(const TtObject *object, CK_ATTRIBUTE *wanted)
{
    const Attribute *attribute = find_attribute(object, wanted->type);
    gsize size;
    const void *bytes;
    CK_ULONG room = wanted->ulValueLen;

    wanted->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    if (!attribute)
        return CKR_ATTRIBUTE_TYPE_INVALID;
    if (!attribute->value)
        return CKR_ATTRIBUTE_SENSITIVE;
    bytes = g_bytes_get_data(attribute->value, &size);
    if (wanted->pValue && room < size)
        return CKR_BUFFER_TOO_SMALL;
    if (wanted->pValue && size > 0)
        memcpy(wanted->pValue, bytes, size);
    wanted->ulValueLen = size;
    return CKR_OK;
}

CK_RV
tt_object_get(const TtObject *object, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_RV result = CKR_OK;

    if (object->unreadable != CKR_OK)
        return object->unreadable;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_RV rv = get_one(object, &attributes[i]);

        if (rv != CKR_OK)
            result = rv;
    }
    return result;
}

gboolean
tt_object_matches(const TtObject *object, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count; i++) {
        const Attribute *attribute = find_attribute(object, attributes[i].type);
        gsize size;
        const void *bytes;

        if (!attribute || !attribute->value)
            return FALSE;
        bytes = g_bytes_get_data(attribute->value, &size);
        if (size != attributes[i].ulValueLen ||
            (size > 0 && memcmp(bytes, attributes[i].pValue, size) != 0))
            return FALSE;
    }
    return TRUE;
}
