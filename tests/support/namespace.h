/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests that start daemons: moves a test program into namespaces of its own. There /run,
 * /var/tmp and shared memory are empty, the network is only loopback, and when the program ends,
 * however it ends, every process that it or a daemon of its started ends with it. So nothing of the
 * machine's own pcscd, pkcsslotd or TPM is used or disturbed, two test runs do not see each other,
 * and nothing stays behind. Test code only; one thread.
 */
#pragma once

/* A folder that goes with the namespaces; TMPDIR, HOME and the like point to it. */
#define TB_TEST_NAMESPACE_FOLDER "/var/tmp/tokenbridge"

/* To be called before anything else in main. Returns NULL in the new namespaces, and why not where
 * this system does not let us. The calling process stays outside, and ends as the one inside does.
 */
const char *tb_test_namespace_enter(void);
