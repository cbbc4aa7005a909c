/*
 * exec: the new program is opened, mapped and its stack filled in a space of its own while the old one stands
 * untouched; only then do the other threads end and the process changes over. Past that nothing can fail any more.
 */
#include <arch/irq.h>
#include <arch/user_state.h>
#include <base/errno.h>
#include <process/timers.h>
#include <vfs/vfs.h>
#include "exec.h"
#include "private.h"

enum { AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000 };
#define RFLAGS_START UINT64_C(0x202)

/* ---- making ---- */

/* A space with the program in it. */
static int make_space(struct exec_image *image, const struct resource_limit *limits,
                      const struct credentials *credentials, struct exec_layout *layout, struct address_space **out)
{
    struct address_space *space = address_space_create();
    if (!space)
        return -ENOMEM;
    int err = exec_map(space, image, layout);
    if (!err)
        err = exec_fill_stack(space, image, credentials, layout);
    address_space_set_limits(space, limits[LIMIT_AS].soft, limits[LIMIT_DATA].soft, limits[LIMIT_STACK].soft);
    if (err)
        address_space_put(space);
    else
        *out = space;
    return err;
}

/* ---- changing over ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void set_name(char to[16], const char *path)
{
    const char *name = base_name(path);
    memset(to, 0, 16);
    memcpy(to, name, strnlen(name, 15));
}

/* What /proc tells of the program. */
static void describe_program(struct process *process, struct exec_image *image, const struct exec_layout *layout)
{
    spin_lock(&process->lock);
    set_name(process->name, image->path);
    process->arguments_start = layout->arguments_start;
    process->arguments_end = layout->arguments_end;
    process->environment_start = layout->environment_start;
    process->environment_end = layout->environment_end;
    process->stack_start = layout->stack_pointer;
    memcpy(process->auxv, layout->auxv, layout->auxv_len);
    process->auxv_len = layout->auxv_len;
    process->dumpable = 1;
    process->keeps_capabilities = false;
    process->is_first_exec_done = true;
    process->membarrier_registered = 0;
    spin_unlock(&process->lock);
    process_set_executable(process, image->program_path);
    image->program_path = NULL;
}

static void start_registers(struct user_registers *registers, const struct exec_layout *layout)
{
    *registers = (struct user_registers){
        .syscall_number = UINT64_MAX, .rip = layout->start, .rsp = layout->stack_pointer, .rflags = RFLAGS_START,
        /* Selectors are arch's, which sets them on each return to ring 3. */
    };
}

static struct signal_actions *new_actions(void)
{
    struct signal_actions *actions = kzalloc(sizeof *actions, ALLOC_WAIT);
    if (actions) {
        refcount_init(&actions->refs, 1);
        spin_init(&actions->lock);
    }
    return actions;
}

/* Handlers are gone with the old program; what was ignored stays so. `fresh`: own ones, if they were shared. */
static void reset_actions(struct process *process, struct signal_actions *fresh)
{
    struct signal_actions *old = process->actions;
    spin_lock(&process->lock);
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        bool is_ignored = old->of[i].handler == HANDLER_IGNORE;
        fresh->of[i] = (struct signal_action){.handler = is_ignored ? HANDLER_IGNORE : HANDLER_DEFAULT};
    }
    process->actions = fresh;
    spin_unlock(&process->lock);
    if (refcount_put(&old->refs))
        kfree(old);
}

/* Without ambient capabilities: the superuser gets all that are bounded, others none. */
static void change_credentials(struct process *process)
{
    struct credentials *c = &process->credentials;
    spin_lock(&process->lock);
    bool is_root = c->euid == 0 || c->uid == 0;
    c->suid = c->fsuid = c->euid;
    c->sgid = c->fsgid = c->egid;
    c->capabilities_permitted = is_root ? c->capabilities_bounding : 0;
    c->capabilities_effective = c->euid == 0 ? c->capabilities_permitted : 0;
    spin_unlock(&process->lock);
}

static void change_space(struct process *process, struct address_space *space)
{
    struct address_space *old = process->space;
    spin_lock(&process->lock);
    process->space = space;
    spin_unlock(&process->lock);
    uint64_t state = arch_irq_save();
    thread_current()->space = space;
    address_space_activate(space);
    arch_irq_restore(state);
    process_finish_vfork(process);
    address_space_put(old);
}

