/*
 * Stopping and continuing. The thread that takes a stop signal sets is_stopped and interrupts the others; each thread
 * then waits on its way to ring 3. When the last one waits, the parent is told. SIGCONT and the end undo it.
 */
#include <base/errno.h>
#include "private.h"

void process_stop_begin_locked(struct process *process, int number)
{
    struct task *task;
    if (process->is_exiting || process->is_stopped)
        return;
    process->is_stopped = true;
    process->stop_signal = number;
    process->has_stop_report = process->has_continue_report = false;
    list_for_each(task, &process->tasks, process_link)
    {
        thread_interrupt(task->thread);
    }
}

/* All threads that are left wait now: the parent may know. */
void process_stop_check_locked(struct process *process, bool *all_stopped)
{
    if (!process->is_stopped || process->has_stop_report || process->stopped_count < process->task_count)
        return;
    process->has_stop_report = true;
    *all_stopped = true;
}

void process_stop_notify(struct process *process, bool is_continue)
{
    spin_lock(&process_tree_lock);
    if (process->parent)
        process_notify_parent_locked(process, is_continue ? CHILD_CODE_CONTINUED : CHILD_CODE_STOPPED,
                                     is_continue ? SIGNAL_CONT : process->stop_signal);
    spin_unlock(&process_tree_lock);
}

static bool may_go_on(void *argument)
{
    struct task *task = argument;
    return !load_acquire(&task->process->is_stopped) || task_must_exit(task);
}

void process_stop_wait(struct task *task)
{
    struct process *process = task->process;
    bool all_stopped = false, is_continue = false;
    spin_lock(&process->lock);
    bool is_stopped = process->is_stopped && !process->is_exiting;
    if (is_stopped) {
        process->stopped_count++;
        process_stop_check_locked(process, &all_stopped);
    }
    spin_unlock(&process->lock);
    if (!is_stopped)
        return;
    if (all_stopped)
        process_stop_notify(process, false);
    wait_until(&process->stop_event, may_go_on, task, WAIT_UNINTERRUPTIBLE, UINT64_MAX, false);
    spin_lock(&process->lock);
    process->stopped_count--;
    /* The first one that goes on tells the parent: SIGCONT itself was sent under locks that forbid it. */
    if (process->has_continue_report && process->is_continue_untold) {
        process->is_continue_untold = false;
        is_continue = true;
    }
    spin_unlock(&process->lock);
    if (is_continue)
        process_stop_notify(process, true);
}

void process_continue_locked(struct process *process)
{
    if (!process->is_stopped)
        return;
    process->has_stop_report = false;
    process->has_continue_report = process->is_continue_untold = true;
    store_release(&process->is_stopped, false);
    wake_up_all(&process->stop_event, 0);
}
