/*
 * struct task: the process module's half of a program thread. The thread runs start_user, which enters ring 3 with the
 * registers of task->start. A task is freed with its last reference: the running thread's own goes in exit.c.
 */
#include <arch/user_state.h>
#include <base/errno.h>
#include "private.h"

struct user_registers *task_registers(struct task *task)
{
    return (struct user_registers *)task->thread->kernel_stack_top - 1;
}

void task_get(struct task *task)
{
    refcount_get(&task->refs);
}

void task_put(struct task *task)
{
    if (!refcount_put(&task->refs))
        return;
    struct process *process = task->process;
    signal_queue_clear(&task->signals.pending);
    thread_put(task->thread);
    kfree(task);
    process_put(process);
}

/* The first thing a new thread does, in its own address space. */
static void start_user(void *argument)
{
    struct task *task = argument;
    int32_t id = (int32_t)task->id;
    if (task->child_tid_word)
        copy_to_user(task->child_tid_word, &id, sizeof id); /* Linux ignores a bad address, too */
    struct user_registers registers = task->start;
    arch_enter_user(&registers);
}

static void inherit(struct task *task, const struct task *from)
{
    struct thread *thread = task->thread, *parent = from->thread;
    memcpy(thread->name, parent->name, sizeof thread->name);
    thread->affinity = parent->affinity;
    if (parent->nice)
        sched_set_nice(thread, parent->nice);
    task->signals.blocked = from->signals.blocked;
    task->policy = from->policy_reset_on_fork ? 0 : from->policy;
    task->io_priority = from->io_priority;
    thread->arch.fs_base = arch_get_fs_base();
    thread->arch.gs_base = arch_get_gs_base();
}

/* The creator's reference and the thread's own. */
static void drop_unstarted(struct thread *thread)
{
    thread_put(thread);
    thread_put(thread);
}

struct task *task_create(struct process *process, uint32_t id, const struct task *from)
{
    struct task *task = kzalloc(sizeof *task, ALLOC_WAIT);
    if (!task)
        return NULL;
    task->thread = thread_create("program", start_user, task);
    if (!task->thread || arch_thread_add_user_state(&task->thread->arch, from ? &from->thread->arch : NULL))
        goto free_task;
    task->id = task->thread->id = id;
    refcount_init(&task->refs, 1);
    list_init(&task->process_link);
    signal_queue_init(&task->signals.pending);
    wait_queue_init(&task->signals.event);
    task->signals.alternate_stack_flags = 2; /* SS_DISABLE */
    task->rseq_cpu = UINT32_MAX;
    if (from)
        inherit(task, from);
    process_get(process);
    task->process = process;
    task->thread->process = process;
    task->thread->task = task;
    task->thread->space = process->space;
    return task;

free_task:
    if (task->thread)
        drop_unstarted(task->thread);
    kfree(task);
    return NULL;
}

void task_link_locked(struct task *task)
{
    list_add_last(&task->process->tasks, &task->process_link);
    task->process->task_count++;
}

void task_free_unstarted(struct task *task)
{
    thread_put(task->thread); /* its own: it never runs */
    task_put(task);
}

/* The reference that task_create gave is from now on the running thread's; the caller's use of the task ends here. */
void task_start(struct task *task)
{
    thread_start(task->thread);
}
