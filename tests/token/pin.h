/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: the PINs of a token, and how it behaves when they are wrong. The counters lie in a
 * file, so that they survive the process, as on a card; each use locks it. PINs are held as SHA-256
 * only. Test code only.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <p11-kit/pkcs11.h>

#define TT_PIN_DIGEST_SIZE 32

typedef struct TtPinDigest {
    guint8 bytes[TT_PIN_DIGEST_SIZE];
} TtPinDigest;

/* The behaviours of "pins": script.h says what each is. */
typedef enum TtPinStyle {
    TT_PIN_STANDARD,
    TT_PIN_FINAL_ONLY,
    TT_PIN_LOW_ONLY,
    TT_PIN_NO_FLAGS,
    TT_PIN_INCORRECT_FOR_EVER,
    TT_PIN_GENERAL_ERROR,
} TtPinStyle;

/* The behaviours of "setting". */
typedef enum TtPinSetting {
    TT_PIN_SETTING_STANDARD,
    TT_PIN_SETTING_LOGGED_IN,
    TT_PIN_SETTING_OPENSC,
    TT_PIN_SETTING_OPENSC_UNBLOCKS,
    TT_PIN_SETTING_OPENSC_INITS,
} TtPinSetting;

typedef struct TtPinRules {
    TtPinStyle style;
    TtPinDigest user;
    TtPinDigest so;
    TtPinDigest context; /* of CKU_CONTEXT_SPECIFIC */
    guint64 tries;       /* 0: never locks */
    guint64 so_tries;
    CK_ULONG min;
    CK_ULONG max;
    gboolean digits_only; /* of a new PIN */
    TtPinSetting setting;
    gboolean user_set;      /* FALSE: the user PIN is not initialised */
    gboolean to_be_changed; /* until C_SetPIN or C_InitPIN succeeds */
    char *key;              /* the token's name in the state file */
    const char *state_path; /* borrowed from the script */
} TtPinRules;

TtPinDigest tt_pin_digest(const void *pin, gsize length);

/* Reads the members "pin", "pins" ... of a token; members of other kinds are left alone. */
TtPinRules tt_pin_parse(json_t *token, const char *where, const char *serial,
                        const char *state_path);
void tt_pin_clear(TtPinRules *rules);

/* The flags of CK_TOKEN_INFO, with CKF_USER_PIN_INITIALIZED. */
CK_FLAGS tt_pin_flags(const TtPinRules *rules);

/* Whether it is the PIN, without counting anything. */
gboolean tt_pin_is_right(const TtPinRules *rules, CK_USER_TYPE user, const void *pin, gsize length);

/* One try: counts, and answers as C_Login would. */
CK_RV tt_pin_try(const TtPinRules *rules, CK_USER_TYPE user, gboolean right);

/* CKR_PIN_EXPIRED as long as the user PIN is to be changed (PKCS#11 2.40, table 9), else CKR_OK. */
CK_RV tt_pin_expired(const TtPinRules *rules);

/* Sets a PIN and its full number of tries. CKR_PIN_LEN_RANGE or
 * CKR_PIN_INVALID when its length or its characters are not allowed. */
CK_RV tt_pin_set(const TtPinRules *rules, CK_USER_TYPE user, const void *pin, gsize length);
