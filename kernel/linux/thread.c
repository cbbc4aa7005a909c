/* What belongs to one thread: its ids, TLS base, robust list, rseq area, and memory barriers across threads. */
#include <arch/user_state.h>
#include <linux/syscalls.h>
#include <process/membarrier.h>
#include <process/process.h>

long sys_gettid(void)
{
    return task_current()->id;
}

long sys_set_tid_address(struct user *word)
{
    task_current()->clear_child_tid = word;
    return task_current()->id;
}

enum { ROBUST_HEAD_SIZE = 24 };

long sys_set_robust_list(struct user *head, size_t len)
{
    struct task *task = task_current();
    if (len != ROBUST_HEAD_SIZE)
        return -EINVAL;
    task->robust_list = head;
    task->robust_list_len = len;
    return 0;
}

long sys_get_robust_list(int tid, struct user *head, struct user *len)
{
    if (tid < 0)
        return -ESRCH;
    struct task *task = task_find(tid ? (uint32_t)tid : task_current()->id);
    if (!task)
        return -ESRCH;
    uint64_t address = user_address(task->robust_list), size = ROBUST_HEAD_SIZE;
    int err = process_may_control(task->process, CAPABILITY_SYS_ADMIN_BIT) ? 0 : -EPERM;
    task_put(task);
    if (!err)
        err = copy_struct_to_user(len, &size);
    return err ? err : copy_struct_to_user(head, &address);
}

long sys_rseq(struct user *area, unsigned len, int flags, unsigned signature)
{
    return rseq_register(area, len, flags, signature);
}

long sys_arch_prctl(int code, unsigned long address)
{
    enum { SET_GS = 0x1001, SET_FS, GET_FS, GET_GS, GET_CPUID = 0x1011 };
    uint64_t base;
    switch (code) {
    case SET_GS:
        return arch_set_gs_base(address);
    case SET_FS:
        return arch_set_fs_base(address);
    case GET_FS:
        base = arch_get_fs_base();
        return copy_struct_to_user(user_pointer(address), &base);
    case GET_GS:
        base = arch_get_gs_base();
        return copy_struct_to_user(user_pointer(address), &base);
    case GET_CPUID:
        return 1; /* CPUID does not fault */
    default:
        return -EINVAL;
    }
}

long sys_getcpu(struct user *cpu, struct user *node, struct user *unused)
{
    uint32_t index = cpu_index(), zero = 0;
    int err = cpu ? copy_struct_to_user(cpu, &index) : 0;
    return !err && node ? copy_struct_to_user(node, &zero) : err;
}

long sys_membarrier(int command, unsigned flags, int cpu)
{
    enum {
        QUERY = 0,
        GLOBAL = 1,
        GLOBAL_EXPEDITED = 2,
        REGISTER_GLOBAL = 4,
        PRIVATE = 8,
        REGISTER_PRIVATE = 16,
        SYNC_CORE = 32,
        REGISTER_SYNC_CORE = 64,
    };
    struct process *process = process_current();
    if (flags)
        return -EINVAL;
    switch (command) {
    case QUERY:
        return GLOBAL | GLOBAL_EXPEDITED | REGISTER_GLOBAL | PRIVATE | REGISTER_PRIVATE | SYNC_CORE |
               REGISTER_SYNC_CORE;
    case REGISTER_GLOBAL:
    case REGISTER_PRIVATE:
    case REGISTER_SYNC_CORE:
        atomic_fetch_or(&process->membarrier_registered, (uint32_t)command);
        return 0;
    case PRIVATE:
    case SYNC_CORE: /* IRET, by which the interrupt returns, serialises */
        if (!(load_relaxed(&process->membarrier_registered) & (uint32_t)command << 1))
            return -EPERM;
        return process_synchronize_cpus();
    case GLOBAL:
    case GLOBAL_EXPEDITED:
        return process_synchronize_cpus();
    default:
        return -EINVAL;
    }
}
