/* SPDX-License-Identifier: Apache-2.0
 *
 * Fault sweeps: something that the code calls fails at its nth call, for every n until there is no
 * nth call. Calls of our own objects are wrapped by the linker, OpenSSL's allocations by its hooks;
 * GLib is left alone, for it ends the process without memory, and jansson does as GLib does
 * (docs/testing.md). Test code only; one thread.
 */
#pragma once

#include <glib.h>

typedef enum SweepWhat {
    SWEEP_ALLOCATION, /* malloc, calloc, realloc of core/ and host/, and OpenSSL's */
    SWEEP_READ,       /* read, recvmsg */
    SWEEP_WRITE,      /* write, sendmsg */
    SWEEP_POLL,
    SWEEP_MAKE, /* pipe2, fork */
    SWEEP_WHAT_LAST = SWEEP_MAKE,
} SweepWhat;

/* A way to fail. */
typedef struct SweepFault {
    const char *name;
    SweepWhat what;
    int error;         /* errno */
    gboolean partly;   /* no error: one byte of what was asked */
    gboolean lasting;  /* all later calls fail as well */
    gboolean harmless; /* whoever asks goes on as if nothing had been */
} SweepFault;

/* All of them, up to one without a name. */
extern const SweepFault sweep_faults[];

/* Call first in main: OpenSSL's hooks can be set only before it allocates. */
void sweep_init(void);

/* Runs body with the fault at the 1st, 2nd ... call made between sweep_on() and sweep_off(), until
 * one run has none. Returns how many runs had the fault; fails the test over max calls. step: of
 * allocations only each so many, for what other sweeps cover for the most part. */
typedef void (*SweepBody)(const SweepFault *fault, gpointer data);
guint sweep_run(const SweepFault *fault, SweepBody body, gpointer data, guint max, guint step);

/* Only between these do calls fail; a body wraps them around what it tests. */
void sweep_on(void);
void sweep_off(void);

/* Whether the fault came in this run. */
gboolean sweep_fired(void);
