/*
 * The end of threads and processes. A process ends when one thread says so (exit_group, a deadly signal): is_exiting is
 * set and every thread is interrupted; each ends itself on its way out of the kernel. The last one takes the process
 * apart, gives its children away, and leaves a zombie for the parent (or nothing).
 */
#include <arch/irq.h>
#include <base/errno.h>
#include <process/futex.h>
#include <process/timers.h>
#include <vfs/locks.h>
#include <vfs/vfs.h>
#include "private.h"

/* ---- telling threads to end ---- */

static void interrupt_all_locked(struct process *process, struct task *but)
{
    struct task *task;
    list_for_each(task, &process->tasks, process_link)
    {
        if (task != but)
            thread_interrupt(task->thread);
    }
    wake_up_all(&process->stop_event, 0);
}

void process_begin_exit_locked(struct process *process, int wait_status)
{
    if (!process->is_exiting) {
        process->exit_status = wait_status;
        store_release(&process->is_exiting, true);
        process->is_stopped = false;
    }
    interrupt_all_locked(process, NULL);
}

_Noreturn void process_exit_group(int wait_status)
{
    struct process *process = process_current();
    spin_lock(&process->lock);
    process_begin_exit_locked(process, wait_status);
    spin_unlock(&process->lock);
    process_exit_thread(wait_status);
}

static bool is_alone(void *argument)
{
    struct process *process = argument;
    return load_acquire(&process->task_count) == 1;
}

bool process_kill_others(struct task *survivor)
{
    struct process *process = survivor->process;
    spin_lock(&process->lock);
    bool is_mine = !process->is_exiting && !process->exec_task;
    if (is_mine && process->task_count > 1) {
        store_release(&process->exec_task, survivor);
        interrupt_all_locked(process, survivor);
    }
    spin_unlock(&process->lock);
    if (!is_mine)
        return false;
    bool is_done = wait_killable(&process->task_event, is_alone, process);
    store_release(&process->exec_task, NULL);
    return is_done;
}

void process_finish_vfork(struct process *process)
{
    if (!process->is_vfork_child)
        return;
    store_release(&process->is_vfork_child, false);
    wake_up_all(&process->vfork_done, 0);
}

/* ---- one thread ---- */

void task_release_memory(struct task *task)
{
    robust_list_exit(task);
    if (task->clear_child_tid && task->process->space) {
        uint32_t zero = 0;
        if (!copy_to_user(task->clear_child_tid, &zero, sizeof zero))
            futex_wake(task->clear_child_tid, 1, FUTEX_MATCH_ANY, FUTEX_IS_SHARED);
    }
    task->clear_child_tid = task->robust_list = task->rseq = NULL;
}

static void account_locked(struct process *process, struct task *task)
{
    uint64_t user_ns, system_ns;
    task_cpu_time(task, &user_ns, &system_ns);
    process->exited_user_ns += user_ns;
    process->exited_system_ns += system_ns;
    process->exited.voluntary_switches += task->thread->switches_voluntary;
    process->exited.forced_switches += task->thread->switches_forced;
}

/* Leaves the process's list; true for the last thread. Its signals go to the others. */
static bool leave_process(struct process *process, struct task *task, int status)
{
    bool all_stopped = false;
    spin_lock(&process_tree_lock);
    spin_lock(&process->lock);
    account_locked(process, task);
    list_remove(&task->process_link);
    task->is_dead = true;
    bool is_last = process->task_count == 1;
    if (is_last && !process->is_exiting) {
        process->exit_status = status;
        store_release(&process->is_exiting, true);
    }
    store_release(&process->task_count, process->task_count - 1);
    if (!is_last) {
        signal_tell_other_threads_locked(process, task);
        process_pass_work_on_locked(process);
        process_stop_check_locked(process, &all_stopped);
    }
    id_set_task_locked(task->id, NULL);
    id_release_locked(task->id);
    spin_unlock(&process->lock);
    spin_unlock(&process_tree_lock);
    if (all_stopped)
        process_stop_notify(process, false);
    wake_up_all(&process->task_event, 0);
    return is_last;
}

/* ---- the process ---- */

static void drop_file_locks(struct process *process)
{
    struct descriptor_table *table = process->descriptors;
    for (int fd = descriptor_next(table, 0); fd >= 0; fd = descriptor_next(table, fd + 1)) {
        struct file *file = descriptor_file(table, fd);
        if (!file)
            continue;
        struct inode *inode = file_inode(file);
        if (inode)
            vfs_unlock_owner(inode, process);
        file_put(file);
    }
}

