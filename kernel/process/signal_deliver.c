/*
 * On the way to ring 3: the end of the thread, stopping, signals, restart of interrupted calls, rseq. Everything that
 * is_interrupted stands for is looked at here, and only the thread itself clears it.
 */
#include <arch/entry.h>
#include <base/errno.h>
#include <base/log.h>
#include "private.h"

enum { CALL_RESTART = 219 }; /* restart_syscall */
/* QUIT ILL TRAP ABRT BUS FPE SEGV XCPU XFSZ SYS: "core" in signal(7) */
#define DUMPING  (UINT64_C(0x7c) | UINT64_C(1) << 7 | UINT64_C(1) << 10 | UINT64_C(3) << 23 | UINT64_C(1) << 30)
#define STOPPING (UINT64_C(0xf) << 18)

/* Takes the next signal that has an effect now: its number with action and info, or 0. Stopping signals stop here. */
static int take_signal(struct task *task, struct signal_action *action, struct signal_info *info)
{
    struct process *process = task->process;
    for (;;) {
        spin_lock(&process->lock);
        int number = signal_queue_take(&task->signals.pending, task->signals.blocked, info);
        if (!number)
            number = signal_queue_take(&process->pending, task->signals.blocked, info);
        if (!number) {
            spin_unlock(&process->lock);
            return 0;
        }
        spin_lock(&process->actions->lock);
        *action = process->actions->of[number - 1];
        if (action->handler > HANDLER_IGNORE && (action->flags & ACTION_RESET_HAND))
            process->actions->of[number - 1].handler = HANDLER_DEFAULT;
        spin_unlock(&process->actions->lock);
        bool is_default = action->handler == HANDLER_DEFAULT;
        if (is_default && (STOPPING & signal_bit(number)))
            process_stop_begin_locked(process, number);
        spin_unlock(&process->lock);
        if (is_default && (STOPPING & signal_bit(number))) {
            process_stop_wait(task);
            if (task_must_exit(task))
                return 0;
            continue;
        }
        if (action->handler == HANDLER_IGNORE || (is_default && signal_is_ignored_by_default(number)))
            continue;
        return number;
    }
}

/* How an interrupted call ends: again from its start, by restart_syscall, or with EINTR. `action`: NULL, no handler
 * runs. */
static void finish_call(struct user_registers *registers, const struct signal_action *action)
{
    if (registers->syscall_number == UINT64_MAX)
        return;
    uint64_t again = registers->syscall_number;
    switch (-(int64_t)registers->rax) {
    case ERESTARTNOINTR:
        break;
    case ERESTARTSYS:
        if (action && !(action->flags & ACTION_RESTART))
            again = UINT64_MAX;
        break;
    case ERESTARTNOHAND:
        if (action)
            again = UINT64_MAX;
        break;
    case ERESTART_RESTARTBLOCK:
        again = action ? UINT64_MAX : CALL_RESTART;
        break;
    default:
        return;
    }
    registers->syscall_number = UINT64_MAX;
    if (again == UINT64_MAX) {
        registers->rax = (uint64_t)-EINTR;
        return;
    }
    registers->rax = again;
    registers->rip -= 2; /* SYSCALL is two bytes */
}

static void set_blocked(struct task *task, signal_set mask)
{
    struct process *process = task->process;
    spin_lock(&process->lock);
    signal_set newly = mask & ~task->signals.blocked;
    store_relaxed(&task->signals.blocked, mask & ~SIGNALS_UNBLOCKABLE);
    if (newly & process->pending.set)
        signal_tell_other_threads_locked(process, task);
    task_recalculate_interrupt_locked(task);
    spin_unlock(&process->lock);
}

static _Noreturn void die(struct user_registers *registers, int number, const struct signal_info *info)
{
    if (DUMPING & signal_bit(number))
        process_report_crash(registers, number, info);
    process_exit_group(number); /* without the flag for a core file: none is written */
}

static void handle(struct task *task, struct user_registers *registers, int number, const struct signal_action *action,
                   const struct signal_info *info)
{
    signal_set old = task->signals.restore_blocked ? task->signals.saved_blocked : task->signals.blocked;
    finish_call(registers, action);
    if (task->rseq && !rseq_update(task, registers, true))
        die(registers, SIGNAL_SEGV, info);
    if (signal_frame_enter(registers, number, action, info, old)) {
        if (task->thread->lacks_memory)
            process_end_for_memory(registers->rsp);
        /* No room on the stack: a SIGSEGV that a handler of its own may still take, but not for SIGSEGV itself. */
        if (number == SIGNAL_SEGV)
            die(registers, SIGNAL_SEGV, info);
        signal_force(SIGNAL_SEGV, SIGNAL_CODE_KERNEL, 0);
        return;
    }
    task->signals.restore_blocked = false;
    signal_set mask = task->signals.blocked | action->mask;
    if (!(action->flags & ACTION_NO_DEFER))
        mask |= signal_bit(number);
    set_blocked(task, mask);
}

