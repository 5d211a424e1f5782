/* SPDX-License-Identifier: Apache-2.0
 *
 * The dialog that changes the PIN of a token, or unblocks it with the PUK. No site asks for it: the
 * user opened it, in the extension's own page or on the command line. GTK's thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "host/prompt/message.h"
#include "host/prompt/window.h"

typedef struct TbPinCare TbPinCare;

/* show is a message of that type for TB_OPERATION_CHANGE_PIN or TB_OPERATION_UNBLOCK_PIN, and is
 * borrowed; the language is set already. submitted comes with the id NULL. Returns NULL with
 * internal when there is no secure memory for the PINs. */
TbPinCare *tb_pin_care_new(const TbMessage *show, const TbWindowEvents *events, gpointer data,
                           GError **error);

/* Wipes the PINs and closes the window. */
void tb_pin_care_free(TbPinCare *care);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbPinCare, tb_pin_care_free)

/* message is of type token; its token is taken. */
void tb_pin_care_set_token(TbPinCare *care, TbMessage *message);

/* Writes the PIN or PUK and the new PIN to fd and wipes them, also when fd does not take them.
 * False when nothing was submitted. */
gboolean tb_pin_care_write_pins(TbPinCare *care, int fd);

void tb_pin_care_set_working(TbPinCare *care, gboolean pad);

/* message is of type pin_failed, and borrowed. */
void tb_pin_care_set_failed_pin(TbPinCare *care, const TbMessage *message);
void tb_pin_care_set_done(TbPinCare *care);

/* text is the host's own English sentence about the failure. */
void tb_pin_care_set_failed(TbPinCare *care, TbReason reason, const char *text);
