/*
 * Memory that is mapped, protected, split, copied and thrown away under threads that use it: no byte may be lost, no
 * stale one seen, and no register changed by preemption or signals. Prints a line a part; the argument is its seconds.
 */
#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, HUGE = 2 << 20, THREADS = 4 };
static atomic_int is_over;
static int seconds = 2;

static void fail(const char *what, uint64_t got, uint64_t wanted)
{
    printf("FAILED: %s: %#llx instead of %#llx\n", what, (unsigned long long)got, (unsigned long long)wanted);
    exit(1);
}
static void check(const char *what, uint64_t got, uint64_t wanted)
{
    if (got != wanted)
        fail(what, got, wanted);
}
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}
static void *map(void *at, size_t size, int protection)
{
    void *p = mmap(at, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);
    if (p == MAP_FAILED)
        fail("mmap", 0, size);
    return p;
}
/* Runs `work` in threads and `disturb` here for the given time. */
static void run(const char *name, void *(*work)(void *), void (*disturb)(uint64_t *random))
{
    pthread_t threads[THREADS];
    struct timespec start, now;
    uint64_t random = 88172645463325252;
    is_over = 0;
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        disturb(&random);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - start.tv_sec < seconds);
    is_over = 1;
    unsigned long rounds = 0;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        rounds += (unsigned long)result;
    }
    check("at least one round", rounds > 0, 1);
    printf("%s: good\n", name);
}

/* ---- code: each thread writes functions into memory of its own that comes and goes ---- */

