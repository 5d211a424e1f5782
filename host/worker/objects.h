/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects on a token, in bare Cryptoki. Counts and lengths come from the module and are believed
 * only within the limits the caller gives. One session belongs to one thread.
 */
#pragma once

#include <glib.h>
#include <p11-kit/pkcs11.h>

#define TB_OBJECTS_CERTIFICATES_MAX 256        /* certificates of one token that are looked at */
#define TB_OBJECTS_CERTIFICATE_SIZE_MAX 16384u /* bytes of DER; a longer one is left out */
#define TB_OBJECTS_KEYS_MAX 256
#define TB_OBJECTS_ID_MAX 256 /* bytes of a CKA_ID or label */

/* Handles (CK_OBJECT_HANDLE) of the objects that fit the attributes, at most max of them. On
 * failure *out_handles is left alone. */
CK_RV tb_objects_find(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                      CK_ATTRIBUTE *attributes, CK_ULONG attribute_count, guint max,
                      GArray **out_handles);

/* All objects of a class. */
CK_RV tb_objects_find_class(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                            CK_OBJECT_CLASS object_class, guint max, GArray **out_handles);

/* One attribute, at most max bytes; NULL when the object does not have it, does not show it, or it
 * is longer. */
GBytes *tb_objects_attribute(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                             CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, gsize max);

/* An attribute of type CK_ULONG, or fallback. */
CK_ULONG tb_objects_ulong(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                          CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG fallback);

/* An attribute of type CK_BBOOL; FALSE when it is not there. */
gboolean tb_objects_boolean(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                            CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
