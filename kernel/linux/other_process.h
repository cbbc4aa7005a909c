/* Reaching into another process. */
#pragma once
#include <process/process.h>

enum { CAPABILITY_SYS_PTRACE = 19 };
/* Its address space, referenced: -ESRCH when it has none any more, -EPERM for who may not look into it. */
int process_space(struct process *process, struct address_space **out);
