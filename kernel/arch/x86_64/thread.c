/* Switching threads: stacks, the stack of the next entry from ring 3, FPU, FS and GS bases. */
#include "cpu_local.h"
#include "fpu.h"
#include "segment_base.h"
#include <base/errno.h>
#include <base/string.h>
#include <mm/alloc.h>
#include <sched/thread.h>

void thread_switch_stack(uint64_t *save, uint64_t load);
void arch_thread_begin(void);
_Noreturn void arch_enter_user_at(struct user_registers *registers);

void arch_thread_prepare(struct arch_thread *thread, void *stack_top, void (*entry)(void *), void *argument)
{
    /* As thread_switch_stack pops them: R15 to R12, RBX, RBP, the return address; then two words, for alignment. */
    uint64_t *stack = (uint64_t *)stack_top - 9;
    memset(stack, 0, 9 * sizeof *stack);
    stack[3] = (uintptr_t)argument;
    stack[4] = (uintptr_t)entry;
    stack[6] = (uintptr_t)arch_thread_begin;
    thread->kernel_stack_pointer = (uintptr_t)stack;
}

int arch_thread_add_user_state(struct arch_thread *thread, const struct arch_thread *from)
{
    struct fpu_state *state = fpu_alloc();
    if (!state)
        return -ENOMEM;
    if (from && from->fpu) {
        struct arch_thread *current = &thread_current()->arch;
        uint64_t irq = arch_irq_save();
        if (from == current) {
            fpu_save(from->fpu);
            segment_bases_save(current);
        }
        memcpy(state->image, ((const struct fpu_state *)from->fpu)->image, fpu_image_size);
        thread->fs_base = from->fs_base;
        thread->gs_base = from->gs_base;
        arch_irq_restore(irq);
    }
    uint64_t irq = arch_irq_save();
    thread->fpu = state;
    if (thread == &thread_current()->arch) {
        fpu_restore(state);
        segment_bases_load(thread);
    }
    arch_irq_restore(irq);
    return 0;
}

void arch_thread_destroy(struct arch_thread *thread)
{
    kfree(thread->fpu);
    thread->fpu = NULL;
}

/* Only threads with program state have an FPU image; kernel threads leave registers and bases as they find them. */
void arch_thread_switch(struct arch_thread *from, struct arch_thread *to, void *to_kernel_stack_top)
{
    if (from->fpu) {
        fpu_save(from->fpu);
        segment_bases_save(from);
    }
    cpu_set_kernel_stack(cpu_this(), to_kernel_stack_top);
    if (to->fpu) {
        fpu_restore(to->fpu);
        segment_bases_load(to);
    }
    thread_switch_stack(&from->kernel_stack_pointer, to->kernel_stack_pointer);
}

void arch_enter_user(struct user_registers *registers)
{
    arch_enter_user_at(registers);
}

/* Its registers as thread_switch_stack pushed them: RBP above the other five, then the return address. */
void arch_thread_print_backtrace(const struct arch_thread *thread)
{
    const uint64_t *stack = (const uint64_t *)thread->kernel_stack_pointer;
    if (stack)
        backtrace_print((const void *)stack[5], stack[6]);
}
