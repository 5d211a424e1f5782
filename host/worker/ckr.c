/* SPDX-License-Identifier: Apache-2.0
 *
 * PKCS#11 return values as our words and sentences: see ckr.h. The values are a module's and not
 * trusted to be in any range. No state.
 */
#include "host/worker/ckr.h"

#include "host/common/fault.h"

/* PKCS#11 3.0 has another number for it than p11-kit's header. */
#define CKR_PIN_TOO_WEAK_3_0 0x1b8UL

#define NAME(value)                                                                                \
    {                                                                                              \
        value, #value                                                                              \
    }

static const struct {
    CK_RV rv;
    const char *name;
} names[] = {
    NAME(CKR_OK),
    NAME(CKR_CANCEL),
    NAME(CKR_HOST_MEMORY),
    NAME(CKR_SLOT_ID_INVALID),
    NAME(CKR_GENERAL_ERROR),
    NAME(CKR_FUNCTION_FAILED),
    NAME(CKR_ARGUMENTS_BAD),
    NAME(CKR_NO_EVENT),
    NAME(CKR_NEED_TO_CREATE_THREADS),
    NAME(CKR_CANT_LOCK),
    NAME(CKR_ATTRIBUTE_READ_ONLY),
    NAME(CKR_ATTRIBUTE_SENSITIVE),
    NAME(CKR_ATTRIBUTE_TYPE_INVALID),
    NAME(CKR_ATTRIBUTE_VALUE_INVALID),
    NAME(CKR_DATA_INVALID),
    NAME(CKR_DATA_LEN_RANGE),
    NAME(CKR_DEVICE_ERROR),
    NAME(CKR_DEVICE_MEMORY),
    NAME(CKR_DEVICE_REMOVED),
    NAME(CKR_FUNCTION_CANCELED),
    NAME(CKR_FUNCTION_NOT_SUPPORTED),
    NAME(CKR_KEY_HANDLE_INVALID),
    NAME(CKR_KEY_SIZE_RANGE),
    NAME(CKR_KEY_TYPE_INCONSISTENT),
    NAME(CKR_KEY_FUNCTION_NOT_PERMITTED),
    NAME(CKR_MECHANISM_INVALID),
    NAME(CKR_MECHANISM_PARAM_INVALID),
    NAME(CKR_OBJECT_HANDLE_INVALID),
    NAME(CKR_OPERATION_ACTIVE),
    NAME(CKR_OPERATION_NOT_INITIALIZED),
    NAME(CKR_PIN_INCORRECT),
    NAME(CKR_PIN_INVALID),
    NAME(CKR_PIN_LEN_RANGE),
    NAME(CKR_PIN_EXPIRED),
    NAME(CKR_PIN_LOCKED),
    NAME(CKR_PIN_TOO_WEAK),
    NAME(CKR_PIN_TOO_WEAK_3_0),
    NAME(CKR_SESSION_CLOSED),
    NAME(CKR_SESSION_COUNT),
    NAME(CKR_SESSION_HANDLE_INVALID),
    NAME(CKR_SESSION_PARALLEL_NOT_SUPPORTED),
    NAME(CKR_SESSION_READ_ONLY),
    NAME(CKR_SESSION_EXISTS),
    NAME(CKR_SESSION_READ_ONLY_EXISTS),
    NAME(CKR_SIGNATURE_LEN_RANGE),
    NAME(CKR_TEMPLATE_INCOMPLETE),
    NAME(CKR_TEMPLATE_INCONSISTENT),
    NAME(CKR_TOKEN_NOT_PRESENT),
    NAME(CKR_TOKEN_NOT_RECOGNIZED),
    NAME(CKR_TOKEN_WRITE_PROTECTED),
    NAME(CKR_USER_ALREADY_LOGGED_IN),
    NAME(CKR_USER_NOT_LOGGED_IN),
    NAME(CKR_USER_PIN_NOT_INITIALIZED),
    NAME(CKR_USER_TYPE_INVALID),
    NAME(CKR_USER_ANOTHER_ALREADY_LOGGED_IN),
    NAME(CKR_USER_TOO_MANY_TYPES),
    NAME(CKR_BUFFER_TOO_SMALL),
    NAME(CKR_CRYPTOKI_NOT_INITIALIZED),
    NAME(CKR_CRYPTOKI_ALREADY_INITIALIZED),
    NAME(CKR_FUNCTION_REJECTED),
};