/* The thread that execs goes on under the process's id, whichever it was. */
static void take_over_id(struct task *task)
{
    struct process *process = task->process;
    if (task->id == process->id)
        return;
    spin_lock(&process_tree_lock);
    id_set_task_locked(task->id, NULL);
    id_release_locked(task->id);
    spin_lock(&process->lock);
    task->id = task->thread->id = process->id;
    spin_unlock(&process->lock);
    id_use_locked(task->id);
    id_set_task_locked(task->id, task);
    spin_unlock(&process_tree_lock);
}

static void reset_task(struct task *task, const char *path)
{
    spin_lock(&task->process->lock);
    set_name(task->thread->name, path);
    task->signals.alternate_stack = task->signals.alternate_stack_size = 0;
    task->signals.alternate_stack_flags = 2; /* SS_DISABLE */
    spin_unlock(&task->process->lock);
    task->restart = NULL;
    task->rseq_cpu = UINT32_MAX;
    task->fault_vector = task->fault_error = task->fault_address = 0;
    arch_reset_user_state();
}

static int own_descriptors(struct process *process, struct descriptor_table **out)
{
    *out = NULL;
    return process->shares_descriptors ? descriptor_table_fork(process->descriptors, out) : 0;
}

static void change_descriptors(struct process *process, struct descriptor_table *own)
{
    if (own) {
        spin_lock(&process->lock);
        struct descriptor_table *old = process->descriptors;
        process->descriptors = own;
        process->shares_descriptors = false;
        spin_unlock(&process->lock);
        descriptor_table_put(old);
    }
    descriptor_table_close_on_exec(process->descriptors);
}

/* What the change-over needs, made before it. */
struct new_program {
    struct address_space *space;
    struct signal_actions *actions;
    struct descriptor_table *descriptors; /* NULL: the table stays */
    struct exec_layout layout;
};

static void change_over(struct task *task, struct exec_image *image, struct new_program *new)
{
    struct process *process = task->process;
    take_over_id(task);
    task_release_memory(task);
    process_tell_leave_memory(process);
    change_space(process, new->space);
    process_timers_clear(process->timers, false);
    reset_actions(process, new->actions);
    change_credentials(process);
    reset_task(task, image->path);
    describe_program(process, image, &new->layout);
    change_descriptors(process, new->descriptors);
    start_registers(task_registers(task), &new->layout);
}

static int run_image(struct exec_image *image)
{
    struct task *task = task_current();
    struct process *process = task->process;
    struct new_program *new = kzalloc(sizeof *new, ALLOC_WAIT);
    if (!new)
        return -ENOMEM;
    int err = make_space(image, process->limits, &process->credentials, &new->layout, &new->space);
    if (!err) {
        new->actions = new_actions();
        err = new->actions ? own_descriptors(process, &new->descriptors) : -ENOMEM;
    }
    if (!err && !process_kill_others(task))
        err = -EAGAIN; /* never seen: the thread is ending */
    if (!err) {
        change_over(task, image, new);
    } else {
        kfree(new->actions);
        if (new->descriptors)
            descriptor_table_put(new->descriptors);
        if (new->space)
            address_space_put(new->space);
    }
    kfree(new);
    return err;
}

/* ---- the call ---- */

/* Where a relative path starts, and how AT_EXECFN names it. */
static int find_base(int fd, const char *path, int flags, char *name, size_t size, struct dentry **base)
{
    *base = NULL;
    bool is_relative = path[0] != '/' && fd != AT_FDCWD;
    snprintf(name, size, "%s", path);
    if (!is_relative)
        return 0;
    struct file *file = descriptor_file(process_current()->descriptors, fd);
    if (!file)
        return -EBADF;
    struct dentry *dentry = file_dentry(file);
    if (dentry)
        dentry_get(dentry);
    file_put(file);
    if (!dentry)
        return path[0] ? -ENOTDIR : -EACCES;
    if (path[0])
        snprintf(name, size, "/dev/fd/%d/%s", fd, path);
    else
        snprintf(name, size, "/dev/fd/%d", fd);
    *base = dentry;
    return 0;
}

