/* SPDX-License-Identifier: Apache-2.0
 *
 * A session of one token, and the PIN that is shown in it: what signatures, PIN changes and hidden
 * certificates have in common. A PIN is in the secure heap only, no wrong one goes to a token
 * twice, and the session is logged out and closed on all paths. In bare Cryptoki; the module's
 * answers are not trusted. One thread.
 */
#pragma once

#include <glib.h>
#include <p11-kit/pkcs11.h>

#include "core/secret.h"
#include "host/worker/ckr.h"
#include "host/worker/pin.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbSecret, tb_secret_free)

/* What is known of PIN and PUK after a failure. */
typedef struct TbPinReport {
    gboolean known; /* info was read from the token after it refused something */
    CK_TOKEN_INFO info;
    gboolean repeated; /* this PIN was wrong before, and was not sent */
} TbPinReport;

typedef struct TbLogin {
    const CK_FUNCTION_LIST *p11; /* borrowed */
    TbPinMemory *memory;         /* borrowed */
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info;        /* from the last look */
    CK_SESSION_HANDLE session; /* CK_INVALID_HANDLE: none is open */
    gboolean logged_in;
    TbSecret *pin; /* PIN or PUK, for as long as a call still needs it; NULL: the key pad's */
    TbPinReport report;
    CK_RV rv; /* what the last C_Login answered */
} TbLogin;

/* Nothing is asked of the token yet. */
void tb_login_init(TbLogin *login, const CK_FUNCTION_LIST *p11, CK_SLOT_ID slot,
                   TbPinMemory *memory);

/* Wipes the PIN, logs out and closes the session, if there is any. */
void tb_login_clear(TbLogin *login);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbLogin, tb_login_clear)

/* Whether the token is there, and is the one with this serial. Errors: token_missing ... */
gboolean tb_login_look(TbLogin *login, const char *serial, GError **error);

/* pin_blocked or puk_blocked, when the token says that it is locked. */
gboolean tb_login_check_pin(TbLogin *login, GError **error);
gboolean tb_login_check_puk(TbLogin *login, GError **error);

/* Opens the session unless it is open. flags: CKF_RW_SESSION, or 0. */
gboolean tb_login_open(TbLogin *login, CK_FLAGS flags, GError **error);

gboolean tb_login_has_pad(const TbLogin *login);

/* Reads a line of the pipe into login->pin, or leaves it NULL for the key pad. An empty PIN never
 * goes to a token without a pad: some would take it for a try. */
gboolean tb_login_read(TbLogin *login, int pin_fd, CK_USER_TYPE kind, GError **error);

/* A line of the pipe, which may be empty; NULL, with an error, when it does not come. */
TbSecret *tb_login_read_line(int pin_fd, GError **error);

/* Logs in with login->pin. */
gboolean tb_login_enter(TbLogin *login, CK_USER_TYPE kind, GError **error);

/* Logs out, if logged in. */
void tb_login_leave(TbLogin *login);

/* For another call than C_Login that sends login->pin: FALSE, with the error, when the token has
 * refused it before. */
gboolean tb_login_may_send(TbLogin *login, CK_USER_TYPE kind, TbPinDigest *out_digest,
                           GError **error);

/* Reads PIN and PUK states again, for the report. */
void tb_login_report(TbLogin *login);

/* Reports, and sets the error for what a call with a PIN answered. stage: TB_CKR_LOGIN, or
 * TB_CKR_PUK, TB_CKR_NEW_PIN; of a key pad when login->pin is NULL. started: monotonic time.
 * Returns FALSE. */
gboolean tb_login_fault(TbLogin *login, CK_RV rv, TbCkrStage stage, gint64 started,
                        const char *call, GError **error);
