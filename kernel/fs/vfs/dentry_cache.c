/* The table of cached names, looking names up through it, and giving unused ones back. See dentry.h. */
#include <base/assert.h>
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "inodes.h"

enum { BUCKET_COUNT = 8192, DENTRY_SOFT_MAX = 65536, PRUNE_BATCH = 64, DENTRIES_PER_PAGE = 20 };

static struct bucket {
    struct spinlock lock;
    struct dentry *first GUARDED_BY(&lock);
} buckets[BUCKET_COUNT];

static struct spinlock lru_lock = SPINLOCK_INIT;
static struct list lru GUARDED_BY(&lru_lock) = LIST_INIT(lru); /* hottest (newest) first */
static size_t cached_count;                                    /* changed under lru_lock, read relaxed */

static uint64_t hash_name(const struct dentry *parent, const char *name, size_t len)
{
    uint64_t h = (uintptr_t)parent >> 4;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)name[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

static struct bucket *bucket_of(uint64_t hash)
{
    return &buckets[hash % BUCKET_COUNT];
}

size_t dentry_count(void)
{
    return load_relaxed(&cached_count);
}

struct dentry *dentry_find(struct dentry *parent, const char *name, size_t len)
{
    uint64_t hash = hash_name(parent, name, len);
    struct bucket *bucket = bucket_of(hash);
    spin_lock(&bucket->lock);
    struct dentry *d = bucket->first;
    while (d && !(d->hash == hash && d->parent == parent && d->name_len == len && !memcmp(d->name, name, len)))
        d = d->hash_next;
    if (d)
        dentry_get(d);
    spin_unlock(&bucket->lock);
    if (d && !dentry_is(d, DENTRY_REFERENCED))
        atomic_fetch_or(&d->flags, (uint32_t)DENTRY_REFERENCED);
    return d;
}

/* A directory's names are cached when the directory itself can be found again: else nobody would ever ask for them. */
static bool may_cache(struct dentry *dentry)
{
    struct dentry *parent = dentry->parent;
    struct inode *inode = dentry->inode;
    if (!dentry_is(parent, DENTRY_HASHED | DENTRY_ROOT) || load_relaxed(&parent->inode->flags) & INODE_DEAD)
        return false;
    return !(load_relaxed(&parent->inode->flags) & INODE_EPHEMERAL_NAMES) ||
           (inode && load_relaxed(&inode->flags) & INODE_STATIC_NAME);
}

static void set_alias(struct dentry *dentry)
{
    struct inode *inode = dentry->inode;
    if (!inode || !inode_is(inode, S_IFDIR))
        return;
    spin_lock(&inode->field_lock);
    inode->alias = dentry;
    spin_unlock(&inode->field_lock);
}

void dentry_hash(struct dentry *dentry)
{
    if (!may_cache(dentry))
        return;
    struct dentry *parent = dentry->parent;
    store_relaxed(&dentry->hash, hash_name(parent, dentry->name, dentry->name_len));
    struct bucket *bucket = bucket_of(dentry->hash);
    dentry_get(dentry); /* the cache's */
    spin_lock(&bucket->lock);
    dentry->hash_next = bucket->first;
    bucket->first = dentry;
    spin_lock(&parent->lock);
    list_add_first(&parent->children, &dentry->child_link);
    spin_unlock(&parent->lock);
    atomic_fetch_or(&dentry->flags, (uint32_t)DENTRY_HASHED);
    spin_lock(&lru_lock);
    list_add_first(&lru, &dentry->lru_link);
    size_t count = cached_count + 1;
    store_relaxed(&cached_count, count);
    spin_unlock(&lru_lock);
    spin_unlock(&bucket->lock);
    set_alias(dentry);
    if (count > DENTRY_SOFT_MAX && count % PRUNE_BATCH == 0)
        dentry_prune(NULL, 2 * PRUNE_BATCH);
}

/* Under the bucket's lock; the cache's reference becomes the caller's. */
static void unlink_locked(struct bucket *bucket, struct dentry *dentry)
{
    struct dentry **at = &bucket->first;
    while (*at != dentry)
        at = &(*at)->hash_next;
    *at = dentry->hash_next;
    struct dentry *parent = dentry->parent;
    spin_lock(&parent->lock);
    list_remove(&dentry->child_link);
    spin_unlock(&parent->lock);
    atomic_fetch_and(&dentry->flags, ~(uint32_t)DENTRY_HASHED);
    spin_lock(&lru_lock);
    list_remove(&dentry->lru_link);
    store_relaxed(&cached_count, cached_count - 1);
    spin_unlock(&lru_lock);
}

/*
 * The caller has a reference. `max_refs`: only when there are no more than these, the cache's and the caller's
 * included. A rename may give it another bucket before we have the lock: then it is unhashed or its hash is another
 * one, and a rename is no reason to insist.
 */
static bool unhash_if(struct dentry *dentry, uint32_t max_refs)
{
    uint64_t hash = load_relaxed(&dentry->hash);
    struct bucket *bucket = bucket_of(hash);
    spin_lock(&bucket->lock);
    bool is_taken = load_acquire(&dentry->flags) & DENTRY_HASHED && load_relaxed(&dentry->hash) == hash &&
                    load_relaxed(&dentry->refs.count) <= max_refs;
    if (is_taken)
        unlink_locked(bucket, dentry);
    spin_unlock(&bucket->lock);
    if (!is_taken)
        return false;
    dentry_put(dentry);
    return true;
}

void dentry_unhash(struct dentry *dentry)
{
    if (dentry_is(dentry, DENTRY_HASHED))
        unhash_if(dentry, UINT32_MAX);
}

/* Mount points stay, as the mount must be found, and so do directories in use: there must not be two dentries that
 * somebody walks, locks or compares for one directory. */
static uint32_t forgettable_refs(struct dentry *child)
{
    struct inode *inode = dentry_inode(child);
    if (load_relaxed(&child->mounted))
        return 0;
    return inode && inode_is(inode, S_IFDIR) ? 1 : UINT32_MAX - 1;
}

/* Referenced, or NULL: none is left. */
static struct dentry *first_forgettable(struct dentry *directory)
{
    struct dentry *child, *found = NULL;
    spin_lock(&directory->lock);
    list_for_each(child, &directory->children, child_link)
    {
        if (load_relaxed(&child->refs.count) > forgettable_refs(child))
            continue;
        dentry_get(child); /* hashed, so the cache holds it */
        found = child;
        break;
    }
    spin_unlock(&directory->lock);
    return found;
}

static void forget_children(struct dentry *directory)
{
    struct dentry *child;
    while ((child = first_forgettable(directory))) {
        unhash_if(child, forgettable_refs(child) + 1);
        dentry_put(child);
    }
}

void dentry_delete(struct dentry *dentry)
{
    atomic_fetch_or(&dentry->flags, (uint32_t)DENTRY_DELETED);
    dentry_unhash(dentry);
    struct inode *inode = dentry->inode;
    if (!inode || !inode_is(inode, S_IFDIR))
        return;
    atomic_fetch_or(&inode->flags, (uint32_t)INODE_DEAD);
    forget_children(dentry);
}

void vfs_forget_names(struct inode *directory)
{
    spin_lock(&directory->field_lock);
    struct dentry *dentry = directory->alias; /* cleared under field_lock before its memory goes */
    if (dentry && !refcount_get_unless_zero(&dentry->refs))
        dentry = NULL;
    spin_unlock(&directory->field_lock);
    if (!dentry)
        return;
    forget_children(dentry);
    dentry_put(dentry);
}

/* ---- looking up ---- */

int dentry_lookup_locked(struct dentry *directory, const char *name, size_t len, struct dentry **out)
{
    struct inode *inode = NULL;
    struct dentry *dentry = dentry_find(directory, name, len);
    if (dentry) {
        *out = dentry;
        return 0;
    }
    if (!directory->inode->ops->lookup)
        return -ENOTDIR;
    int err = directory->inode->ops->lookup(directory->inode, name, len, &inode);
    if (err && err != -ENOENT)
        return err;
    if (err)
        inode = NULL;
    dentry = dentry_create(directory, name, len, inode);
    if (inode)
        inode_put(inode);
    if (!dentry)
        return -ENOMEM;
    dentry_hash(dentry);
    *out = dentry;
    return 0;
}

int dentry_lookup(struct dentry *directory, const char *name, size_t len, struct dentry **out)
{
    struct dentry *dentry = dentry_find(directory, name, len);
    if (dentry) {
        *out = dentry;
        return 0;
    }
    struct inode *inode = directory->inode;
    mutex_lock(&inode->lock);
    int err = dentry_lookup_locked(directory, name, len, out);
    mutex_unlock(&inode->lock);
    return err;
}

/* ---- giving back ---- */

/* The coldest dentry goes to the hot end, and comes back referenced when it may be dropped. */
static struct dentry *take_coldest(struct file_system *fs)
{
    struct dentry *found = NULL;
    spin_lock(&lru_lock);
    if (!list_is_empty(&lru)) {
        struct dentry *d = list_last(&lru, struct dentry, lru_link);
        list_remove(&d->lru_link);
        list_add_first(&lru, &d->lru_link);
        bool is_cold = fs ? d->fs == fs : !dentry_is(d, DENTRY_REFERENCED);
        if (!fs && !is_cold)
            atomic_fetch_and(&d->flags, ~(uint32_t)DENTRY_REFERENCED);
        if (is_cold && load_relaxed(&d->refs.count) == 1) {
            dentry_get(d); /* on the list, so the cache holds it */
            found = d;
        }
    }
    spin_unlock(&lru_lock);
    return found;
}

size_t dentry_prune(struct file_system *fs, size_t scan)
{
    size_t dropped = 0;
    while (scan--) {
        struct dentry *dentry = take_coldest(fs);
        if (!dentry)
            continue;
        dropped += unhash_if(dentry, 2);
        dentry_put(dentry);
    }
    return dropped;
}

static size_t shrink(struct shrinker *shrinker, size_t pages)
{
    size_t scan = MIN(pages * DENTRIES_PER_PAGE * 2, dentry_count());
    return dentry_prune(NULL, scan) / DENTRIES_PER_PAGE;
}

static struct shrinker dentry_shrinker = {.shrink = shrink};

void dentry_shrinker_register(void)
{
    shrinker_register(&dentry_shrinker);
}
