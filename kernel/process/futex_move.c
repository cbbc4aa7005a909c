/* Futex operations on two words: FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP. */
#include <base/errno.h>
#include "futex.h"

struct two {
    struct futex_key key[2];
    struct futex_bucket *bucket[2];
};

static int find_two(struct user *word, struct user *word2, unsigned flags, struct two *out)
{
    int err = futex_key_of(word, flags, &out->key[0]);
    if (!err)
        err = futex_key_of(word2, flags, &out->key[1]);
    if (err)
        return err;
    out->bucket[0] = futex_bucket_of(&out->key[0]);
    out->bucket[1] = futex_bucket_of(&out->key[1]);
    return 0;
}

/* Both locks held: -EAGAIN when the word has changed, -EFAULT when it cannot be read now. */
static int compare(struct user *word, const uint32_t *expected)
{
    uint32_t now;
    if (!expected)
        return 0;
    if (user_load32(word, &now, false))
        return -EFAULT;
    return now == *expected ? 0 : -EAGAIN;
}

/* Both locks held: how many were woken and moved. */
static unsigned move_waiters(const struct two *two, uint32_t wake, uint32_t move, struct futex_wakes *wakes)
{
    struct futex_waiter *waiter, *after;
    uint32_t woken = 0, moved = 0;
    list_for_each_safe(waiter, after, &two->bucket[0]->waiters, link)
    {
        if (!futex_key_equals(&waiter->key, &two->key[0]))
            continue;
        if (woken < wake) {
            futex_wake_later(wakes, waiter);
            woken++;
        } else if (moved < move) {
            list_remove(&waiter->link);
            waiter->key = two->key[1];
            list_add_last(&two->bucket[1]->waiters, &waiter->link);
            store_release(&waiter->bucket, two->bucket[1]);
            moved++;
        } else {
            break;
        }
    }
    return woken + moved;
}

int futex_requeue(struct user *word, struct user *word2, uint32_t wake, uint32_t move, const uint32_t *expected,
                  unsigned flags)
{
    struct two two;
    int result = find_two(word, word2, flags, &two);
    if (result)
        return result;
    /* Moving within one queue would never end. */
    if (futex_key_equals(&two.key[0], &two.key[1]))
        move = 0;
    for (;;) {
        struct futex_wakes wakes = {.count = 0};
        uint32_t now;
        futex_bucket_lock_both(two.bucket[0], two.bucket[1]);
        result = compare(word, expected);
        if (!result)
            result = (int)move_waiters(&two, wake, move, &wakes);
        futex_bucket_unlock_both(two.bucket[0], two.bucket[1]);
        futex_wake_now(&wakes);
        if (result != -EFAULT || user_load32(word, &now, true))
            return result;
    }
}

/* ---- FUTEX_WAKE_OP: op 31..28, comparison 27..24, operand 23..12, comparand 11..0 (futex(2)) ---- */

static int sign_extend12(uint32_t value)
{
    return (int)(value << 20) >> 20;
}

static int apply(uint32_t operation, uint32_t old, uint32_t *out)
{
    int operand = sign_extend12(operation >> 12 & 0xfff);
    if (operation >> 31)
        operand = (int)(UINT32_C(1) << (operand & 31));
    switch (operation >> 28 & 7) {
    case 0:
        *out = (uint32_t)operand;
        return 0;
    case 1:
        *out = old + (uint32_t)operand;
        return 0;
    case 2:
        *out = old | (uint32_t)operand;
        return 0;
    case 3:
        *out = old & ~(uint32_t)operand;
        return 0;
    case 4:
        *out = old ^ (uint32_t)operand;
        return 0;
    default:
        return -ENOSYS;
    }
}

static int holds(uint32_t operation, uint32_t value)
{
    int old = (int)value, comparand = sign_extend12(operation & 0xfff);
    switch (operation >> 24 & 15) {
    case 0:
        return old == comparand;
    case 1:
        return old != comparand;
    case 2:
        return old < comparand;
    case 3:
        return old <= comparand;
    case 4:
        return old > comparand;
    case 5:
        return old >= comparand;
    default:
        return -ENOSYS;
    }
}

int futex_wake_op(struct user *word, struct user *word2, uint32_t wake, uint32_t wake2, uint32_t operation,
                  unsigned flags)
{
    uint32_t old, new;
    if (!is_aligned(user_address(word), 4) || !is_aligned(user_address(word2), 4))
        return -EINVAL;
    if (holds(operation, 0) < 0 || user_load32(word2, &old, true))
        return holds(operation, 0) < 0 ? -ENOSYS : -EFAULT;
    /* The word changes before anyone is woken; whoever queues later checks it anyway. */
    for (;;) {
        uint32_t expected = old;
        int err = apply(operation, old, &new);
        if (err)
            return err;
        if (user_compare_exchange32(word2, &expected, new))
            return -EFAULT;
        if (expected == old)
            break;
        old = expected;
    }
    int woken = futex_wake(word, wake, FUTEX_MATCH_ANY, flags);
    if (woken < 0 || !holds(operation, old))
        return woken;
    int more = futex_wake(word2, wake2, FUTEX_MATCH_ANY, flags);
    return more < 0 ? more : woken + more;
}
