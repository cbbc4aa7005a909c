/*
 * Inodes: set up, counted, found by number, touched. The table of numbers holds no reference: a look-up revives
 * nothing, an inode whose last reference went is passed over until inode_put has taken it out.
 */
#include <arch/cpu.h>
#include <base/string.h>
#include <mm/alloc.h>
#include "inodes.h"

enum { BUCKET_COUNT = 1024 };

/* Lock: a leaf. */
static struct bucket {
    struct spinlock lock;
    struct list inodes GUARDED_BY(&lock);
} buckets[BUCKET_COUNT];

void inode_hash_init(void)
{
    for (unsigned i = 0; i < BUCKET_COUNT; i++)
        list_init(&buckets[i].inodes);
}

int64_t vfs_now_ns(void)
{
    return (int64_t)clock_monotonic_ns() + clock_realtime_offset_ns();
}

void inode_init(struct inode *inode, struct file_system *fs, const struct inode_ops *ops, uint64_t number,
                uint32_t mode)
{
    memset(inode, 0, sizeof *inode);
    inode->ops = ops;
    inode->fs = fs;
    inode->number = number;
    inode->mode = mode;
    inode->link_count = 1;
    refcount_init(&inode->refs, 1);
    mutex_init(&inode->lock);
    spin_init(&inode->field_lock);
    list_init(&inode->cache_link);
    inode->access_ns = inode->modify_ns = inode->change_ns = inode->birth_ns = vfs_now_ns();
    file_system_get(fs);
}

void inode_destroy(struct inode *inode)
{
    locks_destroy(inode);
    marks_destroy(inode);
    fifo_destroy(inode);
}

void inode_get(struct inode *inode)
{
    refcount_get(&inode->refs);
}

void inode_put(struct inode *inode)
{
    if (!inode || !refcount_put(&inode->refs))
        return;
    struct file_system *fs = inode->fs;
    inode_cache_remove(inode);
    inode->ops->free(inode);
    file_system_put(fs);
}

void file_system_get(struct file_system *fs)
{
    atomic_fetch_add(&fs->inode_count, 1u);
}

void file_system_put(struct file_system *fs)
{
    if (atomic_fetch_sub(&fs->inode_count, 1u) == 1 && load_acquire(&fs->is_unmounted) && fs->ops && fs->ops->free)
        fs->ops->free(fs);
}

/* ---- by number ---- */

static struct bucket *bucket_of(const struct file_system *fs, uint64_t number)
{
    uint64_t h = (number + ((uintptr_t)fs >> 6)) * UINT64_C(0x9e3779b97f4a7c15);
    return &buckets[(h >> 32) % BUCKET_COUNT];
}

static struct inode *find_locked(struct bucket *bucket, struct file_system *fs, uint64_t number)
{
    struct inode *inode;
    list_for_each(inode, &bucket->inodes, cache_link)
    {
        if (inode->fs == fs && inode->number == number && refcount_get_unless_zero(&inode->refs))
            return inode;
    }
    return NULL;
}

struct inode *inode_cache_find(struct file_system *fs, uint64_t number)
{
    struct bucket *bucket = bucket_of(fs, number);
    spin_lock(&bucket->lock);
    struct inode *inode = find_locked(bucket, fs, number);
    spin_unlock(&bucket->lock);
    return inode;
}

struct inode *inode_cache_insert(struct inode *inode)
{
    struct bucket *bucket = bucket_of(inode->fs, inode->number);
    spin_lock(&bucket->lock);
    struct inode *first = find_locked(bucket, inode->fs, inode->number);
    if (!first)
        list_add_first(&bucket->inodes, &inode->cache_link);
    spin_unlock(&bucket->lock);
    return first ? first : inode;
}

void inode_cache_remove(struct inode *inode)
{
    if (list_is_empty(&inode->cache_link)) /* never there, and nobody else puts it there */
        return;
    struct bucket *bucket = bucket_of(inode->fs, inode->number);
    spin_lock(&bucket->lock);
    list_remove(&inode->cache_link);
    spin_unlock(&bucket->lock);
}

/* ---- times and what changes with contents ---- */

void inode_touch(struct inode *inode, bool modified)
{
    int64_t now = vfs_now_ns();
    store_relaxed(&inode->change_ns, now);
    if (modified)
        store_relaxed(&inode->modify_ns, now);
}

/* relatime: only when the file changed since, or a day passed. Without the lock: of two readers either time is right.
 */
void inode_touch_access(const struct file *file, struct inode *inode)
{
    const int64_t day_ns = 24 * 3600 * NS_PER_SECOND;
    if (inode->fs->is_read_only || (file && load_relaxed(&file->flags) & O_NOATIME))
        return;
    int64_t now = vfs_now_ns(), access = load_relaxed(&inode->access_ns);
    if (access > load_relaxed(&inode->modify_ns) && access > load_relaxed(&inode->change_ns) && now - access < day_ns)
        return;
    store_relaxed(&inode->access_ns, now);
}

void inode_drop_setid(struct inode *inode)
{
    uint32_t mode = inode->mode;
    if ((mode & S_IFMT) == S_IFDIR || !(mode & (S_ISUID | S_ISGID)))
        return;
    mode &= ~(uint32_t)S_ISUID;
    if (mode & 010) /* without group execution the bit meant mandatory locking */
        mode &= ~(uint32_t)S_ISGID;
    store_relaxed(&inode->mode, mode);
}

int inode_prepare_change(struct inode *inode, bool contents)
{
    return inode->ops->prepare_change ? inode->ops->prepare_change(inode, contents) : 0;
}
