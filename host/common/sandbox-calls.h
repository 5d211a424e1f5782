/* SPDX-License-Identifier: Apache-2.0
 *
 * A filter of system calls for this process: rules, made into a program for the kernel by
 * libseccomp (seccomp(2), filter mode), which knows each machine's calls and lets none pass by in
 * another machine's manner (32-bit, x32). A call that this machine does not have is passed over.
 *
 * Rules have no order: those of one call must not fit the same arguments, but where their result is
 * the same; and a rule without a condition is the only one of its call.
 *
 * Callable before any thread was started, or with threads: all of them get the filter.
 */
#pragma once

#include <glib.h>
#include <seccomp.h>

#define TB_CALL_ALLOW 0

typedef struct TbCallRule {
    int call;         /* SCMP_SYS(...) */
    int result;       /* TB_CALL_ALLOW, or the errno that the call fails with */
    guint8 argument;  /* where mask is not 0, the rule fits only when the lower 32 bits of this */
    guint32 mask;     /* argument, with this mask, */
    guint32 expected; /* are this */
    gboolean differs; /* or, with no mask, when the argument is not what is expected */
} TbCallRule;

typedef struct TbCalls TbCalls;

/* otherwise: what becomes of a call that no rule fits; no rule may have this as its result. */
TbCalls *tb_calls_new(int otherwise);
void tb_calls_add(TbCalls *calls, const TbCallRule *rules, gsize count);

/* What none of our processes needs, nor what they load or start: looking into other processes, the
 * kernel's key rings, ways around a filter, what only an administrator does, and typing into the
 * terminal. */
void tb_calls_refuse_usual(TbCalls *calls);

/* Starting programs. */
void tb_calls_refuse_programs(TbCalls *calls);

/* Enters the filter, for good, and frees. Needs no-new-privileges. 0, or an errno: then there is no
 * filter. */
int tb_calls_enter(TbCalls *calls);
