/* SPDX-License-Identifier: Apache-2.0
 *
 * Test token: names of numbers: see names.h. Test code only.
 */
#include "tests/token/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct Name {
    const char *name;
    CK_ULONG number;
} Name;

#define NAME(number)                                                                               \
    {                                                                                              \
#number, number                                                                            \
    }

static const Name return_values[] = {
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
    NAME(CKR_FUNCTION_NOT_PARALLEL),
    NAME(CKR_FUNCTION_NOT_SUPPORTED),
    NAME(CKR_FUNCTION_REJECTED),
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
    NAME(CKR_SESSION_CLOSED),
    NAME(CKR_SESSION_COUNT),
    NAME(CKR_SESSION_HANDLE_INVALID),
    NAME(CKR_SESSION_PARALLEL_NOT_SUPPORTED),
    NAME(CKR_SESSION_READ_ONLY),
    NAME(CKR_SESSION_EXISTS),
    NAME(CKR_SESSION_READ_ONLY_EXISTS),
    NAME(CKR_SESSION_READ_WRITE_SO_EXISTS),
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
};

static const Name mechanisms[] = {
    NAME(CKM_RSA_PKCS),
    NAME(CKM_RSA_X_509),
    NAME(CKM_RSA_PKCS_PSS),
    NAME(CKM_SHA256_RSA_PKCS),
    NAME(CKM_SHA384_RSA_PKCS),
    NAME(CKM_SHA512_RSA_PKCS),
    NAME(CKM_SHA256_RSA_PKCS_PSS),
    NAME(CKM_SHA384_RSA_PKCS_PSS),
    NAME(CKM_SHA512_RSA_PKCS_PSS),
    NAME(CKM_ECDSA),
    NAME(CKM_ECDSA_SHA256),
    NAME(CKM_ECDSA_SHA384),
    NAME(CKM_ECDSA_SHA512),
    NAME(CKM_EDDSA),
};

static const Name attributes[] = {
    NAME(CKA_CLASS),
    NAME(CKA_TOKEN),
    NAME(CKA_PRIVATE),
    NAME(CKA_LABEL),
    NAME(CKA_VALUE),
    NAME(CKA_CERTIFICATE_TYPE),
    NAME(CKA_CERTIFICATE_CATEGORY),
    NAME(CKA_ISSUER),
    NAME(CKA_SERIAL_NUMBER),
    NAME(CKA_SUBJECT),
    NAME(CKA_TRUSTED),
    NAME(CKA_KEY_TYPE),
    NAME(CKA_ID),
    NAME(CKA_SIGN),
    NAME(CKA_MODULUS),
    NAME(CKA_PUBLIC_EXPONENT),
    NAME(CKA_EC_PARAMS),
    NAME(CKA_EC_POINT),
    NAME(CKA_ALWAYS_AUTHENTICATE),
};

static const Name flags[] = {
    NAME(CKF_RNG),
    NAME(CKF_WRITE_PROTECTED),
    NAME(CKF_LOGIN_REQUIRED),
    NAME(CKF_USER_PIN_INITIALIZED),
    NAME(CKF_PROTECTED_AUTHENTICATION_PATH),
    NAME(CKF_TOKEN_INITIALIZED),
    NAME(CKF_USER_PIN_COUNT_LOW),
    NAME(CKF_USER_PIN_FINAL_TRY),
    NAME(CKF_USER_PIN_LOCKED),
    NAME(CKF_USER_PIN_TO_BE_CHANGED),
    NAME(CKF_SO_PIN_COUNT_LOW),
    NAME(CKF_SO_PIN_FINAL_TRY),
    NAME(CKF_SO_PIN_LOCKED),
    NAME(CKF_SO_PIN_TO_BE_CHANGED),
};

static const struct {
    const Name *names;
    gsize count;
} tables[] = {
    [TT_NAMES_RV] = {return_values, G_N_ELEMENTS(return_values)},
    [TT_NAMES_MECHANISM] = {mechanisms, G_N_ELEMENTS(mechanisms)},
    [TT_NAMES_ATTRIBUTE] = {attributes, G_N_ELEMENTS(attributes)},
    [TT_NAMES_FLAG] = {flags, G_N_ELEMENTS(flags)},
};

gboolean
tt_names_number(TtNames table, const char *name, CK_ULONG *out_number)
{
    char *end = NULL;
    unsigned long number;

    for (gsize i = 0; i < tables[table].count; i++) {
        if (strcmp(tables[table].names[i].name, name) == 0) {
            *out_number = tables[table].names[i].number;
            return TRUE;
        }
    }
    if (!g_str_has_prefix(name, "0x"))
        return FALSE;
    errno = 0;
    number = strtoul(name, &end, 16);
    if (errno != 0 || *end != '\0' || end == name + 2)
        return FALSE;
    *out_number = number;
    return TRUE;
}

char *
tt_names_name(TtNames table, CK_ULONG number)
{
    for (gsize i = 0; i < tables[table].count; i++) {
        if (tables[table].names[i].number == number)
            return g_strdup(tables[table].names[i].name);
    }
    return g_strdup_printf("0x%lx", number);
}
