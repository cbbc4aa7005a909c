/* Record locks, flock, waiting, deadlocks. */
#include <sched/thread.h>
#include "support.h"

static int lock(struct file *file, const void *owner, enum lock_type type, uint64_t start, uint64_t end)
{
    struct lock_range range = {.type = type, .start = start, .end = end, .pid = 1};
    return vfs_lock_range(file, owner, owner == file, &range, false);
}

/* What stands in the way of a write lock there, as "R3-5", or "". */
static const char *in_the_way(struct file *file, const void *owner, uint64_t start, uint64_t end)
{
    static char text[64];
    struct lock_range range = {.type = LOCK_TYPE_WRITE, .start = start, .end = end};
    text[0] = '\0';
    vfs_test_lock(file, owner, owner == file, &range);
    if (range.type != LOCK_TYPE_UNLOCK)
        snprintf(text, sizeof text, "%c%lld-%lld", range.type == LOCK_TYPE_READ ? 'R' : 'W', (long long)range.start,
                 (long long)range.end);
    return text;
}

static const int owner_a, owner_b;
#define A (&owner_a)
#define B (&owner_b)
#define R LOCK_TYPE_READ
#define W LOCK_TYPE_WRITE
#define U LOCK_TYPE_UNLOCK

VFS_TEST(record_locks_conflict_between_owners)
{
    struct file *file = open_as(&root_user, "/t/f", O_RDWR | O_CREAT, NULL);
    EXPECT_EQ(lock(file, A, R, 0, 9), 0);
    EXPECT_EQ(lock(file, B, R, 5, 15), 0);
    EXPECT_EQ(lock(file, B, W, 9, 9), -EAGAIN);
    EXPECT_EQ(lock(file, B, W, 10, UINT64_MAX), 0);
    EXPECT_EQ(lock(file, A, W, 0, 4), 0);
    EXPECT_EQ(lock(file, A, W, 0, 5), -EAGAIN);
    EXPECT_STR(in_the_way(file, A, 0, UINT64_MAX), "R5-9");
    EXPECT_STR(in_the_way(file, A, 100, 100), "W10--1");
    EXPECT_STR(in_the_way(file, B, 0, 0), "W0-4");
    EXPECT_EQ(lock(file, A, R, 6, 5), -EINVAL);
    vfs_unlock_owner(file_inode(file), B);
    EXPECT_STR(in_the_way(file, A, 0, UINT64_MAX), "");
    vfs_unlock_owner(file_inode(file), A);
    file_put(file);
}

VFS_TEST(record_locks_split_and_join)
{
    struct file *file = open_as(&root_user, "/t/f", O_RDWR | O_CREAT, NULL);
    EXPECT_EQ(lock(file, A, W, 0, 99), 0);
    EXPECT_EQ(lock(file, A, U, 40, 49), 0);
    EXPECT_STR(in_the_way(file, B, 40, 49), "");
    EXPECT_STR(in_the_way(file, B, 0, 45), "W0-39");
    EXPECT_STR(in_the_way(file, B, 45, 200), "W50-99");
    EXPECT_EQ(lock(file, A, W, 40, 49), 0);
    EXPECT_STR(in_the_way(file, B, 45, 45), "W0-99");
    EXPECT_EQ(lock(file, A, R, 10, 19), 0);
    EXPECT_STR(in_the_way(file, B, 15, 15), "R10-19");
    EXPECT_STR(in_the_way(file, B, 5, 5), "W0-9");
    EXPECT_STR(in_the_way(file, B, 25, 25), "W20-99");
    EXPECT_EQ(lock(file, A, W, 10, 19), 0);
    EXPECT_STR(in_the_way(file, B, 25, 25), "W0-99");
    EXPECT_EQ(lock(file, A, U, 0, UINT64_MAX), 0);
    EXPECT_STR(in_the_way(file, B, 0, UINT64_MAX), "");
    file_put(file);
}

VFS_TEST(locks_of_open_files_go_with_them)
{
    struct file *a = open_as(&root_user, "/t/f", O_RDWR | O_CREAT, NULL),
                *b = open_as(&root_user, "/t/f", O_RDWR, NULL);
    EXPECT_EQ(lock(a, a, W, 0, 9), 0);
    EXPECT_EQ(lock(b, b, W, 0, 9), -EAGAIN);
    EXPECT_EQ(lock(b, A, R, 3, 3), -EAGAIN); /* OFD and POSIX locks see each other */
    vfs_unlock_owner(file_inode(a), a);
    EXPECT_EQ(lock(b, b, W, 0, 9), -EAGAIN);
    EXPECT_EQ(vfs_flock(a, 2), 0);
    EXPECT_EQ(vfs_flock(b, 1 | 4), -EAGAIN);
    file_put(a);
    EXPECT_EQ(lock(b, b, W, 0, 9), 0);
    EXPECT_EQ(vfs_flock(b, 1 | 4), 0);
    file_put(b);
}

