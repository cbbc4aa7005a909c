/*
 * What modules above are told of a process's life, to drop what they keep for it. The functions are called in a thread
 * of the process, the last one, may sleep, and find address space and descriptors still there.
 */
#pragma once

struct process;
struct process_watcher {
    void (*leave_memory)(struct process *process); /* exec is past its point of no return, or the process ends */
    void (*end)(struct process *process);
    struct process_watcher *next;
};
/* At boot, before the first process. */
void process_add_watcher(struct process_watcher *watcher);
