/* SPDX-License-Identifier: Apache-2.0
 *
 * Another PIN: see pin-change.h.
 *
 * To change it we log in with the old PIN first, though PKCS#11 lets C_SetPIN do without: then a
 * wrong old PIN is told from a new one that the token does not take (both can be
 * CKR_PIN_LEN_RANGE), and OpenSC with user_pin_unblock_style = set_pin_in_unlogged_session, where
 * C_SetPIN without a login unblocks, does not take the old PIN for a wrong PUK. On a key pad, where
 * a login would be one more PIN to type, C_SetPIN comes first, except with OpenSC.
 *
 * To unblock it, PKCS#11 has the login of the SO and C_InitPIN. OpenSC has no SO on most cards, and
 * its C_SetPIN without a login is either a change or, configured as above, unblocks. Where that is
 * not known, it is asked only when it cannot cost a try of the PIN: when the PIN is locked.
 */
#include "host/worker/pin-change.h"

#include "host/common/fault.h"

/* Reads old PIN or PUK into login->pin, and the new one; both stay NULL for the key pad. */
static gboolean
read_pins(TbLogin *login, int pin_fd, CK_USER_TYPE kind, TbSecret **out_new_pin, GError **error)
{
    g_autoptr(TbSecret) new_pin = NULL;
    CK_ULONG min, max;
    gsize length;

    if (!tb_login_read(login, pin_fd, kind, error))
        return FALSE;
    if (!login->pin)
        return TRUE;
    new_pin = tb_login_read_line(pin_fd, error);
    if (!new_pin)
        return FALSE;
    length = tb_secret_length(new_pin);
    tb_pin_limits(&login->info, &min, &max);
    if (length >= min && length <= max) {
        *out_new_pin = g_steal_pointer(&new_pin);
        return TRUE;
    }
    tb_login_report(login);
    return tb_fault(error, TB_REASON_PIN_INVALID,
                    "The token's PIN has %lu to %lu characters. Nothing was sent to the token.",
                    min, max);
}

static CK_UTF8CHAR *
bytes_of(const TbSecret *secret)
{
    return secret ? (CK_UTF8CHAR *)(guintptr)tb_secret_data(secret) : NULL;
}

static CK_ULONG
length_of(const TbSecret *secret)
{
    return secret ? tb_secret_length(secret) : 0;
}

static CK_RV
set_pin(const TbLogin *login, const TbSecret *new_pin)
{
    return login->p11->C_SetPIN(login->session, bytes_of(login->pin), length_of(login->pin),
                                bytes_of(new_pin), length_of(new_pin));
}

/* The new PIN may be one that was refused before; now it is right. Also where it is asked for right
 * before a signature, which is the same PIN on most tokens. */
static gboolean
accepted(TbLogin *login, const TbSecret *new_pin)
{
    static const CK_USER_TYPE kinds[] = {CKU_USER, CKU_CONTEXT_SPECIFIC};

    for (gsize i = 0; new_pin && i < G_N_ELEMENTS(kinds); i++) {
        TbPinDigest digest;

        if (tb_pin_memory_digest(login->memory, &login->info, kinds[i], new_pin, &digest))
            tb_pin_memory_remove(login->memory, &digest);
    }
    tb_login_report(login);
    return TRUE;
}

static gboolean
has_pin(TbLogin *login, GError **error)
{
    if ((login->info.flags & CKF_USER_PIN_INITIALIZED) || !(login->info.flags & CKF_LOGIN_REQUIRED))
        return TRUE;
    tb_login_report(login);
    return tb_fault(error, TB_REASON_PIN_BLOCKED,
                    "The token has no PIN yet; one must be set before it can be changed.");
}

static gboolean
change_on_pad(TbLogin *login, gboolean log_in_first, GError **error)
{
    gint64 started = g_get_monotonic_time();
    CK_RV rv = CKR_USER_NOT_LOGGED_IN;

    if (!log_in_first)
        rv = set_pin(login, NULL);
    if (rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_FUNCTION_NOT_SUPPORTED) {
        if (!tb_login_enter(login, CKU_USER, error))
            return FALSE;
        started = g_get_monotonic_time();
        rv = set_pin(login, NULL);
    }
    if (rv == CKR_OK)
        return accepted(login, NULL);
    return tb_login_fault(login, rv, TB_CKR_NEW_PIN, started, "C_SetPIN", error);
}

/* NSS's softokn, opened read-only, lets a session be opened for writing and log in, and says only
 * here that nobody is logged in for writing. It is not that the token was removed. */
static gboolean
is_read_only(const TbLogin *login)
{
    CK_SESSION_INFO info = {0};

    return login->logged_in && login->p11->C_GetSessionInfo(login->session, &info) == CKR_OK &&
           info.state == CKS_RO_USER_FUNCTIONS;
}

static gboolean
change_with_pins(TbLogin *login, const TbSecret *new_pin, GError **error)
{
    g_autoptr(GError) refused = NULL;
    TbPinDigest digest = {0};
    gint64 started;
    CK_RV rv;

    /* An expired PIN is good for nothing but to be changed. */
    if (!tb_login_enter(login, CKU_USER, &refused) && login->rv != CKR_PIN_EXPIRED) {
        g_propagate_error(error, g_steal_pointer(&refused));
        return FALSE;
    }
    if (!tb_login_may_send(login, CKU_USER, &digest, error))
        return FALSE;
    started = g_get_monotonic_time();
    rv = set_pin(login, new_pin);
    if (rv == CKR_OK)
        return accepted(login, new_pin);
    if (rv == CKR_PIN_INCORRECT && login->logged_in)
        rv = CKR_PIN_INVALID; /* the old one was right a moment ago, so it means the new one */
    if (rv == CKR_PIN_INCORRECT)
        tb_pin_memory_add(login->memory, &digest);
    if (rv == CKR_USER_NOT_LOGGED_IN && is_read_only(login))
        rv = CKR_SESSION_READ_ONLY;
    return tb_login_fault(login, rv, TB_CKR_NEW_PIN, started, "C_SetPIN", error);
}