const char *
tb_ckr_name(CK_RV rv, char buffer[TB_CKR_NAME_MAX])
{
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].rv == rv)
            return names[i].name;
    }
    g_snprintf(buffer, TB_CKR_NAME_MAX, "CKR 0x%lx%s", rv,
               rv & CKR_VENDOR_DEFINED ? " (the maker's own)" : "");
    return buffer;
}

/* What a person reads; NULL: nothing better than the technical name is known. */
typedef struct Meaning {
    TbReason reason;
    const char *sentence;
} Meaning;

static Meaning
meaning_of_absence(TbCkrStage stage)
{
    if (stage == TB_CKR_LOOKING)
        return (Meaning){TB_REASON_TOKEN_MISSING,
                         "The token is not there any more. Insert it and try again"};
    return (Meaning){TB_REASON_TOKEN_REMOVED,
                     "The token was removed or reset while it was in use. Insert it and try again"};
}

static gboolean
is_pad(TbCkrStage stage)
{
    return stage == TB_CKR_PAD_LOGIN || stage == TB_CKR_PAD_PUK || stage == TB_CKR_PAD_NEW_PIN;
}

static gboolean
is_puk(TbCkrStage stage)
{
    return stage == TB_CKR_PUK || stage == TB_CKR_PAD_PUK;
}

static gboolean
is_new_pin(TbCkrStage stage)
{
    return stage == TB_CKR_NEW_PIN || stage == TB_CKR_PAD_NEW_PIN;
}

static Meaning
meaning_of_failure(TbCkrStage stage)
{
    if (is_pad(stage))
        return (Meaning){TB_REASON_PIN_PAD_FAILED,
                         "The PIN could not be entered on the reader's key pad"};
    if (stage == TB_CKR_LOGIN)
        return (Meaning){TB_REASON_MODULE_FAILED,
                         "The token did not accept the PIN and did not say why; it may have been "
                         "wrong. It was not tried again"};
    if (stage == TB_CKR_PUK)
        return (Meaning){TB_REASON_MODULE_FAILED,
                         "The token did not accept the PUK and did not say why; it may have been "
                         "wrong. It was not tried again"};
    if (stage == TB_CKR_NEW_PIN)
        return (Meaning){TB_REASON_MODULE_FAILED,
                         "The token reported a failure while its PIN was set; the PIN of before "
                         "may still hold"};
    return (Meaning){TB_REASON_MODULE_FAILED, "The token's PKCS#11 module reported a failure"};
}

/* Of a PIN, of a PUK, or of a new PIN. */
static Meaning
meaning_for_pin(CK_RV rv, TbCkrStage stage)
{
    gboolean puk = is_puk(stage);

    switch (rv) {
    case CKR_PIN_LOCKED:
        if (puk)
            return (Meaning){TB_REASON_PUK_BLOCKED,
                             "The token has locked its PUK after too many wrong tries. Only "
                             "whoever issued the token can help"};
        return (Meaning){TB_REASON_PIN_BLOCKED,
                         "The token has locked its PIN after too many wrong tries. It must be "
                         "unblocked before it can be used"};
    case CKR_PIN_EXPIRED:
        if (puk)
            return (Meaning){TB_REASON_PUK_BLOCKED, "The token's PUK has expired"};
        return (Meaning){TB_REASON_PIN_BLOCKED,
                         "The token's PIN has expired and must be changed before it can be used"};
    case CKR_USER_PIN_NOT_INITIALIZED:
        if (puk)
            return (Meaning){TB_REASON_UNSUPPORTED, "The token has no PUK"};
        return (Meaning){TB_REASON_PIN_BLOCKED,
                         "The token has no PIN yet; one must be set before it can be used"};
    case CKR_PIN_INCORRECT:
        return puk ? (Meaning){TB_REASON_PUK_INCORRECT, "The PUK is wrong"}
                   : (Meaning){TB_REASON_PIN_INCORRECT, "The PIN is wrong"};
    default:
        break;
    }
    if (is_new_pin(stage))
        return (Meaning){TB_REASON_PIN_INVALID, "The token does not accept the new PIN"};
    if (rv == CKR_PIN_LEN_RANGE)
        return puk ? (Meaning){TB_REASON_PUK_INCORRECT,
                               "The PUK is too short or too long for the token"}
                   : (Meaning){TB_REASON_PIN_INCORRECT,
                               "The PIN is too short or too long for the token"};
    return puk ? (Meaning){TB_REASON_PUK_INCORRECT,
                           "The PUK has a character that the token does not take"}
               : (Meaning){TB_REASON_PIN_INCORRECT,
                           "The PIN has a character that the token does not take"};
}

