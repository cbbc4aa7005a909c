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

/*
 * Work for a process that must be done in a thread of its own: raised anywhere but in hard interrupts, done by one of its
 * threads before that returns to ring 3. A process that ends does none.
 */
void process_raise_work(struct process *process); /* it is alive, or on its way out */
void process_set_work(void (*work)(struct process *process)); /* at boot */
