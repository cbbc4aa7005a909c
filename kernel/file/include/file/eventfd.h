/* eventfd(2): a 64-bit counter that reads take and writes add to. */
#pragma once
#include <file/file.h>

enum { EVENTFD_SEMAPHORE = 1 };
/* flags: O_NONBLOCK and EVENTFD_SEMAPHORE. -ENOMEM. */
int eventfd_create(uint64_t value, uint32_t flags, struct file **out);
bool file_is_eventfd(const struct file *file);
/* Adds 1 to an eventfd's counter, unless that is full; never waits. Thread context without its queue's lock. */
void eventfd_signal(struct file *file);
