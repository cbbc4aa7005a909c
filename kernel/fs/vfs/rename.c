/*
 * rename(2) and renameat2(2). Between two directories one rename goes at a time (rename_lock), so that nobody makes a
 * cycle out of two moves that are innocent each. Lock order: rename_lock, the two directories (an ancestor first, else
 * by address), then what moves and what it replaces (a directory before a file, which could be linked below it;
 * else by address).
 */
#include <vfs/notify.h>
#include "names.h"

enum { RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2 };
static struct mutex rename_lock = MUTEX_INIT(rename_lock);
static uint32_t last_cookie; /* atomic; ties IN_MOVED_FROM and IN_MOVED_TO together */

struct rename {
    struct walk from, to;
    struct dentry *target, *victim; /* victim may be negative */
    unsigned flags;
    struct dentry *dropped_parents[2]; /* put when no lock is held */
};

static bool comes_first(const struct inode *a, const struct inode *b)
{
    bool a_is_directory = inode_is(a, S_IFDIR);
    return a_is_directory == inode_is(b, S_IFDIR) ? a < b : a_is_directory;
}

static void lock_pair(struct inode *a, struct inode *b)
{
    if (a && b && comes_first(b, a)) {
        struct inode *swap = a;
        a = b;
        b = swap;
    }
    if (a)
        mutex_lock(&a->lock);
    if (b && b != a)
        mutex_lock(&b->lock);
}

static void unlock_pair(struct inode *a, struct inode *b)
{
    if (a)
        mutex_unlock(&a->lock);
    if (b && b != a)
        mutex_unlock(&b->lock);
}

static void lock_directories(struct rename *r)
{
    struct dentry *from = r->from.at, *to = r->to.at;
    if (from->inode == to->inode) {
        mutex_lock(&from->inode->lock);
        return;
    }
    mutex_lock(&rename_lock);
    if (dentry_is_ancestor(from, to)) {
        mutex_lock(&from->inode->lock);
        mutex_lock(&to->inode->lock);
    } else if (dentry_is_ancestor(to, from)) {
        mutex_lock(&to->inode->lock);
        mutex_lock(&from->inode->lock);
    } else {
        lock_pair(from->inode, to->inode);
    }
}

static void unlock_directories(struct rename *r)
{
    unlock_pair(r->from.at->inode, r->to.at->inode);
    if (r->from.at->inode != r->to.at->inode)
        mutex_unlock(&rename_lock);
}

/* ---- checks, with the directories locked ---- */

static int check_loops(const struct rename *r)
{
    if (inode_is(r->target->inode, S_IFDIR) && dentry_is_ancestor(r->target, r->to.at))
        return -EINVAL;
    if (!dentry_is_negative(r->victim) && dentry_is_ancestor(r->victim, r->from.at))
        return r->flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
    return 0;
}

static int check_names(const struct rename *r)
{
    bool has_victim = !dentry_is_negative(r->victim);
    bool is_directory = inode_is(r->target->inode, S_IFDIR);
    if (r->flags & RENAME_NOREPLACE && has_victim)
        return -EEXIST;
    if (r->flags & RENAME_EXCHANGE) {
        if (!has_victim)
            return -ENOENT;
        if (r->to.must_be_directory && !inode_is(r->victim->inode, S_IFDIR))
            return -ENOTDIR;
    } else if (r->to.must_be_directory && !is_directory) {
        return -ENOTDIR;
    }
    if (r->from.must_be_directory && !is_directory)
        return -ENOTDIR;
    return check_loops(r);
}

static int check_permissions(const struct rename *r)
{
    const struct vfs_caller *caller = r->from.caller;
    struct inode *from = r->from.at->inode, *to = r->to.at->inode, *target = r->target->inode;
    bool is_directory = inode_is(target, S_IFDIR), is_exchange = r->flags & RENAME_EXCHANGE;
    int err = permission_to_remove(caller, from, r->target, is_directory);
    if (err)
        return err;
    if (dentry_is_negative(r->victim)) {
        err = permission_to_create(caller, to);
    } else {
        bool wants_directory = is_exchange ? inode_is(r->victim->inode, S_IFDIR) : is_directory;
        err = permission_to_remove(caller, to, r->victim, wants_directory);
    }
    if (err || from == to)
        return err;
    /* A directory that moves gets another "..", which is a change of it. */
    if (is_directory)
        err = vfs_permission(caller, target, MAY_WRITE);
    if (!err && is_exchange && inode_is(r->victim->inode, S_IFDIR))
        err = vfs_permission(caller, r->victim->inode, MAY_WRITE);
    return err;
}

