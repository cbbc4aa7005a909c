/* prctl(2). What it does not know is -EINVAL, as on a Linux without the option. */
#include <base/string.h>
#include <linux/syscalls.h>
#include <process/process.h>

enum option {
    SET_PDEATHSIG = 1,
    GET_PDEATHSIG = 2,
    GET_DUMPABLE = 3,
    SET_DUMPABLE = 4,
    GET_KEEPCAPS = 7,
    SET_KEEPCAPS = 8,
    SET_NAME = 15,
    GET_NAME = 16,
    GET_SECCOMP = 21,
    CAPBSET_READ = 23,
    CAPBSET_DROP = 24,
    GET_TSC = 25,
    GET_SECUREBITS = 27,
    SET_SECUREBITS = 28,
    SET_TIMERSLACK = 29,
    GET_TIMERSLACK = 30,
    SET_CHILD_SUBREAPER = 36,
    GET_CHILD_SUBREAPER = 37,
    SET_NO_NEW_PRIVS = 38,
    GET_NO_NEW_PRIVS = 39,
    GET_TID_ADDRESS = 40,
    SET_THP_DISABLE = 41,
    GET_THP_DISABLE = 42,
    CAP_AMBIENT = 47,
};
enum { NAME_SIZE = 16, TSC_ENABLE = 1, DEFAULT_SLACK_NS = 50000 };

static long put_int(unsigned long address, int32_t value)
{
    return copy_to_user(user_pointer(address), &value, sizeof value);
}

static long set_name(struct user *from)
{
    struct task *task = task_current();
    struct process *process = task->process;
    char name[NAME_SIZE] = {0};
    /* At most 15 bytes count, and the rest may be unreadable. */
    ssize_t len = copy_string_from_user(name, from, sizeof name);
    if (len < 0 && len != -ENAMETOOLONG)
        return len;
    name[NAME_SIZE - 1] = '\0';
    spin_lock(&process->lock);
    memcpy(task->thread->name, name, sizeof name);
    if (task->id == process->id)
        memcpy(process->name, name, sizeof name);
    spin_unlock(&process->lock);
    return 0;
}

static long drop_bounding(unsigned long capability)
{
    struct process *process = process_current();
    if (!process_is_capable(CAPABILITY_SETPCAP))
        return -EPERM;
    if (capability > CAPABILITY_LAST)
        return -EINVAL;
    spin_lock(&process->lock);
    process->credentials.capabilities_bounding &= ~(UINT64_C(1) << capability);
    spin_unlock(&process->lock);
    return 0;
}

/* There are no ambient capabilities: none is set, none can be raised. */
static long ambient(unsigned long operation, unsigned long capability)
{
    enum { IS_SET = 1, RAISE = 2, LOWER = 3, CLEAR_ALL = 4 };
    if (operation == CLEAR_ALL)
        return capability ? -EINVAL : 0;
    if (operation < IS_SET || operation > LOWER || capability > CAPABILITY_LAST)
        return -EINVAL;
    return operation == RAISE ? -EPERM : 0;
}

static long set_flag(bool *flag, unsigned long value)
{
    if (value > 1)
        return -EINVAL;
    store_relaxed(flag, (bool)value);
    return 0;
}

static long capability_option(int option, unsigned long arg2, unsigned long arg3)
{
    struct process *process = process_current();
    switch (option) {
    case GET_KEEPCAPS:
        return process->keeps_capabilities;
    case SET_KEEPCAPS:
        return set_flag(&process->keeps_capabilities, arg2);
    case CAPBSET_READ:
        return arg2 > CAPABILITY_LAST ? -EINVAL : (long)(process->credentials.capabilities_bounding >> arg2 & 1);
    case CAPBSET_DROP:
        return drop_bounding(arg2);
    case GET_SECUREBITS:
        return 0;
    case SET_SECUREBITS:
        return arg2 ? -EPERM : 0;
    case CAP_AMBIENT:
        return ambient(arg2, arg3);
    default:
        return -EINVAL;
    }
}

static long family_option(int option, unsigned long arg2)
{
    struct process *process = process_current();
    switch (option) {
    case SET_PDEATHSIG:
        if (arg2 > SIGNAL_COUNT)
            return -EINVAL;
        store_relaxed(&process->parent_death_signal, (int)arg2);
        return 0;
    case GET_PDEATHSIG:
        return put_int(arg2, load_relaxed(&process->parent_death_signal));
    case SET_CHILD_SUBREAPER:
        store_relaxed(&process->is_subreaper, arg2 != 0);
        return 0;
    case GET_CHILD_SUBREAPER:
        return put_int(arg2, load_relaxed(&process->is_subreaper));
    default:
        return -EINVAL;
    }
}

static long set_slack(unsigned long slack_ns)
{
    store_relaxed(&process_current()->timer_slack_ns, slack_ns ? slack_ns : (unsigned long)DEFAULT_SLACK_NS);
    return 0;
}

long sys_prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5)
{
    struct process *process = process_current();
    switch (option) {
    case SET_NAME:
        return set_name(user_pointer(arg2));
    case GET_NAME:
        return copy_to_user(user_pointer(arg2), task_current()->thread->name, NAME_SIZE);
    case GET_DUMPABLE:
        return process->dumpable;
    case SET_DUMPABLE:
        if (arg2 > 1)
            return -EINVAL;
        store_relaxed(&process->dumpable, (uint32_t)arg2);
        return 0;
    case GET_SECCOMP:
        return 0;
    case GET_TSC:
        return put_int(arg2, TSC_ENABLE);
    case SET_TIMERSLACK:
        return set_slack(arg2);
    case GET_TIMERSLACK:
        return (long)process->timer_slack_ns;
    case SET_NO_NEW_PRIVS:
        if (arg2 != 1 || arg3 || arg4 || arg5)
            return -EINVAL;
        return set_flag(&process->has_no_new_privileges, 1);
    case GET_NO_NEW_PRIVS:
        return arg2 || arg3 || arg4 || arg5 ? -EINVAL : process->has_no_new_privileges;
    case GET_TID_ADDRESS: {
        uint64_t address = user_address(task_current()->clear_child_tid);
        return copy_to_user(user_pointer(arg2), &address, sizeof address);
    }
    case SET_THP_DISABLE:
        store_relaxed(&process->is_thp_disabled, arg2 != 0);
        return 0;
    case GET_THP_DISABLE:
        return process->is_thp_disabled;
    case SET_PDEATHSIG:
    case GET_PDEATHSIG:
    case SET_CHILD_SUBREAPER:
    case GET_CHILD_SUBREAPER:
        return family_option(option, arg2);
    default:
        return capability_option(option, arg2, arg3);
    }
}
