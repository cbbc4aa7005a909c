/*
 * Program memory. `struct user` is never defined: a pointer to it is an address that the program gave, and only the
 * functions here may follow it. They may sleep (a page may have to be read), so never call them under a spinlock.
 * Implemented by kernel/arch/x86_64; in unit tests plain memory (tests/fakes).
 */
#pragma once
#include <base/types.h>

struct user;

static inline uintptr_t user_address(const struct user *p)
{
    return (uintptr_t)p;
}
static inline struct user *user_pointer(uintptr_t address)
{
    return (struct user *)address;
}
static inline struct user *user_offset(const struct user *p, size_t by)
{
    return (struct user *)((uintptr_t)p + by);
}
/* All or nothing as the caller sees it: 0, or -EFAULT (part may have been copied). */
int copy_from_user(void *to, const struct user *from, size_t n);
int copy_to_user(struct user *to, const void *from, size_t n);
/* As above but return how many bytes were copied before the fault (n when all went well). */
size_t copy_from_user_partly(void *to, const struct user *from, size_t n);
size_t copy_to_user_partly(struct user *to, const void *from, size_t n);
/* Zeroes n bytes: 0 or -EFAULT. */
int zero_user(struct user *to, size_t n);
/* Copies a NUL-terminated string of at most size-1 bytes: its length, -EFAULT, or -ENAMETOOLONG when longer. */
ssize_t copy_string_from_user(char *to, const struct user *from, size_t size);
/* The 32-bit word at a 4-aligned address, atomically; without faulting pages in when `may_sleep` is false: -EFAULT. */
int user_load32(const struct user *address, uint32_t *value, bool may_sleep);
/* Atomic compare-and-exchange on a 32-bit program word: *expected becomes what was there; 0 or -EFAULT. */
int user_compare_exchange32(struct user *address, uint32_t *expected, uint32_t wanted);
#define copy_struct_from_user(p, from) copy_from_user((p), (from), sizeof *(p))
#define copy_struct_to_user(to, p)     copy_to_user((to), (p), sizeof *(p))
