/*
 * A scatter list of program or kernel memory that reads and writes consume from the front. `io_copy_*` may sleep when
 * the memory is the program's: call them without spinlocks.
 */
#pragma once
#include <base/user.h>

struct io_segment {
    union {
        struct user *user;
        void *kernel;
    };
    size_t len;
};
struct io_vector {
    const struct io_segment *segments;
    size_t count;          /* segments from here on, the first one included */
    size_t first_offset;   /* bytes of the first one that are done */
    size_t left;           /* bytes in all that are not done */
    bool is_kernel;
};
void io_vector_init(struct io_vector *io, const struct io_segment *segments, size_t count, bool is_kernel);
/* One segment; `storage` lives as long as io. */
static inline void io_vector_user(struct io_vector *io, struct io_segment *storage, const struct user *base, size_t len)
{
    *storage = (struct io_segment){.user = user_offset(base, 0), .len = len};
    *io = (struct io_vector){.segments = storage, .count = 1, .left = len};
}
static inline void io_vector_kernel(struct io_vector *io, struct io_segment *storage, const void *base, size_t len)
{
    *storage = (struct io_segment){.kernel = (void *)(uintptr_t)base, .len = len};
    *io = (struct io_vector){.segments = storage, .count = 1, .left = len, .is_kernel = true};
}
/* Copy n bytes (at most io->left) and advance: bytes copied; short of n only at a fault (0: -EFAULT is the caller's). */
size_t io_copy_to(struct io_vector *io, const void *from, size_t n);
size_t io_copy_from(struct io_vector *io, void *to, size_t n);
size_t io_zero(struct io_vector *io, size_t n);
void io_advance(struct io_vector *io, size_t n);
