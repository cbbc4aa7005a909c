/* Vectors of program memory (struct iovec), copied and checked. */
#pragma once
#include <file/io.h>

enum { VECTOR_SHORT = 8, VECTOR_MAX = 1024 };
#define IO_MAX 0x7ffff000ul /* bytes of one call */

struct user_vector {
    struct io_segment short_segments[VECTOR_SHORT], *segments;
    struct io_vector io;
};
/* -EINVAL, -EFAULT, -ENOMEM; vector_free in any case. Bytes beyond IO_MAX are cut off. */
int vector_copy(struct user_vector *v, const struct user *from, int count);
void vector_free(struct user_vector *v);
