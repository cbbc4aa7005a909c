/* The frequency of this host's TSC in kHz, as the kernel's clock sees it over 100 ms. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int main(void)
{
    int64_t start_ns = now_ns(), end_ns;
    uint64_t start = __rdtsc(), end;
    do {
        end_ns = now_ns();
        end = __rdtsc();
    } while (end_ns - start_ns < 100000000);
    printf("%llu\n", (unsigned long long)((double)(end - start) * 1e6 / (double)(end_ns - start_ns)));
    return 0;
}
