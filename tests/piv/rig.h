/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a card reader service of our own, with two virtual readers and a PIV card. pcscd has
 * one socket for the whole machine, and vpcd listens on all its addresses; so the test program
 * moves into namespaces of its own first, where /run is empty and the network is only loopback.
 * There nothing disturbs, or is disturbed by, a pcscd of the machine, and everything is gone when
 * the program ends, however it ends. Programs: pcscd, vsmartcard-vpcd, TB_TEST_PIV_CARD. Test code
 * only; one thread.
 */
#pragma once

#include <glib.h>

#define TB_RIG_PIN "123456"
#define TB_RIG_PUK "12345678"

/* Which package is missing, or NULL. */
const char *tb_rig_missing(void);

/* Moves this process into its own namespaces (tests/support/namespace.h); to be called before
 * anything else. Returns what is missing (packages, permission), or NULL. */
const char *tb_rig_enter(void);

typedef struct TbRig TbRig;

/* A folder for it all; nothing runs yet. */
TbRig *tb_rig_new(void);

/* Ends what runs. */
void tb_rig_free(TbRig *rig);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbRig, tb_rig_free)

/* pcscd; returns when it answers, and its readers are there. The card goes into the first one. */
void tb_rig_start_service(TbRig *rig, gboolean with_readers);
void tb_rig_stop_service(TbRig *rig);

/* Resets the card, as any other program may. FALSE when there is none. */
gboolean tb_rig_reset(TbRig *rig);

/* A card that is not inserted yet; one after another. serial tells cards apart, state (a name)
 * keeps PINs apart; slots: "9A=certificate,key" ... up to a NULL (piv-card --help). */
void tb_rig_start_card(TbRig *rig, guint serial, const char *state, const char *const *slots);
void tb_rig_stop_card(TbRig *rig);

/* A slot with the certificate and key of one of the lab's people (tests/worker/lab.h); g_free. */
char *tb_rig_slot(const char *name, const char *user);

/* A card with three people in its slots, and the CA that is between them and the root. */
void tb_rig_start_peoples_card(TbRig *rig, guint serial, const char *state);

/* A command to the card (piv-card --help); fails the test unless it is obeyed. */
void tb_rig_tell(TbRig *rig, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* How many commands with an instruction byte the card has had. */
guint tb_rig_count(TbRig *rig, guint instruction);

/* Waits until pcscd has seen the card come or go; fails the test when that takes seconds. */
void tb_rig_wait_card(TbRig *rig, gboolean there);

/* Both: "insert KIND" or "remove", and the wait. */
void tb_rig_insert(TbRig *rig, const char *kind);
void tb_rig_remove(TbRig *rig);