static void write_function(uint8_t *at, uint32_t value)
{
    at[0] = 0xb8; /* mov $value,%eax; ret */
    memcpy(at + 1, &value, 4);
    at[5] = 0xc3;
}
static uint32_t call(void *at)
{
    return ((uint32_t(*)(void))at)();
}
static void *code_worker(void *me)
{
    enum { PAGES = 16 };
    uint64_t random = (uintptr_t)me + 12345, rounds = 0;
    uint8_t *code = map(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    for (; !is_over; rounds++) {
        uint32_t value = (uint32_t)next_random(&random);
        for (int i = 0; i < PAGES; i++)
            write_function(code + i * PAGE + value % 4000, value + (uint32_t)i);
        if (value & 1)
            mprotect(code, PAGES * PAGE, PROT_READ | PROT_EXEC);
        for (int i = 0; i < PAGES; i++)
            check("code", call(code + i * PAGE + value % 4000), value + (uint32_t)i);
        mprotect(code, PAGES * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
        if (value & 2)
            madvise(code + PAGE, 4 * PAGE, MADV_DONTNEED);
        if (value & 4)
            map(code + 8 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
        if (value & 6)
            check("fresh page", code[(value & 2 ? 2 : 9) * PAGE + value % 4000], 0);
    }
    munmap(code, PAGES * PAGE);
    return (void *)rounds;
}
static void disturb_space(uint64_t *random)
{
    size_t size = (1 + next_random(random) % 64) * PAGE;
    char *p = map(NULL, size, PROT_READ | PROT_WRITE);
    memset(p, 0x5a, size);
    munmap(p, size);
}

/* ---- counters: threads count in shared memory whose rights, page sizes and copies change ---- */

static uint64_t *counters;
enum { COUNTER_BYTES = 16 * HUGE };
static atomic_ulong counted;

static void *count_worker(void *me)
{
    uint64_t random = (uintptr_t)me + 777, rounds = 0;
    for (; !is_over; rounds++)
        __atomic_fetch_add(&counters[next_random(&random) % (COUNTER_BYTES / 8)], 1, __ATOMIC_RELAXED);
    counted += rounds;
    return (void *)rounds;
}
static void disturb_counters(uint64_t *random)
{
    uint64_t r = next_random(random);
    char *at = (char *)counters + r % (COUNTER_BYTES / PAGE - 64) * PAGE;
    size_t size = (1 + (r >> 40) % 64) * PAGE;
    switch (r >> 60 & 3) {
    case 0: /* a page of the range may be written at any time: rights only grow back what they were */
        mprotect(at, size, PROT_READ | PROT_WRITE | PROT_EXEC);
        mprotect(at, size, PROT_READ | PROT_WRITE);
        break;
    case 1:
        madvise(at, size, r >> 50 & 1 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
        break;
    case 2: { /* a copy, in which the child writes */
        pid_t child = fork();
        if (!child) {
            memset(at, 0xee, size);
            _exit(at[size - 1] == (char)0xee ? 0 : 1);
        }
        int status;
        check("the child's wait", (uint64_t)waitpid(child, &status, 0), (uint64_t)child);
        check("the child's status", (uint64_t)status, 0);
        break;
    }
    default:
        usleep(100);
    }
}
static void count_part(void)
{
    counters = map(NULL, COUNTER_BYTES, PROT_READ | PROT_WRITE);
    run("counters", count_worker, disturb_counters);
    uint64_t sum = 0;
    for (size_t i = 0; i < COUNTER_BYTES / 8; i++)
        sum += counters[i];
    check("the sum of all counters", sum, counted);
    munmap(counters, COUNTER_BYTES);
}

/* ---- faults: pages that lose their rights and are given them back by the handler of SIGSEGV ---- */

static char *guarded;
enum { GUARDED_PAGES = 64 };

static void on_fault(int signal, siginfo_t *info, void *context)
{
    char *page = (char *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1));
    if (page < guarded || page >= guarded + GUARDED_PAGES * PAGE)
        fail("the address of a fault", (uintptr_t)info->si_addr, (uintptr_t)guarded);
    mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}
static void *guard_worker(void *me)
{
    uint64_t random = (uintptr_t)me + 99, rounds = 0, *mine = (uint64_t *)guarded + (uintptr_t)me;
    uint64_t wanted[GUARDED_PAGES] = {0};
    for (; !is_over; rounds++) {
        unsigned page = next_random(&random) % GUARDED_PAGES;
        check("a guarded word", mine[page * (PAGE / 8)], wanted[page]);
        mine[page * (PAGE / 8)] = wanted[page] = rounds;
    }
    return (void *)rounds;
}
static void disturb_guards(uint64_t *random)
{
    uint64_t r = next_random(random);
    mprotect(guarded + r % GUARDED_PAGES * PAGE, PAGE, r >> 50 & 1 ? PROT_READ : PROT_NONE);
}

/* ---- registers: vectors, x87 and MXCSR against preemption and signals ---- */

static void on_usr1(int signal)
{
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0; pcmpeqd %%xmm7, %%xmm7; pcmpeqd %%xmm15, %%xmm15; fninit; fldpi" : : : "memory");
    unsigned csr = 0x7f80;
    __asm__ volatile("ldmxcsr %0" : : "m"(csr));
}
__attribute__((target("avx"))) static void hold_vectors(uint64_t seed)
{
    uint64_t in[4] = {seed, ~seed, seed * 3, seed * 5}, out[3][4];
    unsigned csr = 0x1f80 | (seed & 3) << 13, csr_after;
    double d = (double)(seed & 0xffff), d_after;
    __asm__ volatile("ldmxcsr %[csr]; vmovdqu %[in], %%ymm0; vmovdqu %[in], %%ymm7; vmovdqu %[in], %%ymm15; fldl %[d]\n"
                     "mov $20000, %%ecx\n1: dec %%ecx; jnz 1b\n"
                     "mov $24, %%eax; syscall\n" /* sched_yield */
                     "mov $2000, %%ecx\n1: dec %%ecx; jnz 1b\n"
                     "fstpl %[d_after]; vmovdqu %%ymm0, %[o0]; vmovdqu %%ymm7, %[o1]; vmovdqu %%ymm15, %[o2]; stmxcsr %[csr_after]"
                     : [o0] "=m"(out[0]), [o1] "=m"(out[1]), [o2] "=m"(out[2]), [csr_after] "=m"(csr_after), [d_after] "=m"(d_after)
                     : [in] "m"(in), [csr] "m"(csr), [d] "m"(d)
                     : "rax", "rcx", "r11", "xmm0", "xmm7", "xmm15", "memory");
    for (int i = 0; i < 12; i++)
        check("a vector register", out[i / 4][i % 4], in[i % 4]);
    check("MXCSR", csr_after & ~0x3fu, csr);
    check("an x87 register", (uint64_t)d_after, (uint64_t)d);
}
static pthread_t holders[THREADS];
static atomic_int holder_count;

static void *hold_worker(void *me)
{
    uint64_t random = (uintptr_t)me + 4711, rounds = 0;
    holders[(uintptr_t)me] = pthread_self();
    holder_count++;
    for (; !is_over; rounds++)
        hold_vectors(next_random(&random));
    return (void *)rounds;
}
static void disturb_holders(uint64_t *random)
{
    if (holder_count == THREADS)
        pthread_kill(holders[next_random(random) % THREADS], SIGUSR1);
    usleep(200);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1)
        seconds = atoi(argv[1]);
    sigaction(SIGSEGV, &(struct sigaction){.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, NULL);
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_usr1, .sa_flags = SA_RESTART}, NULL);
    guarded = map(NULL, GUARDED_PAGES * PAGE, PROT_READ | PROT_WRITE);
    run("code", code_worker, disturb_space);
    count_part();
    run("faults", guard_worker, disturb_guards);
    if (__builtin_cpu_supports("avx"))
        run("registers", hold_worker, disturb_holders);
    return 0;
}
