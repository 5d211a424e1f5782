/* SPDX-License-Identifier: Apache-2.0
 *
 * One session and its PIN: see login.h.
 */
#include "host/worker/login.h"

#include <string.h>

#include "host/common/fault.h"
#include "host/worker/slot.h"

/* The PIN was typed before the pipe was made; the host's deadline is 30 s. */
#define PIN_WAIT_MS 20000
#define CANCEL_MIN_US (G_USEC_PER_SEC / 2) /* nobody presses a key pad's cancel sooner */

void
tb_login_init(TbLogin *login, const CK_FUNCTION_LIST *p11, CK_SLOT_ID slot, TbPinMemory *memory)
{
    *login = (TbLogin){
        .p11 = p11, .memory = memory, .slot = slot, .session = CK_INVALID_HANDLE, .rv = CKR_OK};
}

void
tb_login_leave(TbLogin *login)
{
    if (login->logged_in)
        (void)login->p11->C_Logout(login->session);
    login->logged_in = FALSE;
}

void
tb_login_clear(TbLogin *login)
{
    g_clear_pointer(&login->pin, tb_secret_free);
    tb_login_leave(login);
    if (login->session != CK_INVALID_HANDLE)
        (void)login->p11->C_CloseSession(login->session);
    login->session = CK_INVALID_HANDLE;
}

void
tb_login_report(TbLogin *login)
{
    CK_TOKEN_INFO now = {0};

    if (login->p11->C_GetTokenInfo(login->slot, &now) == CKR_OK)
        login->info = now;
    login->report.known = TRUE;
    login->report.info = login->info;
}

gboolean
tb_login_look(TbLogin *login, const char *serial, GError **error)
{
    g_autofree char *found = NULL;
    CK_RV rv = login->p11->C_GetTokenInfo(login->slot, &login->info);

    if (rv != CKR_OK)
        return tb_ckr_fault(error, rv, TB_CKR_LOOKING, "C_GetTokenInfo");
    found = tb_slot_serial(&login->info);
    if (strcmp(found, serial) != 0)
        return tb_fault(error, TB_REASON_TOKEN_MISSING,
                        "Another token than the chosen one is in the reader. Insert the chosen one "
                        "and try again.");
    return TRUE;
}

static gboolean
blocked(TbReason reason, GError **error)
{
    if (reason == TB_REASON_PUK_BLOCKED)
        return tb_fault(error, reason,
                        "The token has locked its PUK after too many wrong tries. Only whoever "
                        "issued the token can help.");
    return tb_fault(error, reason,
                    "The token has locked its PIN after too many wrong tries. It must be unblocked "
                    "before it can be used.");
}

gboolean
tb_login_check_pin(TbLogin *login, GError **error)
{
    if (!(login->info.flags & CKF_USER_PIN_LOCKED))
        return TRUE;
    tb_login_report(login);
    return blocked(TB_REASON_PIN_BLOCKED, error);
}

gboolean
tb_login_check_puk(TbLogin *login, GError **error)
{
    if (!(login->info.flags & CKF_SO_PIN_LOCKED))
        return TRUE;
    tb_login_report(login);
    return blocked(TB_REASON_PUK_BLOCKED, error);
}

gboolean
tb_login_open(TbLogin *login, CK_FLAGS flags, GError **error)
{
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    CK_RV rv;

    if (login->session != CK_INVALID_HANDLE)
        return TRUE;
    rv = login->p11->C_OpenSession(login->slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &session);
    if (rv != CKR_OK)
        return tb_ckr_fault(error, rv, TB_CKR_LOOKING, "C_OpenSession");
    login->session = session;
    return TRUE;
}

