/* Vectors of program memory; see vector.h. */
#include "vector.h"
#include <base/errno.h>
#include <common/checked.h>
#include <arch/mmu.h>
#include <mm/alloc.h>

struct linux_iovec {
    uint64_t base, len;
};

int vector_copy(struct user_vector *v, const struct user *from, int count)
{
    v->segments = v->short_segments;
    if (count < 0 || count > VECTOR_MAX)
        return -EINVAL;
    if (count > VECTOR_SHORT) {
        v->segments = kmalloc_array((size_t)count, sizeof *v->segments, ALLOC_WAIT);
        if (!v->segments)
            return -ENOMEM;
    }
    size_t left = IO_MAX;
    static_assert(sizeof(struct linux_iovec) == sizeof(struct io_segment), "read in place");
    if (copy_from_user(v->segments, from, (size_t)count * sizeof *v->segments))
        return -EFAULT;
    for (int i = 0; i < count; i++) {
        struct io_segment *s = &v->segments[i];
        if ((ssize_t)s->len < 0)
            return -EINVAL;
        if (s->len && (user_address(s->user) >= USER_ADDRESS_MAX || s->len > USER_ADDRESS_MAX - user_address(s->user)))
            return -EFAULT;
        s->len = MIN(s->len, left);
        left -= s->len;
    }
    io_vector_init(&v->io, v->segments, (size_t)count, false);
    return 0;
}

void vector_free(struct user_vector *v)
{
    if (v->segments != v->short_segments)
        kfree(v->segments);
}
