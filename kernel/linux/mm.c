/* Calls on the caller's memory: translation to address_space_*. */
#include <common/checked.h>
#include <linux/syscalls.h>
#include <mm/address_space.h>
#include "other_process.h"
#include "paths.h"

enum { PROT_WRITE = 2, MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_SHARED_VALIDATE = 3, MAP_TYPE = 15, MAP_ANONYMOUS = 0x20,
       MAP_FIXED = 0x10, MAP_HUGETLB = 0x40000, MAP_SYNC = 0x80000, MAP_FIXED_NOREPLACE = 0x100000 };
enum { MINCORE_CHUNK = 4096 };

static struct address_space *space_current(void)
{
    return process_current()->space;
}

/* ---- mmap ---- */

/* The file behind a descriptor as something to map: -EBADF, -EACCES, -ENODEV as mmap(2) gives them. */
static int object_of_file(int fd, unsigned protection, unsigned type, struct map_request *request)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    bool is_shared = type != MAP_PRIVATE;
    int err = 0;
    if (!file_is_readable(file) || (is_shared && protection & PROT_WRITE && !file_is_writable(file)))
        err = -EACCES;
    else if (!file->ops->get_vm_object)
        err = -ENODEV;
    else
        err = file->ops->get_vm_object(file, is_shared, &request->object);
    request->may_write = !is_shared || file_is_writable(file);
    file_put(file);
    return err;
}

/* Shared anonymous memory is an unnamed file, so that a child shares it after fork. */
static int object_of_shared_memory(size_t len, struct map_request *request)
{
    struct file *file;
    int err = vfs_open_anonymous("dev/zero", align_up(len, PAGE_SIZE), false, &file);
    if (err)
        return err;
    err = file->ops->get_vm_object(file, true, &request->object);
    request->may_write = true;
    file_put(file);
    return err;
}

long sys_mmap(unsigned long address, size_t len, int protection, int flags, int fd, unsigned long offset)
{
    unsigned type = (unsigned)flags & MAP_TYPE;
    struct map_request request = {
        .address = address,
        .len = len,
        .protection = (unsigned)protection,
        .flags = (unsigned)flags,
        .may_write = true,
    };
    if (!is_aligned(offset, PAGE_SIZE))
        return -EINVAL;
    int err = 0;
    if (!(flags & MAP_ANONYMOUS)) {
        if (flags & MAP_HUGETLB)
            return -EINVAL;
        request.offset = offset;
        err = object_of_file(fd, (unsigned)protection, type, &request);
    }
    if (err)
        return err;
    if (type == MAP_SHARED_VALIDATE) {
        if (flags & (int)MAP_SYNC)
            err = -EOPNOTSUPP;
        request.flags = ((unsigned)flags & ~(unsigned)MAP_TYPE) | MAP_SHARED;
        type = MAP_SHARED;
    }
    if (!err && type != MAP_SHARED && type != MAP_PRIVATE)
        err = -EINVAL;
    if (!err && (!len || align_up(len, PAGE_SIZE) < len || offset + align_up(len, PAGE_SIZE) < offset))
        err = !len ? -EINVAL : align_up(len, PAGE_SIZE) < len ? -ENOMEM : -EOVERFLOW;
    if (!err && flags & MAP_ANONYMOUS && type == MAP_SHARED)
        err = object_of_shared_memory(len, &request);
    uintptr_t at = 0;
    if (!err)
        err = address_space_map(space_current(), &request, &at);
    if (request.object)
        request.object->ops->put(request.object);
    return err ? err : (long)at;
}

long sys_munmap(unsigned long address, size_t len)
{
    return address_space_unmap(space_current(), address, len);
}

long sys_mprotect(unsigned long address, size_t len, int protection)
{
    return address_space_protect(space_current(), address, len, (unsigned)protection);
}

long sys_brk(unsigned long end)
{
    return (long)address_space_brk(space_current(), end);
}

long sys_mremap(unsigned long old, size_t old_len, size_t new_len, int flags, unsigned long new_address)
{
    uintptr_t at;
    int err = address_space_remap(space_current(), old, old_len, new_len, (unsigned)flags, new_address, &at);
    return err ? err : (long)at;
}

