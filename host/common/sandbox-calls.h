/* SPDX-License-Identifier: Apache-2.0
 *
 * A filter of system calls for this process: a list of rules, of which the first that fits a call
 * decides, made into a program for the kernel (seccomp(2), filter mode). No library for it: the
 * host enters its filter in each start, and libseccomp takes 0.3 ms and 400 kB for what are here a
 * few microseconds (measured on Debian 12).
 *
 * Callable before any thread was started, or, where it says so, with threads.
 */
#pragma once

#include <glib.h>
#include <sys/syscall.h>

#define TB_CALL_ALLOW 0
#define TB_CALL_NONE (-1) /* a call that this machine does not have: its rule is passed over */

typedef struct TbCallRule {
    int call;         /* SYS_... */
    int result;       /* TB_CALL_ALLOW, or the errno that the call fails with */
    guint8 argument;  /* where mask is not 0, the rule fits only when the lower 32 bits of this */
    guint32 mask;     /* argument, with this mask, */
    guint32 expected; /* are this */
} TbCallRule;

typedef struct TbCalls TbCalls;

TbCalls *tb_calls_new(void);
void tb_calls_add(TbCalls *calls, const TbCallRule *rules, gsize count);

/* What none of our processes needs, nor what they load or start: looking into other processes, the
 * kernel's key rings, ways around a filter, what only an administrator does, and typing into the
 * terminal. */
void tb_calls_refuse_usual(TbCalls *calls);

/* Starting programs. */
void tb_calls_refuse_programs(TbCalls *calls);

/* Enters the filter, for good, and frees. otherwise: what becomes of a call that no rule fits;
 * threads: all threads of the process get it. Needs no-new-privileges. 0, or an errno: then there
 * is no filter. */
int tb_calls_enter(TbCalls *calls, int otherwise, gboolean threads);