gboolean
tb_pin_change(TbLogin *login, const TbPinChange *change, GError **error)
{
    g_autoptr(TbSecret) new_pin = NULL;

    if (!tb_login_look(login, change->serial, error) || !tb_login_check_pin(login, error) ||
        !has_pin(login, error) || !tb_login_open(login, CKF_RW_SESSION, error) ||
        !read_pins(login, change->pin_fd, CKU_USER, &new_pin, error))
        return FALSE;
    return login->pin ? change_with_pins(login, new_pin, error)
                      : change_on_pad(login, change->opensc != TB_OPENSC_NOT, error);
}

/* Both ways to send the PUK. A wrong one is remembered, whichever call found out. */
static gboolean
puk_fault(TbLogin *login, CK_RV rv, const TbPinDigest *digest, gint64 started, const char *call,
          GError **error)
{
    if (login->pin && rv == CKR_PIN_INCORRECT)
        tb_pin_memory_add(login->memory, digest);
    return tb_login_fault(login, rv, TB_CKR_PUK, started, call, error);
}

/* C_InitPIN in the SO's session. */
static gboolean
init_pin(TbLogin *login, const TbSecret *new_pin, GError **error)
{
    TbPinDigest digest = {0};
    gint64 started;
    CK_RV rv;

    if (!tb_login_may_send(login, CKU_SO, &digest, error))
        return FALSE;
    started = g_get_monotonic_time();
    rv = login->p11->C_InitPIN(login->session, bytes_of(new_pin), length_of(new_pin));
    if (rv == CKR_OK)
        return accepted(login, new_pin);
    /* OpenSC with init_pin_in_so_session shows the PUK to the card only now. */
    if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED)
        return puk_fault(login, rv, &digest, started, "C_InitPIN", error);
    return tb_login_fault(login, rv, TB_CKR_NEW_PIN, started, "C_InitPIN", error);
}

typedef enum Outcome {
    OUTCOME_DONE,
    OUTCOME_FAILED, /* the error says why */
    OUTCOME_OTHER,  /* this way leads nowhere; no PUK was tried */
} Outcome;

/* OpenSC's C_SetPIN with the PUK in place of the old PIN. Unless it is known to unblock, this may
 * be a change of the locked PIN, of which CKR_PIN_LOCKED speaks then. */
static Outcome
set_pin_with_puk(TbLogin *login, const TbSecret *new_pin, gboolean unblocks, GError **error)
{
    TbPinDigest digest = {0};
    gint64 started;
    CK_RV rv;

    if (!tb_login_may_send(login, CKU_SO, &digest, error))
        return OUTCOME_FAILED;
    started = g_get_monotonic_time();
    rv = set_pin(login, new_pin);
    if (rv == CKR_OK) {
        (void)accepted(login, new_pin);
        return OUTCOME_DONE;
    }
    if (rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_FUNCTION_NOT_SUPPORTED ||
        (!unblocks && (rv == CKR_PIN_LOCKED || rv == CKR_PIN_LEN_RANGE)))
        return OUTCOME_OTHER;
    (void)puk_fault(login, rv, &digest, started, "C_SetPIN", error);
    return OUTCOME_FAILED;
}

static gboolean
opensc_cannot(GError **error)
{
    g_autoptr(GError) why = g_steal_pointer(error);

    if (tb_fault_reason(why) == TB_REASON_MODULE_FAILED ||
        tb_fault_reason(why) == TB_REASON_UNSUPPORTED)
        return tb_fault(error, TB_REASON_UNSUPPORTED,
                        "OpenSC does not unblock this card's PIN the way it is set up, or the PUK "
                        "is locked. Add \"user_pin_unblock_style = "
                        "set_pin_in_unlogged_session;\" to the block \"pkcs11\" of opensc.conf, "
                        "or run \"pkcs15-tool --unblock-pin\". It said: %s",
                        why->message);
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

static gboolean
unblock_with_opensc(TbLogin *login, const TbSecret *new_pin, gboolean unblocks, GError **error)
{
    if (unblocks || (login->info.flags & CKF_USER_PIN_LOCKED)) {
        Outcome outcome = set_pin_with_puk(login, new_pin, unblocks, error);

        if (outcome != OUTCOME_OTHER)
            return outcome == OUTCOME_DONE;
    }
    if (tb_login_enter(login, CKU_SO, error) && init_pin(login, new_pin, error))
        return TRUE;
    return opensc_cannot(error);
}

gboolean
tb_pin_unblock(TbLogin *login, const TbPinChange *change, GError **error)
{
    g_autoptr(TbSecret) new_pin = NULL;

    if (!tb_login_look(login, change->serial, error) || !tb_login_check_puk(login, error) ||
        !tb_login_open(login, CKF_RW_SESSION, error) ||
        !read_pins(login, change->pin_fd, CKU_SO, &new_pin, error))
        return FALSE;
    if (change->opensc != TB_OPENSC_NOT)
        return unblock_with_opensc(login, new_pin, change->opensc == TB_OPENSC_UNBLOCKS, error);
    return tb_login_enter(login, CKU_SO, error) && init_pin(login, new_pin, error);
}
