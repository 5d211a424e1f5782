/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: the cases that every kind of token goes through. Test code only; one thread.
 */
#pragma once

#include "tests/matrix/bench.h"

/* What is left of the token as it was made. */
typedef enum TbSuiteHarm {
    TB_SUITE_HARM_NONE,
    TB_SUITE_HARM_TRIES, /* all, if a right PIN gives the tries back */
    TB_SUITE_HARM_ALL,
} TbSuiteHarm;

typedef struct TbSuiteCase {
    const char *name;
    void (*run)(TbBench *bench);
    /* Where the kind says why it cannot; offset into TbKind, 0: all can. */
    gsize reason;
    TbSuiteHarm harm;
} TbSuiteCase;

/* Up to one without a name. */
extern const TbSuiteCase tb_suite[];