static void remember_usage(struct process *process)
{
    struct address_space_counters counters;
    address_space_count(process->space, &counters);
    process->exited.minor_faults += counters.minor_faults;
    process->exited.major_faults += counters.major_faults;
    process->exited.peak_resident_bytes = MAX(process->exited.peak_resident_bytes, counters.peak_resident_bytes);
}

static void close_files(struct process *process)
{
    process_timers_clear(process->timers, true);
    drop_file_locks(process);
    spin_lock(&process->lock);
    struct descriptor_table *descriptors = process->descriptors;
    struct fs_context *fs = process->fs;
    process->descriptors = NULL;
    process->fs = NULL;
    spin_unlock(&process->lock);
    descriptor_table_put(descriptors);
    fs_context_put(fs);
}

static void release_memory(struct process *process)
{
    remember_usage(process);
    spin_lock(&process->lock);
    struct address_space *space = process->space;
    process->space = NULL;
    spin_unlock(&process->lock);
    address_space_put(space);
    process_finish_vfork(process);
}

/* Who inherits the children: the nearest ancestor that asked for it, else process 1. */
static struct process *reaper_locked(struct process *process)
{
    struct process *up = process->parent;
    for (unsigned i = 0; up && i < 64 && up->id != 1; i++, up = up->parent)
        if (up->is_subreaper && !up->is_exiting)
            return up;
    return id_process_locked(1);
}

/* Tells the parent; true when nobody will wait for it, so that it has left the tables: the table's reference is to be
 * put. */
static bool announce_zombie_locked(struct process *process)
{
    int status = process->exit_status, signal = status & 0x7f;
    int code = !signal ? CHILD_CODE_EXITED : status & 0x80 ? CHILD_CODE_DUMPED : CHILD_CODE_KILLED;
    bool is_reaped = !process->parent || process_is_autoreaped_locked(process);
    if (process->parent)
        process_notify_parent_locked(process, code, signal ? signal : status >> 8);
    if (is_reaped)
        process_unhash_locked(process);
    return is_reaped;
}

static void give_children_away_locked(struct process *process)
{
    struct process *child, *after, *reaper = reaper_locked(process);
    list_for_each_safe(child, after, &process->children, sibling_link)
    {
        list_remove(&child->sibling_link);
        child->parent = reaper == process ? NULL : reaper;
        store_relaxed(&child->is_inherited, reaper && reaper->id == 1);
        child->exit_signal = SIGNAL_CHLD;
        if (child->parent)
            list_add_last(&reaper->children, &child->sibling_link);
        if (child->parent_death_signal)
            signal_send_process(child, child->parent_death_signal, NULL);
        if (child->is_zombie && announce_zombie_locked(child))
            process_put(child);
    }
}

static bool become_zombie(struct process *process)
{
    spin_lock(&process_tree_lock);
    give_children_away_locked(process);
    spin_lock(&process->lock);
    process->is_zombie = true;
    spin_unlock(&process->lock);
    bool is_reaped = announce_zombie_locked(process);
    spin_unlock(&process_tree_lock);
    wake_up_all(&process->exit_event, 0);
    return is_reaped;
}

/* The machine ends with process 1: its memory need not be taken apart first. */
static void end_process(struct process *process)
{
    process_tell_end(process);
    close_files(process);
    if (process->id == 1 && process_machine_end)
        process_machine_end(process->exit_status);
    release_memory(process);
    if (become_zombie(process))
        process_put(process); /* the table's */
}

/* Off the address space, before another thread may end it: this CPU must not run on its tables any longer. */
static void leave_space(struct thread *thread)
{
    uint64_t state = arch_irq_save();
    thread->space = NULL;
    address_space_activate(NULL);
    arch_irq_restore(state);
}

_Noreturn void process_exit_thread(int status)
{
    struct task *task = task_current();
    struct process *process = task->process;
    struct thread *thread = thread_current();
    process_get(process);
    task_release_memory(task);
    leave_space(thread);
    if (leave_process(process, task, status))
        end_process(process);
    thread->task = NULL;
    thread->process = NULL;
    task_put(task);
    process_put(process);
    thread_exit();
}
