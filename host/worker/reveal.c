/* SPDX-License-Identifier: Apache-2.0
 *
 * Hidden certificates: see reveal.h.
 */
#include "host/worker/reveal.h"

#include "host/worker/chain.h"
#include "host/worker/objects.h"

static gboolean
log_in(TbLogin *login, int pin_fd, GError **error)
{
    gboolean entered;

    if (pin_fd < 0 && !(login->info.flags & CKF_LOGIN_REQUIRED))
        return TRUE;
    entered =
        tb_login_read(login, pin_fd, CKU_USER, error) && tb_login_enter(login, CKU_USER, error);
    g_clear_pointer(&login->pin, tb_secret_free);
    return entered;
}

gboolean
tb_reveal(TbLogin *login, TbSlot *slot, int pin_fd, GError **error)
{
    g_autoptr(GArray) handles = NULL;
    gboolean incomplete = slot->incomplete;
    CK_RV rv;

    if (!tb_login_look(login, slot->serial, error) || !tb_login_check_pin(login, error) ||
        !tb_login_open(login, 0, error) || !log_in(login, pin_fd, error))
        return FALSE;
    rv = tb_objects_find_class(login->p11, login->session, CKO_CERTIFICATE,
                               TB_OBJECTS_CERTIFICATES_MAX, &handles);
    if (rv != CKR_OK)
        return tb_ckr_fault(error, rv, TB_CKR_IN_USE, "C_FindObjects");
    tb_slot_read_certificates(slot, login->p11, login->session, handles);
    tb_slot_read_key_ids(slot, login->p11, login->session);
    tb_chain_link(slot->certificates);
    slot->revealed = TRUE;
    slot->incomplete = incomplete; /* of what shows without a login */
    return TRUE;
}
