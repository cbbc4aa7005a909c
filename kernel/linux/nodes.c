/* Moving pages between memory nodes, of which there is one. */
#include <base/errno.h>
#include <common/checked.h>
#include <linux/syscalls.h>
#include "other_process.h"

enum { MOVE_OWN = 2, MOVE_ALL = 4, NODES_MAX = 1024 };

static struct process *find(int pid)
{
    if (!pid) {
        process_get(process_current());
        return process_current();
    }
    return pid > 0 ? process_find((uint32_t)pid) : NULL;
}

/* Where the page is: node 0, -ENOENT: nowhere yet, -EFAULT: not mapped. */
static int32_t page_node(struct address_space *space, uint64_t address)
{
    uint8_t state = 0;
    int err = address_space_mincore(space, address & PAGE_MASK, PAGE_SIZE, &state);
    return err ? -EFAULT : state & 1 ? 0 : -ENOENT;
}

static long move_each(struct address_space *space, unsigned long count, const struct user *pages,
                      const struct user *nodes, struct user *status)
{
    for (unsigned long i = 0; i < count; i++) {
        uint64_t page;
        int32_t node = 0;
        if (copy_struct_from_user(&page, user_offset(pages, i * sizeof page)) ||
            (nodes && copy_struct_from_user(&node, user_offset(nodes, i * sizeof node))))
            return -EFAULT;
        if (node)
            return -ENODEV;
        int32_t where = page_node(space, page);
        if (copy_struct_to_user(user_offset(status, i * sizeof where), &where))
            return -EFAULT;
        if (signal_is_pending())
            return -ERESTARTNOHAND;
    }
    return 0;
}

long sys_move_pages(int pid, unsigned long count, struct user *pages, struct user *nodes, struct user *status,
                    int flags)
{
    struct address_space *space;
    if (flags & ~(MOVE_OWN | MOVE_ALL))
        return -EINVAL;
    if (flags & MOVE_ALL && !process_is_capable(CAPABILITY_SYS_NICE))
        return -EPERM;
    struct process *process = find(pid);
    if (!process)
        return -ESRCH;
    long result = process_space(process, &space);
    process_put(process);
    if (result == -ESRCH)
        return -EINVAL; /* a zombie */
    if (result)
        return result;
    result = move_each(space, count, pages, nodes, status);
    address_space_put(space);
    return result;
}

/* A set of nodes. max_node counts bits and one more, as Linux's calls do. */
static int read_nodes(const struct user *from, unsigned long max_node, uint64_t *nodes)
{
    *nodes = 0;
    if (!from || max_node <= 1)
        return 0;
    max_node--;
    if (max_node > NODES_MAX * 8 * 8)
        return -EINVAL;
    for (unsigned long at = 0; at < max_node; at += 64) {
        uint64_t word;
        if (copy_struct_from_user(&word, user_offset(from, at / 8)))
            return -EFAULT;
        if (max_node - at < 64)
            word &= (UINT64_C(1) << (max_node - at)) - 1;
        if (at && word)
            return -EINVAL;
        *nodes |= at ? 0 : word;
    }
    return 0;
}

long sys_migrate_pages(int pid, unsigned long max_node, struct user *old_nodes, struct user *new_nodes)
{
    uint64_t from, to;
    int err = read_nodes(old_nodes, max_node, &from);
    if (!err)
        err = read_nodes(new_nodes, max_node, &to);
    if (err)
        return err;
    struct process *process = find(pid);
    if (!process)
        return -ESRCH;
    if (!process_may_control(process, CAPABILITY_SYS_PTRACE))
        err = -EPERM;
    else if (to & ~UINT64_C(1) && !process_is_capable(CAPABILITY_SYS_NICE))
        err = -EPERM;
    else if (!(to & 1))
        err = -EINVAL;
    process_put(process);
    return err; /* 0: every page is where it should be */
}

long sys_set_mempolicy_home_node(unsigned long start, unsigned long len, unsigned long node, unsigned long flags)
{
    unsigned long end = start + align_up(len, PAGE_SIZE);
    if (!is_aligned(start, PAGE_SIZE) || flags || node)
        return -EINVAL;
    if (end < start)
        return -EINVAL;
    return end == start ? 0 : -ENOENT;
}
