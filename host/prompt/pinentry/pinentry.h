/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows screens (stage.h) through a pinentry program. It takes the first program of a list that
 * works here, and goes on with the next when one fails. A screen that is on show is taken away by
 * killing the program: pinentry has no other way. Never blocks; one thread.
 *
 * The external password cache is never allowed and no key is ever named, so that no keyring can
 * keep the PIN.
 */
#pragma once

#include <glib.h>

#include "core/secret.h"
#include "host/prompt/pinentry/stage.h"

typedef struct TbPinentry TbPinentry;

/* programs: absolute paths, NULL-terminated, in the order of preference. Starts the first. NULL
 * when the secure heap is full. */
TbPinentry *tb_pinentry_new(const char *const *programs, gint64 now);
void tb_pinentry_free(TbPinentry *pinentry); /* ends what is on show */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbPinentry, tb_pinentry_free)

int tb_pinentry_get_fd(const TbPinentry *pinentry);          /* for poll; -1: none now */
gint64 tb_pinentry_get_deadline(const TbPinentry *pinentry); /* when to call step at last; -1 */

/* Shows a screen (borrowed) in place of the one on show; NULL takes that away. */
void tb_pinentry_show(TbPinentry *pinentry, const TbScreen *screen, gint64 now);

typedef enum TbPinentryEvent {
    TB_PINENTRY_NOTHING,
    TB_PINENTRY_READY,  /* a program works; comes once */
    TB_PINENTRY_ANSWER, /* *out_answer; a PIN is fetched by take_pin */
    TB_PINENTRY_FAILED, /* no program works; error says why for each */
} TbPinentryEvent;

/* To be called when the descriptor is readable, at the deadline, and after show, until it says
 * NOTHING. */
TbPinentryEvent tb_pinentry_step(TbPinentry *pinentry, gint64 now, TbAnswer *out_answer,
                                 GError **error);

/* The PIN of the last answer, the caller's; NULL when the user typed nothing. */
TbSecret *tb_pinentry_take_pin(TbPinentry *pinentry);
