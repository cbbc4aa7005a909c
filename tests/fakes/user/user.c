/* Copies to and from program memory; see fakes/user.h. */
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <base/atomic.h>
#include <fakes/user.h>

static uintptr_t fault_start, fault_end;

void fake_user_set_fault(const void *start, size_t n)
{
    fault_start = (uintptr_t)start;
    fault_end = fault_start + n;
}

/* How many of the n bytes at `address` can be reached before a fault. */
static size_t reachable(uintptr_t address, size_t n)
{
    if (address < 65536 || address + n < address || address + n > UINT64_C(0x00007ffffffff000))
        return 0;
    if (address >= fault_start && address < fault_end)
        return 0;
    if (address < fault_start && fault_end > fault_start && address + n > fault_start)
        return fault_start - address;
    return n;
}

size_t copy_from_user_partly(void *to, const struct user *from, size_t n)
{
    size_t done = n ? reachable((uintptr_t)from, n) : 0;
    if (done)
        memcpy(to, (const void *)from, done);
    return done;
}

size_t copy_to_user_partly(struct user *to, const void *from, size_t n)
{
    size_t done = n ? reachable((uintptr_t)to, n) : 0;
    if (done)
        memcpy((void *)to, from, done);
    return done;
}

int copy_from_user(void *to, const struct user *from, size_t n)
{
    return copy_from_user_partly(to, from, n) == n ? 0 : -EFAULT;
}

int copy_to_user(struct user *to, const void *from, size_t n)
{
    return copy_to_user_partly(to, from, n) == n ? 0 : -EFAULT;
}

int zero_user(struct user *to, size_t n)
{
    size_t done = n ? reachable((uintptr_t)to, n) : 0;
    if (done)
        memset((void *)to, 0, done);
    return done == n ? 0 : -EFAULT;
}

ssize_t copy_string_from_user(char *to, const struct user *from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (copy_from_user(&to[i], user_offset(from, i), 1))
            return -EFAULT;
        if (!to[i])
            return (ssize_t)i;
    }
    return -ENAMETOOLONG;
}

int user_load32(const struct user *address, uint32_t *value, bool may_sleep)
{
    if (!is_aligned((uintptr_t)address, 4) || reachable((uintptr_t)address, 4) != 4)
        return -EFAULT;
    *value = load_acquire((const uint32_t *)address);
    return 0;
}

int user_compare_exchange32(struct user *address, uint32_t *expected, uint32_t wanted)
{
    if (!is_aligned((uintptr_t)address, 4) || reachable((uintptr_t)address, 4) != 4)
        return -EFAULT;
    atomic_compare_exchange((uint32_t *)address, expected, wanted);
    return 0;
}