/* ---- the change ---- */

static void move_dentries(struct rename *r, struct dentry_name *to_name, struct dentry_name *from_name)
{
    if (r->flags & RENAME_EXCHANGE || dentry_is_negative(r->victim))
        dentry_unhash(r->victim);
    else
        dentry_delete(r->victim);
    r->dropped_parents[0] = dentry_move(r->target, r->to.at, r->to.last, r->to.last_len, to_name);
    if (r->flags & RENAME_EXCHANGE)
        r->dropped_parents[1] = dentry_move(r->victim, r->from.at, r->from.last, r->from.last_len, from_name);
}

static int change(struct rename *r)
{
    struct inode *from = r->from.at->inode, *to = r->to.at->inode;
    struct inode *target = r->target->inode, *victim = r->victim->inode;
    struct dentry_name to_name, from_name = {NULL};
    if (!from->ops->rename)
        return from->fs->is_read_only ? -EROFS : -EPERM;
    int err = dentry_name_reserve(&to_name, r->to.last_len);
    if (!err && r->flags & RENAME_EXCHANGE)
        err = dentry_name_reserve(&from_name, r->from.last_len);
    if (err)
        goto release;
    lock_pair(target, victim);
    err = from->ops->rename(from, r->from.last, r->from.last_len, target, to, r->to.last, r->to.last_len, victim,
                            r->flags);
    if (!err)
        move_dentries(r, &to_name, &from_name);
    unlock_pair(target, victim);
release:
    dentry_name_release(&to_name);
    dentry_name_release(&from_name);
    return err;
}

static void notify_move(struct rename *r, struct walk *from, struct walk *to, struct inode *inode)
{
    uint32_t cookie = atomic_fetch_add(&last_cookie, 1u) + 1, kind = inode_is(inode, S_IFDIR) ? IN_ISDIR : 0;
    notify_inode(from->at->inode, IN_MOVED_FROM | kind, from->last, from->last_len, cookie);
    notify_inode(to->at->inode, IN_MOVED_TO | kind, to->last, to->last_len, cookie);
    notify_inode(inode, IN_MOVE_SELF, NULL, 0, 0);
}

static void notify_all(struct rename *r)
{
    struct inode *victim = r->victim->inode;
    notify_move(r, &r->from, &r->to, r->target->inode);
    if (r->flags & RENAME_EXCHANGE)
        notify_move(r, &r->to, &r->from, victim);
    else if (victim)
        notify_inode(victim, IN_ATTRIB, NULL, 0, 0);
}

/* 1: both names are the same file, nothing happens. */
static int rename_locked(struct rename *r)
{
    int err = dentry_lookup_locked(r->from.at, r->from.last, r->from.last_len, &r->target);
    if (!err)
        err = dentry_lookup_locked(r->to.at, r->to.last, r->to.last_len, &r->victim);
    if (err)
        return err;
    if (dentry_is_negative(r->target))
        return -ENOENT;
    err = check_names(r);
    if (err)
        return err;
    if (r->target->inode == r->victim->inode)
        return 1;
    err = check_permissions(r);
    return err ? err : change(r);
}

static int rename_walked(struct rename *r)
{
    if (r->from.kind != WALK_NAME || r->to.kind != WALK_NAME)
        return r->to.kind != WALK_NAME && r->flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
    if (r->from.at->fs != r->to.at->fs)
        return -EXDEV;
    lock_directories(r);
    int err = rename_locked(r);
    unlock_directories(r);
    if (!err)
        notify_all(r);
    dentry_put(r->dropped_parents[0]);
    dentry_put(r->dropped_parents[1]);
    dentry_put(r->target);
    dentry_put(r->victim);
    return err > 0 ? 0 : err;
}

int vfs_rename(const struct vfs_caller *caller, struct dentry *old_base, const char *old_path, struct dentry *base,
               const char *path, unsigned flags)
{
    struct rename r = {.flags = flags};
    if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) || flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
        return -EINVAL;
    int err = walk_parent(&r.from, caller, old_base, old_path);
    if (err)
        return err;
    err = walk_parent(&r.to, caller, base, path);
    if (!err) {
        err = rename_walked(&r);
        walk_end(&r.to);
    }
    walk_end(&r.from);
    return err;
}
