/*
 * base/user.h on the real machine: range checks, then the assembly of user_copy.S. A range is checked before it is
 * followed, since without that a program could name kernel memory.
 */
#include <arch/mmu.h>
#include <base/errno.h>
#include <base/user.h>
#include "user_copy.h"

static bool is_user_range(uintptr_t start, size_t n)
{
    return n <= USER_ADDRESS_MAX && start <= USER_ADDRESS_MAX - n;
}

/* How many of the n bytes lie within program space. */
static size_t clip_range(uintptr_t start, size_t n)
{
    if (start >= USER_ADDRESS_MAX)
        return 0;
    return n < USER_ADDRESS_MAX - start ? n : USER_ADDRESS_MAX - start;
}

int copy_from_user(void *to, const struct user *from, size_t n)
{
    if (!is_user_range(user_address(from), n))
        return -EFAULT;
    return user_copy(to, (const void *)from, n) ? -EFAULT : 0;
}

int copy_to_user(struct user *to, const void *from, size_t n)
{
    if (!is_user_range(user_address(to), n))
        return -EFAULT;
    return user_copy((void *)to, from, n) ? -EFAULT : 0;
}

size_t copy_from_user_partly(void *to, const struct user *from, size_t n)
{
    size_t allowed = clip_range(user_address(from), n);
    return allowed - user_copy(to, (const void *)from, allowed);
}

size_t copy_to_user_partly(struct user *to, const void *from, size_t n)
{
    size_t allowed = clip_range(user_address(to), n);
    return allowed - user_copy((void *)to, from, allowed);
}

int zero_user(struct user *to, size_t n)
{
    if (!is_user_range(user_address(to), n))
        return -EFAULT;
    return user_zero((void *)to, n) ? -EFAULT : 0;
}

ssize_t copy_string_from_user(char *to, const struct user *from, size_t size)
{
    if (!size)
        return -ENAMETOOLONG;
    size_t allowed = clip_range(user_address(from), size);
    if (!allowed)
        return -EFAULT;
    ssize_t len = user_copy_string(to, (const char *)from, allowed);
    if (len < 0)
        return -EFAULT;
    if ((size_t)len < allowed)
        return len;
    return allowed < size ? -EFAULT : -ENAMETOOLONG;
}

static bool is_user_word(const struct user *address)
{
    return !(user_address(address) & 3) && is_user_range(user_address(address), sizeof(uint32_t));
}

int user_load32(const struct user *address, uint32_t *value, bool may_sleep)
{
    if (!is_user_word(address))
        return -EFAULT;
    const uint32_t *word = (const uint32_t *)(const void *)address;
    return (may_sleep ? user_load_word(word, value) : user_load_word_atomic(word, value)) ? -EFAULT : 0;
}

int user_compare_exchange32(struct user *address, uint32_t *expected, uint32_t wanted)
{
    if (!is_user_word(address))
        return -EFAULT;
    return user_exchange_word((uint32_t *)(void *)address, expected, wanted) ? -EFAULT : 0;
}