long sys_msync(unsigned long address, size_t len, int flags)
{
    return address_space_sync(space_current(), address, len, flags);
}

long sys_madvise(unsigned long address, size_t len, int advice)
{
    return address_space_advise(space_current(), address, len, advice);
}

long sys_mincore(unsigned long address, size_t len, struct user *vector)
{
    if (!is_aligned(address, PAGE_SIZE))
        return -EINVAL;
    if (len > USER_ADDRESS_MAX || address > USER_ADDRESS_MAX - len)
        return -ENOMEM;
    size_t pages = align_up(len, PAGE_SIZE) / PAGE_SIZE;
    uint8_t *chunk = kmalloc(MINCORE_CHUNK, ALLOC_WAIT);
    if (!chunk)
        return -EAGAIN;
    int err = 0;
    for (size_t done = 0; done < pages && !err; done += MINCORE_CHUNK) {
        size_t n = MIN(pages - done, (size_t)MINCORE_CHUNK);
        err = address_space_mincore(space_current(), address + done * PAGE_SIZE, n * PAGE_SIZE, chunk);
        if (!err)
            err = copy_to_user(user_offset(vector, done), chunk, n);
    }
    kfree(chunk);
    return err;
}

/* ---- locked memory: nothing is ever swapped, so locking means being there ---- */

static long lock_range(unsigned long address, size_t len, bool lock)
{
    size_t whole = align_up(len + (address & ~PAGE_MASK), PAGE_SIZE);
    if (whole < len)
        return -EINVAL;
    return len ? address_space_lock_pages(space_current(), address & PAGE_MASK, whole, lock) : 0;
}

long sys_mlock(unsigned long address, size_t len)
{
    return lock_range(address, len, true);
}

long sys_mlock2(unsigned long address, size_t len, int flags)
{
    if (flags & ~1)
        return -EINVAL;
    return flags ? 0 : lock_range(address, len, true); /* MLOCK_ONFAULT */
}

long sys_munlock(unsigned long address, size_t len)
{
    return lock_range(address, len, false);
}

long sys_mlockall(int flags)
{
    return flags & ~7 || !flags || flags == 4 ? -EINVAL : 0;
}

long sys_munlockall(void)
{
    return 0;
}

/* ---- protection keys: this CPU's are not offered ---- */

long sys_pkey_alloc(unsigned flags, unsigned rights)
{
    return flags || rights & ~3u ? -EINVAL : -ENOSPC;
}

long sys_pkey_free(int key)
{
    return -EINVAL;
}

long sys_pkey_mprotect(unsigned long address, size_t len, int protection, int key)
{
    return key == -1 ? sys_mprotect(address, len, protection) : -EINVAL;
}

/* ---- one memory node ---- */

enum { MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL, MPOL_PREFERRED_MANY, MPOL_END };

/* Only node 0 exists: a mask that names another one is refused, as on a machine with one node. */
static int check_nodes(int mode, const struct user *mask, unsigned long max_node)
{
    uint64_t nodes = 0;
    mode &= ~0xe000; /* MPOL_F_ bits */
    if (mode < 0 || mode >= MPOL_END)
        return -EINVAL;
    if (mask && max_node > 1) {
        if (max_node > 4096)
            return -EINVAL;
        if (copy_from_user(&nodes, mask, MIN((max_node - 1 + 63) / 64, 1ul) * sizeof nodes))
            return -EFAULT;
        if (max_node - 1 < 64)
            nodes &= (UINT64_C(1) << (max_node - 1)) - 1;
    }
    if (nodes & ~UINT64_C(1))
        return -EINVAL;
    bool needs_node = mode == MPOL_BIND || mode == MPOL_INTERLEAVE || mode == MPOL_PREFERRED_MANY;
    return (needs_node && !nodes) || (mode == MPOL_DEFAULT && nodes) ? -EINVAL : 0;
}

long sys_set_mempolicy(int mode, struct user *mask, unsigned long max_node)
{
    return check_nodes(mode, mask, max_node);
}

long sys_mbind(unsigned long address, unsigned long len, int mode, struct user *mask, unsigned long max_node, unsigned flags)
{
    if (!is_aligned(address, PAGE_SIZE) || flags & ~7u)
        return -EINVAL;
    return check_nodes(mode, mask, max_node);
}

