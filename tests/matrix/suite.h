/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: the cases that every kind of token goes through. Test code only; one thread.
 */
#pragma once

#include "tests/matrix/bench.h"

typedef struct TbSuiteCase {
    const char *name;
    void (*run)(TbBench *bench);
    /* Where the kind says why it cannot; offset into TbKind, 0: all can. */
    gsize reason;
    gboolean harms; /* leaves a token that is not as it was made */
} TbSuiteCase;

/* Up to one without a name. */
extern const TbSuiteCase tb_suite[];
