/* The stand-ins for CPU, memory and files that the module's tests link; see world.h. */
#include <arch/user_state.h>
#include <arch/vdso.h>
#include <device/entropy.h>
#include <stdlib.h>
#include <vfs/locks.h>
#include <vfs/vfs.h>
#include "../private.h"
#include "world.h"

/* ---- arch ---- */

enum { KERNEL_STACK = 4096, USER_STACK = 8192 };
struct stacks { /* of one thread; freed when the world has ended */
    struct stacks *next;
    char kernel[KERNEL_STACK], user[USER_STACK];
} __attribute__((aligned(16)));
static struct stacks *all_stacks;

uint64_t arch_get_fs_base(void)
{
    return 0;
}

uint64_t arch_get_gs_base(void)
{
    return 0;
}

void arch_reset_user_state(void)
{
}

unsigned arch_fpu_exceptions(unsigned vector)
{
    return 0;
}

size_t arch_fpu_frame_size(void)
{
    return 516;
}

int arch_fpu_save_to_user(struct user *to)
{
    return zero_user(to, 516);
}

int arch_fpu_restore_from_user(const struct user *from)
{
    return 0;
}

uint64_t arch_hwcap(void)
{
    return 0;
}

uint64_t arch_hwcap2(void)
{
    return 0;
}

struct vm_object *arch_vdso_object(void)
{
    return NULL;
}

size_t arch_vdso_size(void)
{
    return 0;
}

/* A thread gets the two stacks that the real one has: the saved registers at the top of one, frames on the other. */
int arch_thread_add_user_state(struct arch_thread *arch, const struct arch_thread *from)
{
    struct thread *thread = container_of(arch, struct thread, arch);
    struct stacks *stacks = malloc(sizeof *stacks);
    stacks->next = all_stacks;
    all_stacks = stacks;
    arch->fpu = stacks;
    thread->kernel_stack_top = stacks->kernel + KERNEL_STACK;
    return 0;
}

static void free_stacks(void)
{
    while (all_stacks) {
        struct stacks *first = all_stacks;
        all_stacks = first->next;
        free(first);
    }
}

_Noreturn void arch_enter_user(struct user_registers *registers)
{
    struct thread *thread = thread_current();
    struct user_registers *saved = task_registers(thread->task);
    *saved = *registers;
    saved->rsp = (uintptr_t)((struct stacks *)thread->arch.fpu)->user + USER_STACK - 64;
    ((void (*)(void))registers->rip)();
    user_exit(0);
}

/* ---- memory ---- */

struct address_space {
    struct refcount refs;
};
unsigned world_spaces;

struct address_space *address_space_create(void)
{
    struct address_space *space = calloc(1, sizeof *space);
    refcount_init(&space->refs, 1);
    world_spaces++;
    return space;
}

void address_space_set_search_top(struct address_space *space, uint64_t random)
{
}

int address_space_fork(struct address_space *from, struct address_space **out)
{
    *out = address_space_create();
    return 0;
}

void address_space_get(struct address_space *space)
{
    refcount_get(&space->refs);
}

void address_space_put(struct address_space *space)
{
    if (!refcount_put(&space->refs))
        return;
    world_spaces--;
    free(space);
}

void address_space_activate(struct address_space *space)
{
}

int address_space_map(struct address_space *space, const struct map_request *request, uintptr_t *out)
{
    return -ENOMEM;
}

int address_space_unmap(struct address_space *space, uintptr_t start, size_t len)
{
    return 0;
}

ssize_t address_space_access(struct address_space *space, uintptr_t address, void *buffer, size_t n, bool is_write)
{
    return -EFAULT;
}

void address_space_set_brk(struct address_space *space, uintptr_t start)
{
}

void address_space_set_limits(struct address_space *space, uint64_t as, uint64_t data, uint64_t stack)
{
}

enum fault_result address_space_fault(struct address_space *space, uintptr_t address, enum fault_access access)
{
    return FAULT_NOT_MAPPED;
}

int address_space_next_vma(struct address_space *space, uintptr_t address, bool with_usage, struct vma_info *out)
{
    return -ENOENT;
}

void address_space_count(struct address_space *space, struct address_space_counters *out)
{
    memset(out, 0, sizeof *out);
}

bool address_space_shared_key(struct address_space *space, uintptr_t address, struct vm_object **object,
                              uint64_t *offset)
{
    return false;
}

/* ---- files ---- */

struct fs_context {
    struct refcount refs;
};
const struct vfs_caller vfs_kernel;

struct fs_context *fs_context_create(void)
{
    struct fs_context *context = calloc(1, sizeof *context);
    refcount_init(&context->refs, 1);
    return context;
}

struct fs_context *fs_context_fork(struct fs_context *from)
{
    return fs_context_create();
}

void fs_context_get(struct fs_context *context)
{
    refcount_get(&context->refs);
}

void fs_context_put(struct fs_context *context)
{
    if (refcount_put(&context->refs))
        free(context);
}