long sys_get_mempolicy(struct user *mode, struct user *mask, unsigned long max_node, unsigned long address, unsigned long flags)
{
    int32_t value = 0; /* MPOL_DEFAULT, or node 0 with MPOL_F_NODE */
    uint64_t nodes = flags & 4 ? 1 : 0; /* MPOL_F_MEMS_ALLOWED */
    if (flags & ~7ul || (mask && max_node && max_node < 1))
        return -EINVAL;
    if (mode && copy_struct_to_user(mode, &value))
        return -EFAULT;
    if (mask && max_node && (zero_user(mask, align_up(MIN(max_node, 4096ul), 64) / 8) || copy_struct_to_user(mask, &nodes)))
        return -EFAULT;
    return 0;
}

/* ---- another process's memory ---- */

enum { REMOTE_VECTORS = 1024 };
struct remote_vector {
    uint64_t base, len;
};

static struct remote_vector *copy_vectors(const struct user *from, unsigned long count, long *err)
{
    *err = 0;
    if (count > REMOTE_VECTORS) {
        *err = -EINVAL;
        return NULL;
    }
    struct remote_vector *v = kmalloc_array(count ? count : 1, sizeof *v, ALLOC_WAIT);
    if (!v)
        *err = -ENOMEM;
    else if (copy_from_user(v, from, count * sizeof *v))
        *err = -EFAULT;
    if (*err) {
        kfree(v);
        return NULL;
    }
    return v;
}

/* Walks both lists at once, a page-sized buffer at a time. */
static ssize_t copy_between(struct address_space *space, struct remote_vector *local, unsigned long local_count,
                            struct remote_vector *remote, unsigned long remote_count, bool is_write, char *buffer)
{
    ssize_t total = 0;
    for (unsigned long l = 0, r = 0; l < local_count && r < remote_count;) {
        size_t n = MIN(MIN(local[l].len, remote[r].len), (uint64_t)PAGE_SIZE);
        if (n) {
            ssize_t done = (ssize_t)n;
            if (is_write && copy_from_user(buffer, user_pointer(local[l].base), n))
                return total ? total : -EFAULT;
            done = address_space_access(space, remote[r].base, buffer, n, is_write);
            if (done > 0 && !is_write && copy_to_user(user_pointer(local[l].base), buffer, (size_t)done))
                done = -EFAULT;
            if (done > 0)
                total += done;
            if (done != (ssize_t)n)
                return total ? total : -EFAULT;
        }
        local[l].base += n, local[l].len -= n, remote[r].base += n, remote[r].len -= n;
        l += !local[l].len;
        r += !remote[r].len;
    }
    return total;
}

static long access_process(int pid, const struct user *local, unsigned long local_count, const struct user *remote,
                           unsigned long remote_count, unsigned long flags, bool is_write)
{
    if (flags)
        return -EINVAL;
    struct process *process = process_find((uint32_t)pid);
    if (!process)
        return -ESRCH;
    struct address_space *space;
    long result = process_space(process, &space), err = 0;
    process_put(process);
    if (result)
        return result;
    struct remote_vector *locals = copy_vectors(local, local_count, &result), *remotes = copy_vectors(remote, remote_count, &err);
    char *buffer = kmalloc(PAGE_SIZE, ALLOC_WAIT);
    if (!result)
        result = err ? err : buffer ? 0 : -ENOMEM;
    if (!result)
        result = copy_between(space, locals, local_count, remotes, remote_count, is_write, buffer);
    kfree(buffer);
    kfree(remotes);
    kfree(locals);
    address_space_put(space);
    return result;
}

long sys_process_vm_readv(int pid, struct user *local, unsigned long local_count, struct user *remote, unsigned long remote_count, unsigned long flags)
{
    return access_process(pid, local, local_count, remote, remote_count, flags, false);
}

long sys_process_vm_writev(int pid, struct user *local, unsigned long local_count, struct user *remote, unsigned long remote_count, unsigned long flags)
{
    return access_process(pid, local, local_count, remote, remote_count, flags, true);
}