static Meaning
meaning(CK_RV rv, TbCkrStage stage)
{
    switch (rv) {
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_SLOT_ID_INVALID:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_KEY_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_USER_NOT_LOGGED_IN:
        return meaning_of_absence(stage);
    case CKR_TOKEN_NOT_RECOGNIZED:
        return (Meaning){TB_REASON_UNSUPPORTED,
                         "The module does not recognise the card in the reader"};
    case CKR_TOKEN_WRITE_PROTECTED:
    case CKR_SESSION_READ_ONLY: /* ours are for writing where that is wanted */
        return (Meaning){TB_REASON_UNSUPPORTED, "The token is write-protected"};
    case CKR_PIN_LOCKED:
    case CKR_PIN_EXPIRED:
    case CKR_USER_PIN_NOT_INITIALIZED:
    case CKR_PIN_INCORRECT:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_INVALID:
    case CKR_PIN_TOO_WEAK:
    case CKR_PIN_TOO_WEAK_3_0:
        return meaning_for_pin(rv, stage);
    case CKR_CANCEL:
    case CKR_FUNCTION_CANCELED:
        if (is_pad(stage))
            return (Meaning){TB_REASON_USER_CANCELLED,
                             "The PIN entry was cancelled on the reader's key pad"};
        return meaning_of_failure(stage);
    case CKR_FUNCTION_NOT_SUPPORTED:
    case CKR_FUNCTION_REJECTED:
    case CKR_USER_TYPE_INVALID:
        if (is_puk(stage) || is_new_pin(stage))
            return (Meaning){TB_REASON_UNSUPPORTED,
                             "The token's PKCS#11 module cannot set a PIN this way. Use the tool "
                             "of the token's maker"};
        return meaning_of_failure(stage);
    case CKR_MECHANISM_INVALID:
    case CKR_MECHANISM_PARAM_INVALID:
    case CKR_KEY_TYPE_INCONSISTENT:
    case CKR_KEY_FUNCTION_NOT_PERMITTED:
    case CKR_KEY_SIZE_RANGE:
    case CKR_DATA_LEN_RANGE:
        if (stage == TB_CKR_IN_USE)
            return (Meaning){TB_REASON_UNSUPPORTED,
                             "The token cannot make this kind of signature with this key"};
        return meaning_of_failure(stage);
    default:
        return meaning_of_failure(stage);
    }
}

TbCkrStage
tb_ckr_stage_of_pad(TbCkrStage stage)
{
    if (stage == TB_CKR_LOGIN)
        return TB_CKR_PAD_LOGIN;
    if (stage == TB_CKR_PUK)
        return TB_CKR_PAD_PUK;
    return stage == TB_CKR_NEW_PIN ? TB_CKR_PAD_NEW_PIN : stage;
}

TbReason
tb_ckr_reason(CK_RV rv, TbCkrStage stage)
{
    return meaning(rv, stage).reason;
}

gboolean
tb_ckr_fault(GError **error, CK_RV rv, TbCkrStage stage, const char *call)
{
    char buffer[TB_CKR_NAME_MAX];
    Meaning what = meaning(rv, stage);

    return tb_fault(error, what.reason, "%s (%s: %s).", what.sentence, call,
                    tb_ckr_name(rv, buffer));
}
