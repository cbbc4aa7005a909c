/*
 * Rewrites functions while another thread calls them, in the steps in which a JVM bars the entry of a method
 * (HotSpot, NativeJump::patch_verified_entry): a jump to itself over the first four bytes, the fifth byte, then the four
 * bytes of the final jump. A CPU sees old or new code, never a mixture, and new code in the end. Under TCG with one host
 * thread per virtual CPU that does not hold, with Skiff or Linux as the guest: see host/vm/command.c.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { SLOT = 64, PATIENCE = 2000 };
static uint8_t *code;
static long slots = 65536;
static volatile long published = -1, rewritten = -1, finished = -1;
static unsigned long out_of_date;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    long at = (long)((uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] - (uintptr_t)code);
    char text[200];
    int n = snprintf(text, sizeof text, "signal %d in function %ld at byte %ld\n", signal, at / SLOT, at % SLOT);
    _exit(write(1, text, (size_t)n) == n ? 3 : 4);
}

static void flush(volatile void *at)
{
    __asm__ volatile("mfence; clflush (%0); mfence" : : "r"(at) : "memory");
}

/* mov %eax,-0x14000(%rsp); mov $1,%eax; ret */
static void make_function(uint8_t *at)
{
    static const uint8_t bytes[] = {0x89, 0x84, 0x24, 0x00, 0xc0, 0xfe, 0xff, 0xb8, 1, 0, 0, 0, 0xc3};
    memset(at, 0xcc, SLOT);
    memcpy(at, bytes, sizeof bytes);
    __sync_synchronize();
}

static void bar_entry(uint8_t *at, const uint8_t *target)
{
    uint8_t jump[5] = {0xe9};
    int32_t distance = (int32_t)(target - (at + 5));
    uint32_t first;
    memcpy(jump + 1, &distance, 4);
    memcpy(&first, jump, 4);
    *(volatile uint32_t *)at = 0xfeebfeeb;
    flush(at);
    *(volatile uint8_t *)(at + 4) = jump[4];
    flush(at + 4);
    *(volatile uint32_t *)at = first;
    flush(at);
}

static void *call(void *unused)
{
    for (long i = 0; i < slots; i++) {
        while (published < i)
            __asm__ volatile("pause");
        int (*function)(void) = (int (*)(void))(code + i * SLOT);
        for (int late = 0; function() == 1 && late < PATIENCE;) {
            if (rewritten < i)
                continue;
            unsigned a = 0, b, c = 0, d;
            __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d)); /* fetches anew */
            out_of_date += ++late == PATIENCE;
        }
        finished = i;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGTRAP, &action, NULL);
    if (argc > 1)
        slots = atol(argv[1]);
    code = mmap(NULL, (size_t)(SLOT * (slots + 1)), PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t *target = code + SLOT * slots;
    static const uint8_t two[] = {0xb8, 2, 0, 0, 0, 0xc3};
    memcpy(target, two, sizeof two);
    pthread_t caller;
    pthread_create(&caller, NULL, call, NULL);
    for (long i = 0; i < slots; i++) {
        make_function(code + i * SLOT);
        published = i;
        for (volatile int wait = rand() % 3000; wait; wait--) {
        }
        bar_entry(code + i * SLOT, target);
        rewritten = i;
        while (finished < i)
            __asm__ volatile("pause");
    }
    pthread_join(caller, NULL);
    printf("%ld functions rewritten, %lu out of date\n", slots, out_of_date);
    return out_of_date != 0;
}