static void deliver(struct task *task, struct user_registers *registers)
{
    struct signal_action action;
    struct signal_info info;
    int number = take_signal(task, &action, &info);
    if (task_must_exit(task))
        return;
    if (number && action.handler == HANDLER_DEFAULT)
        die(registers, number, &info);
    if (number) {
        handle(task, registers, number, &action, &info);
        return;
    }
    finish_call(registers, NULL);
    if (task->signals.restore_blocked) {
        task->signals.restore_blocked = false;
        set_blocked(task, task->signals.saved_blocked);
    }
}

void process_return_to_user(struct user_registers *registers)
{
    struct task *task = task_current();
    struct thread *thread = task->thread;
    if (atomic_exchange(&thread->is_interrupted, 0u)) {
        if (task_must_exit(task))
            process_exit_thread(task->process->exit_status);
        if (thread->lacks_memory)
            process_end_for_memory(0);
        process_stop_wait(task);
        process_do_work(task->process);
        deliver(task, registers);
        /* One at a time: arch looks again while more are pending. */
        if (signal_is_pending() || task_must_exit(task))
            store_release(&thread->is_interrupted, 1u);
    }
    sched_safe_point();
    if (task->rseq && !rseq_update(task, registers, false))
        signal_force(SIGNAL_SEGV, SEGV_CODE_NOT_MAPPED, user_address(task->rseq));
}

/* ---- masks ---- */

void signal_mask_set(signal_set mask)
{
    set_blocked(task_current(), mask);
}

void signal_mask_swap(signal_set mask)
{
    struct task *task = task_current();
    task->signals.saved_blocked = task->signals.blocked;
    task->signals.restore_blocked = true;
    set_blocked(task, mask);
}

int signal_mask_swap_from_user(const struct user *mask, size_t size)
{
    signal_set set;
    if (!mask)
        return 0;
    if (size != sizeof set)
        return -EINVAL;
    if (copy_struct_from_user(&set, mask))
        return -EFAULT;
    signal_mask_swap(set);
    return 0;
}

void signal_mask_restore(void)
{
    struct task *task = task_current();
    if (!task->signals.restore_blocked || signal_is_pending())
        return;
    task->signals.restore_blocked = false;
    set_blocked(task, task->signals.saved_blocked);
}

/* ---- actions, pending, waiting ---- */

int signal_action_change(int number, const struct signal_action *action, struct signal_action *old)
{
    struct process *process = process_current();
    if (number < 1 || number > SIGNAL_COUNT || (action && (SIGNALS_UNBLOCKABLE & signal_bit(number))))
        return -EINVAL;
    spin_lock(&process->lock);
    spin_lock(&process->actions->lock);
    struct signal_action *of = &process->actions->of[number - 1];
    if (old)
        *old = *of;
    if (action) {
        *of = *action;
        of->mask &= ~SIGNALS_UNBLOCKABLE;
    }
    spin_unlock(&process->actions->lock);
    /* POSIX: a pending signal whose action becomes "ignore" is discarded, blocked or not. */
    if (action && signal_is_ignored_locked(process, number)) {
        struct task *task;
        signal_queue_remove(&process->pending, signal_bit(number));
        list_for_each(task, &process->tasks, process_link)
        {
            signal_queue_remove(&task->signals.pending, signal_bit(number));
        }
    }
    spin_unlock(&process->lock);
    return 0;
}

signal_set signal_pending_set(void)
{
    struct task *task = task_current();
    spin_lock(&task->process->lock);
    signal_set set = (task->signals.pending.set | task->process->pending.set) & task->signals.blocked;
    spin_unlock(&task->process->lock);
    return set;
}

int signal_take(signal_set set, struct signal_info *info)
{
    struct task *task = task_current();
    spin_lock(&task->process->lock);
    int number = signal_queue_take(&task->signals.pending, ~set, info);
    if (!number)
        number = signal_queue_take(&task->process->pending, ~set, info);
    spin_unlock(&task->process->lock);
    return number;
}

struct signal_wait_state {
    signal_set set;
    struct signal_info *info;
    int number;
};

static bool try_take(void *argument)
{
    struct signal_wait_state *state = argument;
    if (!state->number)
        state->number = signal_take(state->set, state->info);
    return state->number;
}

static void set_wanted(struct task *task, signal_set set)
{
    spin_lock(&task->process->lock);
    task->signals.wanted = set;
    spin_unlock(&task->process->lock);
}

int signal_wait(signal_set set, struct signal_info *info, uint64_t deadline_ns)
{
    struct task *task = task_current();
    struct signal_wait_state state = {.set = set & ~SIGNALS_UNBLOCKABLE, .info = info};
    if (try_take(&state))
        return state.number;
    if (!deadline_ns)
        return -EAGAIN;
    set_wanted(task, state.set);
    int err = wait_until(&task->signals.event, try_take, &state, WAIT_INTERRUPTIBLE, deadline_ns, false);
    set_wanted(task, 0);
    if (try_take(&state))
        return state.number;
    return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
}
