/* Process descriptors: readable once the process has ended. */
#pragma once
#include <base/types.h>

struct file;
struct process;
int pidfd_create(struct process *process, unsigned flags,
                 struct file **out);              /* flags: O_NONBLOCK; takes its own reference */
struct process *pidfd_process(struct file *file); /* referenced; NULL: not a pidfd */