int vfs_lookup(const struct vfs_caller *caller, struct dentry *base, const char *path, unsigned flags,
               struct dentry **out)
{
    return -ENOENT;
}

int vfs_chdir(const struct vfs_caller *caller, struct dentry *directory)
{
    return -ENOENT;
}

int vfs_open_path(const struct vfs_caller *caller, struct dentry *base, const char *path, unsigned lookup_flags,
                  bool is_program, struct file **out)
{
    return -ENOENT;
}

ssize_t vfs_read_kernel(struct file *file, void *to, size_t n, uint64_t offset)
{
    return -EIO;
}

void vfs_file_path(struct file *file, char *to, size_t size)
{
    to[0] = '\0';
}

void dentry_get(struct dentry *dentry)
{
}

void dentry_put(struct dentry *dentry)
{
}

struct dentry *file_dentry(const struct file *file)
{
    return NULL;
}

struct inode *file_inode(const struct file *file)
{
    return NULL;
}

void vfs_unlock_owner(struct inode *inode, const void *owner)
{
}

/* ---- programs ---- */

static struct signal_actions *new_actions(void)
{
    struct signal_actions *actions = kzalloc(sizeof *actions, ALLOC_WAIT);
    refcount_init(&actions->refs, 1);
    return actions;
}

static struct process *start(void (*program)(void))
{
    struct process *process = process_create(id_allocate());
    process->space = address_space_create();
    process->descriptors = descriptor_table_create();
    process->fs = fs_context_create();
    process->actions = new_actions();
    process->group_id = process->session_id = process->id;
    struct task *task = task_create(process, process->id, NULL);
    task->start.rip = (uintptr_t)program;
    task->start.syscall_number = UINT64_MAX;
    spin_lock(&process_tree_lock);
    process_get(process);
    process_insert_locked(process, NULL);
    id_set_task_locked(task->id, task);
    task_link_locked(task);
    spin_unlock(&process_tree_lock);
    task_start(task);
    return process;
}

static bool is_ended(void *process)
{
    return load_acquire(&((struct process *)process)->is_zombie);
}

int world_run(void (*program)(void))
{
    struct process *process = start(program);
    wait_until(&process->exit_event, is_ended, process, WAIT_UNINTERRUPTIBLE, UINT64_MAX, false);
    let_others_run();
    int status = process->exit_status;
    process_put(process);
    free_stacks();
    return status;
}

void let_others_run(void)
{
    world_sleep(10);
}

long user_clone(uint64_t flags, void (*program)(void))
{
    struct user_registers *registers = task_registers(task_current());
    struct clone_arguments arguments = {.flags = flags, .exit_signal = flags & CLONE_THREAD ? 0 : SIGNAL_CHLD};
    uint64_t rip = registers->rip;
    registers->rip = (uintptr_t)program;
    long id = process_clone(&arguments);
    registers->rip = rip;
    return id;
}

long user_fork(void (*program)(void))
{
    return user_clone(0, program);
}

long user_thread(void (*program)(void))
{
    return user_clone(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, program);
}

/* As arch's loop: until nothing wants attention. A handler is entered where rip says so. */
long user_return(long result)
{
    struct thread *thread = thread_current();
    struct user_registers *registers = task_registers(thread->task);
    enum { SOME_CALL = 7, RIP = 0x100000 };
    registers->syscall_number = SOME_CALL;
    registers->rax = (uint64_t)result;
    registers->rip = RIP;
    while (load_relaxed(&thread->is_interrupted)) {
        process_return_to_user(registers);
        if (registers->rip == RIP || registers->rip == RIP - 2)
            continue;
        ((void (*)(int))registers->rip)((int)registers->rdi);
        registers->rsp += 8; /* RET takes the restorer's address */
        signal_return();
    }
    return registers->rip == RIP - 2 ? 1000 + (long)registers->rax : (long)registers->rax;
}

void user_handler(int number, void (*handler)(int number), uint64_t flags)
{
    struct signal_action action = {
        .handler = (uintptr_t)handler,
        .flags = flags | ACTION_RESTORER,
        .restorer = 0x10000,
    };
    EXPECT_EQ(signal_action_change(number, &action, NULL), 0);
}

/* The wake-up of whoever waits is part of the call: user_return tells an interruption as the program sees it. */
long user_wait(int pid, int *status, unsigned options)
{
    int32_t word = 0;
    struct wait_request request = {
        .which = pid == -1 ? 0 : 1,
        .id = pid,
        .options = options | 4,
        .is_wait4 = true,
        .status = user_pointer((uintptr_t)&word),
    };
    long result = process_wait(&request);
    *status = word;
    return result;
}

_Noreturn void user_exit(int status)
{
    process_exit_group((status & 0xff) << 8);
}

void world_sleep(uint64_t ns)
{
    sleep_until(clock_monotonic_ns() + ns, WAIT_UNINTERRUPTIBLE);
}