int process_exec(struct user *user_path, struct user *arguments, struct user *environment, int directory_fd, int flags)
{
    enum { NAME_SIZE = VFS_PATH_MAX + 32 };
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    char *path = kmalloc(VFS_PATH_MAX, ALLOC_WAIT), *name = kmalloc(NAME_SIZE, ALLOC_WAIT);
    struct exec_image *image = kzalloc(sizeof *image, ALLOC_WAIT);
    struct dentry *base = NULL;
    int err = path && name && image ? 0 : -ENOMEM;
    if (!err) {
        ssize_t len = copy_string_from_user(path, user_path, VFS_PATH_MAX);
        err = len < 0 ? (int)len : !len && !(flags & AT_EMPTY_PATH) ? -ENOENT : 0;
    }
    if (!err)
        err = find_base(directory_fd, path, flags, name, NAME_SIZE, &base);
    if (!err) {
        struct vfs_caller caller;
        process_fill_caller(&caller);
        struct exec_start start = {
            .caller = &caller,
            .base = base,
            .path = path,
            .lookup_flags =
                (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0),
            .execfn = name,
            .user_arguments = arguments,
            .user_environment = environment,
        };
        err = exec_image_open(&start, image);
    }
    if (!err)
        err = run_image(image);
    if (image)
        exec_image_free(image);
    dentry_put(base);
    kfree(image);
    kfree(name);
    kfree(path);
    return err;
}

/* ---- process 1 ---- */

static int set_working_directory(struct process *process, const char *path)
{
    struct dentry *directory;
    int err = vfs_lookup(&vfs_kernel, NULL, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &directory);
    if (err)
        return err;
    struct vfs_caller caller = vfs_kernel;
    caller.fs = process->fs;
    err = vfs_chdir(&caller, directory);
    dentry_put(directory);
    return err;
}

static void set_credentials(struct credentials *c, uint32_t uid, uint32_t gid)
{
    c->uid = c->euid = c->suid = c->fsuid = uid;
    c->gid = c->egid = c->sgid = c->fsgid = gid;
    c->group_count = 1;
    c->groups[0] = gid;
    c->capabilities_bounding = CAPABILITIES_ALL;
    c->capabilities_permitted = c->capabilities_effective = uid ? 0 : CAPABILITIES_ALL;
}

static int make_first(const struct program_start *start, struct exec_image *image, struct process *process,
                      struct exec_layout *layout)
{
    struct exec_start open = {
        .caller = &vfs_kernel,
        .path = start->path,
        .lookup_flags = LOOKUP_FOLLOW,
        .execfn = start->path,
        .arguments = start->arguments,
        .environment = start->environment,
    };
    set_credentials(&process->credentials, start->uid, start->gid);
    process->descriptors = start->descriptors ? start->descriptors : descriptor_table_create();
    process->fs = fs_context_create();
    process->actions = new_actions();
    if (!process->descriptors || !process->fs || !process->actions)
        return -ENOMEM;
    descriptor_table_set_limit(process->descriptors, (uint32_t)process->limits[LIMIT_NOFILE].soft);
    int err = start->working_directory ? set_working_directory(process, start->working_directory) : 0;
    if (!err)
        err = exec_image_open(&open, image);
    if (!err)
        err = make_space(image, process->limits, &process->credentials, layout, &process->space);
    if (!err)
        describe_program(process, image, layout);
    return err;
}

static int start_task(struct process *process, const struct exec_image *image, const struct exec_layout *layout)
{
    struct task *task = task_create(process, process->id, NULL);
    if (!task)
        return -ENOMEM;
    set_name(task->thread->name, image->path);
    start_registers(&task->start, layout);
    spin_lock(&process_tree_lock);
    process->group_id = process->session_id = process->id;
    process_get(process); /* the table's */
    process_insert_locked(process, NULL);
    id_set_task_locked(task->id, task);
    spin_lock(&process->lock);
    task_link_locked(task);
    spin_unlock(&process->lock);
    spin_unlock(&process_tree_lock);
    task_start(task);
    return 0;
}

int process_start_first(const struct program_start *start)
{
    struct exec_image *image = kzalloc(sizeof *image, ALLOC_WAIT);
    struct exec_layout *layout = kzalloc(sizeof *layout, ALLOC_WAIT);
    struct process *process = image && layout ? process_create(id_allocate()) : NULL;
    int err = process ? make_first(start, image, process, layout) : -ENOMEM;
    if (!err)
        err = start_task(process, image, layout);
    process_put(process);
    if (image)
        exec_image_free(image);
    kfree(image);
    kfree(layout);
    return err;
}