gboolean
tb_login_has_pad(const TbLogin *login)
{
    return (login->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
}

TbSecret *
tb_login_read_line(int pin_fd, GError **error)
{
    TbSecret *line = tb_secret_new(TB_PIN_MAX);

    if (!line) {
        tb_fault(error, TB_REASON_INTERNAL, "There is no secure memory for the PIN.");
        return NULL;
    }
    if (tb_secret_read(line, pin_fd, PIN_WAIT_MS))
        return line;
    tb_secret_free(line);
    tb_fault(error, TB_REASON_INTERNAL,
             "The PIN could not be read: it did not come in time, or is longer than %d bytes.",
             TB_PIN_MAX);
    return NULL;
}

gboolean
tb_login_read(TbLogin *login, int pin_fd, CK_USER_TYPE kind, GError **error)
{
    if (pin_fd < 0) {
        if (tb_login_has_pad(login))
            return TRUE;
        return tb_fault(
            error, TB_REASON_INVALID_REQUEST,
            "The token needs a PIN, and its reader has no key pad, but no PIN came with "
            "the request.");
    }
    login->pin = tb_login_read_line(pin_fd, error);
    if (!login->pin)
        return FALSE;
    if (tb_secret_length(login->pin) > 0)
        return TRUE;
    g_clear_pointer(&login->pin, tb_secret_free);
    if (tb_login_has_pad(login))
        return TRUE;
    tb_login_report(login);
    return tb_fault(error, kind == CKU_SO ? TB_REASON_PUK_INCORRECT : TB_REASON_PIN_INCORRECT,
                    "No %s was entered. Nothing was sent to the token.",
                    kind == CKU_SO ? "PUK" : "PIN");
}

gboolean
tb_login_may_send(TbLogin *login, CK_USER_TYPE kind, TbPinDigest *out_digest, GError **error)
{
    if (!login->pin)
        return TRUE;
    if (!tb_pin_memory_digest(login->memory, &login->info, kind, login->pin, out_digest))
        return tb_fault(error, TB_REASON_INTERNAL, "OpenSSL failed before the PIN was sent.");
    if (!tb_pin_memory_has(login->memory, out_digest))
        return TRUE;
    tb_login_report(login);
    login->report.repeated = TRUE;
    return tb_fault(error, kind == CKU_SO ? TB_REASON_PUK_INCORRECT : TB_REASON_PIN_INCORRECT,
                    "The token has refused this %s before; it was not sent again, and no try "
                    "was used up.",
                    kind == CKU_SO ? "PUK" : "PIN");
}

/* Some tokens answer CKR_PIN_INCORRECT for ever and only the flag says that they are locked. */
static gboolean
flags_decide(TbReason reason)
{
    return reason == TB_REASON_PIN_INCORRECT || reason == TB_REASON_PUK_INCORRECT ||
           reason == TB_REASON_MODULE_FAILED || reason == TB_REASON_PIN_PAD_FAILED;
}

gboolean
tb_login_fault(TbLogin *login, CK_RV rv, TbCkrStage stage, gint64 started, const char *call,
               GError **error)
{
    gint64 took = g_get_monotonic_time() - started;
    gboolean puk = stage == TB_CKR_PUK;
    TbReason reason;

    if (!login->pin)
        stage = tb_ckr_stage_of_pad(stage);
    reason = tb_ckr_reason(rv, stage);
    tb_login_report(login);
    if (flags_decide(reason) &&
        (login->info.flags & (puk ? CKF_SO_PIN_LOCKED : CKF_USER_PIN_LOCKED)) != 0)
        return blocked(puk ? TB_REASON_PUK_BLOCKED : TB_REASON_PIN_BLOCKED, error);
    if (reason == TB_REASON_USER_CANCELLED && took < CANCEL_MIN_US)
        return tb_fault(
            error, TB_REASON_PIN_PAD_FAILED,
            "The reader gave up the PIN entry at once, before anybody could have typed. "
            "Take the token out, insert it again and try again.");
    return tb_ckr_fault(error, rv, stage, call);
}

static CK_RV
login_once(const TbLogin *login, CK_USER_TYPE kind)
{
    CK_UTF8CHAR *pin = login->pin ? (CK_UTF8CHAR *)(guintptr)tb_secret_data(login->pin) : NULL;

    return login->p11->C_Login(login->session, kind, pin,
                               login->pin ? tb_secret_length(login->pin) : 0);
}

gboolean
tb_login_enter(TbLogin *login, CK_USER_TYPE kind, GError **error)
{
    TbPinDigest digest = {0};
    gint64 started;

    if (!tb_login_may_send(login, kind, &digest, error))
        return FALSE;
    started = g_get_monotonic_time();
    login->rv = login_once(login, kind);
    if (kind != CKU_CONTEXT_SPECIFIC && (login->rv == CKR_USER_ALREADY_LOGGED_IN ||
                                         login->rv == CKR_USER_ANOTHER_ALREADY_LOGGED_IN)) {
        /* Somebody's earlier login is not this user's consent. */
        (void)login->p11->C_Logout(login->session);
        login->rv = login_once(login, kind);
    }
    if (login->rv == CKR_OK) {
        login->logged_in = TRUE;
        return TRUE;
    }
    /* A CAC card behind OpenSC says CKR_GENERAL_ERROR to a wrong PIN, and so does any module to a
     * right one when its daemon is gone; to a PUK OpenSC says so of cards on which it cannot log in
     * the SO. */
    if (login->pin && login->rv == CKR_PIN_INCORRECT)
        tb_pin_memory_add(login->memory, &digest);
    else if (login->pin && login->rv == CKR_GENERAL_ERROR && kind != CKU_SO)
        tb_pin_memory_add_doubtful(login->memory, &digest);
    return tb_login_fault(login, login->rv, kind == CKU_SO ? TB_CKR_PUK : TB_CKR_LOGIN, started,
                          "C_Login", error);
}
