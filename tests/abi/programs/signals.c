/* Signals: codes, masks, faults and changed contexts, alternate stacks, real-time queues, waiting, signalfd, restart.
 */
#include "show.h"
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t got, code;
static void *volatile address;

static void note(int number, siginfo_t *info, void *context)
{
    got = number;
    code = info->si_code;
    address = info->si_addr;
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigemptyset(&action.sa_mask);
    SHOW(sigaction(number, &action, NULL));
}

static sigset_t set_of(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return set;
}

static void sending(void)
{
    handle(SIGUSR1, note, 0);
    raise(SIGUSR1);
    SHOW(got == SIGUSR1 && code == SI_TKILL);
    kill(getpid(), SIGUSR1);
    SHOW(code == SI_USER);
    SHOW(kill(getpid(), 65));
    SHOW(kill(getpid(), 0));
    SHOW(kill(99999, 0));
    SHOW(syscall(SYS_tgkill, getpid(), 99999, 0));
    SHOW(syscall(SYS_tgkill, -1, 1, 0));
    SHOW(syscall(SYS_rt_sigaction, SIGKILL, &(char[32]){0}, NULL, 8));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
}

static void masks(void)
{
    sigset_t set = set_of(SIGUSR1), old, pending;
    SHOW(sigprocmask(SIG_BLOCK, &set, &old));
    got = 0;
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR1);
    SHOW(got);
    sigpending(&pending);
    SHOW(sigismember(&pending, SIGUSR1));
    SHOW(sigprocmask(SIG_SETMASK, &old, NULL));
    SHOW(got == SIGUSR1);
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    sigprocmask(SIG_SETMASK, &old, &set);
    SHOW(sigismember(&set, SIGKILL));
    SHOW(sigprocmask(77, &set, NULL));
}

static int *volatile nowhere = (int *)16;
static sigjmp_buf out;
static volatile long trap, error;

static void leave(int number, siginfo_t *info, void *context)
{
    ucontext_t *at = context;
    note(number, info, context);
    trap = at->uc_mcontext.gregs[REG_TRAPNO];
    error = at->uc_mcontext.gregs[REG_ERR];
    siglongjmp(out, 1);
}

static void faults(void)
{
    handle(SIGSEGV, leave, 0);
    handle(SIGBUS, leave, 0);
    handle(SIGFPE, leave, 0);
    handle(SIGILL, leave, 0);
    handle(SIGTRAP, note, 0);
    if (!sigsetjmp(out, 1))
        *nowhere = 1;
    SHOW(got == SIGSEGV && code == SEGV_MAPERR && address == (void *)16 && trap == 14);
    SHOW(error & 2);
    char *page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!sigsetjmp(out, 1))
        *(volatile char *)(page + 5) = 1;
    SHOW(got == SIGSEGV && code == SEGV_ACCERR && address == page + 5);
    mprotect(page, 4096, PROT_NONE);
    if (!sigsetjmp(out, 1))
        (void)*(volatile char *)(page + 7);
    SHOW(code == SEGV_ACCERR && address == page + 7);
    if (!sigsetjmp(out, 1))
        ((void (*)(void))(page + 4096))();
    SHOW(code == SEGV_ACCERR && address == page + 4096);
    if (!sigsetjmp(out, 1))
        __asm__ volatile("xorl %%ecx, %%ecx; movl $1, %%eax; cltd; idivl %%ecx" ::: "rax", "rcx", "rdx");
    SHOW(got == SIGFPE && code == FPE_INTDIV);
    if (!sigsetjmp(out, 1))
        __asm__ volatile("ud2");
    SHOW(got == SIGILL && code == ILL_ILLOPN);
    __asm__ volatile("int3");
    SHOW(got == SIGTRAP && code == SI_KERNEL);
    if (!sigsetjmp(out, 1))
        __asm__ volatile("movabsq $0x8000000000000000, %%rax; movl (%%rax), %%eax" ::: "rax");
    SHOW(got == SIGSEGV && code == SI_KERNEL && !address);
    if (!sigsetjmp(out, 1))
        __asm__ volatile("hlt");
    SHOW(got == SIGSEGV && code == SI_KERNEL);
}

/* Unmasks one exception of the x87 and raises it (QEMU's TCG never raises those of SSE). */
static void floating(unsigned short mask, double a, double b, int wanted)
{
    unsigned short control = 0x37f & ~mask;
    got = 0;
    if (!sigsetjmp(out, 1)) {
        __asm__ volatile("fninit; fldcw %0; fldl %1; fdivl %2; fwait" : : "m"(control), "m"(a), "m"(b));
    }
    __asm__ volatile("fninit");
    SHOW(got == SIGFPE && code == wanted);
}

static void floats(void)
{
    floating(4, 1, 0, FPE_FLTDIV);
    floating(1, 0, 0, FPE_FLTINV);
    floating(32, 1, 3, FPE_FLTRES);
}

/* Skips the faulting instruction, whose length is in RBX. */
static void skip(int number, siginfo_t *info, void *context)
{
    ucontext_t *at = context;
    at->uc_mcontext.gregs[REG_RIP] += at->uc_mcontext.gregs[REG_RBX];
    got = at->uc_flags & 7;
}

static void contexts(void)
{
    uint64_t in[2] = {0x1122334455667788, 0x99aabbccddeeff00}, back[2];
    handle(SIGSEGV, skip, 0);
    __asm__ volatile("movdqu %1, %%xmm9; movq $2, %%rbx; xorl %%eax, %%eax; movl (%%rax), %%eax; movdqu %%xmm9, %0"
                     : "=m"(back)
                     : "m"(in)
                     : "rax", "rbx", "xmm9");
    SHOW(!memcmp(in, back, sizeof in));
    SHOW(got & 1);
}

