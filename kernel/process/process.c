/* struct process: making and freeing, its place in the tree, groups and sessions. */
#include <base/errno.h>
#include <process/timers.h>
#include <vfs/vfs.h>
#include "private.h"

void (*process_machine_end)(int wait_status);
void (*process_out_of_memory)(struct process *process, uintptr_t address);

void process_set_machine_end(void (*ended)(int wait_status))
{
    process_machine_end = ended;
}

void process_set_out_of_memory(void (*out_of_memory)(struct process *process, uintptr_t address))
{
    process_out_of_memory = out_of_memory;
}

/* Linux's defaults, with more descriptors: one machine serves one program. */
static void set_default_limits(struct process *process)
{
    const uint64_t none = UINT64_MAX, mib = 1024 * 1024;
    for (unsigned i = 0; i < LIMIT_COUNT; i++)
        process->limits[i] = (struct resource_limit){none, none};
    process->limits[LIMIT_STACK] = (struct resource_limit){8 * mib, none};
    process->limits[LIMIT_CORE] = (struct resource_limit){0, none};
    process->limits[LIMIT_NPROC] = (struct resource_limit){30000, 30000};
    process->limits[LIMIT_NOFILE] = (struct resource_limit){65536, 1048576};
    process->limits[LIMIT_MEMLOCK] = (struct resource_limit){8 * mib, 8 * mib};
    process->limits[LIMIT_SIGPENDING] = (struct resource_limit){30000, 30000};
    process->limits[LIMIT_MSGQUEUE] = (struct resource_limit){819200, 819200};
    process->limits[LIMIT_NICE] = process->limits[LIMIT_RTPRIO] = (struct resource_limit){0, 0};
}

struct process *process_create(uint32_t id)
{
    struct process *process = kzalloc(sizeof *process, ALLOC_WAIT);
    if (!process)
        return NULL;
    process->id = id;
    refcount_init(&process->refs, 1);
    spin_init(&process->lock);
    list_init(&process->tasks);
    list_init(&process->children);
    list_init(&process->sibling_link);
    signal_queue_init(&process->pending);
    wait_queue_init(&process->child_event);
    wait_queue_init(&process->vfork_done);
    wait_queue_init(&process->stop_event);
    wait_queue_init(&process->task_event);
    wait_queue_init(&process->exit_event);
    set_default_limits(process);
    process->start_ns = clock_monotonic_ns();
    process->timer_slack_ns = 50000;
    process->dumpable = 1;
    process->exit_signal = SIGNAL_CHLD;
    process->timers = process_timers_create(process);
    if (!process->timers) {
        kfree(process);
        return NULL;
    }
    return process;
}

void process_get(struct process *process)
{
    refcount_get(&process->refs);
}

static void free_actions(struct signal_actions *actions)
{
    if (actions && refcount_put(&actions->refs))
        kfree(actions);
}

void process_put(struct process *process)
{
    if (!process || !refcount_put(&process->refs))
        return;
    assert(list_is_empty(&process->tasks));
    signal_queue_clear(&process->pending);
    process_timers_free(process->timers);
    if (process->space)
        address_space_put(process->space);
    if (process->descriptors)
        descriptor_table_put(process->descriptors);
    if (process->fs)
        fs_context_put(process->fs);
    free_actions(process->actions);
    kfree(process->executable_path);
    kfree(process);
}

/* The table holds a reference of its own, dropped by process_unhash_locked's caller. */
void process_insert_locked(struct process *process, struct process *parent)
{
    process->parent = parent;
    if (parent)
        list_add_last(&parent->children, &process->sibling_link);
    id_use_locked(process->id);
    id_use_locked(process->group_id);
    id_use_locked(process->session_id);
    id_set_process_locked(process->id, process);
}

void process_unhash_locked(struct process *process)
{
    list_remove(&process->sibling_link);
    process->parent = NULL;
    process->is_reaped = true;
    id_set_process_locked(process->id, NULL);
    id_release_locked(process->session_id);
    id_release_locked(process->group_id);
    id_release_locked(process->id);
}

void process_set_executable(struct process *process, char *path)
{
    spin_lock(&process->lock);
    char *old = process->executable_path;
    process->executable_path = path;
    spin_unlock(&process->lock);
    kfree(old);
}

void process_fill_caller(struct vfs_caller *caller)
{
    struct process *process = process_current();
    const struct credentials *c = &process->credentials;
    *caller = (struct vfs_caller){
        .fs = process->fs,
        .uid = load_relaxed(&c->fsuid),
        .gid = load_relaxed(&c->fsgid),
        .groups = c->groups,
        .group_count = load_relaxed(&c->group_count),
        .is_privileged = load_relaxed(&c->capabilities_effective) >> 1 & 1, /* CAP_DAC_OVERRIDE */
    };
}

