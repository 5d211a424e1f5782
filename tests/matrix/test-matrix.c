/* SPDX-License-Identifier: Apache-2.0
 *
 * The suite over one kind of token, which the first argument names. Skips, and says why, what the
 * kind cannot do or the machine does not have.
 */
#include <stdio.h>
#include <string.h>

#include "tests/matrix/suite.h"
#include "tests/support/namespace.h"
#include "tests/worker/lab.h"

static const TbKind *const kinds[] = {&tb_kind_test,         &tb_kind_softhsm, &tb_kind_softokn,
                                      &tb_kind_opencryptoki, &tb_kind_tpm,     &tb_kind_piv};

static const TbKind *kind;
static const char *missing; /* why nothing can run; NULL: it can */
static gboolean as_made;    /* the token is as it was made */

static const char *
why_not(const TbSuiteCase *which)
{
    if (missing || which->reason == 0)
        return missing;
    return *(const char *const *)(const void *)((const char *)kind + which->reason);
}

static void
run(gconstpointer data)
{
    const TbSuiteCase *which = data;
    TbBench bench = {.kind = kind};

    if (why_not(which)) {
        g_test_skip(why_not(which));
        return;
    }
    if (!as_made)
        kind->refresh();
    as_made = which->harm == TB_SUITE_HARM_NONE ||
              (which->harm == TB_SUITE_HARM_TRIES && kind->right_gives_tries_back);
    tb_bench_start(&bench, NULL, NULL);
    which->run(&bench);
    tb_bench_stop(&bench);
}

static gboolean
find_kind(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_strcmp0(kinds[i]->name, name) == 0)
            kind = kinds[i];
    }
    return kind != NULL;
}

int
main(int argc, char **argv)
{
    int status;

    if (argc < 2 || !find_kind(argv[1])) {
        (void)fputs("usage: test-matrix KIND [GTEST-OPTION...]\n", stderr);
        return 2;
    }
    argv[1] = argv[0];
    argc--;
    argv++;
    missing = tb_test_namespace_enter();
    if (!missing && kind->missing)
        missing = kind->missing();
    g_test_init(&argc, &argv, NULL);
    for (const TbSuiteCase *which = tb_suite; which->name; which++) {
        g_autofree char *path = g_strdup_printf("/%s/%s", kind->name, which->name);

        g_test_add_data_func(path, which, run);
    }
    if (!missing)
        kind->make();
    status = g_test_run();
    if (!missing && kind->finish)
        kind->finish();
    tb_test_lab_remove();
    return status;
}
