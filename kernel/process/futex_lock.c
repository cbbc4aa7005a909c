/*
 * PI futexes and robust lists: words that hold their owner's thread id. There is no priority inheritance (all threads
 * are scheduled fairly); what programs get of FUTEX_LOCK_PI is the mutex and its hand-over: an unlocker clears the word
 * and wakes one waiter, which takes the lock with the WAITERS bit set, since others may be asleep.
 */
#include <base/errno.h>
#include "futex.h"

#define WORD_WAITERS    0x80000000u
#define WORD_OWNER_DIED 0x40000000u
#define WORD_OWNER      0x3fffffffu

static bool is_alive(uint32_t id)
{
    struct task *task = task_find(id);
    if (!task)
        return false;
    task_put(task);
    return true;
}

/* Puts `new` where `old` stands: 0, -EAGAIN when something else stands there, -EFAULT. */
static int replace(struct user *word, uint32_t old, uint32_t new)
{
    uint32_t expected = old;
    if (user_compare_exchange32(word, &expected, new))
        return -EFAULT;
    return expected == old ? 0 : -EAGAIN;
}

int futex_lock_pi(struct user *word, uint64_t deadline_ns, bool only_try, unsigned flags)
{
    uint32_t self = task_current()->id, value, waiters = 0;
    if (!is_aligned(user_address(word), 4))
        return -EINVAL;
    for (;;) {
        if (user_load32(word, &value, true))
            return -EFAULT;
        uint32_t owner = value & WORD_OWNER;
        int err;
        if (owner == self)
            return -EDEADLK;
        if (!owner) {
            err = replace(word, value, self | (value & ~WORD_OWNER) | waiters);
            if (err != -EAGAIN)
                return err;
            continue;
        }
        if (only_try)
            return -EAGAIN;
        if (!is_alive(owner))
            return -ESRCH;
        err = value & WORD_WAITERS ? 0 : replace(word, value, value | WORD_WAITERS);
        if (err == -EAGAIN)
            continue;
        if (!err)
            err = futex_wait(word, value | WORD_WAITERS, FUTEX_MATCH_ANY, deadline_ns, flags);
        if (err == -ERESTARTSYS)
            return -ERESTARTNOINTR;
        if (err && err != -EAGAIN)
            return err;
        waiters = WORD_WAITERS;
    }
}

int futex_unlock_pi(struct user *word, unsigned flags)
{
    uint32_t self = task_current()->id, value;
    int err;
    if (!is_aligned(user_address(word), 4))
        return -EINVAL;
    do {
        if (user_load32(word, &value, true))
            return -EFAULT;
        if ((value & WORD_OWNER) != self)
            return -EPERM;
        err = replace(word, value, 0);
    } while (err == -EAGAIN);
    if (err)
        return err;
    int woken = futex_wake(word, 1, FUTEX_MATCH_ANY, flags);
    return woken < 0 ? woken : 0;
}

/* ---- robust lists: struct robust_list_head { next; long futex_offset; list_op_pending }, bit 0 of a link: PI ---- */

enum { ROBUST_MAX = 2048, LINK_PI = 1 };
struct robust_head {
    uint64_t next;
    int64_t offset;
    uint64_t pending;
};

/* The word becomes ownerless and one waiter learns of it. */
static void release_word(uint32_t id, uintptr_t address, bool is_pending)
{
    struct user *word = user_pointer(address);
    uint32_t value;
    if (!is_aligned(address, 4))
        return;
    for (;;) {
        if (user_load32(word, &value, true))
            return;
        if ((value & WORD_OWNER) != id) {
            /* Died between taking the word off and waking: the wake-up is still due. */
            if (is_pending && !(value & WORD_OWNER))
                futex_wake(word, 1, FUTEX_MATCH_ANY, FUTEX_IS_SHARED);
            return;
        }
        int err = replace(word, value, (value & WORD_WAITERS) | WORD_OWNER_DIED);
        if (err == -EAGAIN)
            continue;
        if (!err && (value & WORD_WAITERS))
            futex_wake(word, 1, FUTEX_MATCH_ANY, FUTEX_IS_SHARED);
        return;
    }
}

void robust_list_exit(struct task *task)
{
    struct robust_head head;
    uintptr_t list = user_address(task->robust_list);
    if (!list || copy_struct_from_user(&head, task->robust_list))
        return;
    uint64_t pending = head.pending & ~(uint64_t)LINK_PI, link = head.next;
    for (unsigned i = 0; i < ROBUST_MAX && (link & ~(uint64_t)LINK_PI) != list; i++) {
        uint64_t entry = link & ~(uint64_t)LINK_PI, next;
        /* Read before the lock is released: its next owner may change it. */
        bool is_end = copy_struct_from_user(&next, user_pointer(entry));
        if (entry != pending)
            release_word(task->id, entry + (uint64_t)head.offset, false);
        if (is_end)
            break;
        link = next;
    }
    if (pending)
        release_word(task->id, pending + (uint64_t)head.offset, true);
}
