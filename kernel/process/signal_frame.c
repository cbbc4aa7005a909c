/*
 * The frame on the program's stack that a handler runs on, and the way back: struct rt_sigframe of Linux x86-64
 * (uapi asm/sigcontext.h, asm/ucontext.h). Everything read back is hostile: selectors are never taken from it, flags
 * are masked, and an address that is not the program's ends in SIGSEGV.
 */
#include <arch/user_state.h>
#include <base/errno.h>
#include "private.h"

struct signal_context { /* struct sigcontext_64 */
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, trap, old_mask, cr2;
    uint64_t fpu_state; /* address */
    uint64_t reserved[8];
};
static_assert(sizeof(struct signal_context) == 256, "sigcontext_64");
struct user_context { /* struct ucontext */
    uint64_t flags, link;
    struct signal_stack stack;
    struct signal_context registers;
    signal_set mask;
};
struct signal_frame { /* struct rt_sigframe */
    uint64_t return_address;
    struct user_context context;
    struct signal_info info;
};
static_assert(sizeof(struct signal_frame) == 440, "rt_sigframe");

enum { RED_ZONE = 128, CONTEXT_FLAGS = 7 /* FP_XSTATE SIGCONTEXT_SS STRICT_RESTORE_SS */ };
enum { STACK_ON = 1, STACK_DISABLE = 2 };
#define STACK_AUTODISARM UINT32_C(0x80000000)
#define FLAGS_TRAP       UINT64_C(0x100)
#define FLAGS_DIRECTION  UINT64_C(0x400)
#define FLAGS_RESUME     UINT64_C(0x10000)
/* CF PF AF ZF SF TF DF OF RF AC: what a program may set. */
#define FLAGS_SETTABLE UINT64_C(0x50dd5)

/* ---- the alternate stack ---- */

static bool is_on_stack(const struct signal_state *state, uintptr_t rsp)
{
    if (state->alternate_stack_flags & STACK_AUTODISARM)
        return false;
    return rsp > state->alternate_stack && rsp - state->alternate_stack <= state->alternate_stack_size;
}

static uint32_t stack_state(const struct signal_state *state, uintptr_t rsp)
{
    if (!state->alternate_stack_size)
        return STACK_DISABLE;
    return is_on_stack(state, rsp) ? STACK_ON : 0;
}

static struct signal_stack describe_stack(const struct signal_state *state, uintptr_t rsp)
{
    return (struct signal_stack){
        .base = state->alternate_stack,
        .flags = stack_state(state, rsp) | (state->alternate_stack_flags & STACK_AUTODISARM),
        .size = state->alternate_stack_size,
    };
}

/* MINSIGSTKSZ is 2048 by the ABI; a stack that cannot hold this CPU's frame fails at delivery. */
static int set_stack(struct signal_state *state, const struct signal_stack *stack, uintptr_t rsp)
{
    enum { MINIMUM = 2048 };
    uint32_t mode = stack->flags & ~STACK_AUTODISARM;
    if (is_on_stack(state, rsp))
        return -EPERM;
    if (mode != STACK_DISABLE && mode != STACK_ON && mode != 0)
        return -EINVAL;
    if (mode == STACK_DISABLE) {
        state->alternate_stack = 0;
        state->alternate_stack_size = 0;
        state->alternate_stack_flags = stack->flags;
        return 0;
    }
    if (stack->size < MINIMUM)
        return -ENOMEM;
    state->alternate_stack = stack->base;
    state->alternate_stack_size = stack->size;
    state->alternate_stack_flags = stack->flags;
    return 0;
}

int signal_stack_change(const struct signal_stack *stack, struct signal_stack *old)
{
    struct task *task = task_current();
    uintptr_t rsp = task_registers(task)->rsp;
    struct signal_stack before = describe_stack(&task->signals, rsp);
    int err = stack ? set_stack(&task->signals, stack, rsp) : 0;
    if (!err && old)
        *old = before;
    return err;
}

/* ---- entering a handler ---- */

/* `out` is zeroed. */
static void save_registers(const struct user_registers *r, const struct task *task, signal_set mask,
                           struct signal_context *out)
{
    out->r8 = r->r8;
    out->r9 = r->r9;
    out->r10 = r->r10;
    out->r11 = r->r11;
    out->r12 = r->r12;
    out->r13 = r->r13;
    out->r14 = r->r14;
    out->r15 = r->r15;
    out->rdi = r->rdi;
    out->rsi = r->rsi;
    out->rbp = r->rbp;
    out->rbx = r->rbx;
    out->rdx = r->rdx;
    out->rax = r->rax;
    out->rcx = r->rcx;
    out->rsp = r->rsp;
    out->rip = r->rip;
    out->rflags = r->rflags;
    out->cs = (uint16_t)r->cs;
    out->ss = (uint16_t)r->ss;
    out->error = task->fault_error;
    out->trap = task->fault_vector;
    out->old_mask = mask;
    out->cr2 = task->fault_address;
}

