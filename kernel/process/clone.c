/*
 * clone, clone3, fork, vfork: a new thread of the caller's process, or a new process with one. Everything that can fail
 * is done before the child becomes visible in the tables; from then on it is only started.
 */
#include <base/errno.h>
#include <process/pidfd.h>
#include <process/timers.h>
#include <vfs/vfs.h>
#include <process/clone_flags.h>
#include "private.h"

static int check_flags(const struct clone_arguments *arguments)
{
    uint64_t flags = arguments->flags;
    if (flags & CLONE_NAMESPACES)
        return process_is_capable(CAPABILITY_SYS_ADMIN_BIT) ? -EINVAL : -EPERM;
    if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
        return -EINVAL;
    if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
        return -EINVAL;
    if ((flags & (CLONE_SIGHAND | CLONE_CLEAR_SIGHAND)) == (CLONE_SIGHAND | CLONE_CLEAR_SIGHAND))
        return -EINVAL;
    /* Descriptors and directories belong to the process here, so threads cannot have their own. */
    if ((flags & CLONE_THREAD) && (flags & (CLONE_FILES | CLONE_FS)) != (CLONE_FILES | CLONE_FS))
        return -EINVAL;
    if ((flags & CLONE_PIDFD) && (flags & CLONE_THREAD))
        return -EINVAL;
    if ((flags & CLONE_SETTLS) && arguments->tls >= USER_ADDRESS_MAX)
        return -EPERM; /* loading it would fault in the kernel */
    if (arguments->exit_signal < 0 || arguments->exit_signal > SIGNAL_COUNT)
        return -EINVAL;
    return 0;
}

static void prepare_registers(struct task *child, const struct clone_arguments *arguments)
{
    child->start = *task_registers(task_current());
    child->start.rax = 0;
    child->start.syscall_number = UINT64_MAX;
    if (arguments->stack)
        child->start.rsp = arguments->stack + arguments->stack_size;
    if (arguments->flags & CLONE_SETTLS)
        child->thread->arch.fs_base = arguments->tls;
}

/* ---- what a new process copies or shares ---- */

static int copy_space(struct process *child, struct process *parent, uint64_t flags)
{
    if (!(flags & CLONE_VM))
        return address_space_fork(parent->space, &child->space);
    address_space_get(parent->space);
    child->space = parent->space;
    return 0;
}

static int copy_descriptors(struct process *child, struct process *parent, uint64_t flags)
{
    if (!(flags & CLONE_FILES))
        return descriptor_table_fork(parent->descriptors, &child->descriptors);
    descriptor_table_get(parent->descriptors);
    child->descriptors = parent->descriptors;
    child->shares_descriptors = parent->shares_descriptors = true;
    return 0;
}

static int copy_fs(struct process *child, struct process *parent, uint64_t flags)
{
    if (flags & CLONE_FS) {
        fs_context_get(parent->fs);
        child->fs = parent->fs;
        child->shares_fs = parent->shares_fs = true;
        return 0;
    }
    child->fs = fs_context_fork(parent->fs);
    return child->fs ? 0 : -ENOMEM;
}

static int copy_actions(struct process *child, struct process *parent, uint64_t flags)
{
    if (flags & CLONE_SIGHAND) {
        refcount_get(&parent->actions->refs);
        child->actions = parent->actions;
        return 0;
    }
    struct signal_actions *copy = kzalloc(sizeof *copy, ALLOC_WAIT);
    if (!copy)
        return -ENOMEM;
    refcount_init(&copy->refs, 1);
    spin_init(&copy->lock);
    spin_lock(&parent->actions->lock);
    memcpy(copy->of, parent->actions->of, sizeof copy->of);
    spin_unlock(&parent->actions->lock);
    if (flags & CLONE_CLEAR_SIGHAND)
        for (unsigned i = 0; i < SIGNAL_COUNT; i++)
            if (copy->of[i].handler != HANDLER_IGNORE)
                copy->of[i] = (struct signal_action){0};
    child->actions = copy;
    return 0;
}

static void copy_fields(struct process *child, struct process *parent, const struct clone_arguments *arguments)
{
    spin_lock(&parent->lock);
    child->credentials = parent->credentials;
    memcpy(child->limits, parent->limits, sizeof child->limits);
    memcpy(child->name, parent->name, sizeof child->name);
    child->executable_path = parent->executable_path ? kstrdup(parent->executable_path, ALLOC_ATOMIC) : NULL;
    child->arguments_start = parent->arguments_start;
    child->arguments_end = parent->arguments_end;
    child->environment_start = parent->environment_start;
    child->environment_end = parent->environment_end;
    child->stack_start = parent->stack_start;
    memcpy(child->auxv, parent->auxv, sizeof child->auxv);
    child->auxv_len = parent->auxv_len;
    child->dumpable = parent->dumpable;
    child->personality = parent->personality;
    child->timer_slack_ns = parent->timer_slack_ns;
    child->has_no_new_privileges = parent->has_no_new_privileges;
    child->keeps_capabilities = parent->keeps_capabilities;
    child->is_thp_disabled = parent->is_thp_disabled;
    spin_unlock(&parent->lock);
    child->exit_signal = arguments->exit_signal;
    child->is_vfork_child = arguments->flags & CLONE_VFORK;
}

static int make_process(const struct clone_arguments *arguments, uint32_t id, struct process **out)
{
    struct process *parent = process_current(), *child = process_create(id);
    if (!child)
        return -ENOMEM;
    copy_fields(child, parent, arguments);
    int err = copy_space(child, parent, arguments->flags);
    if (!err)
        err = copy_descriptors(child, parent, arguments->flags);
    if (!err)
        err = copy_fs(child, parent, arguments->flags);
    if (!err)
        err = copy_actions(child, parent, arguments->flags);
    if (err)
        process_put(child);
    else
        *out = child;
    return err;
}

