/* SPDX-License-Identifier: Apache-2.0
 *
 * One signature: see session.h. Everything that can fail without the PIN is done before the PIN is
 * read, so that no fault of a request costs a try.
 */
#include "host/worker/session.h"

#include <string.h>

#include "core/secret.h"
#include "host/common/fault.h"
#include "host/common/log.h"
#include "host/worker/ckr.h"
#include "host/worker/key.h"
#include "host/worker/mechanism.h"
#include "host/worker/objects.h"
#include "host/worker/signature.h"

#define PIN_WAIT_MS                                                                                \
    20000 /* the PIN was typed before the pipe was made; the host's deadline is 30 s */
#define CANCEL_MIN_US (G_USEC_PER_SEC / 2) /* nobody presses a key pad's cancel sooner */
#define KEY_TRIES 4                        /* keys that share a CKA_ID */

typedef struct Session {
    const CK_FUNCTION_LIST *p11;
    const TbSignRequest *request;
    TbPinMemory *memory;
    TbPinReport *report;
    CK_TOKEN_INFO info;
    TbCertificate *certificate;
    TbCertificate *own_certificate; /* when no listing had it */
    const TbMechanisms *mechanisms;
    TbMechanisms *own_mechanisms;
    CK_SESSION_HANDLE handle; /* CK_INVALID_HANDLE: none open */
    gboolean logged_in;
    TbSecret *pin; /* NULL: the PIN pad, or no longer needed */
} Session;

