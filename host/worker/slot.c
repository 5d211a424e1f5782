/* SPDX-License-Identifier: Apache-2.0
 *
 * A slot and what is on its token: see slot.h.
 */
#include "host/worker/slot.h"

#include <string.h>

#include "host/worker/chain.h"
#include "host/worker/objects.h"
#include "host/worker/text.h"

void
tb_slot_free(TbSlot *slot)
{
    if (!slot)
        return;
    g_clear_error(&slot->fault);
    g_clear_pointer(&slot->certificates, g_ptr_array_unref);
    g_clear_pointer(&slot->key_ids, g_ptr_array_unref);
    g_clear_pointer(&slot->mechanisms, tb_mechanisms_free);
    g_free(slot->reader);
    g_free(slot->label);
    g_free(slot->serial);
    g_free(slot->manufacturer);
    g_free(slot->model);
    g_free(slot);
}

char *
tb_slot_serial(const CK_TOKEN_INFO *info)
{
    return tb_text_from_padded(info->serialNumber, sizeof info->serialNumber);
}

void
tb_slot_add_certificate(TbSlot *slot, TbCertificate *certificate)
{
    if (!certificate)
        return;
    for (guint i = 0; i < slot->certificates->len; i++) {
        const TbCertificate *other = g_ptr_array_index(slot->certificates, i);

        if (strcmp(other->id, certificate->id) == 0) {
            tb_certificate_free(certificate);
            return;
        }
    }
    g_ptr_array_add(slot->certificates, certificate);
}

void
tb_slot_read_certificates(TbSlot *slot, const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                          const GArray *handles)
{
    for (guint i = 0; i < handles->len; i++) {
        CK_OBJECT_HANDLE object = g_array_index(handles, CK_OBJECT_HANDLE, i);
        g_autoptr(GBytes) der =
            tb_objects_attribute(p11, session, object, CKA_VALUE, TB_OBJECTS_CERTIFICATE_SIZE_MAX);
        g_autoptr(GBytes) key_id =
            tb_objects_attribute(p11, session, object, CKA_ID, TB_OBJECTS_ID_MAX);
        g_autoptr(GBytes) label =
            tb_objects_attribute(p11, session, object, CKA_LABEL, TB_OBJECTS_ID_MAX);
        g_autofree char *text =
            label ? tb_text_clean(g_bytes_get_data(label, NULL), g_bytes_get_size(label)) : NULL;

        if (der)
            tb_slot_add_certificate(slot,
                                    tb_certificate_parse(g_bytes_get_data(der, NULL),
                                                         g_bytes_get_size(der), text, key_id));
        else
            slot->incomplete = TRUE;
    }
}

void
tb_slot_read_key_ids(TbSlot *slot, const CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session)
{
    g_autoptr(GArray) handles = NULL;

    if (tb_objects_find_class(p11, session, CKO_PRIVATE_KEY, TB_OBJECTS_KEYS_MAX, &handles) !=
        CKR_OK) {
        slot->incomplete = TRUE;
        return;
    }
    g_ptr_array_set_size(slot->key_ids, 0);
    for (guint i = 0; i < handles->len; i++) {
        GBytes *id = tb_objects_attribute(p11, session, g_array_index(handles, CK_OBJECT_HANDLE, i),
                                          CKA_ID, TB_OBJECTS_ID_MAX);

        if (id)
            g_ptr_array_add(slot->key_ids, id);
        else
            slot->incomplete = TRUE;
    }
}

void
tb_slot_take_revealed(TbSlot *slot, const TbSlot *before)
{
    for (guint i = 0; i < before->certificates->len; i++) {
        const TbCertificate *certificate = g_ptr_array_index(before->certificates, i);

        tb_slot_add_certificate(
            slot, tb_certificate_new(certificate->x509, certificate->label, certificate->key_id));
    }
    for (guint i = 0; i < before->key_ids->len; i++)
        g_ptr_array_add(slot->key_ids, g_bytes_ref(g_ptr_array_index(before->key_ids, i)));
    tb_chain_link(slot->certificates);
    slot->revealed = TRUE;
}
