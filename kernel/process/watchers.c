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
