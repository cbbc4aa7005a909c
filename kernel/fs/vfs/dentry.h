/*
 * Names in memory. A dentry is one name in one directory: positive (it has an inode) or negative (known not to exist).
 * Cached ("hashed") ones are found by parent and name in a table of buckets, each with its own spinlock; the cache
 * holds one reference on each, so that refs == 1 under the bucket's lock means: nobody uses it. A dentry holds its
 * parent and its inode. A negative one may become positive in place; a positive one never changes its inode.
 *
 * What guards what:
 *   bucket lock      membership in the bucket; a look-up takes its reference under it
 *   dentry->lock     the list of its cached children
 *   lru lock         the list of all cached dentries, coldest last
 *   tree lock        dentry->parent and name (changed by rename only while unhashed and with both directories' inode
 *                    locks held), dentry->mounted, file_system->covers
 * Order: directories' inode->lock, then a bucket's, then dentry->lock, then the lru lock. The tree lock is a leaf.
 */
#pragma once
#include <base/atomic.h>
#include <base/spinlock.h>
#include <common/list.h>
#include <vfs/vfs.h>

enum { DENTRY_INLINE_NAME = 40 };

enum dentry_flags {
    DENTRY_HASHED = 1,
    DENTRY_REFERENCED = 2, /* found since the shrinker last looked at it */
    DENTRY_DELETED = 4,    /* its name was removed, or it never had one */
    DENTRY_ROOT = 8,       /* of a file system, or of an unnamed file: its own parent */
};

struct dentry {
    struct refcount refs;
    uint32_t flags; /* enum dentry_flags, atomic */
    uint64_t hash;  /* of parent and name; changed only while unhashed */
    struct dentry *parent;
    const char *name; /* not terminated; inline_name or its own memory */
    uint32_t name_len;
    struct spinlock lock;
    struct inode *inode;         /* referenced; NULL: negative. Set once, with release; read with acquire */
    struct file_system *fs;      /* const after creation */
    struct file_system *mounted; /* what is mounted here, under the tree lock; a relaxed look says whether to take it */
    struct dentry *hash_next;
    struct list children GUARDED_BY(&lock), child_link;
    struct list lru_link;
    char inline_name[DENTRY_INLINE_NAME];
};

extern struct spinlock dentry_tree_lock;

/* A dentry that is not cached, one reference; inode may be NULL (else it is referenced here). NULL: no memory. */
struct dentry *dentry_create(struct dentry *parent, const char *name, size_t len, struct inode *inode);
/* Without a parent: a file system's root (name "") or an unnamed file, which counts as deleted. */
struct dentry *dentry_create_root(struct file_system *fs, const char *name, size_t len, struct inode *inode,
                                  bool is_unnamed);
/* Makes a negative dentry positive; takes over the inode's reference. The directory's lock is held. */
void dentry_instantiate(struct dentry *dentry, struct inode *inode);

/* The cached dentry, referenced, or NULL. */
struct dentry *dentry_find(struct dentry *parent, const char *name, size_t len);
/* Caches it unless names below its parent are not cached. The directory's lock is held, and dentry_find found none. */
void dentry_hash(struct dentry *dentry);
void dentry_unhash(struct dentry *dentry);
/* Unhashes a name that was removed; its directory's lock is held. */
void dentry_delete(struct dentry *dentry);

/* The child of that name, positive or negative, referenced: from the cache or from the file system. `directory` has a
 * directory inode. _locked: the caller holds its inode->lock. */
int dentry_lookup(struct dentry *directory, const char *name, size_t len, struct dentry **out);
int dentry_lookup_locked(struct dentry *directory, const char *name, size_t len, struct dentry **out);

struct dentry *dentry_get_parent(struct dentry *dentry);             /* referenced; a root's is itself */
bool dentry_is_ancestor(struct dentry *ancestor, struct dentry *of); /* or the same */
/* Room for a name, made before what must not fail: NULL without memory when it does not fit inline. */
struct dentry_name {
    char *memory; /* for names too long to be inline */
};
int dentry_name_reserve(struct dentry_name *name, size_t len);
void dentry_name_release(struct dentry_name *name);
/* Both directories' locks are held. The old parent's reference is the caller's to put afterwards (returned). */
struct dentry *dentry_move(struct dentry *dentry, struct dentry *parent, const char *name, size_t len,
                           struct dentry_name *room);

/* Drops unused names (all of fs, or with NULL the cold ones), looking at no more than `scan`: how many went. */
size_t dentry_prune(struct file_system *fs, size_t scan);
size_t dentry_count(void);
int dentry_cache_init(void);
void dentry_shrinker_register(void);

static inline bool dentry_is(const struct dentry *dentry, uint32_t flag)
{
    return load_relaxed(&dentry->flags) & flag;
}
static inline bool dentry_is_negative(const struct dentry *dentry)
{
    return !load_acquire(&dentry->inode);
}
