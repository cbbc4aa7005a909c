/* Telling modules above of a process's end; see process/watcher.h. */
#include <process/watcher.h>
#include "private.h"

static struct process_watcher *watchers; /* fixed after boot */

void process_add_watcher(struct process_watcher *watcher)
{
    watcher->next = watchers;
    watchers = watcher;
}

void process_tell_leave_memory(struct process *process)
{
    for (struct process_watcher *watcher = watchers; watcher; watcher = watcher->next)
        if (watcher->leave_memory)
            watcher->leave_memory(process);
}

void process_tell_end(struct process *process)
{
    process_tell_leave_memory(process);
    for (struct process_watcher *watcher = watchers; watcher; watcher = watcher->next)
        if (watcher->end)
            watcher->end(process);
}

/* ---- work ---- */

static void (*do_work)(struct process *process); /* fixed after boot */

void process_set_work(void (*work)(struct process *process))
{
    do_work = work;
}

/* Any thread will do. Called with process->lock. */
static void find_worker_locked(struct process *process)
{
    if (!list_is_empty(&process->tasks))
        thread_interrupt(list_first(&process->tasks, struct task, process_link)->thread);
}

void process_raise_work(struct process *process)
{
    store_release(&process->has_work, true);
    spin_lock(&process->lock);
    find_worker_locked(process);
    spin_unlock(&process->lock);
}

void process_do_work(struct process *process)
{
    if (load_acquire(&process->has_work) && atomic_exchange(&process->has_work, false))
        do_work(process);
}

void process_pass_work_on_locked(struct process *process)
{
    if (load_acquire(&process->has_work))
        find_worker_locked(process);
}
