/*
 * The way from SYSCALL to a call's body. The table has one row for each number; a call without a body (ABSENT) or without
 * a number returns ENOSYS and is named once on the log.
 */
#include <arch/entry.h>
#include <base/atomic.h>
#include <base/errno.h>
#include <base/log.h>
#include <common/checked.h>
#include <linux/dispatch.h>
#include <linux/syscalls.h>
#include <process/process.h>
#include "trace.h"

enum { SYSCALL_LIMIT = 512, TRACE_LINE = 512 };

/* One entry function for each call: takes the arguments out of the registers and gives them their types. */
#define BODY_FULL(name, arguments)                                                                                     \
    static long enter_##name(const struct user_registers *r)                                                          \
    {                                                                                                                  \
        return sys_##name arguments;                                                                                   \
    }
#define BODY_PARTIAL(name, arguments) BODY_FULL(name, arguments)
#define BODY_ABSENT(name, arguments)
#define A1(t) (t) r->rdi
#define A2(t) (t) r->rsi
#define A3(t) (t) r->rdx
#define A4(t) (t) r->r10
#define A5(t) (t) r->r8
#define A6(t) (t) r->r9
#define SYSCALL0(number, name, status)                 BODY_##status(name, ())
#define SYSCALL1(number, name, status, t1, a1)         BODY_##status(name, (A1(t1)))
#define SYSCALL2(number, name, status, t1, a1, t2, a2) BODY_##status(name, (A1(t1), A2(t2)))
#define SYSCALL3(number, name, status, t1, a1, t2, a2, t3, a3) BODY_##status(name, (A1(t1), A2(t2), A3(t3)))
#define SYSCALL4(number, name, status, t1, a1, t2, a2, t3, a3, t4, a4)                                                 \
    BODY_##status(name, (A1(t1), A2(t2), A3(t3), A4(t4)))
#define SYSCALL5(number, name, status, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                                         \
    BODY_##status(name, (A1(t1), A2(t2), A3(t3), A4(t4), A5(t5)))
#define SYSCALL6(number, name, status, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6)                                 \
    BODY_##status(name, (A1(t1), A2(t2), A3(t3), A4(t4), A5(t5), A6(t6)))
#include <linux/syscalls.def>
#undef SYSCALL0
#undef SYSCALL1
#undef SYSCALL2
#undef SYSCALL3
#undef SYSCALL4
#undef SYSCALL5
#undef SYSCALL6

#define ENTRY_FULL(name)    enter_##name
#define ENTRY_PARTIAL(name) enter_##name
#define ENTRY_ABSENT(name)  NULL
#define SYSCALL0(number, name, status) [number] = ENTRY_##status(name),
#define SYSCALL1(number, name, status, ...) SYSCALL0(number, name, status)
#define SYSCALL2(number, name, status, ...) SYSCALL0(number, name, status)
#define SYSCALL3(number, name, status, ...) SYSCALL0(number, name, status)
#define SYSCALL4(number, name, status, ...) SYSCALL0(number, name, status)
#define SYSCALL5(number, name, status, ...) SYSCALL0(number, name, status)
#define SYSCALL6(number, name, status, ...) SYSCALL0(number, name, status)
static long (*const entries[SYSCALL_LIMIT])(const struct user_registers *) = {
#include <linux/syscalls.def>
};
#undef SYSCALL0
#undef SYSCALL1
#undef SYSCALL2
#undef SYSCALL3
#undef SYSCALL4
#undef SYSCALL5
#undef SYSCALL6

#define SYSCALL0(number, id, status) [number] = {.name = #id},
#define SYSCALL1(number, id, status, t1, a1) [number] = {#id, {#t1}, {#a1}, 1},
#define SYSCALL2(number, id, status, t1, a1, t2, a2) [number] = {#id, {#t1, #t2}, {#a1, #a2}, 2},
#define SYSCALL3(number, id, status, t1, a1, t2, a2, t3, a3) [number] = {#id, {#t1, #t2, #t3}, {#a1, #a2, #a3}, 3},
#define SYSCALL4(number, id, status, t1, a1, t2, a2, t3, a3, t4, a4)                                                   \
    [number] = {#id, {#t1, #t2, #t3, #t4}, {#a1, #a2, #a3, #a4}, 4},
#define SYSCALL5(number, id, status, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                                           \
    [number] = {#id, {#t1, #t2, #t3, #t4, #t5}, {#a1, #a2, #a3, #a4, #a5}, 5},
#define SYSCALL6(number, id, status, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6)                                   \
    [number] = {#id, {#t1, #t2, #t3, #t4, #t5, #t6}, {#a1, #a2, #a3, #a4, #a5, #a6}, 6},
static const struct trace_call calls[SYSCALL_LIMIT] = {
#include <linux/syscalls.def>
};

const char *system_call_name(uint64_t number)
{
    return number < SYSCALL_LIMIT ? calls[number].name : NULL;
}

static long refuse(uint64_t number)
{
    static uint64_t named[SYSCALL_LIMIT / 64]; /* atomic bits */
    if (number >= SYSCALL_LIMIT)
        return -ENOSYS;
    uint64_t bit = UINT64_C(1) << number % 64;
    if (!(atomic_fetch_or(&named[number / 64], bit) & bit))
        log_warning("the program made the system call %s (%u), which Skiff does not have: ENOSYS",
                    calls[number].name ? calls[number].name : "without a name", (unsigned)number);
    return -ENOSYS;
}

static long call_traced(uint64_t number, struct user_registers *registers)
{
    char line[TRACE_LINE];
    trace_call_begin(&calls[number], registers, line);
    uint64_t begin_ns = clock_monotonic_ns();
    long result = entries[number](registers);
    trace_call_end(line, result, clock_monotonic_ns() - begin_ns);
    return result;
}

void system_call_enter(struct user_registers *registers)
{
    uint64_t number = registers->syscall_number;
    if (__builtin_expect(number >= SYSCALL_LIMIT || !entries[number], 0))
        registers->rax = (uint64_t)refuse(number);
    else if (__builtin_expect(load_relaxed(&trace_is_enabled), 0))
        registers->rax = (uint64_t)call_traced(number, registers);
    else
        registers->rax = (uint64_t)entries[number](registers);
    process_end_call();
}
