/* The integer types that the kernel uses beside <stdint.h>. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define static_assert _Static_assert
#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS     INT64_C(1000000)
#define NS_PER_US     INT64_C(1000)
/* Hosts (unit tests) have ssize_t from <sys/types.h>; the type is the same one. */
typedef long int ssize_t;
#define PAGE_SHIFT 12
#define PAGE_SIZE  4096UL
#define PAGE_MASK  (~(PAGE_SIZE - 1))
/* The most CPUs a machine may have. Arrays indexed by cpu_index() have this many entries. */
#define CPU_MAX 64
