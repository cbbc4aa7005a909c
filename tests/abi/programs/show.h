/* Prints an expression with its value and, when it is negative, the error's name. */
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SHOW(expression)                                                                                               \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        long show_value = (long)(expression);                                                                          \
        printf("%s = %ld%s%s\n", #expression, show_value, show_value < 0 ? " " : "",                                   \
               show_value < 0 ? strerrorname_np(errno) : "");                                                          \
        fflush(stdout);                                                                                                \
    } while (0)

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
