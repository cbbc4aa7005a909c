/* Checked arithmetic for sums and products of outside values: true on overflow, as the compiler's built-ins. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#define add_overflows(a, b, result)      __builtin_add_overflow(a, b, result)
#define subtract_overflows(a, b, result) __builtin_sub_overflow(a, b, result)
#define multiply_overflows(a, b, result) __builtin_mul_overflow(a, b, result)
#define MIN(a, b)                        ((a) < (b) ? (a) : (b))
#define MAX(a, b)                        ((a) > (b) ? (a) : (b))
#define ARRAY_SIZE(a)                    (sizeof(a) / sizeof((a)[0]))
/* `align` is a power of two. align_up wraps to 0 at the top of the type. */
#define align_down(v, align) ((v) & ~((__typeof__(v))(align)-1))
#define align_up(v, align)   align_down((v) + ((__typeof__(v))(align)-1), align)
#define is_aligned(v, align) (((v) & ((__typeof__(v))(align)-1)) == 0)
