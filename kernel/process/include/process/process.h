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
struct vfs_caller;
struct process_timers;

enum { LIMIT_COUNT = 16 };
enum limit {
    LIMIT_CPU,
    LIMIT_FSIZE,
    LIMIT_DATA,
    LIMIT_STACK,
    LIMIT_CORE,
    LIMIT_RSS,
    LIMIT_NPROC,
    LIMIT_NOFILE,
    LIMIT_MEMLOCK,
    LIMIT_AS,
    LIMIT_LOCKS,
    LIMIT_SIGPENDING,
    LIMIT_MSGQUEUE,
    LIMIT_NICE,
    LIMIT_RTPRIO,
    LIMIT_RTTIME,
};
struct resource_limit {
    uint64_t soft, hard; /* UINT64_MAX: none */
};
struct credentials {
    uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
    uint32_t group_count;
    uint32_t groups[32];
    uint64_t capabilities_permitted, capabilities_effective, capabilities_inheritable, capabilities_bounding;
};
enum capability {
    CAPABILITY_CHOWN = 0,
    CAPABILITY_KILL = 5,
    CAPABILITY_SETGID = 6,
    CAPABILITY_SETUID = 7,
    CAPABILITY_SETPCAP = 8,
    CAPABILITY_SYS_ADMIN_BIT = 21,
    CAPABILITY_SYS_NICE = 23,
    CAPABILITY_SYS_RESOURCE = 24,
    CAPABILITY_SYS_TIME = 25,
    CAPABILITY_LAST = 40,
};
#define CAPABILITIES_ALL ((UINT64_C(1) << (CAPABILITY_LAST + 1)) - 1)

/* Resources that ended threads, or waited-for children, have used. */
struct usage_sum {
    uint64_t user_ns, system_ns, voluntary_switches, forced_switches, minor_faults, major_faults, peak_resident_bytes;
};

struct process {
    uint32_t id; /* pid = tid of its first thread */
    struct refcount refs;
    struct address_space *space;
    struct descriptor_table *descriptors;
    struct fs_context *fs;
    struct signal_actions *actions; /* shared with CLONE_SIGHAND; stays until the struct is freed */
    struct spinlock lock; /* guards all below; order: process_tree_lock, then process->lock, then actions->lock */
    struct list tasks;    /* struct task.process_link */
    unsigned task_count;  /* of those in the list: threads that have not exited */
    struct signal_queue pending;    /* signals for the process as a whole */
    struct credentials credentials; /* its own threads read it without the lock */
    struct resource_limit limits[LIMIT_COUNT];
    struct process *parent; /* process_tree_lock */
    struct list children, sibling_link;
    struct wait_queue child_event; /* a child changed state */
    uint32_t group_id, session_id; /* process_tree_lock for changes */
    int exit_status;               /* wait status format, once is_exiting */
    bool is_exiting, is_zombie, is_stopped;
    char name[16];         /* comm of the first thread */
    char *executable_path; /* /proc/PID/exe */
    uintptr_t arguments_start, arguments_end, environment_start, environment_end, stack_start;
    uint8_t auxv[512];
    size_t auxv_len;
    uint64_t start_ns;
    uint64_t children_user_ns, children_system_ns, exited_user_ns, exited_system_ns;
    int exit_signal; /* to the parent; SIGCHLD as a rule */
    uint32_t dumpable;
    struct wait_queue vfork_done;
    struct process_timers *timers; /* POSIX timers and itimers; made at creation */

    /* Stopping and continuing (stop.c). */
    unsigned stopped_count; /* threads that wait in the stopped state */
    int stop_signal;
    bool has_stop_report, has_continue_report; /* not yet told to a waiting parent */
    bool is_continue_untold;                   /* SIGCHLD for it is still to be sent */
    struct wait_queue stop_event;              /* continued, or exiting */

    struct task *exec_task;       /* the thread that waits in exec for all others to end */
    struct wait_queue task_event; /* a thread has gone */
    struct wait_queue exit_event; /* became a zombie: pidfds poll it */
    bool is_vfork_child;          /* its parent waits on vfork_done */
    bool is_first_exec_done;
    bool shares_descriptors, shares_fs; /* with another process: CLONE_FILES, CLONE_FS */
    bool is_subreaper, keeps_capabilities, has_no_new_privileges;
    bool is_inherited; /* its parent has gone and process 1 is it now; process_tree_lock for changes */
    bool is_thp_disabled, is_reaped;
    uint32_t id_count; /* ids.c */
    int parent_death_signal;
    uint32_t personality, membarrier_registered;
    uint64_t timer_slack_ns;
    struct usage_sum exited, children_used; /* beyond the times above */

    /* Of modules above, who drop them when their watcher is told (process/watcher.h); guarded by them. */
    struct semaphore_undos *semaphore_undos; /* ipc: SEM_UNDO */
    struct aio_contexts *aio_contexts;       /* aio */
    bool has_work;                           /* atomic; process_raise_work */
};

