/* SPDX-License-Identifier: Apache-2.0
 *
 * One certificate: see certificate.h. An extension that is there but cannot be read is reported as
 * an empty list, never as absent: absent means "no restriction".
 */
#include "host/worker/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base64.h"
#include "host/worker/objects.h"
#include "host/worker/text.h"

#define LIST_MAX 64 /* entries of an extension that are passed on */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)

static const struct {
    int nid;
    const char *curve;
} curves[] = {
    {NID_X9_62_prime256v1, "P-256"},
    {NID_secp384r1, "P-384"},
    {NID_secp521r1, "P-521"},
};

/* RFC 5280, 4.2.1.3; the index is the bit. */
static const char *const key_usages[] = {
    "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
    "keyCertSign",      "cRLSign",        "encipherOnly",    "decipherOnly",
};

static void
read_key(TbCertificate *certificate)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate->x509);
    char group[64];

    if (!key) {
        ERR_clear_error();
        return;
    }
    certificate->bits = EVP_PKEY_get_bits(key);
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        certificate->key_type = TB_KEY_RSA;
        break;
    case EVP_PKEY_EC:
        certificate->key_type = TB_KEY_EC;
        if (!EVP_PKEY_get_group_name(key, group, sizeof group, NULL))
            break;
        for (gsize i = 0; i < G_N_ELEMENTS(curves); i++) {
            if (OBJ_sn2nid(group) == curves[i].nid)
                certificate->curve = curves[i].curve;
        }
        break;
    case EVP_PKEY_ED25519:
        certificate->key_type = TB_KEY_ED25519;
        break;
    default:
        break;
    }
}

static void
hex(const unsigned char *bytes, gsize length, char *out_text)
{
    static const char digits[] = "0123456789abcdef";

    for (gsize i = 0; i < length; i++) {
        out_text[2 * i] = digits[bytes[i] >> 4];
        out_text[2 * i + 1] = digits[bytes[i] & 0xf];
    }
    out_text[2 * length] = '\0';
}

TbCertificate *
tb_certificate_new(X509 *x509, const char *label, GBytes *key_id)
{
    TbCertificate *certificate;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned char *der = NULL;
    int length = i2d_X509(x509, &der);

    if (length <= 0 || length > (int)TB_OBJECTS_CERTIFICATE_SIZE_MAX ||
        !EVP_Digest(der, (gsize)length, digest, NULL, EVP_sha256(), NULL)) {
        OPENSSL_free(der);
        ERR_clear_error();
        return NULL;
    }
    certificate = g_new0(TbCertificate, 1);
    certificate->der = g_bytes_new(der, (gsize)length);
    OPENSSL_free(der);
    hex(digest, TB_CERTIFICATE_ID_LENGTH / 2, certificate->id);
    X509_up_ref(x509);
    certificate->x509 = x509;
    certificate->key_id = key_id ? g_bytes_ref(key_id) : g_bytes_new(NULL, 0);
    certificate->label = tb_text_clean(label ? label : "", label ? strlen(label) : 0);
    read_key(certificate);
    certificate->ca = X509_check_ca(x509) != 0;
    ERR_clear_error();
    return certificate;
}

TbCertificate *
tb_certificate_parse(const void *der, gsize length, const char *label, GBytes *key_id)
{
    const unsigned char *from = der;
    g_autoptr(X509) x509 = NULL;

    if (length <= TB_OBJECTS_CERTIFICATE_SIZE_MAX)
        x509 = d2i_X509(NULL, &from, (long)length);
    if (!x509) {
        ERR_clear_error();
        return NULL;
    }
    return tb_certificate_new(x509, label, key_id);
}

void
tb_certificate_free(TbCertificate *certificate)
{
    if (!certificate)
        return;
    X509_free(certificate->x509);
    g_clear_pointer(&certificate->der, g_bytes_unref);
    g_clear_pointer(&certificate->key_id, g_bytes_unref);
    g_free(certificate->label);
    g_free(certificate);
}

EVP_PKEY *
tb_certificate_public_key(const TbCertificate *certificate)
{
    return X509_get0_pubkey(certificate->x509);
}

static char *
entry_text(const X509_NAME *name, int nid)
{
    int index = X509_NAME_get_index_by_NID(name, nid, -1);
    unsigned char *utf8 = NULL;
    char *text;
    int length;

    if (index < 0)
        return NULL;
    length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
    if (length < 0) {
        ERR_clear_error();
        return NULL;
    }
    text = tb_text_clean((const char *)utf8, (gsize)length);
    OPENSSL_free(utf8);
    if (*g_strstrip(text))
        return text;
    g_free(text);
    return NULL;
}

/* RFC 2253, but UTF-8 as it is instead of \XX for each byte of it. */
static char *
rfc2253(const X509_NAME *name)
{
    g_autoptr(BIO) memory = BIO_new(BIO_s_mem());
    char *text = NULL;
    long length;

    if (!memory || X509_NAME_print_ex(memory, name, 0,
                                      XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) < 0) {
        ERR_clear_error();
        return g_strdup("");
    }
    length = BIO_get_mem_data(memory, &text);
    return tb_text_clean(text, (gsize)length);
}