/* ---- becoming visible ---- */

/* A thread joins the caller's process; -EAGAIN when that is ending: the caller is on its way out, too. */
static int publish_thread(struct task *child)
{
    struct process *process = child->process;
    int err = 0;
    spin_lock(&process_tree_lock);
    spin_lock(&process->lock);
    if (process->is_exiting || process->exec_task) {
        err = -EAGAIN;
    } else {
        task_link_locked(child);
        id_set_task_locked(child->id, child);
        if (process->is_stopped)
            thread_interrupt(child->thread);
    }
    spin_unlock(&process->lock);
    spin_unlock(&process_tree_lock);
    return err;
}

static int publish_process(struct task *child, uint64_t flags)
{
    struct process *process = child->process, *parent = process_current();
    int err = 0;
    spin_lock(&process_tree_lock);
    process->group_id = parent->group_id;
    process->session_id = parent->session_id;
    if (parent->is_exiting) {
        err = -EAGAIN;
    } else {
        process_get(process); /* the table's */
        process_insert_locked(process, flags & CLONE_PARENT && parent->parent ? parent->parent : parent);
        if (flags & CLONE_PARENT)
            process->exit_signal = parent->exit_signal;
        spin_lock(&process->lock);
        task_link_locked(child);
        spin_unlock(&process->lock);
        id_set_task_locked(child->id, child);
    }
    spin_unlock(&process_tree_lock);
    return err;
}

static void drop_id(uint32_t id)
{
    spin_lock(&process_tree_lock);
    id_release_locked(id);
    spin_unlock(&process_tree_lock);
}

static bool is_vfork_done(void *child)
{
    return !load_acquire(&((struct process *)child)->is_vfork_child);
}

/* CLONE_PIDFD: the descriptor, reserved before the child exists. */
static int make_pidfd(struct process *child, struct user *to, int *fd, struct file **file)
{
    *fd = descriptor_reserve(process_current()->descriptors, 0, true);
    if (*fd < 0)
        return *fd;
    int32_t number = *fd;
    int err = pidfd_create(child, 0, file);
    if (!err && copy_struct_to_user(to, &number)) {
        file_put(*file);
        err = -EFAULT;
    }
    if (err)
        descriptor_release(process_current()->descriptors, *fd);
    return err;
}

static long start_process(const struct clone_arguments *arguments, struct task *task, uint32_t id)
{
    struct process *child = task->process;
    struct file *pidfd_file = NULL;
    int fd = -1, err = 0;
    if (arguments->flags & CLONE_PIDFD)
        err = make_pidfd(child, arguments->pidfd, &fd, &pidfd_file);
    if (!err) {
        err = publish_process(task, arguments->flags);
        if (err && pidfd_file) {
            descriptor_release(process_current()->descriptors, fd);
            file_put(pidfd_file);
        }
    }
    if (err)
        return err;
    if (child->limits[LIMIT_CPU].soft != UINT64_MAX)
        process_timers_limit_cpu(child->timers, child->limits[LIMIT_CPU].soft);
    if (pidfd_file)
        descriptor_fill(process_current()->descriptors, fd, pidfd_file);
    process_get(child);
    task_start(task);
    if (arguments->flags & CLONE_VFORK)
        wait_killable(&child->vfork_done, is_vfork_done, child);
    process_put(child);
    return (long)id;
}

static long start_thread(struct task *task, uint32_t id)
{
    int err = publish_thread(task);
    if (err)
        return err;
    task_start(task);
    return (long)id;
}

static bool is_over_limit(const struct process *process)
{
    return process_thread_total() >= MIN(load_relaxed(&process->limits[LIMIT_NPROC].soft), UINT64_C(30000)) &&
           process->credentials.uid;
}

static void prepare_task(struct task *task, const struct clone_arguments *arguments)
{
    const struct task *self = task_current();
    uint64_t flags = arguments->flags;
    int32_t number = (int32_t)task->id;
    prepare_registers(task, arguments);
    if (flags & CLONE_CHILD_SETTID)
        task->child_tid_word = arguments->child_tid;
    if (flags & CLONE_CHILD_CLEARTID)
        task->clear_child_tid = arguments->child_tid;
    /* Who shares the memory has a stack of its own, but for vfork. */
    if ((flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM) {
        task->signals.alternate_stack = self->signals.alternate_stack;
        task->signals.alternate_stack_size = self->signals.alternate_stack_size;
        task->signals.alternate_stack_flags = self->signals.alternate_stack_flags;
    }
    if (!(flags & CLONE_VM)) {
        task->rseq = self->rseq;
        task->rseq_len = self->rseq_len;
        task->rseq_signature = self->rseq_signature;
    }
    if (flags & CLONE_PARENT_SETTID)
        copy_to_user(arguments->parent_tid, &number, sizeof number); /* Linux ignores a bad address, too */
}

long process_clone(const struct clone_arguments *arguments)
{
    struct process *process = process_current();
    bool is_thread = arguments->flags & CLONE_THREAD;
    long result = check_flags(arguments);
    if (result)
        return result;
    uint32_t id = is_over_limit(process) ? 0 : id_allocate();
    if (!id)
        return -EAGAIN;
    if (is_thread)
        process_get(process);
    else
        result = make_process(arguments, id, &process);
    if (result)
        goto release_id;
    struct task *task = task_create(process, id, task_current());
    result = -ENOMEM;
    if (task) {
        prepare_task(task, arguments);
        result = is_thread ? start_thread(task, id) : start_process(arguments, task, id);
        if (result < 0)
            task_free_unstarted(task);
    }
    process_put(process);

release_id:
    if (result < 0)
        drop_id(id);
    return result;
}