struct task {
    struct thread *thread;
    struct process *process; /* referenced */
    struct list process_link;
    struct refcount refs;
    uint32_t id; /* tid */
    struct signal_state signals;
    struct user *clear_child_tid, *robust_list;
    size_t robust_list_len;
    struct user *rseq;
    uint32_t rseq_len, rseq_signature;
    uint32_t rseq_cpu;      /* what was last told to the program */
    uint64_t rseq_switches; /* thread switches when it last returned */
    /* Restart of an interrupted call with its remaining time (restart_syscall). */
    long (*restart)(struct task *task);
    uint64_t restart_data[6];
    /* The last fault, as signal frames tell it. */
    uint64_t fault_vector, fault_error, fault_address;
    bool is_stopped;                                     /* counted in process->stopped_count */
    bool is_dead;                                        /* off the process's list */
    struct user_registers start;                         /* registers of the first entry into ring 3 */
    struct user *child_tid_word;                         /* CLONE_CHILD_SETTID: written by the child itself */
    int policy, realtime_priority, policy_reset_on_fork; /* as the program set them */
    uint32_t io_priority;
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
void process_get(struct process *process);
void process_put(struct process *process);
/* A live thread by id, referenced (its process is referenced through it); NULL. */
struct task *task_find(uint32_t tid);
void task_get(struct task *task);
void task_put(struct task *task);
/* Iterates all processes in order of pid, from the first with id >= pid; referenced; NULL at the end. */
struct process *process_next(uint32_t pid);
unsigned process_thread_total(void); /* program threads alive in the machine */

/* Boot: makes process 1 from the merged configuration and starts it. -ENOENT, -EACCES, -ENOEXEC …: could not. */
struct program_start {
    const char *path;
    const char *const *arguments, *const *environment; /* NULL-terminated */
    const char *working_directory;
    uint32_t uid, gid;
    struct descriptor_table *descriptors; /* taken over; NULL: an empty one */
};
int process_start_first(const struct program_start *start);
/* Called in the last thread of process 1 when all of it is gone, with its wait status. Does not return. */
void process_set_machine_end(void (*ended)(int wait_status));
/* Called when a page fault of the program cannot be served for want of memory. Does not return. */
void process_set_out_of_memory(void (*out_of_memory)(struct process *process, uintptr_t address));

/* exec: replaces the program of the calling process (its only thread by then). -errno leaves it as it was up to the
 * point of no return, past which the process dies by SIGKILL as on Linux. */
int process_exec(struct user *path, struct user *arguments, struct user *environment, int directory_fd, int flags);
struct clone_arguments {
    uint64_t flags;
    struct user *parent_tid, *child_tid, *pidfd;
    int exit_signal;
    uintptr_t stack, stack_size, tls;
};
/* clone/fork/vfork/clone3: thread or process; the new id or -errno. `stack` is its low end when stack_size is given,
 * else the stack pointer itself; 0: the caller's. */
long process_clone(const struct clone_arguments *arguments);
_Noreturn void process_exit_thread(int status);
_Noreturn void process_exit_group(int wait_status); /* status << 8, or the signal number */
/* which: P_ALL 0, P_PID 1, P_PGID 2, P_PIDFD 3. `is_wait4`: the status word is written and the child's id returned. */
struct wait_request {
    int which;
    int64_t id;
    unsigned options;
    bool is_wait4;
    struct user *status, *siginfo, *rusage;
};
long process_wait(const struct wait_request *request);

/* The calling process as the vfs asks for it, by file-system ids. */
void process_fill_caller(struct vfs_caller *caller);
bool process_is_capable(unsigned capability); /* the caller, effectively */
/* Tells whether the caller may signal, renice or inspect the process: same user, or the capability. */
bool process_may_control(struct process *process, unsigned capability);

/* CPU time: of a process with all its threads, ended ones too. */
void process_cpu_time(struct process *process, uint64_t *user_ns, uint64_t *system_ns);
void task_cpu_time(const struct task *task, uint64_t *user_ns, uint64_t *system_ns);
/* struct rusage of Linux for program memory; who: RUSAGE_SELF 0, RUSAGE_CHILDREN -1, RUSAGE_THREAD 1. */
int process_get_rusage(int who, struct user *out);

/* At the end of each system call. */
static inline void process_end_call(void)
{
    struct thread *thread = thread_current();
    struct task *task = thread->task;
    /* Moved to another CPU during a system call, which ends without a safe point: its rseq area must say so. */
    if (task && task->rseq && task->rseq_cpu != cpu_index())
        store_release(&thread->is_interrupted, 1u);
}
/* rseq(2): registers or drops the caller's area; the update after a switch is process_return_to_user's. */
long rseq_register(struct user *area, uint32_t len, int flags, uint32_t signature);

int process_set_group(uint32_t pid, uint32_t group); /* setpgid */
int process_get_group(uint32_t pid);
int process_get_session(uint32_t pid);
int process_make_session(void);
int process_get_parent(void); /* getppid; 0: none */
/* RLIMIT_FSIZE for the file systems; for vfs_set_size_limit at boot. */
struct vfs_size_limit;
extern const struct vfs_size_limit process_file_size_limit;
/* unshare(2): own descriptors and directories where another process shares them. */
int process_unshare(bool files, bool fs);
/* Calls `each` on all processes of the group (0: the caller's) or, with `all`, on all but process 1 and the caller;
 * each is referenced meanwhile. Returns how many. */
unsigned process_for_each(uint32_t group, bool all, void (*each)(struct process *process, void *context),
                          void *context);
