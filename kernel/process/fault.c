/* Exceptions taken in ring 3: page faults are resolved or become SIGSEGV or SIGBUS, the others become their signals. */
#include <arch/entry.h>
#include <arch/user_state.h>
#include <base/log.h>
#include "private.h"

enum vector {
    VECTOR_DIVIDE = 0,
    VECTOR_DEBUG = 1,
    VECTOR_BREAKPOINT = 3,
    VECTOR_OVERFLOW = 4,
    VECTOR_BOUND = 5,
    VECTOR_INVALID_OPCODE = 6,
    VECTOR_STACK = 12,
    VECTOR_PROTECTION = 13,
    VECTOR_PAGE = 14,
    VECTOR_X87 = 16,
    VECTOR_ALIGNMENT = 17,
    VECTOR_SIMD = 19,
};
enum { ERROR_WRITE = 2, ERROR_FETCH = 16 };
enum {
    FPE_DIVIDE = 1,
    FPE_FLOAT_DIVIDE = 3,
    FPE_OVERFLOW = 4,
    FPE_UNDERFLOW = 5,
    FPE_INEXACT = 6,
    FPE_INVALID = 7,
    ILL_OPERAND = 2,
    TRAP_BREAKPOINT = 1,
    TRAP_TRACE = 2,
};

_Noreturn void process_end_for_memory(uintptr_t address)
{
    if (process_out_of_memory)
        process_out_of_memory(process_current(), address);
    process_exit_group(SIGNAL_KILL);
}

static void page_fault(struct task *task, uint64_t error_code, uintptr_t address)
{
    enum fault_access access = error_code & ERROR_FETCH   ? FAULT_EXECUTE
                               : error_code & ERROR_WRITE ? FAULT_WRITE
                                                          : FAULT_READ;
    enum fault_result result =
        address < USER_ADDRESS_MAX ? address_space_fault(task->process->space, address, access) : FAULT_NOT_MAPPED;
    if (result == FAULT_OK)
        return;
    task->fault_vector = VECTOR_PAGE;
    task->fault_error = error_code;
    task->fault_address = address;
    switch (result) {
    case FAULT_NOT_ALLOWED:
        signal_force(SIGNAL_SEGV, SEGV_CODE_NOT_ALLOWED, address);
        break;
    case FAULT_BEYOND_END:
        signal_force(SIGNAL_BUS, BUS_CODE_ADDRESS, address);
        break;
    case FAULT_OUT_OF_MEMORY:
        process_end_for_memory(address);
    default:
        signal_force(SIGNAL_SEGV, SEGV_CODE_NOT_MAPPED, address);
    }
}

/* Which si_code: Linux's order, the gravest first. */
static int fpe_code(unsigned vector)
{
    static const struct {
        unsigned flags;
        int code;
    } codes[] = {
        {1, FPE_INVALID}, {4, FPE_FLOAT_DIVIDE}, {8, FPE_OVERFLOW}, {16 | 2, FPE_UNDERFLOW}, {32, FPE_INEXACT}};
    unsigned raised = arch_fpu_exceptions(vector);
    for (unsigned i = 0; i < ARRAY_SIZE(codes); i++)
        if (raised & codes[i].flags)
            return codes[i].code;
    return FPE_INVALID;
}

void process_user_fault(struct user_registers *registers, unsigned vector, uint64_t error_code, uintptr_t address)
{
    static const struct {
        int signal, code;
        bool has_address; /* si_addr is rip */
    } signals[32] = {
        [VECTOR_DIVIDE] = {SIGNAL_FPE, FPE_DIVIDE, true},
        [VECTOR_DEBUG] = {SIGNAL_TRAP, TRAP_TRACE, true},
        [VECTOR_BREAKPOINT] = {SIGNAL_TRAP, SIGNAL_CODE_KERNEL, false},
        [VECTOR_OVERFLOW] = {SIGNAL_SEGV, SIGNAL_CODE_KERNEL, false},
        [VECTOR_BOUND] = {SIGNAL_SEGV, SIGNAL_CODE_KERNEL, false},
        [VECTOR_INVALID_OPCODE] = {SIGNAL_ILL, ILL_OPERAND, true},
        [VECTOR_STACK] = {SIGNAL_BUS, SIGNAL_CODE_KERNEL, false},
        [VECTOR_PROTECTION] = {SIGNAL_SEGV, SIGNAL_CODE_KERNEL, false},
        [VECTOR_ALIGNMENT] = {SIGNAL_BUS, BUS_CODE_ALIGNMENT, false},
    };
    struct task *task = task_current();
    registers->syscall_number = UINT64_MAX;
    if (vector == VECTOR_PAGE) {
        page_fault(task, error_code, address);
        return;
    }
    task->fault_vector = vector;
    task->fault_error = error_code;
    if (vector == VECTOR_X87 || vector == VECTOR_SIMD)
        signal_force(SIGNAL_FPE, fpe_code(vector), registers->rip);
    else if (vector < ARRAY_SIZE(signals) && signals[vector].signal)
        signal_force(signals[vector].signal, signals[vector].code, signals[vector].has_address ? registers->rip : 0);
    else
        signal_force(SIGNAL_SEGV, SIGNAL_CODE_KERNEL, 0);
}
