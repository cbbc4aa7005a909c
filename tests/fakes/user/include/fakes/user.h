/*
 * base/user.h in unit tests: a program's pointer is a pointer of the test. The first 64 KiB of the address space always
 * fault, and so does one range that the test sets.
 */
#pragma once
#include <base/user.h>

void fake_user_set_fault(const void *start, size_t n); /* n 0: none */
static inline struct user *fake_user(const void *p)
{
    return user_pointer((uintptr_t)p);
}
