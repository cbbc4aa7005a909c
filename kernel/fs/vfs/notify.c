/* Raising inotify events on inodes, and watches' coming and going there. See inotify.h. */
#include <mm/alloc.h>
#include "inotify.h"

uint32_t notify_watch_count;

void watch_put(struct watch *watch)
{
    if (!refcount_put(&watch->refs))
        return;
    inotify_put(watch->inotify);
    inode_put(watch->inode);
    kfree(watch);
}

/* With inode->field_lock: out of both lists, whose reference becomes the caller's. */
static bool detach_locked(struct watch *watch)
{
    struct inotify *inotify = watch->inotify;
    if (!watch->is_attached)
        return false;
    spin_lock(&inotify->lock);
    watch->is_attached = false;
    list_remove(&watch->mark_link);
    list_remove(&watch->watch_link);
    inotify->watch_count--;
    spin_unlock(&inotify->lock);
    atomic_fetch_sub(&notify_watch_count, 1u);
    return true;
}

int watch_end(struct watch *watch)
{
    struct inode *inode = watch->inode;
    spin_lock(&inode->field_lock);
    bool was_attached = detach_locked(watch);
    spin_unlock(&inode->field_lock);
    if (!was_attached)
        return -EINVAL;
    inotify_queue(watch->inotify, watch->number, IN_IGNORED, 0, NULL, 0);
    watch_put(watch);
    return 0;
}

/* One-shot watches that had their event collect in `ended` (through mark_link); they are ended when the lock is free.
 */
static void raise_locked(struct inotify_marks *marks, uint32_t event, const char *name, size_t len, uint32_t cookie,
                         struct list *ended)
{
    struct watch *watch, *after;
    list_for_each_safe(watch, after, &marks->watches, mark_link)
    {
        uint32_t mask = watch->mask;
        if (!(event & mask & 0xfff))
            continue;
        if (event & IN_EXCL_UNLINK && mask & IN_EXCL_UNLINK)
            continue;
        inotify_queue(watch->inotify, watch->number, event & (0xfff | IN_ISDIR), cookie, name, len);
        if (mask & IN_ONESHOT && detach_locked(watch))
            list_add_last(ended, &watch->mark_link);
    }
}

static void finish_ended(struct list *ended)
{
    while (!list_is_empty(ended)) {
        struct watch *watch = list_first(ended, struct watch, mark_link);
        list_remove(&watch->mark_link);
        inotify_queue(watch->inotify, watch->number, IN_IGNORED, 0, NULL, 0);
        watch_put(watch);
    }
}

/* IN_EXCL_UNLINK among `event`: the name concerned is gone already. */
void notify_inode(struct inode *inode, uint32_t event, const char *name, size_t len, uint32_t cookie)
{
    struct list ended = LIST_INIT(ended);
    if (!load_acquire(&inode->marks))
        return;
    spin_lock(&inode->field_lock);
    raise_locked(inode->marks, event, name, len, cookie, &ended);
    spin_unlock(&inode->field_lock);
    finish_ended(&ended);
}

/* The entry as its directory's watchers see it. The name may change under us, so it is copied with the parent. */
static void notify_parent(struct dentry *dentry, uint32_t event)
{
    char name[VFS_NAME_MAX];
    if (dentry_is(dentry, DENTRY_ROOT))
        return;
    spin_lock(&dentry_tree_lock);
    struct dentry *parent = dentry->parent;
    bool is_watched = load_acquire(&parent->inode->marks);
    size_t len = 0;
    if (is_watched) {
        dentry_get(parent);
        for (; len < dentry->name_len; len++)
            name[len] = dentry->name[len];
    }
    spin_unlock(&dentry_tree_lock);
    if (!is_watched)
        return;
    notify_inode(parent->inode, event | (dentry_is(dentry, DENTRY_DELETED) ? IN_EXCL_UNLINK : 0), name, len, 0);
    dentry_put(parent);
}

void notify_dentry(struct dentry *dentry, uint32_t event)
{
    if (!dentry || !load_relaxed(&notify_watch_count))
        return;
    struct inode *inode = dentry_inode(dentry);
    if (inode_is(inode, S_IFDIR))
        event |= IN_ISDIR;
    notify_parent(dentry, event);
    notify_inode(inode, event, NULL, 0, 0);
}

static struct watch *first_watch(struct inode *inode)
{
    struct watch *watch = NULL;
    spin_lock(&inode->field_lock);
    if (!list_is_empty(&inode->marks->watches)) {
        watch = list_first(&inode->marks->watches, struct watch, mark_link);
        refcount_get(&watch->refs);
    }
    spin_unlock(&inode->field_lock);
    return watch;
}

void notify_gone(struct inode *inode)
{
    struct watch *watch;
    if (!load_acquire(&inode->marks))
        return;
    notify_inode(inode, IN_DELETE_SELF, NULL, 0, 0);
    while ((watch = first_watch(inode))) {
        watch_end(watch);
        watch_put(watch);
    }
}

/* Watches hold their inode, so none is left. */
void marks_destroy(struct inode *inode)
{
    kfree(inode->marks);
    inode->marks = NULL;
}
