/* Calls that make no sense for the one program of a machine: what Linux answers an unprivileged one. */
#include <base/errno.h>
#include <linux/syscalls.h>

long sys_ptrace(long request, long pid, unsigned long address, unsigned long data)
{
    return -EPERM;
}

long sys_seccomp(unsigned operation, unsigned flags, struct user *arguments)
{
    return -EINVAL;
}

long sys_bpf(int command, struct user *attributes, unsigned size)
{
    return -EPERM;
}

long sys_perf_event_open(struct user *attributes, int pid, int cpu, int group, unsigned long flags)
{
    return -EACCES;
}

long sys_userfaultfd(int flags)
{
    return -EPERM;
}
