/* Futexes: waiting on words of program memory. futex(2), futex_waitv(2), and what exit does with the lists of held
 * locks. */
#pragma once
#include <base/user.h>
#include <base/types.h>

enum futex_flags { FUTEX_IS_SHARED = 1, FUTEX_REALTIME = 2 };
#define FUTEX_MATCH_ANY 0xffffffffu
/* 0 when woken; -EAGAIN: the word does not hold `value`; -ETIMEDOUT, -ERESTARTSYS, -EFAULT, -EINVAL. */
int futex_wait(struct user *word, uint32_t value, uint32_t bitset, uint64_t deadline_ns, unsigned flags);
/* How many were woken. */
int futex_wake(struct user *word, uint32_t count, uint32_t bitset, unsigned flags);
/* Wakes `wake`, moves up to `move` others to word2; `expected` NULL: not compared. Wakened (CMP_REQUEUE: and moved)
 * ones. */
int futex_requeue(struct user *word, struct user *word2, uint32_t wake, uint32_t move, const uint32_t *expected,
                  unsigned flags);
int futex_wake_op(struct user *word, struct user *word2, uint32_t wake, uint32_t wake2, uint32_t operation,
                  unsigned flags);
int futex_lock_pi(struct user *word, uint64_t deadline_ns, bool only_try, unsigned flags);
int futex_unlock_pi(struct user *word, unsigned flags);
struct futex_wait_one {
    struct user *word;
    uint32_t value;
    unsigned flags;
};
enum { FUTEX_WAITV_MAX = 128 };
/* The index of the one that was woken. */
int futex_wait_many(const struct futex_wait_one *waits, unsigned count, uint64_t deadline_ns);

struct task;
/* At a thread's end: marks the robust locks that it holds as ownerless and wakes a waiter of each. */
void robust_list_exit(struct task *task);
