/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: what lies on a token. Objects are made from the script's entries and the certificate
 * and key files that these name (trusted: the test wrote them), and do not change afterwards. Test
 * code only.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>

typedef struct TtObject {
    CK_OBJECT_CLASS object_class;
    gboolean is_private; /* shows only after login */
    gboolean always_authenticate;
    gboolean may_sign;
    CK_RV unreadable; /* what C_GetAttributeValue answers for it; CKR_OK: its attributes */
    EVP_PKEY *key;    /* of a private key; else NULL */
    GArray *attributes;
} TtObject;

/* Appends what one entry of "objects" describes: one object, or several by "repeat" and
 * "public_key". Files are looked up in folder. */
void tt_objects_append(GPtrArray *objects, json_t *entry, const char *where, const char *folder);

/* An empty array of TtObject that frees them. */
GPtrArray *tt_objects_new(void);

/* C_GetAttributeValue (PKCS#11 2.40, 5.7). */
CK_RV tt_object_get(const TtObject *object, CK_ATTRIBUTE *attributes, CK_ULONG count);

/* Whether the object has all these attributes with these values. */
gboolean tt_object_matches(const TtObject *object, const CK_ATTRIBUTE *attributes, CK_ULONG count);
