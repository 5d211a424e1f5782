/* SPDX-License-Identifier: Apache-2.0
 *
 * One signature: see session.h. Everything that can fail without the PIN is done before the PIN is
 * read, so that no fault of a request costs a try.
 */
#include "host/worker/session.h"

#include <string.h>

#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/worker/ckr.h"
#include "host/worker/key.h"
#include "host/worker/mechanism.h"
#include "host/worker/objects.h"
#include "host/worker/signature.h"

#define KEY_TRIES 4 /* keys that share a CKA_ID */

typedef struct Session {
    TbLogin *login; /* borrowed */
    const TbSignRequest *request;
    gboolean held; /* somebody has logged in already */
    TbCertificate *certificate;
    TbCertificate *own_certificate; /* when no listing had it */
    const TbMechanisms *mechanisms;
    TbMechanisms *own_mechanisms;
} Session;

static void
session_clear(Session *session)
{
    g_clear_pointer(&session->own_certificate, tb_certificate_free);
    g_clear_pointer(&session->own_mechanisms, tb_mechanisms_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_clear)

/* The certificate with the wanted digest, from the objects that show without login. */
static TbCertificate *
read_certificate(const Session *session)
{
    const CK_FUNCTION_LIST *p11 = session->login->p11;
    g_autoptr(GArray) handles = NULL;

    if (tb_objects_find_class(p11, session->login->session, CKO_CERTIFICATE,
                              TB_OBJECTS_CERTIFICATES_MAX, &handles) != CKR_OK)
        return NULL;
    for (guint i = 0; i < handles->len; i++) {
        CK_OBJECT_HANDLE object = g_array_index(handles, CK_OBJECT_HANDLE, i);
        g_autoptr(GBytes) der = tb_objects_attribute(p11, session->login->session, object,
                                                     CKA_VALUE, TB_OBJECTS_CERTIFICATE_SIZE_MAX);
        g_autoptr(GBytes) key_id = NULL;
        g_autoptr(TbCertificate) certificate = NULL;

        if (!der)
            continue;
        key_id =
            tb_objects_attribute(p11, session->login->session, object, CKA_ID, TB_OBJECTS_ID_MAX);
        certificate =
            tb_certificate_parse(g_bytes_get_data(der, NULL), g_bytes_get_size(der), NULL, key_id);
        if (certificate && strcmp(certificate->id, session->request->certificate_id) == 0)
            return g_steal_pointer(&certificate);
    }
    return NULL;
}

static gboolean
find_certificate(Session *session, TbSlot *known, GError **error)
{
    for (guint i = 0; known && i < known->certificates->len; i++) {
        TbCertificate *certificate = g_ptr_array_index(known->certificates, i);

        if (strcmp(certificate->id, session->request->certificate_id) == 0)
            session->certificate = certificate;
    }
    if (!session->certificate)
        session->certificate = session->own_certificate = read_certificate(session);
    if (!session->certificate) {
        tb_fault(error, TB_REASON_NO_CERTIFICATE,
                 "The chosen certificate is not on the token any more.");
        return FALSE;
    }
    session->mechanisms = known ? known->mechanisms : NULL;
    if (!session->mechanisms)
        session->mechanisms = session->own_mechanisms =
            tb_mechanisms_read(session->login->p11, session->login->slot);
    return TRUE;
}

static gboolean
log_in_as_user(Session *session, GError **error)
{
    TbLogin *login = session->login;
    int pin_fd = session->request->pin_fd;

    if (session->held || (pin_fd < 0 && !(login->info.flags & CKF_LOGIN_REQUIRED)))
        return TRUE;
    return tb_login_read(login, pin_fd, CKU_USER, error) && tb_login_enter(login, CKU_USER, error);
}

/* One try with one key. *out_good says whether the signature is the certificate's. */
static gboolean
sign_with_key(Session *session, TbMechanismUse *use, CK_OBJECT_HANDLE key, gboolean context_login,
              GBytes **out_signature, gboolean *out_good, GError **error)
{
    const TbSignRequest *request = session->request;
    CK_MECHANISM mechanism = {use->type, use->with_pss ? &use->pss : NULL,
                              use->with_pss ? sizeof use->pss : 0};
    guchar signature[TB_SIGNATURE_MAX];
    CK_ULONG length = sizeof signature;
    gsize size;
    const void *data = g_bytes_get_data(use->data, &size);
    CK_RV rv = session->login->p11->C_SignInit(session->login->session, &mechanism, key);

    if (rv != CKR_OK)
        return tb_ckr_fault(error, rv, TB_CKR_IN_USE, "C_SignInit");
    if (context_login && !tb_login_enter(session->login, CKU_CONTEXT_SPECIFIC, error))
        return FALSE; /* closing the session ends the operation */
    g_clear_pointer(&session->login->pin, tb_secret_free);
    rv = session->login->p11->C_Sign(session->login->session, (CK_BYTE *)(guintptr)data, size,
                                     signature, &length);
    if (rv != CKR_OK)
        return tb_ckr_fault(error, rv, TB_CKR_IN_USE, "C_Sign");
    *out_good =
        length <= sizeof signature &&
        tb_signature_verify(tb_certificate_public_key(session->certificate), request->algorithm,
                            tb_signature_component_size(session->certificate->curve),
                            request->input, request->prehashed, signature, length);
    if (*out_good)
        *out_signature = g_bytes_new(signature, length);
    return TRUE;
}

/* The PIN of the held login is gone. */
static gboolean
held_too_little(GError **error)
{
    return tb_fault(error, TB_REASON_INVALID_REQUEST,
                    "The token wants its PIN for each signature with this key. Ask for the PIN, "
                    "and sign with it.");
}

static gboolean
sign(Session *session, TbMechanismUse *use, GBytes **out_signature, GError **error)
{
    g_autoptr(GArray) keys = NULL;
    gboolean only = FALSE;
    CK_RV rv = tb_key_find(session->login->p11, session->login->session, session->certificate,
                           &keys, &only);

    if (rv != CKR_OK)
        return tb_ckr_fault(error, rv, TB_CKR_IN_USE, "C_FindObjects");
    if (keys->len == 0)
        return tb_fault(error, TB_REASON_NO_CERTIFICATE,
                        "The token has no private key for the chosen certificate.");
    for (guint i = 0; i < MIN(keys->len, KEY_TRIES); i++) {
        CK_OBJECT_HANDLE key = g_array_index(keys, CK_OBJECT_HANDLE, i);
        gboolean context_login = tb_objects_boolean(session->login->p11, session->login->session,
                                                    key, CKA_ALWAYS_AUTHENTICATE);
        gboolean good = FALSE;

        if (context_login && session->held && !tb_login_has_pad(session->login))
            return held_too_little(error);
        /* The PIN is gone once it was not needed; without one only a key pad may be asked. */
        if (context_login && !session->login->pin && !tb_login_has_pad(session->login))
            continue;
        if (!context_login)
            g_clear_pointer(&session->login->pin, tb_secret_free);
        if (!sign_with_key(session, use, key, context_login, out_signature, &good, error))
            return FALSE;
        if (good) {
            session->certificate->key_proven = only;
            return TRUE;
        }
        tb_log(TB_LOG_WARNING, "sign.mismatch", "key=%u of=%u", i + 1, keys->len);
        if (context_login)
            break; /* each further one would need the PIN again */
    }
    return tb_fault(error, TB_REASON_MODULE_FAILED,
                    "The token made a signature that does not fit its certificate. Nothing was "
                    "passed on; the token or its PKCS#11 module is faulty.");
}

gboolean
tb_session_sign(TbLogin *login, TbSlot *known, const TbSignRequest *request, GBytes **out_signature,
                GError **error)
{
    g_auto(TbMechanismUse) use = {0};
    g_auto(Session) session = {.login = login, .request = request, .held = login->logged_in};

    return tb_login_look(login, request->serial, error) && tb_login_check_pin(login, error) &&
           tb_login_open(login, 0, error) && find_certificate(&session, known, error) &&
           tb_mechanism_choose(session.mechanisms, request->algorithm, session.certificate,
                               request->input, request->prehashed, &use, error) &&
           log_in_as_user(&session, error) && sign(&session, &use, out_signature, error);
}
