/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz target: core/base64.c. Whatever is accepted has exactly this one spelling, and whatever is
 * encoded comes back.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length = SIZE_MAX;
    unsigned char *bytes = tb_base64_decode((const char *)data, size, &length);
    char *text = tb_base64_encode(data, size);
    size_t back_length = SIZE_MAX;
    unsigned char *back;

    FUZZ_CHECK((bytes != NULL) == tb_base64_check((const char *)data, size));
    if (bytes) {
        char *again = tb_base64_encode(bytes, length);

        FUZZ_CHECK(again && strlen(again) == size && memcmp(again, data, size) == 0);
        free(again);
    } else {
        FUZZ_CHECK(length == SIZE_MAX);
    }
    FUZZ_CHECK(text && strlen(text) == (size + 2) / 3 * 4);
    back = tb_base64_decode(text, strlen(text), &back_length);
    FUZZ_CHECK(back && back_length == size && memcmp(back, data, size) == 0);
    free(bytes);
    free(text);
    free(back);
    return 0;
}
