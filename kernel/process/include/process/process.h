/*
 * Processes and their threads. A process is a thread group: address space, descriptors, signal actions, credentials,
 * limits; a task is what one thread adds: signal mask, pending signals, clear_child_tid, robust list.
 */
#pragma once
#include <arch/cpu.h>
#include <arch/entry.h>
#include <file/descriptors.h>
#include <mm/address_space.h>
#include <process/signal.h>
#include <sched/thread.h>

struct fs_context; /* vfs: root, working directory, umask */

enum { LIMIT_COUNT = 16 };
struct resource_limit {
    uint64_t soft, hard; /* UINT64_MAX: none */
};
struct credentials {
    uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
    uint32_t group_count;
    uint32_t groups[32];
    uint64_t capabilities_permitted, capabilities_effective, capabilities_inheritable, capabilities_bounding;
};

struct process {
    uint32_t id; /* pid = tid of its first thread */
    struct refcount refs;
    struct address_space *space;
    struct descriptor_table *descriptors;
    struct fs_context *fs;
    struct signal_actions *actions; /* shared with CLONE_SIGHAND */
    struct spinlock lock;           /* guards all below; order: process_tree_lock, then process->lock */
    struct list tasks;              /* struct task.process_link */
    unsigned task_count;
    struct signal_queue pending;    /* signals for the process as a whole */
    struct credentials credentials;
    struct resource_limit limits[LIMIT_COUNT];
    struct process *parent;         /* process_tree_lock */
    struct list children, sibling_link;
    struct wait_queue child_event;  /* a child changed state */
    uint32_t group_id, session_id;
    int exit_status;                /* wait status format, once is_exiting */
    bool is_exiting, is_zombie, is_stopped;
    char name[16];                  /* comm of the first thread */
    char *executable_path;          /* /proc/PID/exe */
    char *command_line;             /* NUL-separated copy at exec */
    size_t command_line_len;
    uintptr_t arguments_start, arguments_end, environment_start, environment_end, stack_start;
    uint8_t auxv[512];
    size_t auxv_len;
    uint64_t start_ns;
    uint64_t children_user_ns, children_system_ns, exited_user_ns, exited_system_ns;
    int exit_signal;                /* to the parent; SIGCHLD as a rule */
    uint32_t dumpable, umask_unused;
    struct wait_queue vfork_done;
    void *timers;                   /* POSIX timers and itimers (process/timers.c) */
};

struct task {
    struct thread *thread;
    struct process *process;
    struct list process_link;
    uint32_t id; /* tid */
    struct signal_state signals;
    struct user *clear_child_tid, *robust_list;
    size_t robust_list_len;
    struct user *rseq;
    uint32_t rseq_len, rseq_signature;
    /* Restart of an interrupted call with its remaining time (restart_syscall). */
    long (*restart)(struct task *task);
    uint64_t restart_data[4];
    void *fault_jump;
};

static inline struct task *task_current(void)
{
    return thread_current()->task;
}
static inline struct process *process_current(void)
{
    return thread_current()->process;
}
/* Registers of the calling program thread, at the top of its kernel stack. */
struct user_registers *task_registers(struct task *task);

/* By id, referenced; NULL. */
struct process *process_find(uint32_t pid);
void process_put(struct process *process);
struct task *task_find(uint32_t tid, struct process **process); /* holds *process; valid while that reference is held and the task lives */
/* Iterates all processes in order of pid, from the first with id >= pid; referenced; NULL at the end. */
struct process *process_next(uint32_t pid);

/* Boot: makes process 1 from the merged configuration and starts it. */
struct program_start {
    const char *path;
    const char *const *arguments, *const *environment; /* NULL-terminated */
    const char *working_directory;
    uint32_t uid, gid;
};
int process_start_first(const struct program_start *start);

/* exec: replaces the program of the calling process (its only thread by then). -errno leaves it as it was up to the
 * point of no return, past which the process dies by SIGKILL as on Linux. */
int process_exec(const char *path, struct user *arguments, struct user *environment, int directory_fd, int flags);
struct clone_arguments {
    uint64_t flags;
    struct user *parent_tid, *child_tid, *pidfd;
    int exit_signal;
    uintptr_t stack, stack_size, tls;
};
/* clone/fork/vfork/clone3: thread or process; the new id or -errno. */
long process_clone(const struct clone_arguments *arguments);
_Noreturn void process_exit_thread(int status);
_Noreturn void process_exit_group(int wait_status); /* status << 8, or the signal number */
long process_wait(int which, int id, int options, struct user *status, struct user *siginfo, struct user *rusage);
