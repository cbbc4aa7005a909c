/* eventfd(2): a 64-bit counter that reads take and writes add to. */
#pragma once
#include <file/file.h>

enum { EVENTFD_SEMAPHORE = 1 };
/* flags: O_NONBLOCK and EVENTFD_SEMAPHORE. -ENOMEM. */
int eventfd_create(uint64_t value, uint32_t flags, struct file **out);