/* Where the frame goes: 0 when the alternate stack is too small for it. */
static uintptr_t place_frame(const struct task *task, const struct user_registers *registers,
                             const struct signal_action *action, uintptr_t *fpu)
{
    const struct signal_state *state = &task->signals;
    uintptr_t rsp = registers->rsp - RED_ZONE;
    bool is_on = is_on_stack(state, registers->rsp), is_entering = false;
    if ((action->flags & ACTION_ON_STACK) && !is_on && state->alternate_stack_size) {
        rsp = state->alternate_stack + state->alternate_stack_size;
        is_entering = true;
    }
    *fpu = align_down(rsp - arch_fpu_frame_size(), 64);
    uintptr_t frame = align_down(*fpu - sizeof(struct signal_frame), 16) - 8;
    if ((is_on || is_entering) && (frame <= state->alternate_stack || rsp - frame > state->alternate_stack_size))
        return 0;
    return frame < rsp ? frame : 0;
}

int signal_frame_enter(struct user_registers *registers, int number, const struct signal_action *action,
                       const struct signal_info *info, signal_set mask)
{
    struct task *task = task_current();
    uintptr_t fpu, at = place_frame(task, registers, action, &fpu);
    if (!at || !(action->flags & ACTION_RESTORER))
        return -EFAULT;
    struct signal_frame frame = {
        .return_address = action->restorer,
        .context = {.flags = CONTEXT_FLAGS, .stack = describe_stack(&task->signals, registers->rsp), .mask = mask},
        .info = *info,
    };
    save_registers(registers, task, mask, &frame.context.registers);
    frame.context.registers.fpu_state = fpu;
    if (copy_struct_to_user(user_pointer(at), &frame) || arch_fpu_save_to_user(user_pointer(fpu)))
        return -EFAULT;
    if (task->signals.alternate_stack_flags & STACK_AUTODISARM) {
        task->signals.alternate_stack = task->signals.alternate_stack_size = 0;
        task->signals.alternate_stack_flags = STACK_DISABLE;
    }
    registers->rdi = (uint64_t)number;
    registers->rsi = at + offsetof(struct signal_frame, info);
    registers->rdx = at + offsetof(struct signal_frame, context);
    registers->rax = 0;
    registers->rip = action->handler;
    registers->rsp = at;
    registers->rflags &= ~(FLAGS_TRAP | FLAGS_DIRECTION | FLAGS_RESUME);
    registers->syscall_number = UINT64_MAX;
    return 0;
}

/* ---- and back ---- */

static void restore_registers(struct user_registers *r, const struct signal_context *from)
{
    r->r8 = from->r8;
    r->r9 = from->r9;
    r->r10 = from->r10;
    r->r11 = from->r11;
    r->r12 = from->r12;
    r->r13 = from->r13;
    r->r14 = from->r14;
    r->r15 = from->r15;
    r->rdi = from->rdi;
    r->rsi = from->rsi;
    r->rbp = from->rbp;
    r->rbx = from->rbx;
    r->rdx = from->rdx;
    r->rax = from->rax;
    r->rcx = from->rcx;
    r->rsp = from->rsp;
    r->rip = from->rip;
    r->rflags = (r->rflags & ~FLAGS_SETTABLE) | (from->rflags & FLAGS_SETTABLE);
    r->syscall_number = UINT64_MAX;
}

long signal_return(void)
{
    struct task *task = task_current();
    struct user_registers *registers = task_registers(task);
    struct user_context context;
    /* RET has taken the return address off. */
    uintptr_t at = registers->rsp - 8 + offsetof(struct signal_frame, context);
    if (copy_struct_from_user(&context, user_pointer(at)) ||
        arch_fpu_restore_from_user(user_pointer(context.registers.fpu_state))) {
        signal_force(SIGNAL_SEGV, SIGNAL_CODE_KERNEL, 0);
        return (long)registers->rax;
    }
    signal_mask_set(context.mask);
    restore_registers(registers, &context.registers);
    /* Its errors are ignored, as on Linux. */
    set_stack(&task->signals, &context.stack, registers->rsp);
    if (registers->rip >= USER_ADDRESS_MAX) {
        task->fault_address = registers->rip;
        signal_force(SIGNAL_SEGV, SEGV_CODE_NOT_MAPPED, registers->rip);
    }
    return (long)registers->rax;
}
