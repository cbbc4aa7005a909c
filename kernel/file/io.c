/* Scatter lists: each copy takes from the first segment that has something left. */
#include <base/string.h>
#include <common/checked.h>
#include <file/io.h>

void io_vector_init(struct io_vector *io, const struct io_segment *segments, size_t count, bool is_kernel)
{
    *io = (struct io_vector){.segments = segments, .count = count, .is_kernel = is_kernel};
    for (size_t i = 0; i < count; i++)
        if (add_overflows(io->left, segments[i].len, &io->left))
            io->left = SIZE_MAX;
}

/* Bytes left in the first segment that is not empty; steps over those that are. */
static size_t front_len(struct io_vector *io)
{
    while (io->count && io->segments->len == io->first_offset) {
        io->segments++;
        io->count--;
        io->first_offset = 0;
    }
    return io->count ? io->segments->len - io->first_offset : 0;
}

void io_advance(struct io_vector *io, size_t n)
{
    n = MIN(n, io->left);
    while (n) {
        size_t step = MIN(n, front_len(io));
        io->first_offset += step;
        io->left -= step;
        n -= step;
    }
}

enum io_direction { TO_VECTOR, FROM_VECTOR, ZERO_VECTOR };

/* Each direction gets a copy loop of its own: most calls move few bytes. */
#define SPECIALISED static inline __attribute__((always_inline))

SPECIALISED size_t copy_segment(struct io_vector *io, enum io_direction direction, char *buffer, size_t n)
{
    if (io->is_kernel) {
        char *at = (char *)io->segments->kernel + io->first_offset;
        if (direction == TO_VECTOR)
            memcpy(at, buffer, n);
        else if (direction == FROM_VECTOR)
            memcpy(buffer, at, n);
        else
            memset(at, 0, n);
        return n;
    }
    struct user *at = user_offset(io->segments->user, io->first_offset);
    if (direction == TO_VECTOR)
        return copy_to_user_partly(at, buffer, n);
    if (direction == FROM_VECTOR)
        return copy_from_user_partly(buffer, at, n);
    return zero_user(at, n) ? 0 : n;
}

SPECIALISED size_t copy(struct io_vector *io, enum io_direction direction, char *buffer, size_t n)
{
    size_t done = 0;
    if (io->count && io->segments->len - io->first_offset >= n) {
        done = copy_segment(io, direction, buffer, n); /* nearly always */
        io->first_offset += done;
        io->left -= done;
        return done;
    }
    n = MIN(n, io->left);
    while (done < n) {
        size_t wanted = MIN(n - done, front_len(io));
        size_t got = copy_segment(io, direction, direction == ZERO_VECTOR ? NULL : buffer + done, wanted);
        io->first_offset += got;
        io->left -= got;
        done += got;
        if (got < wanted)
            break;
    }
    return done;
}

size_t io_copy_to(struct io_vector *io, const void *from, size_t n)
{
    return copy(io, TO_VECTOR, (char *)(uintptr_t)from, n);
}

size_t io_copy_from(struct io_vector *io, void *to, size_t n)
{
    return copy(io, FROM_VECTOR, to, n);
}

size_t io_zero(struct io_vector *io, size_t n)
{
    return copy(io, ZERO_VECTOR, NULL, n);
}
