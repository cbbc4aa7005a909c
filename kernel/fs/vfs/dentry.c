/* Dentries themselves: made, counted, moved, freed. What guards what stands in dentry.h. */
#include <base/assert.h>
#include <base/string.h>
#include <mm/alloc.h>
#include <vfs/notify.h>
#include "inodes.h"

struct spinlock dentry_tree_lock = SPINLOCK_INIT;
static struct object_cache *cache;

int dentry_cache_init(void)
{
    cache = object_cache_create("dentry", sizeof(struct dentry), 0);
    return cache ? 0 : -ENOMEM;
}

static bool set_name(struct dentry *dentry, const char *name, size_t len)
{
    char *to = dentry->inline_name;
    if (len > DENTRY_INLINE_NAME) {
        to = kmalloc(len, ALLOC_WAIT);
        if (!to)
            return false;
    }
    memcpy(to, name, len);
    dentry->name = to;
    dentry->name_len = (uint32_t)len;
    return true;
}

static struct dentry *create(struct file_system *fs, const char *name, size_t len, struct inode *inode, uint32_t flags)
{
    struct dentry *dentry = object_cache_alloc(cache, ALLOC_ZERO);
    if (!dentry)
        return NULL;
    if (!set_name(dentry, name, len)) {
        object_cache_free(cache, dentry);
        return NULL;
    }
    refcount_init(&dentry->refs, 1);
    dentry->flags = flags;
    dentry->fs = fs;
    spin_init(&dentry->lock);
    list_init(&dentry->children);
    list_init(&dentry->child_link);
    list_init(&dentry->lru_link);
    if (inode)
        inode_get(inode);
    dentry->inode = inode;
    return dentry;
}

struct dentry *dentry_create(struct dentry *parent, const char *name, size_t len, struct inode *inode)
{
    struct dentry *dentry = create(parent->fs, name, len, inode, 0);
    if (!dentry)
        return NULL;
    dentry_get(parent);
    dentry->parent = parent;
    return dentry;
}

struct dentry *dentry_create_root(struct file_system *fs, const char *name, size_t len, struct inode *inode,
                                  bool is_unnamed)
{
    struct dentry *dentry = create(fs, name, len, inode, DENTRY_ROOT | (is_unnamed ? DENTRY_DELETED : 0));
    if (dentry)
        dentry->parent = dentry;
    return dentry;
}

void dentry_instantiate(struct dentry *dentry, struct inode *inode)
{
    debug_assert(!dentry->inode);
    store_release(&dentry->inode, inode);
    if (!inode_is(inode, S_IFDIR) || !dentry_is(dentry, DENTRY_HASHED))
        return;
    spin_lock(&inode->field_lock);
    inode->alias = dentry;
    spin_unlock(&inode->field_lock);
}

void dentry_get(struct dentry *dentry)
{
    refcount_get(&dentry->refs);
}

/* Names may be forgotten while they become positive, so that a name that is not cached any more is the alias. */
static void clear_alias(struct dentry *dentry, struct inode *inode)
{
    if (!inode_is(inode, S_IFDIR))
        return;
    spin_lock(&inode->field_lock);
    if (inode->alias == dentry)
        inode->alias = NULL;
    spin_unlock(&inode->field_lock);
}

static void dentry_free(struct dentry *dentry)
{
    struct inode *inode = dentry->inode;
    if (inode) {
        clear_alias(dentry, inode);
        if (dentry_is(dentry, DENTRY_DELETED) && !load_relaxed(&inode->link_count))
            notify_gone(inode);
        inode_put(inode);
    }
    if (dentry->name != dentry->inline_name)
        kfree((void *)dentry->name);
    object_cache_free(cache, dentry);
}

/* Upwards in a loop: the last child may hold the last reference of a long chain of parents. */
void dentry_put(struct dentry *dentry)
{
    while (dentry && refcount_put(&dentry->refs)) {
        struct dentry *parent = dentry->parent == dentry ? NULL : dentry->parent;
        dentry_free(dentry);
        dentry = parent;
    }
}

struct inode *dentry_inode(const struct dentry *dentry)
{
    return load_acquire(&dentry->inode);
}

struct dentry *dentry_get_parent(struct dentry *dentry)
{
    spin_lock(&dentry_tree_lock);
    struct dentry *parent = dentry->parent;
    dentry_get(parent);
    spin_unlock(&dentry_tree_lock);
    return parent;
}

bool dentry_is_ancestor(struct dentry *ancestor, struct dentry *of)
{
    spin_lock(&dentry_tree_lock);
    while (of != ancestor && of->parent != of)
        of = of->parent;
    spin_unlock(&dentry_tree_lock);
    return of == ancestor;
}

int dentry_name_reserve(struct dentry_name *name, size_t len)
{
    name->memory = NULL;
    if (len > DENTRY_INLINE_NAME)
        name->memory = kmalloc(len, ALLOC_WAIT);
    return len > DENTRY_INLINE_NAME && !name->memory ? -ENOMEM : 0;
}

void dentry_name_release(struct dentry_name *name)
{
    kfree(name->memory);
    name->memory = NULL;
}

struct dentry *dentry_move(struct dentry *dentry, struct dentry *parent, const char *name, size_t len,
                           struct dentry_name *room)
{
    char *to = room->memory ? room->memory : dentry->inline_name;
    void *old_name = dentry->name == dentry->inline_name ? NULL : (void *)dentry->name;
    room->memory = NULL;
    dentry_get(parent);
    dentry_unhash(dentry);
    spin_lock(&dentry_tree_lock);
    struct dentry *old_parent = dentry->parent;
    memmove(to, name, len);
    dentry->name = to;
    dentry->name_len = (uint32_t)len;
    dentry->parent = parent;
    spin_unlock(&dentry_tree_lock);
    dentry_hash(dentry);
    kfree(old_name);
    return old_parent;
}
