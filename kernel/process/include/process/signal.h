/* Signals: numbers and layouts are Linux's x86-64 ABI (uapi asm/signal.h, asm-generic/siginfo.h). */
#pragma once
#include <base/spinlock.h>
#include <base/user.h>
#include <common/list.h>
#include <sched/wait.h>

enum { SIGNAL_COUNT = 64 };
typedef uint64_t signal_set; /* bit n-1: signal n */
static inline signal_set signal_bit(int number)
{
    return UINT64_C(1) << (number - 1);
}

enum signal_number {
    SIGNAL_HUP = 1,
    SIGNAL_INT,
    SIGNAL_QUIT,
    SIGNAL_ILL,
    SIGNAL_TRAP,
    SIGNAL_ABRT,
    SIGNAL_BUS,
    SIGNAL_FPE,
    SIGNAL_KILL,
    SIGNAL_USR1,
    SIGNAL_SEGV,
    SIGNAL_USR2,
    SIGNAL_PIPE,
    SIGNAL_ALRM,
    SIGNAL_TERM,
    SIGNAL_STKFLT,
    SIGNAL_CHLD,
    SIGNAL_CONT,
    SIGNAL_STOP,
    SIGNAL_TSTP,
    SIGNAL_TTIN,
    SIGNAL_TTOU,
    SIGNAL_URG,
    SIGNAL_XCPU,
    SIGNAL_XFSZ,
    SIGNAL_VTALRM,
    SIGNAL_PROF,
    SIGNAL_WINCH,
    SIGNAL_IO,
    SIGNAL_PWR,
    SIGNAL_SYS,
    SIGNAL_FIRST_REALTIME = 32,
};
#define SIGNALS_UNBLOCKABLE (UINT64_C(1) << 8 | UINT64_C(1) << 18) /* KILL, STOP */

struct signal_info { /* siginfo_t, 128 bytes */
    int32_t number, error, code, padding;
    uint64_t fields[14];
};
static_assert(sizeof(struct signal_info) == 128, "siginfo_t");
enum signal_code {
    SIGNAL_CODE_USER = 0,
    SIGNAL_CODE_KERNEL = 0x80,
    SIGNAL_CODE_QUEUE = -1,
    SIGNAL_CODE_TIMER = -2,
    SIGNAL_CODE_TKILL = -6,
    SEGV_CODE_NOT_MAPPED = 1,
    SEGV_CODE_NOT_ALLOWED = 2,
    BUS_CODE_ALIGNMENT = 1,
    BUS_CODE_ADDRESS = 2,
    CHILD_CODE_EXITED = 1,
    CHILD_CODE_KILLED = 2,
    CHILD_CODE_DUMPED = 3,
    CHILD_CODE_STOPPED = 5,
    CHILD_CODE_CONTINUED = 6,
};
/* info of kill and tgkill: sender's pid and uid, value (si_value) for the queueing calls. */
void signal_info_init(struct signal_info *info, int number, int code, uint32_t pid, uint32_t uid);

struct signal_action { /* struct sigaction of the kernel ABI */
    uintptr_t handler; /* 0 default, 1 ignore */
    uint64_t flags;
    uintptr_t restorer;
    signal_set mask;
};
enum { HANDLER_DEFAULT = 0, HANDLER_IGNORE = 1 };
#define ACTION_NO_CHILD_STOP UINT64_C(1)
#define ACTION_NO_CHILD_WAIT UINT64_C(2)
#define ACTION_SIGINFO       UINT64_C(4)
#define ACTION_RESTORER      UINT64_C(0x04000000)
#define ACTION_ON_STACK      UINT64_C(0x08000000)
#define ACTION_RESTART       UINT64_C(0x10000000)
#define ACTION_NO_DEFER      UINT64_C(0x40000000)
#define ACTION_RESET_HAND    UINT64_C(0x80000000)
struct signal_actions {
    struct refcount refs;
    struct spinlock lock; /* after process->lock */
    struct signal_action of[SIGNAL_COUNT] GUARDED_BY(&lock);
};
struct posix_timer;
struct queued_signal {
    struct list link; /* empty: not queued */
    struct signal_info info;
    struct posix_timer
        *timer; /* part of a timer, not to be freed; NULL: on the heap, counted against RLIMIT_SIGPENDING */
};
struct signal_queue {
    signal_set set;
    struct list entries; /* struct queued_signal, with siginfo; standard signals at most once */
};
struct signal_state {
    signal_set blocked, saved_blocked; /* own thread writes, under process->lock; own thread reads freely */
    signal_set wanted;                 /* sigtimedwait: these wake `event` although blocked; process->lock */
    bool restore_blocked;              /* sigsuspend, ppoll …: put saved_blocked back when no handler ran */
    struct signal_queue pending;       /* process->lock */
    uintptr_t alternate_stack;
    size_t alternate_stack_size;
    uint32_t alternate_stack_flags;
    struct wait_queue event; /* sigtimedwait */
};

struct process;
struct task;
struct file;
/* Sends to a process or to one thread; info NULL: SI_KERNEL. 0 or -ESRCH/-EAGAIN. Work or thread context. */
int signal_send_process(struct process *process, int number, const struct signal_info *info);
int signal_send_task(struct task *task, int number, const struct signal_info *info);
/* kill, tgkill, sigqueue of the caller with the permission check; number 0 only checks. */
int signal_kill_process(struct process *process, int number, const struct signal_info *info);
int signal_kill_task(struct task *task, int number, const struct signal_info *info);
/* A fault of the calling thread: cannot be blocked or ignored (then the process dies by it). */
void signal_force(int number, int code, uintptr_t address);
bool signal_is_pending(void); /* an unblocked one for the caller */

/*
 * ppoll, pselect6, epoll_pwait, sigsuspend: replaces the caller's mask until the call has ended. When a handler runs,
 * its frame holds the old mask; else process_return_to_user puts it back: a call that was not interrupted undoes it
 * itself by signal_mask_restore. mask NULL: nothing. -EINVAL: size is not 8; -EFAULT.
 */
int signal_mask_swap_from_user(const struct user *mask, size_t size);
void signal_mask_swap(signal_set mask);
/* Undoes the swap unless a signal is waiting to be delivered under it. */
void signal_mask_restore(void);
void signal_mask_set(signal_set mask); /* rt_sigprocmask: the caller's */

/* signalfd(2): flags O_NONBLOCK; the file. And its mask's change; -EINVAL: not a signalfd. */
int signalfd_create(signal_set mask, unsigned flags, struct file **out);
int signalfd_change(struct file *file, signal_set mask);

/* sigaction(2); either may be NULL. */
int signal_action_change(int number, const struct signal_action *action, struct signal_action *old);
signal_set signal_pending_set(void); /* sigpending(2) */
/* sigtimedwait(2): the number; -EAGAIN at the deadline, -EINTR. */
int signal_wait(signal_set set, struct signal_info *info, uint64_t deadline_ns);
struct signal_stack { /* stack_t */
    uintptr_t base;
    uint32_t flags, padding;
    size_t size;
};
int signal_stack_change(const struct signal_stack *stack, struct signal_stack *old);
long signal_return(void); /* rt_sigreturn: the restored rax */
