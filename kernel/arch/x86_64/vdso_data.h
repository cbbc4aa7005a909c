/* The page that the kernel shares with the vDSO, read-only for programs. */
#pragma once
#include <stdint.h>
struct vdso_data {
    uint32_t sequence; /* odd while the kernel writes, and as long as the clock cannot be read here: make a system call */
    uint64_t base_tsc, base_ns, mult; /* ns = base_ns + (tsc - base_tsc) * mult / 2^32 */
    int64_t realtime_offset_ns;
    uint32_t has_rdtscp; /* its ECX is the CPU's number */
    uint32_t cpu_selector; /* else: the segment whose limit is */
};
