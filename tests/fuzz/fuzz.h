/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fuzz targets share: libFuzzer's entry point, and an assertion that also holds in release
 * builds. Inputs are arbitrary bytes; each target asserts properties, not only that nothing breaks.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
