/* Calls on other processes: their memory's advice and release, kcmp. */
#include "other_process.h"
#include <base/errno.h>
#include <common/checked.h>
#include <device/entropy.h>
#include <file/epoll.h>
#include <linux/syscalls.h>
#include <process/pidfd.h>
#include "paths.h"

int process_space(struct process *process, struct address_space **out)
{
    if (process != process_current() && !process_may_control(process, CAPABILITY_SYS_PTRACE))
        return -EPERM;
    spin_lock(&process->lock);
    struct address_space *space = process->space;
    if (space)
        address_space_get(space);
    spin_unlock(&process->lock);
    if (!space)
        return -ESRCH;
    *out = space;
    return 0;
}

/* ---- by process descriptor ---- */

enum { ADVICE_WILLNEED = 3, ADVICE_COLD = 20, ADVICE_PAGEOUT = 21, VECTORS_MAX = 1024 };
#define BYTES_MAX 0x7ffff000ul /* of one call, as for reads and writes */

static int process_of_fd(int fd, struct process **out)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    struct process *process = pidfd_process(file);
    file_put(file);
    if (!process)
        return -EBADF;
    *out = process;
    return 0;
}

struct vector {
    uint64_t base, len;
};

/* Bytes done; an error only when there are none. */
static long advise(struct address_space *space, const struct vector *vector, size_t count, int advice)
{
    long done = 0;
    for (size_t i = 0; i < count; i++) {
        int err = address_space_advise(space, vector[i].base, vector[i].len, advice);
        if (err)
            return done ? done : err;
        done += (long)vector[i].len;
    }
    return done;
}

static int check_vector(const struct vector *vector, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        if (vector[i].len > BYTES_MAX || (sum += vector[i].len) > BYTES_MAX)
            return -EINVAL;
    return 0;
}

static long advise_process(struct process *process, const struct vector *vector, size_t count, int advice)
{
    struct address_space *space;
    if (advice != ADVICE_WILLNEED && advice != ADVICE_COLD && advice != ADVICE_PAGEOUT)
        return -EINVAL;
    long result = process_space(process, &space);
    if (result)
        return result;
    result = process_is_capable(CAPABILITY_SYS_NICE) ? advise(space, vector, count, advice) : -EPERM;
    address_space_put(space);
    return result;
}

long sys_process_madvise(int fd, struct user *from, size_t count, int advice, unsigned flags)
{
    struct process *process;
    if (flags || count > VECTORS_MAX)
        return -EINVAL;
    struct vector *vector = kmalloc_array(count ? count : 1, sizeof *vector, ALLOC_WAIT);
    if (!vector)
        return -ENOMEM;
    long result = copy_from_user(vector, from, count * sizeof *vector);
    if (!result)
        result = check_vector(vector, count);
    if (!result)
        result = process_of_fd(fd, &process);
    if (!result) {
        result = advise_process(process, vector, count, advice);
        process_put(process);
    }
    kfree(vector);
    return result;
}

/* The memory of a process that is ending goes by itself, in its own last thread. */
long sys_process_mrelease(int fd, unsigned flags)
{
    struct process *process;
    if (flags)
        return -EINVAL;
    int err = process_of_fd(fd, &process);
    if (err)
        return err;
    spin_lock(&process->lock);
    err = !process->space ? -ESRCH : process->is_exiting ? 0 : -EINVAL;
    spin_unlock(&process->lock);
    process_put(process);
    return err;
}

/* ---- kcmp ---- */

enum kcmp_type { KCMP_FILE, KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_IO, KCMP_SYSVSEM, KCMP_EPOLL_TFD };

/* 0 equal, 1 less, 2 greater: by a number that tells nothing of the address. */
static long compare(const void *a, const void *b)
{
    static uint64_t secret;
    if (!load_relaxed(&secret)) {
        uint64_t none = 0;
        atomic_compare_exchange(&secret, &none, random_u64() | 1);
    }
    uint64_t x = ((uint64_t)a ^ secret) * secret, y = ((uint64_t)b ^ secret) * secret;
    return x == y ? 0 : x < y ? 1 : 2;
}

