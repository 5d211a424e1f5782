/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: core/origin.c and the nonce of core/auth-token.c. The input is an origin, a line
 * feed, and a nonce; nothing is to be signed unless both are good, and what is accepted is plain.
 */
#include <stdbool.h>
#include <string.h>

#include "core/base64.h"
#include "tests/fuzz/fuzz.h"
#include "tokenbridge/auth-token.h"
#include "tokenbridge/origin.h"

static void
check_origin(const char *origin, TbStatus status, const TbError *error)
{
    size_t length = strlen(origin);

    FUZZ_CHECK(status == TB_OK || status == TB_ERROR_INVALID || status == TB_ERROR_REFUSED);
    if (status != TB_OK) {
        FUZZ_CHECK(error->status == status && error->message[0]);
        return;
    }
    FUZZ_CHECK(length <= TB_ORIGIN_MAX);
    FUZZ_CHECK(strncmp(origin, "https://", 8) == 0 || strncmp(origin, "http://", 7) == 0);
    FUZZ_CHECK(strspn(origin, "abcdefghijklmnopqrstuvwxyz0123456789-_.:[]/") == length);
    FUZZ_CHECK(strrchr(origin, '/') == strstr(origin, "//") + 1);
    FUZZ_CHECK(origin[length - 1] != '.' && origin[length - 1] != ':');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *origin = malloc(size + 1);
    char *nonce = malloc(size + 1);
    const uint8_t *break_at = size ? memchr(data, '\n', size) : NULL;
    size_t origin_size = break_at ? (size_t)(break_at - data) : size;
    size_t nonce_size = break_at ? size - origin_size - 1 : 0;
    TbError error = {0};
    unsigned char bytes[TB_TO_BE_SIGNED_MAX];
    size_t length = SIZE_MAX, count = 0;
    TbStatus origin_status, nonce_status, status;
    const TbAlgorithm *table = tb_algorithm_table(&count);
    const TbAlgorithm *algorithm = &table[size % count];

    FUZZ_CHECK(origin && nonce);
    /* As C strings, which a NUL of the input ends early. */
    if (origin_size > 0)
        memcpy(origin, data, origin_size);
    origin[origin_size] = '\0';
    if (nonce_size > 0)
        memcpy(nonce, break_at + 1, nonce_size);
    nonce[nonce_size] = '\0';

    origin_status = tb_origin_check(origin, &error);
    check_origin(origin, origin_status, &error);
    nonce_status = tb_nonce_check(nonce, NULL);
    FUZZ_CHECK((nonce_status == TB_OK) ==
               (strlen(nonce) >= TB_NONCE_MIN && strlen(nonce) <= TB_NONCE_MAX &&
                tb_base64_check(nonce, strlen(nonce))));
    status = tb_auth_token_to_be_signed(algorithm, origin, nonce, bytes, &length, NULL);
    FUZZ_CHECK(status == (origin_status != TB_OK ? origin_status : nonce_status));
    FUZZ_CHECK(length == (status == TB_OK ? 2 * algorithm->digest_size : SIZE_MAX));
    free(origin);
    free(nonce);
    return 0;
}