bool process_is_capable(unsigned capability)
{
    return load_relaxed(&process_current()->credentials.capabilities_effective) >> capability & 1;
}

bool process_may_control(struct process *process, unsigned capability)
{
    const struct credentials *mine = &process_current()->credentials, *other = &process->credentials;
    if (process == process_current() || mine->euid == other->suid || mine->euid == other->uid ||
        mine->uid == other->suid || mine->uid == other->uid)
        return true;
    return process_is_capable(capability);
}

bool task_must_exit(const struct task *task)
{
    const struct process *process = task->process;
    const struct task *survivor = load_acquire(&process->exec_task);
    return load_acquire(&process->is_exiting) || (survivor && survivor != task);
}

bool wait_killable(struct wait_queue *queue, bool (*condition)(void *), void *argument)
{
    struct thread *thread = thread_current();
    bool had_interrupt = false, is_met = true;
    /* An interrupt ends the sleep; it is put aside unless it means the end, and noted again afterwards. Put aside
     * first: whoever ends us says so before it interrupts. */
    while (is_met && wait_until(queue, condition, argument, WAIT_INTERRUPTIBLE, UINT64_MAX, false)) {
        had_interrupt |= atomic_exchange(&thread->is_interrupted, 0u);
        is_met = !task_must_exit(task_current());
    }
    if (had_interrupt)
        store_release(&thread->is_interrupted, 1u);
    return is_met;
}

/* ---- groups and sessions ---- */

/* setpgid's target: the caller or a child of its that has not called exec. */
static int find_group_target_locked(uint32_t pid, struct process **out)
{
    struct process *self = process_current(), *target = pid ? id_process_locked(pid) : self;
    if (!target || (target != self && target->parent != self))
        return -ESRCH;
    if (target->session_id != self->session_id || target->session_id == target->id)
        return -EPERM;
    if (target != self && target->is_first_exec_done)
        return -EACCES;
    *out = target;
    return 0;
}

static void set_group_locked(struct process *process, uint32_t group)
{
    id_use_locked(group);
    id_release_locked(process->group_id);
    process->group_id = group;
}

int process_set_group(uint32_t pid, uint32_t group)
{
    struct process *target;
    spin_lock(&process_tree_lock);
    int err = find_group_target_locked(pid, &target);
    if (!err) {
        if (!group)
            group = target->id;
        if (group != target->id && !id_is_group_locked(group, target->session_id))
            err = -EPERM;
        else
            set_group_locked(target, group);
    }
    spin_unlock(&process_tree_lock);
    return err;
}

int process_get_group(uint32_t pid)
{
    spin_lock(&process_tree_lock);
    struct process *process = pid ? id_process_locked(pid) : process_current();
    int group = process ? (int)process->group_id : -ESRCH;
    spin_unlock(&process_tree_lock);
    return group;
}

int process_get_session(uint32_t pid)
{
    spin_lock(&process_tree_lock);
    struct process *process = pid ? id_process_locked(pid) : process_current();
    int session = process ? (int)process->session_id : -ESRCH;
    spin_unlock(&process_tree_lock);
    return session;
}

int process_make_session(void)
{
    struct process *self = process_current();
    int result = -EPERM;
    spin_lock(&process_tree_lock);
    if (!id_is_group_locked(self->id, 0)) {
        set_group_locked(self, self->id);
        id_use_locked(self->id);
        id_release_locked(self->session_id);
        self->session_id = self->id;
        result = (int)self->id;
    }
    spin_unlock(&process_tree_lock);
    return result;
}

int process_get_parent(void)
{
    spin_lock(&process_tree_lock);
    struct process *parent = process_current()->parent;
    int id = parent ? (int)parent->id : 0;
    spin_unlock(&process_tree_lock);
    return id;
}

static int unshare_descriptors(struct process *process)
{
    struct descriptor_table *own, *old = process->descriptors;
    int err = descriptor_table_fork(old, &own);
    if (err)
        return err;
    spin_lock(&process->lock);
    process->descriptors = own;
    process->shares_descriptors = false;
    spin_unlock(&process->lock);
    descriptor_table_put(old);
    return 0;
}

static int unshare_fs(struct process *process)
{
    struct fs_context *old = process->fs, *own = fs_context_fork(old);
    if (!own)
        return -ENOMEM;
    spin_lock(&process->lock);
    process->fs = own;
    process->shares_fs = false;
    spin_unlock(&process->lock);
    fs_context_put(old);
    return 0;
}

/* Other threads may be using the old table by a plain pointer, so only a single-threaded process can change it. */
int process_unshare(bool files, bool fs)
{
    struct process *process = process_current();
    files = files && process->shares_descriptors;
    fs = fs && process->shares_fs;
    if ((files || fs) && load_acquire(&process->task_count) > 1)
        return -EINVAL;
    int err = files ? unshare_descriptors(process) : 0;
    return !err && fs ? unshare_fs(process) : err;
}