/* The file behind another's descriptor, referenced; NULL: none. */
static struct file *file_of_process(struct process *process, unsigned long fd)
{
    struct descriptor_table *table;
    if (fd > INT32_MAX)
        return NULL;
    spin_lock(&process->lock);
    table = process->descriptors;
    if (table)
        descriptor_table_get(table);
    spin_unlock(&process->lock);
    struct file *file = table ? descriptor_file(table, (int)fd) : NULL;
    if (table)
        descriptor_table_put(table);
    return file;
}

static long compare_files(struct process *a, struct process *b, unsigned long fd1, unsigned long fd2)
{
    struct file *file1 = file_of_process(a, fd1), *file2 = file_of_process(b, fd2);
    long result = file1 && file2 ? compare(file1, file2) : -EBADF;
    if (file1)
        file_put(file1);
    if (file2)
        file_put(file2);
    return result;
}

struct epoll_slot { /* struct kcmp_epoll_slot: the index-th entry of descriptor fd in that epoll */
    uint32_t epoll, fd, index;
};

static long compare_with_epoll(struct process *a, struct process *b, unsigned long fd, const struct user *from)
{
    struct epoll_slot slot;
    if (copy_struct_from_user(&slot, from))
        return -EFAULT;
    struct file *file = file_of_process(a, fd), *epoll = file_of_process(b, slot.epoll);
    const struct file *target = epoll && file_is_epoll(epoll) ? epoll_target(epoll, (int)slot.fd, slot.index) : NULL;
    long result = !file || !epoll         ? -EBADF
                  : !file_is_epoll(epoll) ? -EINVAL
                  : !target               ? -ENOENT
                                          : compare(file, target);
    if (file)
        file_put(file);
    if (epoll)
        file_put(epoll);
    return result;
}

static long compare_processes(struct process *a, struct process *b, int type, unsigned long fd1, unsigned long fd2)
{
    switch (type) {
    case KCMP_FILE:
        return compare_files(a, b, fd1, fd2);
    case KCMP_VM:
        return compare(load_relaxed(&a->space), load_relaxed(&b->space));
    case KCMP_FILES:
        return compare(load_relaxed(&a->descriptors), load_relaxed(&b->descriptors));
    case KCMP_FS:
        return compare(load_relaxed(&a->fs), load_relaxed(&b->fs));
    case KCMP_SIGHAND:
        return compare(load_relaxed(&a->actions), load_relaxed(&b->actions));
    case KCMP_IO:
        return 0; /* there are no I/O contexts */
    case KCMP_SYSVSEM:
        return compare(load_relaxed(&a->semaphore_undos), load_relaxed(&b->semaphore_undos));
    case KCMP_EPOLL_TFD:
        return compare_with_epoll(a, b, fd1, user_pointer(fd2));
    default:
        return -EINVAL;
    }
}

static struct process *process_of_thread(int tid)
{
    struct task *task = tid > 0 ? task_find((uint32_t)tid) : NULL;
    if (!task)
        return NULL;
    struct process *process = task->process;
    process_get(process);
    task_put(task);
    return process;
}

long sys_kcmp(int pid1, int pid2, int type, unsigned long index1, unsigned long index2)
{
    struct process *a = process_of_thread(pid1), *b = process_of_thread(pid2);
    long result = a && b ? 0 : -ESRCH;
    if (!result && !(process_may_control(a, CAPABILITY_SYS_PTRACE) && process_may_control(b, CAPABILITY_SYS_PTRACE)))
        result = -EPERM;
    if (!result)
        result = compare_processes(a, b, type, index1, index2);
    if (a)
        process_put(a);
    if (b)
        process_put(b);
    return result;
}
