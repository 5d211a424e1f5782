/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects on a token: see objects.h. Nothing that a module answers is used before it was compared
 * with what was asked.
 */
#include "host/worker/objects.h"

#define BATCH 64u

CK_RV
tb_objects_find(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes,
                CK_ULONG attribute_count, guint max, GArray **out_handles)
{
    g_autoptr(GArray) handles = g_array_new(FALSE, FALSE, sizeof(CK_OBJECT_HANDLE));
    CK_RV rv = p11->C_FindObjectsInit(session, attributes, attribute_count);

    if (rv != CKR_OK)
        return rv;
    while (handles->len < max) {
        CK_OBJECT_HANDLE batch[BATCH];
        CK_ULONG asked = MIN(BATCH, max - handles->len);
        CK_ULONG count = 0;

        rv = p11->C_FindObjects(session, batch, asked, &count);
        if (rv == CKR_OK && count > asked)
            rv = CKR_GENERAL_ERROR;
        if (rv != CKR_OK || count == 0)
            break;
        g_array_append_vals(handles, batch, (guint)count);
    }
    (void)p11->C_FindObjectsFinal(session);
    if (rv != CKR_OK)
        return rv;
    *out_handles = g_steal_pointer(&handles);
    return CKR_OK;
}

CK_RV
tb_objects_find_class(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                      CK_OBJECT_CLASS object_class, guint max, GArray **out_handles)
{
    CK_ATTRIBUTE attribute = {CKA_CLASS, &object_class, sizeof object_class};

    return tb_objects_find(p11, session, &attribute, 1, max, out_handles);
}

GBytes *
tb_objects_attribute(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                     CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, gsize max)
{
    CK_ATTRIBUTE attribute = {type, NULL, 0};
    g_autofree guchar *value = NULL;
    gsize size;

    /* An attribute that is sensitive or unknown comes back with length -1, over any max. */
    if (p11->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK ||
        attribute.ulValueLen > max)
        return NULL;
    size = attribute.ulValueLen;
    value = g_malloc0(size + 1);
    attribute.pValue = value;
    if (p11->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK ||
        attribute.ulValueLen > size)
        return NULL;
    return g_bytes_new_take(g_steal_pointer(&value), attribute.ulValueLen);
}

CK_ULONG
tb_objects_ulong(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                 CK_ATTRIBUTE_TYPE type, CK_ULONG fallback)
{
    CK_ULONG value = fallback;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};

    if (p11->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK ||
        attribute.ulValueLen != sizeof value)
        return fallback;
    return value;
}

gboolean
tb_objects_boolean(const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                   CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};

    return p11->C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK &&
           attribute.ulValueLen == sizeof value && value != CK_FALSE;
}
