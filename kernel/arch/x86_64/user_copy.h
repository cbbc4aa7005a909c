/* The functions of user_copy.S, and the table that says where an access to program memory goes on when it fails. */
#pragma once
#include <base/types.h>

size_t user_copy(void *to, const void *from, size_t n);
size_t user_zero(void *to, size_t n);
ssize_t user_copy_string(char *to, const char *from, size_t max);
int user_load_word(const uint32_t *from, uint32_t *to);
int user_load_word_atomic(const uint32_t *from, uint32_t *to);
int user_exchange_word(uint32_t *at, uint32_t *expected, uint32_t wanted);
int user_xsave(void *to, uint64_t mask);
int user_fxsave(void *to);
int fpu_try_xrstor(const void *from, uint64_t mask);
int fpu_try_fxrstor(const void *from);
int msr_try_read(uint32_t msr, uint64_t *value);

struct fixup { /* addresses relative to the field that holds them */
    int32_t from, to;
    uint32_t may_sleep;
};
extern const struct fixup kernel_fixups[], kernel_fixups_end[];
struct patch { /* three bytes of code to put there when the CPU has SMAP */
    int32_t at; /* relative to this field */
    uint32_t code;
};
static inline uintptr_t resolve_relative(const int32_t *field)
{
    return (uintptr_t)field + (uintptr_t)(intptr_t)*field;
}
extern const struct patch kernel_patches[], kernel_patches_end[];
extern char kernel_text_start[], kernel_text_end[], kernel_rodata_start[], kernel_rodata_end[], kernel_image_start[],
    kernel_image_end[];