/* What a person knows the holder by. */
static char *
display_name(const X509_NAME *name)
{
    static const int others[] = {NID_pseudonym, NID_organizationalUnitName, NID_organizationName,
                                 NID_pkcs9_emailAddress, NID_serialNumber};
    char *text = entry_text(name, NID_commonName);
    g_autofree char *given = NULL;
    g_autofree char *family = NULL;

    if (text)
        return text;
    given = entry_text(name, NID_givenName);
    family = entry_text(name, NID_surname);
    if (given && family)
        return g_strdup_printf("%s %s", given, family);
    if (given || family)
        return g_strdup(given ? given : family);
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
        text = entry_text(name, others[i]);
        if (text)
            return text;
    }
    return rfc2253(name);
}

static char *
serial_hex(const X509 *x509)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
    int length = ASN1_STRING_length(serial);
    char *text = g_malloc((gsize)length * 2 + 1);

    hex(ASN1_STRING_get0_data(serial), (gsize)length, text);
    return text;
}

static gint64
unix_time(const ASN1_TIME *time)
{
    struct tm parts;

    if (!ASN1_TIME_to_tm(time, &parts)) {
        ERR_clear_error();
        return 0; /* 1970: not valid any more, which is right for a date nobody can read */
    }
    return timegm(&parts);
}

/* X509_get_ext_d2i() tells "not there" from "there, but broken or twice" by *critical. */
#define NOT_THERE (-1)

static json_t *
key_usage_json(const X509 *x509)
{
    int critical = NOT_THERE;
    ASN1_BIT_STRING *bits = X509_get_ext_d2i(x509, NID_key_usage, &critical, NULL);
    json_t *list;

    if (!bits && critical == NOT_THERE)
        return json_null();
    list = json_array();
    for (int i = 0; bits && i < (int)G_N_ELEMENTS(key_usages); i++) {
        if (ASN1_BIT_STRING_get_bit(bits, i))
            json_array_append_new(list, json_string(key_usages[i]));
    }
    ASN1_BIT_STRING_free(bits);
    return list;
}

static void
append_oid(json_t *list, const ASN1_OBJECT *oid)
{
    char text[256];
    int length = OBJ_obj2txt(text, sizeof text, oid, 1);

    if (length > 0 && length < (int)sizeof text)
        json_array_append_new(list, json_string(text));
}

static json_t *
extended_key_usage_json(const X509 *x509)
{
    int critical = NOT_THERE;
    EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(x509, NID_ext_key_usage, &critical, NULL);
    json_t *list;

    if (!usage && critical == NOT_THERE)
        return json_null();
    list = json_array();
    for (int i = 0; i < sk_ASN1_OBJECT_num(usage) && i < LIST_MAX; i++)
        append_oid(list, sk_ASN1_OBJECT_value(usage, i));
    EXTENDED_KEY_USAGE_free(usage);
    return list;
}

static json_t *
policies_json(const X509 *x509)
{
    CERTIFICATEPOLICIES *policies = X509_get_ext_d2i(x509, NID_certificate_policies, NULL, NULL);
    json_t *list = json_array();

    for (int i = 0; i < sk_POLICYINFO_num(policies) && i < LIST_MAX; i++)
        append_oid(list, sk_POLICYINFO_value(policies, i)->policyid);
    CERTIFICATEPOLICIES_free(policies);
    return list;
}

static void
set_taken(json_t *object, const char *member, char *text)
{
    json_object_set_new(object, member, json_string(text));
    free(text); /* from malloc; GLib's allocator is the same */
}

/* SHA-256 of the public key: what two certificates for one key have in common. */
static char *
public_key_id(const X509 *x509)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    char *text;

    if (X509_pubkey_digest(x509, EVP_sha256(), digest, &length) != 1)
        length = 0;
    text = g_malloc0(2 * (gsize)length + 1);
    hex(digest, length, text);
    return text;
}

json_t *
tb_certificate_to_json(const TbCertificate *certificate)
{
    const X509 *x509 = certificate->x509;
    const X509_NAME *subject = X509_get_subject_name(x509);
    const X509_NAME *issuer = X509_get_issuer_name(x509);
    json_t *object = json_object();
    json_t *key = json_object();

    json_object_set_new(object, "id", json_string(certificate->id));
    set_taken(object, "der",
              tb_base64_encode(g_bytes_get_data(certificate->der, NULL),
                               g_bytes_get_size(certificate->der)));
    json_object_set_new(object, "label", json_string(certificate->label));
    set_taken(object, "name", display_name(subject));
    set_taken(object, "subject", rfc2253(subject));
    set_taken(object, "issuer_name", display_name(issuer));
    set_taken(object, "issuer", rfc2253(issuer));
    set_taken(object, "serial", serial_hex(x509));
    json_object_set_new(object, "not_before", json_integer(unix_time(X509_get0_notBefore(x509))));
    json_object_set_new(object, "not_after", json_integer(unix_time(X509_get0_notAfter(x509))));
    json_object_set_new(object, "ca", json_boolean(certificate->ca));
    json_object_set_new(key, "type", json_string(tb_key_type_word(certificate->key_type)));
    json_object_set_new(key, "bits", json_integer(certificate->bits));
    if (certificate->curve)
        json_object_set_new(key, "curve", json_string(certificate->curve));
    set_taken(key, "id", public_key_id(x509));
    json_object_set_new(object, "key", key);
    json_object_set_new(object, "key_usage", key_usage_json(x509));
    json_object_set_new(object, "extended_key_usage", extended_key_usage_json(x509));
    json_object_set_new(object, "policies", policies_json(x509));
    ERR_clear_error();
    return object;
}
