/* Signals: numbers and layouts are Linux's x86-64 ABI (uapi asm/signal.h, asm-generic/siginfo.h). */
#pragma once
#include <base/spinlock.h>
#include <base/user.h>
#include <common/list.h>
#include <sched/wait.h>

enum { SIGNAL_COUNT = 64 };
typedef uint64_t signal_set; /* bit n-1: signal n */

struct signal_info { /* siginfo_t, 128 bytes */
    int32_t number, error, code, padding;
    uint64_t fields[14];
};
static_assert(sizeof(struct signal_info) == 128, "siginfo_t");

struct signal_action { /* struct sigaction of the kernel ABI */
    uintptr_t handler; /* 0 default, 1 ignore */
    uint64_t flags;
    uintptr_t restorer;
    signal_set mask;
};
struct signal_actions {
    struct refcount refs;
    struct spinlock lock;
    struct signal_action of[SIGNAL_COUNT] GUARDED_BY(&lock);
};
struct signal_queue {
    signal_set set;
    struct list entries; /* struct queued_signal, with siginfo; standard signals at most once */
};
struct signal_state {
    signal_set blocked, saved_blocked; /* own thread writes; others read under process->lock */
    bool restore_blocked;              /* sigsuspend, ppoll …: put saved_blocked back when no handler ran */
    struct signal_queue pending;
    uintptr_t alternate_stack;
    size_t alternate_stack_size;
    uint32_t alternate_stack_flags;
    struct wait_queue event;           /* signalfd, sigtimedwait */
};

struct process;
struct task;
/* Sends to a process or to one thread; info NULL: SI_KERNEL. 0 or -ESRCH/-EAGAIN. Work or thread context. */
int signal_send_process(struct process *process, int number, const struct signal_info *info);
int signal_send_task(struct task *task, int number, const struct signal_info *info);
/* A fault of the calling thread: cannot be blocked or ignored (then the process dies by it). */
void signal_force(int number, int code, uintptr_t address);
bool signal_is_pending(void); /* an unblocked one for the caller */
