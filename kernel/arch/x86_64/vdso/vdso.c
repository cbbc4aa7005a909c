/*
 * The vDSO: what programs ask most often, answered in ring 3 (Linux man page vdso(7)). Time is read from the TSC by the
 * numbers in the data page; everything that cannot be answered here becomes the system call.
 */
#include <stddef.h>
#include <stdint.h>
#include <vdso_data.h>

#define EXPORT    __attribute__((visibility("default"), used))
#define ALIAS(of) __attribute__((visibility("default"), weak, alias(#of)))
#define NS        1000000000

struct timespec64 {
    int64_t seconds, nanoseconds;
};
struct timeval64 {
    int64_t seconds, microseconds;
};
struct zone {
    int32_t minutes_west, dst;
};
enum {
    REALTIME = 0,
    MONOTONIC = 1,
    MONOTONIC_RAW = 4,
    REALTIME_COARSE = 5,
    MONOTONIC_COARSE = 6,
    BOOTTIME = 7,
    TAI = 11
};
enum { CALL_GETTIMEOFDAY = 96, CALL_TIME = 201, CALL_CLOCK_GETTIME = 228, CALL_CLOCK_GETRES = 229, CALL_GETCPU = 309 };

extern const struct vdso_data vdso_data __attribute__((visibility("hidden")));

EXPORT int __vdso_clock_gettime(int clock, struct timespec64 *to);
EXPORT int __vdso_clock_getres(int clock, struct timespec64 *to);
EXPORT int __vdso_gettimeofday(struct timeval64 *to, struct zone *zone);
EXPORT int64_t __vdso_time(int64_t *to);
EXPORT int __vdso_getcpu(uint32_t *cpu, uint32_t *node, void *unused);

static inline long system_call(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static inline uint64_t tsc_read(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* Monotonic ns and the offset of real time, from one state of the page. 0: not usable. */
static inline int read_clock(uint64_t *monotonic, int64_t *offset)
{
    const struct vdso_data *data = &vdso_data;
    uint32_t sequence;
    do {
        sequence = __atomic_load_n(&data->sequence, __ATOMIC_ACQUIRE);
        if (sequence & 1)
            return 0; /* the kernel is writing, or the clock cannot be read here: ask it */
        uint64_t delta = tsc_read() - data->base_tsc;
        *monotonic = data->base_ns + (uint64_t)(((unsigned __int128)delta * data->mult) >> 32);
        *offset = data->realtime_offset_ns;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (sequence != __atomic_load_n(&data->sequence, __ATOMIC_RELAXED));
    return 1;
}

/* Bits by clock number. */
#define MONOTONIC_CLOCKS (1u << MONOTONIC | 1u << MONOTONIC_RAW | 1u << MONOTONIC_COARSE | 1u << BOOTTIME)
#define REALTIME_CLOCKS  (1u << REALTIME | 1u << REALTIME_COARSE | 1u << TAI)

static inline int is_one_of(int clock, uint32_t clocks)
{
    return (unsigned)clock <= TAI && clocks >> clock & 1;
}

int __vdso_clock_gettime(int clock, struct timespec64 *to)
{
    uint64_t ns;
    int64_t offset;
    int is_monotonic = clock == MONOTONIC || is_one_of(clock, MONOTONIC_CLOCKS); /* the first is asked most */
    if ((!is_monotonic && !is_one_of(clock, REALTIME_CLOCKS)) || !read_clock(&ns, &offset))
        return (int)system_call(CALL_CLOCK_GETTIME, clock, (long)to, 0);
    if (!is_monotonic)
        ns += (uint64_t)offset;
    to->seconds = (int64_t)(ns / NS);
    to->nanoseconds = (int64_t)(ns % NS);
    return 0;
}

int __vdso_clock_getres(int clock, struct timespec64 *to)
{
    return (int)system_call(CALL_CLOCK_GETRES, clock, (long)to, 0);
}

int __vdso_gettimeofday(struct timeval64 *to, struct zone *zone)
{
    uint64_t ns;
    int64_t offset;
    if (!read_clock(&ns, &offset))
        return (int)system_call(CALL_GETTIMEOFDAY, (long)to, (long)zone, 0);
    ns += (uint64_t)offset;
    if (to) {
        to->seconds = (int64_t)(ns / NS);
        to->microseconds = (int64_t)(ns % NS / 1000);
    }
    if (zone)
        *zone = (struct zone){0, 0};
    return 0;
}

int64_t __vdso_time(int64_t *to)
{
    uint64_t ns;
    int64_t offset;
    if (!read_clock(&ns, &offset))
        return system_call(CALL_TIME, (long)to, 0, 0);
    int64_t seconds = (int64_t)((ns + (uint64_t)offset) / NS);
    if (to)
        *to = seconds;
    return seconds;
}

int __vdso_getcpu(uint32_t *cpu, uint32_t *node, void *unused)
{
    uint32_t number;
    if (vdso_data.has_rdtscp)
        __asm__ volatile("rdtscp" : "=c"(number) : : "eax", "edx");
    else
        __asm__ volatile("lsll %1, %0" : "=r"(number) : "r"(vdso_data.cpu_selector) : "cc");
    (void)unused;
    if (cpu)
        *cpu = number;
    if (node)
        *node = 0;
    return 0;
}

int clock_gettime(int clock, struct timespec64 *to) ALIAS(__vdso_clock_gettime);
int clock_getres(int clock, struct timespec64 *to) ALIAS(__vdso_clock_getres);
int gettimeofday(struct timeval64 *to, struct zone *zone) ALIAS(__vdso_gettimeofday);
int64_t time(int64_t *to) ALIAS(__vdso_time);
int getcpu(uint32_t *cpu, uint32_t *node, void *unused) ALIAS(__vdso_getcpu);