static void
session_clear(Session *session)
{
    g_clear_pointer(&session->pin, tb_secret_free);
    if (session->logged_in)
        (void)session->p11->C_Logout(session->handle);
    if (session->handle != CK_INVALID_HANDLE)
        (void)session->p11->C_CloseSession(session->handle);
    g_clear_pointer(&session->own_certificate, tb_certificate_free);
    g_clear_pointer(&session->own_mechanisms, tb_mechanisms_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_clear)

static void
report_pin(Session *session)
{
    CK_TOKEN_INFO now = {0};

    if (session->p11->C_GetTokenInfo(session->request->slot, &now) == CKR_OK)
        session->info = now;
    session->report->known = TRUE;
    session->report->info = session->info;
}

static gboolean
pin_blocked(GError **error)
{
    return tb_fault(error, TB_REASON_PIN_BLOCKED,
                    "The token has locked its PIN after too many wrong tries. It must be unblocked "
                    "before it can be used.");
}

static gboolean
check_token(Session *session, GError **error)
{
    g_autofree char *serial = NULL;
    CK_RV rv = session->p11->C_GetTokenInfo(session->request->slot, &session->info);

    if (rv != CKR_OK)
        return tb_ckr_fault(error, rv, TB_CKR_LOOKING, "C_GetTokenInfo");
    serial = tb_slot_serial(&session->info);
    if (strcmp(serial, session->request->serial) != 0)
        return tb_fault(error, TB_REASON_TOKEN_MISSING,
                        "Another token than the chosen one is in the reader. Insert the chosen one "
                        "and try again.");
    if (session->info.flags & CKF_USER_PIN_LOCKED) {
        report_pin(session);
        return pin_blocked(error);
    }
    return TRUE;
}

static gboolean
open_session(Session *session, GError **error)
{
    CK_SESSION_HANDLE handle = CK_INVALID_HANDLE;
    CK_RV rv = session->p11->C_OpenSession(session->request->slot, CKF_SERIAL_SESSION, NULL, NULL,
                                           &handle);

    if (rv != CKR_OK)
        return tb_ckr_fault(error, rv, TB_CKR_LOOKING, "C_OpenSession");
    session->handle = handle;
    return TRUE;
}

/* The certificate with the wanted digest, from the objects that show without login. */
static TbCertificate *
read_certificate(const Session *session)
{
    const CK_FUNCTION_LIST *p11 = session->p11;
    g_autoptr(GArray) handles = NULL;

    if (tb_objects_find_class(p11, session->handle, CKO_CERTIFICATE, TB_OBJECTS_CERTIFICATES_MAX,
                              &handles) != CKR_OK)
        return NULL;
    for (guint i = 0; i < handles->len; i++) {
        CK_OBJECT_HANDLE object = g_array_index(handles, CK_OBJECT_HANDLE, i);
        g_autoptr(GBytes) der = tb_objects_attribute(p11, session->handle, object, CKA_VALUE,
                                                     TB_OBJECTS_CERTIFICATE_SIZE_MAX);
        g_autoptr(GBytes) key_id = NULL;
        g_autoptr(TbCertificate) certificate = NULL;

        if (!der)
            continue;
        key_id = tb_objects_attribute(p11, session->handle, object, CKA_ID, TB_OBJECTS_ID_MAX);
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
            tb_mechanisms_read(session->p11, session->request->slot);
    return TRUE;
}

/* Reads the PIN, or leaves it NULL for a PIN pad. An empty PIN never goes to a token without a pad:
 * some would take it for a try. */
static gboolean
read_pin(Session *session, GError **error)
{
    gboolean pad = (session->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;

    if (session->request->pin_fd < 0) {
        if (pad)
            return TRUE;
        return tb_fault(
            error, TB_REASON_INVALID_REQUEST,
            "The token needs a PIN, and its reader has no key pad, but no PIN came with "
            "the request.");
    }
    session->pin = tb_secret_new(TB_PIN_MAX);
    if (!session->pin)
        return tb_fault(error, TB_REASON_INTERNAL, "There is no secure memory for the PIN.");
    if (!tb_secret_read(session->pin, session->request->pin_fd, PIN_WAIT_MS))
        return tb_fault(error, TB_REASON_INTERNAL,
                        "The PIN could not be read: it did not come in time, or is longer than %d "
                        "bytes.",
                        TB_PIN_MAX);
    if (tb_secret_length(session->pin) > 0)
        return TRUE;
    g_clear_pointer(&session->pin, tb_secret_free);
    if (pad)
        return TRUE;
    report_pin(session);
    return tb_fault(error, TB_REASON_PIN_INCORRECT,
                    "No PIN was entered. Nothing was sent to the token.");
}

static CK_RV
login_once(const Session *session, CK_USER_TYPE kind)
{
    CK_UTF8CHAR *pin = session->pin ? (CK_UTF8CHAR *)(guintptr)tb_secret_data(session->pin) : NULL;

    return session->p11->C_Login(session->handle, kind, pin,
                                 session->pin ? tb_secret_length(session->pin) : 0);
}

static gboolean
login_fault(Session *session, CK_RV rv, gint64 took, GError **error)
{
    TbCkrStage stage = session->pin ? TB_CKR_LOGIN : TB_CKR_PAD_LOGIN;
    TbReason reason = tb_ckr_reason(rv, stage);

    report_pin(session);
    /* Some tokens answer CKR_PIN_INCORRECT for ever and only the flag says that they are locked. */
    if ((session->info.flags & CKF_USER_PIN_LOCKED) &&
        (reason == TB_REASON_PIN_INCORRECT || reason == TB_REASON_MODULE_FAILED ||
         reason == TB_REASON_PIN_PAD_FAILED))
        return pin_blocked(error);
    if (reason == TB_REASON_USER_CANCELLED && took < CANCEL_MIN_US)
        return tb_fault(
            error, TB_REASON_PIN_PAD_FAILED,
            "The reader gave up the PIN entry at once, before anybody could have typed. "
            "Take the token out, insert it again and try again.");
    return tb_ckr_fault(error, rv, stage, "C_Login");
}

static gboolean
log_in(Session *session, CK_USER_TYPE kind, GError **error)
{
    TbPinDigest digest = {0};
    gint64 start;
    CK_RV rv;

    if (session->pin &&
        !tb_pin_memory_digest(session->memory, &session->info, kind, session->pin, &digest))
        return tb_fault(error, TB_REASON_INTERNAL, "OpenSSL failed before the PIN was sent.");
    if (session->pin && tb_pin_memory_has(session->memory, &digest)) {
        report_pin(session);
        session->report->repeated = TRUE;
        return tb_fault(error, TB_REASON_PIN_INCORRECT,
                        "The token has refused this PIN before; it was not sent again, and no try "
                        "was used up.");
    }
    start = g_get_monotonic_time();
    rv = login_once(session, kind);
    if (kind == CKU_USER &&
        (rv == CKR_USER_ALREADY_LOGGED_IN || rv == CKR_USER_ANOTHER_ALREADY_LOGGED_IN)) {
        /* Somebody's earlier login is not this user's consent. */
        (void)session->p11->C_Logout(session->handle);
        rv = login_once(session, kind);
    }
    if (rv == CKR_OK) {
        session->logged_in = TRUE;
        return TRUE;
    }
    /* A CAC card behind OpenSC says CKR_GENERAL_ERROR to a wrong PIN. */
    if (session->pin && (rv == CKR_PIN_INCORRECT || rv == CKR_GENERAL_ERROR))
        tb_pin_memory_add(session->memory, &digest);
    return login_fault(session, rv, g_get_monotonic_time() - start, error);
}

static gboolean
log_in_as_user(Session *session, GError **error)
{
    if (session->request->pin_fd < 0 && !(session->info.flags & CKF_LOGIN_REQUIRED))
        return TRUE;
    return read_pin(session, error) && log_in(session, CKU_USER, error);
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
    CK_RV rv = session->p11->C_SignInit(session->handle, &mechanism, key);

    if (rv != CKR_OK)
        return tb_ckr_fault(error, rv, TB_CKR_IN_USE, "C_SignInit");
    if (context_login && !log_in(session, CKU_CONTEXT_SPECIFIC, error))
        return FALSE; /* closing the session ends the operation */
    g_clear_pointer(&session->pin, tb_secret_free);
    rv = session->p11->C_Sign(session->handle, (CK_BYTE *)(guintptr)data, size, signature, &length);
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

static gboolean
sign(Session *session, TbMechanismUse *use, GBytes **out_signature, GError **error)
{
    g_autoptr(GArray) keys = NULL;
    gboolean only = FALSE;
    CK_RV rv = tb_key_find(session->p11, session->handle, session->certificate, &keys, &only);

    if (rv != CKR_OK)
        return tb_ckr_fault(error, rv, TB_CKR_IN_USE, "C_FindObjects");
    if (keys->len == 0)
        return tb_fault(error, TB_REASON_NO_CERTIFICATE,
                        "The token has no private key for the chosen certificate.");
    for (guint i = 0; i < MIN(keys->len, KEY_TRIES); i++) {
        CK_OBJECT_HANDLE key = g_array_index(keys, CK_OBJECT_HANDLE, i);
        gboolean context_login =
            tb_objects_boolean(session->p11, session->handle, key, CKA_ALWAYS_AUTHENTICATE);
        gboolean good = FALSE;

        /* The PIN is gone once it was not needed; without one only a key pad may be asked. */
        if (context_login && !session->pin &&
            !(session->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH))
            continue;
        if (!context_login)
            g_clear_pointer(&session->pin, tb_secret_free);
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
tb_session_sign(const TbModule *module, TbSlot *known, TbPinMemory *memory,
                const TbSignRequest *request, GBytes **out_signature, TbPinReport *out_report,
                GError **error)
{
    g_auto(TbMechanismUse) use = {0};
    g_auto(Session) session = {.p11 = tb_module_functions(module),
                               .request = request,
                               .memory = memory,
                               .report = out_report,
                               .handle = CK_INVALID_HANDLE};

    memset(out_report, 0, sizeof *out_report);
    return check_token(&session, error) && open_session(&session, error) &&
           find_certificate(&session, known, error) &&
           tb_mechanism_choose(session.mechanisms, request->algorithm, session.certificate,
                               request->input, request->prehashed, &use, error) &&
           log_in_as_user(&session, error) && sign(&session, &use, out_signature, error);
}
