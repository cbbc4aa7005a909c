/*
 * What the files of this module share. Lock order: process_tree_lock, process->lock, actions->lock, futex buckets (by
 * address), wait queues, run queues. All are spinlocks; none is held while sleeping or touching program memory.
 */
#pragma once
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include <process/process.h>

/* ids.c: ids of threads, processes, groups and sessions come from one table. Guards it, the tree and the groups. */
extern struct spinlock process_tree_lock;
/* A fresh id with one use; 0: none left or no memory. */
uint32_t id_allocate(void);
/* A use more or less of an id, by thread, process, group or session; the last one frees it. Tree lock held. */
void id_use_locked(uint32_t id);
void id_release_locked(uint32_t id);
void id_set_task_locked(uint32_t id, struct task *task);
void id_set_process_locked(uint32_t id, struct process *process);
struct task *id_task_locked(uint32_t id);                  /* not referenced */
struct process *id_process_locked(uint32_t id);            /* not referenced */
bool id_is_group_locked(uint32_t group, uint32_t session); /* has members (of that session; 0: any) */

/* process.c */
struct process *process_create(uint32_t id); /* empty but for limits, lists and locks; NULL */
void process_insert_locked(struct process *process, struct process *parent);
void process_unhash_locked(struct process *process);              /* at reaping: frees ids, leaves the tree */
void process_set_executable(struct process *process, char *path); /* takes over path */
extern void (*process_machine_end)(int wait_status);
extern void (*process_out_of_memory)(struct process *process, uintptr_t address);
/* fault.c: the caller cannot go on for want of memory. */
_Noreturn void process_end_for_memory(uintptr_t address);

/* task.c: a thread of `process` with program state copied from `from` (NULL: fresh). Not yet started or listed. */
struct task *task_create(struct process *process, uint32_t id, const struct task *from);
void task_link_locked(struct task *task); /* process->lock */
void task_start(struct task *task);       /* enters ring 3 with task->start */
void task_free_unstarted(struct task *task);

bool task_must_exit(const struct task *task); /* its process ends, or another thread of it execs */
/* Waits uninterruptibly but for the end of the process: false when the process is exiting. */
bool wait_killable(struct wait_queue *queue, bool (*condition)(void *), void *argument);

/* exit.c */
void process_finish_vfork(struct process *process); /* exec or exit: lets the parent go on */
bool process_kill_others(struct task *survivor);    /* exec: ends all other threads; false: exiting itself */
void process_begin_exit_locked(struct process *process, int wait_status); /* process->lock; all threads told to end */

/* wait.c */
void process_notify_parent_locked(struct process *process, int code, int status); /* process_tree_lock */
bool process_is_autoreaped_locked(struct process *child);

/* signal_queue.c: process->lock of the queue's process. */
void signal_queue_init(struct signal_queue *queue);
/* -EAGAIN: no memory or over the limit, for a signal that must not be lost. */
int signal_queue_add(struct signal_queue *queue, const struct signal_info *info, struct process *process);
/* The lowest signal outside `blocked` (faults first): its number and info, or 0. */
int signal_queue_take(struct signal_queue *queue, signal_set blocked, struct signal_info *info);
void signal_queue_remove(struct signal_queue *queue, signal_set set);
void signal_queue_clear(struct signal_queue *queue);
void signal_queue_drop(struct signal_queue *queue, struct queued_signal *entry); /* a timer's, when queued there */

/* signal_send.c */
void task_recalculate_interrupt_locked(struct task *task); /* after a change of its mask: process->lock */
void signal_tell_other_threads_locked(struct process *process, struct task *task);
bool signal_is_ignored_by_default(int number);
bool signal_is_ignored_locked(struct process *process, int number);
/* Queues a timer's entry to its process or thread; false when it is queued already (an overrun). */
bool signal_send_timer(struct process *process, struct task *task, struct queued_signal *entry);
void posix_timer_taken(struct queued_signal *entry); /* timers.c: sets the overrun in entry->info; process->lock */
extern struct wait_queue signalfd_event;

int signal_take(signal_set set, struct signal_info *info); /* of the caller's pending ones in the set, or 0 */

/* signal_frame.c: 0 or -EFAULT when the frame cannot be written. */
int signal_frame_enter(struct user_registers *registers, int number, const struct signal_action *action,
                       const struct signal_info *info, signal_set mask);

/* stop.c */
void process_stop_begin_locked(struct process *process, int number);
void process_stop_wait(struct task *task);
void process_continue_locked(struct process *process);
void process_stop_check_locked(struct process *process, bool *all_stopped);
void process_stop_notify(struct process *process, bool is_continue);

/* crash.c: the log's lines about a program killed by a fault. */
void process_report_crash(struct user_registers *registers, int number, const struct signal_info *info);

/* rseq.c: before return to ring 3; is_signal: a handler is about to run. False: the area is bad (SIGSEGV). */
bool rseq_update(struct task *task, struct user_registers *registers, bool is_signal);

/* futex.c: with a process's exec and exit. */
/* watchers.c */
void process_tell_leave_memory(struct process *process);
void process_tell_end(struct process *process);
void process_do_work(struct process *process);
void process_pass_work_on_locked(struct process *process); /* a thread leaves: another one is to do it */
void task_release_memory(struct task *task); /* robust list, clear_child_tid */
