/*
 * What the kernel's basic operations cost, in ticks of the TSC: instructions, where QEMU counts them (-icount shift=0).
 * Prints "NAME VALUE" lines, each NAME as often as SAMPLES says; "boot" is the TSC when main was entered.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

enum { SAMPLES = 5, CALLS = 1000, SWITCHES = 500, PAGES = 256, FORKS = 20, PAGE = 4096 };

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void print_cost(const char *name, uint64_t ticks, unsigned operations)
{
    printf("%s %.1f\n", name, (double)ticks / operations);
}

static void count_null_call(void)
{
    uint64_t start = __rdtsc();
    for (int i = 0; i < CALLS; i++)
        syscall(SYS_getppid);
    print_cost("null-call", __rdtsc() - start, CALLS);
}

/* Two processes hand a byte to and fro: each hand-over is a write, a read that waits and a switch. */
static void count_pipe_switch(void)
{
    int there[2], back[2];
    char byte = 0;
    if (pipe(there) || pipe(back))
        fail("pipe");
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (!child) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1)
            if (write(back[1], &byte, 1) != 1)
                _exit(1);
        _exit(0);
    }
    uint64_t start = 0;
    for (int i = -1; i < SWITCHES; i++) { /* the first one starts the child */
        if (i == 0)
            start = __rdtsc();
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            fail("hand-over");
    }
    print_cost("pipe-switch", __rdtsc() - start, 2 * SWITCHES);
    close(there[0]), close(there[1]), close(back[0]), close(back[1]);
    waitpid(child, NULL, 0);
}

static _Atomic uint32_t turn;

static void wait_turn(uint32_t mine)
{
    uint32_t now;
    while ((now = atomic_load(&turn)) != mine)
        syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
}

static void give_turn(uint32_t theirs)
{
    atomic_store(&turn, theirs);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *partner(void *unused)
{
    for (int i = -1; i < SWITCHES; i++) {
        wait_turn(1);
        give_turn(0);
    }
    return unused;
}

/* Two threads of one process hand a turn to and fro. */
static void count_futex_switch(void)
{
    pthread_t thread;
    uint64_t start = 0;
    atomic_store(&turn, 0);
    if (pthread_create(&thread, NULL, partner, NULL))
        fail("pthread_create");
    for (int i = -1; i < SWITCHES; i++) {
        if (i == 0)
            start = __rdtsc();
        give_turn(1);
        wait_turn(0);
    }
    print_cost("futex-switch", __rdtsc() - start, 2 * SWITCHES);
    pthread_join(thread, NULL);
}

static void count_page_fault(void)
{
    char *pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        fail("mmap");
    madvise(pages, PAGES * PAGE, MADV_NOHUGEPAGE);
    uint64_t start = __rdtsc();
    for (int i = 0; i < PAGES; i++)
        *(volatile char *)(pages + i * PAGE) = 1;
    print_cost("page-fault", __rdtsc() - start, PAGES);
    munmap(pages, PAGES * PAGE);
}

static void count_fork(void)
{
    uint64_t start = __rdtsc();
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child < 0)
            fail("fork");
        if (!child)
            _exit(0);
        waitpid(child, NULL, 0);
    }
    print_cost("fork-exit", __rdtsc() - start, FORKS);
}

int main(void)
{
    uint64_t boot = __rdtsc();
    printf("boot %llu\n", (unsigned long long)boot);
    fflush(stdout);
    for (int i = 0; i < SAMPLES; i++) {
        count_null_call();
        count_futex_switch();
        count_page_fault();
        fflush(stdout); /* before fork copies it */
        count_pipe_switch();
        fflush(stdout);
        count_fork();
    }
    printf("counted\n");
    fflush(stdout);
    return 0;
}
