/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: the script, a JSON file named by the environment variable TOKENBRIDGE_TEST_TOKEN. It
 * is looked at before each C_* call and read again when another file has taken its place (write it
 * beside, then rename), so a test inserts and removes tokens by writing. Members that are not
 * described here end the process (reader.h). Test code only: the script is trusted.
 *
 *   {"log": "calls.log",
 *    "slots": [{"id": 1, "reader": "Reader 1",
 *               "token": {"label": "Ann", "serial": "0001", "pin": "123456", "tries": 3,
 *                         "objects": [{"class": "certificate", "file": "ann.pem", "id": "01"},
 *                                     {"class": "private_key", "file": "ann.key", "id": "01"}]}},
 *              {"id": 2, "reader": "Reader 2", "token": null}],
 *    "faults": [{"call": "C_Sign", "nth": 2, "do": "return", "rv": "CKR_DEVICE_REMOVED"}]}
 *
 * Numbers of PKCS#11 are integers, names ("CKR_PIN_LOCKED"), "0x80000001", or "unavailable"
 * (CK_UNAVAILABLE_INFORMATION). File names are relative to the script's folder. Members and, after
 * "=", what holds when they are left out:
 *
 * Script
 *   log                      file that calls are written to, one JSON object a line (record.h)
 *   log_all = false          every call, not only logins, sessions, signatures and the like
 *   state = SCRIPT.state     file of the PIN counters
 *   slots = [], faults = []
 *   slot_events = "yes"      C_WaitForSlotEvent: "yes", "initial" (the first call reports the
 *                            first slot, as OpenSC), "poll_only" (no blocking, as SoftHSM), "no"
 *   manufacturer, description  of C_GetInfo
 *
 * Slot
 *   id, reader = "Reader ID"
 *   token = null             null: the slot is empty
 *   removed = "CKR_SESSION_HANDLE_INVALID"  the answer to calls in a session whose token has gone
 *
 * Token
 *   label = "Token", serial = "1", manufacturer, model   text, or {"hex": "ff00"}
 *   insertion = 0            another number is another insertion of the same token: sessions,
 *                            logins and handles of the earlier one are gone
 *   initialised = true
 *   flags_on, flags_off      lists of CKF_... that C_GetTokenInfo shows, or hides, whatever holds
 *   pin = "123456", so_pin = "12345678", context_pin = PIN   or pin_sha256 ... in hexadecimal,
 * which keeps the PIN out of the process pins = "standard"        behaviour when a PIN is wrong:
 *       standard             COUNT_LOW after the first, FINAL_TRY at the last, then LOCKED and
 *                            CKR_PIN_LOCKED
 *       final_only           the same without COUNT_LOW (OpenSC with PIV)
 *       low_only             COUNT_LOW, and never locks (SoftHSM)
 *       no_flags             CKR_PIN_LOCKED, but no flag ever; a good login resets nothing (TPM)
 *       incorrect_for_ever   FINAL_TRY, LOCKED in the process that tried, and CKR_PIN_INCORRECT
 *                            even then (OpenSC with an ISO applet)
 *       general_error        CKR_GENERAL_ERROR for a wrong PIN, no flags, never locks (CAC)
 *   tries = 3, so_tries = 3  0: never locks (so are low_only and general_error)
 *   pin_set = true           false: CKF_USER_PIN_INITIALIZED off, until C_InitPIN
 *   to_be_changed = false    until C_SetPIN; what needs a login answers CKR_PIN_EXPIRED meanwhile
 *   min_pin = 4, max_pin = 12, digits_only = false   of a new PIN: CKR_PIN_LEN_RANGE,
 * CKR_PIN_INVALID setting = "standard"     behaviour when a PIN is set: standard C_SetPIN with or
 * without a login, C_InitPIN in the SO's session logged_in            C_SetPIN without a login
 * answers CKR_USER_NOT_LOGGED_IN opensc               C_Login of the SO answers CKR_GENERAL_ERROR
 * (OpenSC with PIV) opensc_unblocks      and C_SetPIN without a login takes the SO's PIN for the
 * old one and sets the user's (user_pin_unblock_style = set_pin_in_unlogged_session) opensc_inits
 * C_Login of the SO takes anything; whether it was the SO's PIN C_InitPIN finds out
 * (init_pin_in_so_session) state_key = SERIAL       name in the state file; tokens with the same
 * one share their counters pin_pad = null           {"result": "ok", "ms": 0, "rv"}: a protected
 * authentication path. A login with NULL takes ms, and then is the right PIN ("ok"), a wrong one
 * ("wrong"), CKR_FUNCTION_CANCELED ("cancel"), CKR_FUNCTION_FAILED
 *                            ("timeout"), CKR_DEVICE_ERROR ("failure"), or rv
 *   login_required = true
 *   mechanisms               list of CKM_...; raw RSA, PSS, ECDSA and EdDSA
 *   objects = []
 *
 * Objects
 *   class                    "certificate", "private_key" or "data"
 *   file                     certificate (PEM, DER) or key (PEM)
 *   id = "", label = ""      CKA_ID in hexadecimal; empty and equal ones are allowed
 *   private                  shows only after login; true for keys
 *   repeat = 1               so many of it
 *   unreadable               C_GetAttributeValue answers this CKR for it
 *   certificate: trusted = false, type = 0 (CKA_CERTIFICATE_TYPE), value (hexadecimal, in place of
 *     file; "" is empty), size (CKA_VALUE cut or filled with zeros to so many bytes)
 *   private_key: always_authenticate = false, sign = true, public_key = false (a public key object
 *     beside it), hide_public = false (no modulus or curve), show_point = false (CKA_EC_POINT)
 *   data: value
 *
 * Fault
 *   call                     "C_Sign", or "*" for any
 *   slot, attribute          only in this slot; only when C_GetAttributeValue asks for this CKA_...
 *   nth                      at the n-th such call since the script was read, once
 *   from = 1                 or at each from the n-th on
 *   do = "return"
 *       return               answers rv (= "CKR_GENERAL_ERROR") in place of the call, or, with
 *                            "after": true, after it
 *       sleep                takes ms longer
 *       hang, segv, abort, exit (status = 0)   never comes back
 *       print                writes text to standard output
 *       remove               takes the token out of the slot of the call (or "slot"), before the
 *                            call or "after"; it stays out until the script is read again
 *       length               the call's count or length becomes value (= "unavailable")
 *       wrong_signature      C_Sign, C_SignFinal: one bit is another
 *       null_list            C_GetFunctionList: CKR_OK without a list
 *   Several faults that fit one call happen in their order.
 */