VFS_TEST(flock_shares_and_converts)
{
    struct file *a = open_as(&root_user, "/t/f", O_RDONLY | O_CREAT, NULL),
                *b = open_as(&root_user, "/t/f", O_RDONLY, NULL);
    EXPECT_EQ(vfs_flock(a, 3), -EINVAL);
    EXPECT_EQ(vfs_flock(a, 1), 0);
    EXPECT_EQ(vfs_flock(b, 1), 0);
    EXPECT_EQ(vfs_flock(b, 2 | 4), -EAGAIN); /* and gave its shared one up */
    EXPECT_EQ(vfs_flock(a, 2 | 4), 0);
    EXPECT_EQ(vfs_flock(a, 8), 0);
    EXPECT_EQ(vfs_flock(a, 8), 0);
    EXPECT_EQ(vfs_flock(b, 2 | 4), 0);
    file_put(a);
    file_put(b);
}

/* ---- waiting ---- */

struct waiting {
    struct file *file;
    const void *owner; /* NULL: flock */
    uint64_t byte;
    int result; /* 1: not yet */
};

static void wait_for_lock(void *argument)
{
    struct waiting *w = argument;
    struct lock_range range = {.type = LOCK_TYPE_WRITE, .start = w->byte, .end = w->byte};
    w->result = w->owner ? vfs_lock_range(w->file, w->owner, false, &range, true) : vfs_flock(w->file, 2);
}

static struct thread *start(struct waiting *w)
{
    struct thread *thread = thread_create("waiter", wait_for_lock, w);
    w->result = 1;
    thread_start(thread);
    fake_run_threads();
    return thread;
}

VFS_TEST(waiting_lock_comes_when_the_holder_goes)
{
    struct file *a = open_as(&root_user, "/t/f", O_RDWR | O_CREAT, NULL),
                *b = open_as(&root_user, "/t/f", O_RDWR, NULL);
    struct waiting w = {a, B, 5, 1}, f = {b, NULL, 0, 1};
    EXPECT_EQ(lock(a, A, W, 0, 9), 0);
    EXPECT_EQ(vfs_flock(a, 1), 0);
    struct thread *t = start(&w), *u = start(&f);
    EXPECT_EQ(w.result, 1);
    EXPECT_EQ(lock(a, A, U, 0, 4), 0);
    fake_run_threads();
    EXPECT_EQ(w.result, 1);
    EXPECT_EQ(lock(a, A, U, 5, 5), 0);
    fake_run_threads();
    EXPECT_EQ(w.result, 0);
    EXPECT_EQ(f.result, 1);
    EXPECT_EQ(vfs_flock(a, 8), 0);
    fake_run_threads();
    EXPECT_EQ(f.result, 0);
    thread_put(t);
    thread_put(u);
    vfs_unlock_owner(file_inode(a), A);
    vfs_unlock_owner(file_inode(a), B);
    file_put(a);
    file_put(b);
}

VFS_TEST(waiting_lock_is_interrupted)
{
    struct file *a = open_as(&root_user, "/t/f", O_RDWR | O_CREAT, NULL);
    struct waiting w = {a, B, 5, 1};
    EXPECT_EQ(lock(a, A, W, 0, 9), 0);
    struct thread *t = start(&w);
    thread_interrupt(t);
    fake_run_threads();
    EXPECT_EQ(w.result, -ERESTARTSYS);
    thread_put(t);
    EXPECT_STR(in_the_way(a, B, 5, 5), "W0-9");
    vfs_unlock_owner(file_inode(a), A);
    file_put(a);
}

VFS_TEST(deadlock_is_refused)
{
    struct file *a = open_as(&root_user, "/t/f", O_RDWR | O_CREAT, NULL);
    EXPECT_EQ(lock(a, A, W, 0, 0), 0);
    EXPECT_EQ(lock(a, B, W, 1, 1), 0);
    struct waiting w = {a, B, 0, 1};
    struct thread *t = start(&w);
    EXPECT_EQ(w.result, 1);
    struct lock_range range = {.type = LOCK_TYPE_WRITE, .start = 1, .end = 1};
    EXPECT_EQ(vfs_lock_range(a, A, false, &range, true), -EDEADLK);
    vfs_unlock_owner(file_inode(a), A);
    fake_run_threads();
    EXPECT_EQ(w.result, 0);
    thread_put(t);
    vfs_unlock_owner(file_inode(a), B);
    file_put(a);
}

VFS_TEST(locks_survive_the_nth_failed_allocation)
{
    struct file *a = open_as(&root_user, "/t/f", O_RDWR | O_CREAT, NULL);
    int err;
    unsigned n = 1;
    do {
        fake_memory_fail_nth(n++);
        err = lock(a, A, W, 0, 99);
        fake_memory_fail_nth(0);
    } while (err && n < 20);
    EXPECT_EQ(err, 0);
    fake_memory_fail_nth(1);
    EXPECT_EQ(lock(a, A, U, 10, 20), -ENOLCK);
    fake_memory_fail_nth(0);
    EXPECT_STR(in_the_way(a, B, 15, 15), "W0-99");
    vfs_unlock_owner(file_inode(a), A);
    file_put(a);
}
