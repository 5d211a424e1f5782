/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a lab of tests/lab/make-lab (TB_TEST_MAKE_LAB) in a folder that goes with the program,
 * and token stores put together from it. Test code only; one thread.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

/* Makes the lab at the first call, with --only $TB_TEST_LAB_ONLY if that is set. */
const json_t *tb_test_lab(void);

/* Removes it; call at the end of main. */
void tb_test_lab_remove(void);

/* The lab's entry for a user, with "sha256", "key" and so on. */
const json_t *tb_test_lab_user(const char *user);

/* A string of the lab's: "module", "pin". */
const char *tb_test_lab_string(const char *member);

/* A new folder beside the lab; g_free it. */
char *tb_test_lab_folder(const char *name);

/* A token store in such a folder with the tokens named ("default", "rsa" ...) up to a NULL. Returns
 * the path of its softhsm2.conf. */
char *tb_test_lab_store(const char *name, const char *const *tokens);

/* Puts a token into a store, or takes all tokens out of it; conf as from tb_test_lab_store(). */
void tb_test_lab_insert(const char *conf, const char *token);
void tb_test_lab_take_out(const char *conf);

/* Runs a program; fails the test unless it exits 0. Arguments up to a NULL. */
void tb_test_lab_run(const char *softhsm_conf, const char *program, ...) G_GNUC_NULL_TERMINATED;