#pragma once

#include <glib.h>
#include <p11-kit/pkcs11.h>

#include "tests/token/faults.h"
#include "tests/token/objects.h"
#include "tests/token/pin.h"

#define TT_SCRIPT_VARIABLE "TOKENBRIDGE_TEST_TOKEN"

typedef enum TtEvents {
    TT_EVENTS_YES,
    TT_EVENTS_INITIAL,
    TT_EVENTS_POLL_ONLY,
    TT_EVENTS_NO,
} TtEvents;

typedef enum TtPadResult {
    TT_PAD_OK,
    TT_PAD_WRONG,
    TT_PAD_CANCEL,
    TT_PAD_TIMEOUT,
    TT_PAD_FAILURE,
} TtPadResult;

typedef struct TtToken {
    CK_TOKEN_INFO info; /* without session counts and PIN flags */
    CK_FLAGS flags_on;
    CK_FLAGS flags_off;
    guint64 insertion;
    TtPinRules pins;
    gboolean has_pad;
    TtPadResult pad_result;
    CK_RV pad_rv; /* CKR_OK: as pad_result says */
    guint64 pad_ms;
    GArray *mechanisms; /* CK_MECHANISM_TYPE */
    GPtrArray *objects; /* TtObject */
} TtToken;

typedef struct TtSlot {
    CK_SLOT_ID id;
    CK_SLOT_INFO info;
    CK_RV removed;
    TtToken *token; /* NULL: empty */
} TtSlot;

typedef struct TtScript {
    char *log_path; /* NULL: none */
    gboolean log_all;
    char *state_path;
    TtEvents events;
    CK_INFO info;
    GPtrArray *slots;  /* TtSlot */
    GPtrArray *faults; /* TtFault */
} TtScript;

/* Reads the script at path. */
TtScript *tt_script_read(const char *path);
TtScript *tt_script_ref(TtScript *script);
void tt_script_unref(TtScript *script);

/* NULL: there is no such slot. */
TtSlot *tt_script_slot(const TtScript *script, CK_SLOT_ID id);

/* Whether a token is the same, and still in the same insertion; NULL is an empty slot. */
gboolean tt_token_is_same(const TtToken *a, const TtToken *b);
