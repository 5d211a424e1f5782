/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters of system calls: see sandbox-calls.h. A rule is a handful of instructions of the kernel's
 * classic BPF, one rule after the other. Arguments are compared in their lower half only: what is
 * looked at (flags, domains, ioctl numbers) has no other.
 */
#include "host/common/sandbox-calls.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Calls by another machine's numbers (32-bit programs on a 64-bit kernel) would pass by the rules.
 */
#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#define FOREIGN_BIT 0x40000000u /* x32 */
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#endif

/* Not on every machine. */
#ifndef SYS_iopl
#define SYS_iopl TB_CALL_NONE
#define SYS_ioperm TB_CALL_NONE
#endif
#ifndef SYS_kexec_file_load
#define SYS_kexec_file_load TB_CALL_NONE
#endif

struct TbCalls {
    GArray *code; /* struct sock_filter */
};

static void
emit(TbCalls *calls, guint16 code, guint32 operand, guint8 if_not)
{
    const struct sock_filter instruction = {.code = code, .jf = if_not, .k = operand};

    g_array_append_val(calls->code, instruction);
}

static void
emit_load(TbCalls *calls, gsize offset)
{
    emit(calls, BPF_LD | BPF_W | BPF_ABS, (guint32)offset, 0);
}

static void
emit_return(TbCalls *calls, int result)
{
    emit(calls, BPF_RET | BPF_K,
         result == TB_CALL_ALLOW ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | (guint32)result, 0);
}

static void
emit_load_call(TbCalls *calls)
{
    emit_load(calls, offsetof(struct seccomp_data, nr));
}

static gsize
lower_half_of(guint8 argument)
{
    gsize offset = offsetof(struct seccomp_data, args) + argument * sizeof(guint64);

    return G_BYTE_ORDER == G_LITTLE_ENDIAN ? offset : offset + sizeof(guint32);
}

TbCalls *
tb_calls_new(void)
{
    TbCalls *calls = g_new0(TbCalls, 1);

    calls->code = g_array_new(FALSE, FALSE, sizeof(struct sock_filter));
#ifdef MACHINE
    emit_load(calls, offsetof(struct seccomp_data, arch));
    emit(calls, BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1);
    emit(calls, BPF_JMP | BPF_JA, 1, 0);
    emit_return(calls, ENOSYS);
#endif
    emit_load_call(calls);
#ifdef FOREIGN_BIT
    emit(calls, BPF_JMP | BPF_JSET | BPF_K, FOREIGN_BIT, 1);
    emit_return(calls, ENOSYS);
#endif
    return calls;
}

void
tb_calls_add(TbCalls *calls, const TbCallRule *rules, gsize count)
{
    for (gsize i = 0; i < count; i++) {
        const TbCallRule *rule = &rules[i];

        if (rule->call == TB_CALL_NONE)
            continue;
        emit(calls, BPF_JMP | BPF_JEQ | BPF_K, (guint32)rule->call, rule->mask ? 5 : 1);
        if (rule->mask) {
            emit_load(calls, lower_half_of(rule->argument));
            emit(calls, BPF_ALU | BPF_AND | BPF_K, rule->mask, 0);
            emit(calls, BPF_JMP | BPF_JEQ | BPF_K, rule->expected, 1);
        }
        emit_return(calls, rule->result);
        if (rule->mask)
            emit_load_call(calls);
    }
}

void
tb_calls_refuse_usual(TbCalls *calls)
{
    static const int refused[] = {
        SYS_ptrace,
        SYS_process_vm_readv,
        SYS_process_vm_writev,
        SYS_kcmp,
        SYS_pidfd_getfd,
        SYS_perf_event_open,
        SYS_bpf,
        SYS_userfaultfd,
        SYS_io_uring_setup,
        SYS_io_uring_enter,
        SYS_io_uring_register,
        SYS_add_key,
        SYS_request_key,
        SYS_keyctl,
        SYS_mount,
        SYS_umount2,
        SYS_move_mount,
        SYS_open_tree,
        SYS_mount_setattr,
        SYS_fsopen,
        SYS_fsconfig,
        SYS_fsmount,
        SYS_fspick,
        SYS_pivot_root,
        SYS_chroot,
        SYS_setns,
        SYS_unshare,
        SYS_init_module,
        SYS_finit_module,
        SYS_delete_module,
        SYS_kexec_load,
        SYS_kexec_file_load,
        SYS_reboot,
        SYS_swapon,
        SYS_swapoff,
        SYS_acct,
        SYS_quotactl,
        SYS_syslog,
        SYS_settimeofday,
        SYS_clock_settime,
        SYS_iopl,
        SYS_ioperm,
    };
    static const TbCallRule others[] = {
        /* Its flags lie in memory, where a filter cannot look; without it libraries take clone. */
        {.call = SYS_clone3, .result = ENOSYS},
        {.call = SYS_clone, .result = EPERM, .mask = CLONE_NEWUSER, .expected = CLONE_NEWUSER},
        /* Typing into the terminal that the browser was started from. */
        {.call = SYS_ioctl, .result = EPERM, .argument = 1, .mask = ~0u, .expected = TIOCSTI},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++)
        tb_calls_add(calls, &(const TbCallRule){.call = refused[i], .result = EPERM}, 1);
    tb_calls_add(calls, others, G_N_ELEMENTS(others));
}

void
tb_calls_refuse_programs(TbCalls *calls)
{
    static const TbCallRule rules[] = {
        {.call = SYS_execve, .result = EPERM},
        {.call = SYS_execveat, .result = EPERM},
    };

    tb_calls_add(calls, rules, G_N_ELEMENTS(rules));
}

int
tb_calls_enter(TbCalls *calls, int otherwise, gboolean threads)
{
    int result;

    emit_return(calls, otherwise);
#ifdef MACHINE
    struct sock_fprog program = {
        .len = (unsigned short)calls->code->len,
        .filter = (struct sock_filter *)(void *)calls->code->data,
    };
    long entered = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                           threads ? SECCOMP_FILTER_FLAG_TSYNC : 0, &program);
    /* A number of a thread says that this one could not be given the filter. */
    result = entered < 0 ? errno : entered > 0 ? EBUSY : 0;
#else
    result = ENOSYS; /* a filter would be one of numbers that nobody has tried */
#endif
    g_array_unref(calls->code);
    g_free(calls);
    return result;
}