static char stack_memory[131072];
static volatile int is_on_alternate, flags_there;

static void look_at_stack(int number, siginfo_t *info, void *context)
{
    char here;
    stack_t now;
    is_on_alternate = &here > stack_memory && &here < stack_memory + sizeof stack_memory;
    sigaltstack(NULL, &now);
    flags_there = now.ss_flags;
}

static void alternate_stacks(void)
{
    stack_t stack = {.ss_sp = stack_memory, .ss_size = sizeof stack_memory}, old;
    SHOW(sigaltstack(&stack, &old));
    SHOW(old.ss_flags);
    handle(SIGUSR2, look_at_stack, SA_ONSTACK);
    raise(SIGUSR2);
    SHOW(is_on_alternate);
    SHOW(flags_there);
    handle(SIGUSR2, look_at_stack, 0);
    raise(SIGUSR2);
    SHOW(is_on_alternate);
    stack.ss_size = 1000;
    SHOW(sigaltstack(&stack, NULL));
    stack.ss_flags = 64;
    SHOW(sigaltstack(&stack, NULL));
    stack.ss_flags = SS_DISABLE;
    SHOW(sigaltstack(&stack, NULL));
}

static int order[8], count;
static void note_value(int number, siginfo_t *info, void *context)
{
    order[count++ & 7] = number * 100 + info->si_value.sival_int;
}

static void realtime(void)
{
    sigset_t set = set_of(SIGRTMIN + 1), old;
    sigaddset(&set, SIGRTMIN + 2);
    handle(SIGRTMIN + 1, note_value, 0);
    handle(SIGRTMIN + 2, note_value, 0);
    sigprocmask(SIG_BLOCK, &set, &old);
    sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 9});
    for (int i = 0; i < 3; i++)
        sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i});
    sigprocmask(SIG_SETMASK, &old, NULL);
    SHOW(count);
    for (int i = 0; i < count; i++)
        SHOW(order[i] - SIGRTMIN * 100);
}

static void waits(void)
{
    sigset_t set = set_of(SIGUSR1), none, now;
    siginfo_t info;
    struct timespec soon = {0, 10000000}, later = {2, 0};
    sigemptyset(&none);
    sigprocmask(SIG_BLOCK, &set, NULL);
    SHOW(sigtimedwait(&set, &info, &soon));
    kill(getpid(), SIGUSR1);
    SHOW(sigtimedwait(&set, &info, &later) == SIGUSR1 && info.si_pid == getpid());
    got = 0;
    kill(getpid(), SIGUSR1);
    SHOW(sigsuspend(&none));
    SHOW(got == SIGUSR1);
    sigprocmask(SIG_BLOCK, NULL, &now);
    SHOW(sigismember(&now, SIGUSR1));
    got = 0;
    kill(getpid(), SIGUSR1);
    SHOW(ppoll(NULL, 0, &later, &none));
    SHOW(got == SIGUSR1);
    sigprocmask(SIG_BLOCK, NULL, &now);
    SHOW(sigismember(&now, SIGUSR1));
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    struct signalfd_siginfo entry;
    struct pollfd poll_fd = {fd, POLLIN, 0};
    SHOW(read(fd, &entry, sizeof entry));
    SHOW(poll(&poll_fd, 1, 0));
    kill(getpid(), SIGUSR1);
    SHOW(poll(&poll_fd, 1, 1000));
    SHOW(read(fd, &entry, sizeof entry));
    SHOW(entry.ssi_signo == SIGUSR1 && (int)entry.ssi_pid == getpid());
    SHOW(read(fd, &entry, 10));
    close(fd);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* A child writes late; a timer interrupts the read before. */
static void read_interrupted(int flags)
{
    int ends[2];
    char byte;
    struct itimerval soon = {{0, 0}, {0, 20000}};
    handle(SIGALRM, note, flags);
    if (pipe(ends))
        return;
    pid_t child = fork();
    if (!child) {
        usleep(150000);
        _exit(write(ends[1], "x", 1) != 1);
    }
    got = 0;
    setitimer(ITIMER_REAL, &soon, NULL);
    SHOW(read(ends[0], &byte, 1));
    SHOW(got == SIGALRM);
    waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
}

static void restarts(void)
{
    struct itimerval soon = {{0, 0}, {0, 20000}};
    struct timespec second = {1, 0}, left;
    read_interrupted(SA_RESTART);
    read_interrupted(0);
    setitimer(ITIMER_REAL, &soon, NULL);
    SHOW(nanosleep(&second, &left));
    SHOW(left.tv_sec == 0 && left.tv_nsec > 800000000);
    setitimer(ITIMER_REAL, &soon, NULL);
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &second, &left));
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGALRM, &ignore, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    double before = now();
    second.tv_sec = 0;
    second.tv_nsec = 100000000;
    SHOW(nanosleep(&second, NULL));
    SHOW(now() - before >= 0.1);
}

static int status_of_crash(void (*crash)(void))
{
    int status;
    pid_t child = fork();
    if (!child) {
        for (int i = 1; i < 32; i++)
            signal(i, SIG_DFL);
        crash();
        _exit(0);
    }
    waitpid(child, &status, 0);
    return status & 0x7f;
}

static void by_term(void)
{
    raise(SIGTERM);
}

static void by_urg(void)
{
    raise(SIGURG);
}

static void by_blocked_fault(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    *nowhere = 1;
}

int main(void)
{
    sending();
    masks();
    faults();
    floats();
    contexts();
    alternate_stacks();
    realtime();
    waits();
    restarts();
    SHOW(status_of_crash(by_term));
    SHOW(status_of_crash(by_urg));
    SHOW(status_of_crash(abort));
    SHOW(status_of_crash(by_blocked_fault));
    return 0;
}
