/* What the tests of this module share: a fresh world, helper threads, reads and writes of kernel memory. */
#pragma once
#include <string.h>
#include <arch/cpu.h>
#include <fakes/clock.h>
#include <fakes/memory.h>
#include <fakes/sched.h>
#include <fakes/timer.h>
#include <fakes/user.h>
#include <file/file.h>
#include <file/poll.h>
#include <test/test.h>

enum { O_NONBLOCK = 04000 };

static inline void start_thread(void (*entry)(void *), void *argument)
{
    struct thread *thread = thread_create("helper", entry, argument);
    thread_start(thread);
    thread_put(thread);
}
static inline ssize_t read_bytes(struct file *file, void *to, size_t n)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, to, n);
    return file_read(file, &io, -1);
}
static inline ssize_t write_bytes(struct file *file, const void *from, size_t n)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, from, n);
    return file_write(file, &io, -1);
}
