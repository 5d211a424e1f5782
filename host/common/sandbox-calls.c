/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters of system calls: see sandbox-calls.h. Arguments are compared in their lower half where
 * they can be: what is looked at (flags, domains, ioctl numbers) has no other. What the kernel does
 * not offer shows at the end only; until then a fault is kept, so that callers need one check.
 */
#include "host/common/sandbox-calls.h"

#include <errno.h>
#include <sched.h>
#include <sys/ioctl.h>

struct TbCalls {
    scmp_filter_ctx filter;
    int fault; /* the first errno, or 0 */
};

static guint32
action_of(int result)
{
    return result == TB_CALL_ALLOW ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((guint32)result);
}

/* result: of a function of libseccomp, a negative errno. */
static void
keep_fault(TbCalls *calls, int result)
{
    if (result < 0 && !calls->fault)
        calls->fault = -result;
}

static void
set(TbCalls *calls, enum scmp_filter_attr attribute, guint32 value)
{
    if (!calls->fault)
        keep_fault(calls, seccomp_attr_set(calls->filter, attribute, value));
}

TbCalls *
tb_calls_new(int otherwise)
{
    TbCalls *calls = g_new0(TbCalls, 1);

    calls->filter = seccomp_init(action_of(otherwise));
    if (!calls->filter)
        calls->fault = ENOMEM;
    set(calls, SCMP_FLTATR_CTL_NNP, FALSE); /* the caller's */
    set(calls, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    set(calls, SCMP_FLTATR_API_SYSRAWRC, TRUE);
    return calls;
}

void
tb_calls_add(TbCalls *calls, const TbCallRule *rules, gsize count)
{
    for (gsize i = 0; i < count && !calls->fault; i++) {
        const TbCallRule *rule = &rules[i];
        const struct scmp_arg_cmp condition = {
            .arg = rule->argument,
            .op = rule->differs ? SCMP_CMP_NE : SCMP_CMP_MASKED_EQ,
            .datum_a = rule->differs ? rule->expected : rule->mask,
            .datum_b = rule->differs ? 0 : rule->expected,
        };

        keep_fault(calls, seccomp_rule_add_array(calls->filter, action_of(rule->result), rule->call,
                                                 rule->differs || rule->mask ? 1 : 0, &condition));
    }
}

void
tb_calls_refuse_usual(TbCalls *calls)
{
    static const int refused[] = {
        SCMP_SYS(ptrace),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(kcmp),
        SCMP_SYS(pidfd_getfd),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(bpf),
        SCMP_SYS(userfaultfd),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(io_uring_enter),
        SCMP_SYS(io_uring_register),
        SCMP_SYS(add_key),
        SCMP_SYS(request_key),
        SCMP_SYS(keyctl),
        SCMP_SYS(mount),
        SCMP_SYS(umount2),
        SCMP_SYS(move_mount),
        SCMP_SYS(open_tree),
        SCMP_SYS(mount_setattr),
        SCMP_SYS(fsopen),
        SCMP_SYS(fsconfig),
        SCMP_SYS(fsmount),
        SCMP_SYS(fspick),
        SCMP_SYS(pivot_root),
        SCMP_SYS(chroot),
        SCMP_SYS(setns),
        SCMP_SYS(unshare),
        SCMP_SYS(init_module),
        SCMP_SYS(finit_module),
        SCMP_SYS(delete_module),
        SCMP_SYS(kexec_load),
        SCMP_SYS(kexec_file_load),
        SCMP_SYS(reboot),
        SCMP_SYS(swapon),
        SCMP_SYS(swapoff),
        SCMP_SYS(acct),
        SCMP_SYS(quotactl),
        SCMP_SYS(syslog),
        SCMP_SYS(settimeofday),
        SCMP_SYS(clock_settime),
        SCMP_SYS(iopl),
        SCMP_SYS(ioperm),
    };
    static const TbCallRule others[] = {
        /* Its flags lie in memory, where a filter cannot look; without it libraries take clone. */
        {.call = SCMP_SYS(clone3), .result = ENOSYS},
        {.call = SCMP_SYS(clone),
         .result = EPERM,
         .mask = CLONE_NEWUSER,
         .expected = CLONE_NEWUSER},
        /* Typing into the terminal that the browser was started from. */
        {.call = SCMP_SYS(ioctl), .result = EPERM, .argument = 1, .mask = ~0u, .expected = TIOCSTI},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++)
        tb_calls_add(calls, &(const TbCallRule){.call = refused[i], .result = EPERM}, 1);
    tb_calls_add(calls, others, G_N_ELEMENTS(others));
}

void
tb_calls_refuse_programs(TbCalls *calls)
{
    static const TbCallRule rules[] = {
        {.call = SCMP_SYS(execve), .result = EPERM},
        {.call = SCMP_SYS(execveat), .result = EPERM},
    };

    tb_calls_add(calls, rules, G_N_ELEMENTS(rules));
}

int
tb_calls_enter(TbCalls *calls)
{
    int result;

    /* Refused where there is no seccomp(2), but only prctl(2)'s filters of before Linux 3.17. */
    if (!calls->fault && seccomp_attr_set(calls->filter, SCMP_FLTATR_CTL_TSYNC, TRUE) != 0)
        calls->fault = ENOSYS;
    if (!calls->fault)
        keep_fault(calls, seccomp_load(calls->filter));
    if (calls->filter)
        seccomp_release(calls->filter);
    result = calls->fault;
    g_free(calls);
    return result;
}
