/* SPDX-License-Identifier: Apache-2.0
 *
 * How functions of core/ and verify/ report failure: a status, and a struct of the caller's that is
 * filled on failure and left alone on success. Plain C99.
 */
#pragma once

typedef enum TbStatus {
    TB_OK = 0,
    TB_ERROR_INVALID,     /* the input is malformed */
    TB_ERROR_REFUSED,     /* well-formed, but not allowed */
    TB_ERROR_UNSUPPORTED, /* a name this version does not know */
    TB_ERROR_TOO_LARGE,   /* over a stated limit */
    TB_ERROR_CRYPTO,      /* OpenSSL failed; crypto_code has its first error */
    TB_ERROR_MEMORY,
} TbStatus;

typedef struct TbError {
    TbStatus status;
    unsigned long crypto_code; /* ERR_get_error() of the first failure, 0 when none */
    char message[256];         /* one English sentence without a full stop, NUL-terminated */
} TbError;

/* Fills *error, which may be NULL, and returns status, so that "return tb_error_set(...)" works. */
TbStatus tb_error_set(TbError *error, TbStatus status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As tb_error_set with TB_ERROR_CRYPTO; keeps OpenSSL's first queued error and empties its queue.
 */
TbStatus tb_error_set_crypto(TbError *error, const char *what);
