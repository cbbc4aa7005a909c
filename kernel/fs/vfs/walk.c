/* The path walk; see walk.h. */
#include <base/string.h>
#include <mm/alloc.h>
#include "walk.h"

static struct dentry *root_of(const struct vfs_caller *caller)
{
    if (caller->fs)
        return fs_context_root(caller->fs);
    if (machine_root)
        dentry_get(machine_root);
    return machine_root;
}

static void set_at(struct walk *walk, struct dentry *dentry)
{
    dentry_put(walk->at);
    walk->at = dentry;
}

static int jump_to_root(struct walk *walk)
{
    if (walk->flags & LOOKUP_BENEATH)
        return -EXDEV;
    if (walk->flags & LOOKUP_NO_XDEV && walk->at->fs != walk->root->fs)
        return -EXDEV;
    dentry_get(walk->root);
    set_at(walk, walk->root);
    return 0;
}

int walk_start(struct walk *walk, const struct vfs_caller *caller, struct dentry *base, const char *path,
               unsigned flags)
{
    if (!path[0] && !(flags & LOOKUP_EMPTY))
        return -ENOENT;
    if (strnlen(path, VFS_PATH_MAX) == VFS_PATH_MAX)
        return -ENAMETOOLONG;
    struct dentry *root = root_of(caller);
    if (!root)
        return -ENOENT;
    walk->caller = caller;
    walk->flags = flags;
    walk->root = root;
    /* An absolute path does not look at where it does not start, unless a flag asks for that. */
    bool wants_base = path[0] != '/' || flags & (LOOKUP_IN_ROOT | LOOKUP_NO_XDEV);
    if (base)
        dentry_get(base);
    else if (caller->fs && wants_base)
        base = fs_context_cwd(caller->fs);
    else
        dentry_get(base = root);
    walk->at = base;
    dentry_get(base);
    walk->start = base;
    walk->rest = path;
    walk->target = NULL;
    walk->depth = walk->link_count = 0;
    walk->kind = WALK_HERE;
    walk->must_be_directory = flags & LOOKUP_DIRECTORY;
    if (flags & LOOKUP_IN_ROOT) {
        dentry_get(base);
        dentry_put(walk->root);
        walk->root = base;
    }
    int err = path[0] == '/' ? jump_to_root(walk) : 0;
    if (err)
        walk_end(walk);
    return err;
}

static void drop_strings(struct walk *walk)
{
    kfree(walk->target);
    walk->target = NULL;
    while (walk->depth)
        kfree(walk->pending[--walk->depth].target);
}

void walk_end(struct walk *walk)
{
    drop_strings(walk);
    dentry_put(walk->at);
    dentry_put(walk->root);
    dentry_put(walk->start);
}

/* ---- names ---- */

static void skip_slashes(struct walk *walk)
{
    while (*walk->rest == '/')
        walk->rest++;
}

/* Goes back to the strings that wait until one has a name left; false: the path is at its end. */
static bool next_string(struct walk *walk)
{
    for (;;) {
        skip_slashes(walk);
        if (*walk->rest)
            return true;
        if (!walk->depth)
            return false;
        kfree(walk->target);
        walk->depth--;
        walk->rest = walk->pending[walk->depth].rest;
        walk->target = walk->pending[walk->depth].target;
    }
}

/* Takes the next name off the path into last, last_len and kind: 1, 0 at the end, -ENAMETOOLONG. */
static int next_name(struct walk *walk)
{
    if (!next_string(walk))
        return 0;
    walk->last = walk->rest;
    while (*walk->rest && *walk->rest != '/')
        walk->rest++;
    walk->last_len = (size_t)(walk->rest - walk->last);
    if (walk->last_len > VFS_NAME_MAX)
        return -ENAMETOOLONG;
    walk->kind = WALK_NAME;
    if (walk->last[0] == '.' && walk->last_len == 1)
        walk->kind = WALK_DOT;
    else if (walk->last[0] == '.' && walk->last_len == 2 && walk->last[1] == '.')
        walk->kind = WALK_DOT_DOT;
    return 1;
}

/* Whether the name just taken was the last; a string waits only while it has names left, so the stack tells. */
static bool is_last(struct walk *walk)
{
    bool has_slash = *walk->rest == '/';
    skip_slashes(walk);
    if (*walk->rest || walk->depth)
        return false;
    walk->must_be_directory |= has_slash;
    return true;
}

/* ---- steps ---- */

static int check_directory(struct walk *walk)
{
    struct inode *inode = walk->at->inode;
    if (!inode_is(inode, S_IFDIR))
        return -ENOTDIR;
    return vfs_permission(walk->caller, inode, MAY_EXECUTE);
}

/* From a mounted root to the place it covers, as often as mounts are stacked. */
static int leave_mounts(struct walk *walk)
{
    while (dentry_is(walk->at, DENTRY_ROOT) && walk->at != walk->root) {
        struct dentry *covers = mount_covers(walk->at);
        if (!covers)
            return 0;
        set_at(walk, covers);
        if (walk->flags & LOOKUP_NO_XDEV)
            return -EXDEV;
    }
    return 0;
}

static int cross(struct walk *walk, struct dentry **dentry)
{
    struct file_system *from = (*dentry)->fs;
    *dentry = mount_cross(*dentry);
    if (walk->flags & LOOKUP_NO_XDEV && (*dentry)->fs != from) {
        dentry_put(*dentry);
        return -EXDEV;
    }
    return 0;
}

static int step_up(struct walk *walk)
{
    if (walk->flags & LOOKUP_BENEATH && walk->at == walk->start)
        return -EXDEV;
    if (walk->at == walk->root)
        return 0;
    int err = leave_mounts(walk);
    if (err || walk->at == walk->root)
        return err;
    struct dentry *parent = dentry_get_parent(walk->at);
    err = cross(walk, &parent);
    if (!err)
        set_at(walk, parent);
    return err;
}

int walk_look_up_last(struct walk *walk, struct dentry **out)
{
    struct dentry *dentry;
    int err = dentry_lookup(walk->at, walk->last, walk->last_len, &dentry);
    if (!err && load_relaxed(&dentry->mounted))
        err = cross(walk, &dentry);
    if (!err)
        *out = dentry;
    return err;
}

static int step_down(struct walk *walk)
{
    struct dentry *dentry;
    int err = walk_look_up_last(walk, &dentry);
    if (err)
        return err;
    if (dentry_is_negative(dentry)) {
        dentry_put(dentry);
        return -ENOENT;
    }
    if (inode_is(dentry->inode, S_IFLNK))
        return walk_enter_link(walk, dentry);
    set_at(walk, dentry);
    return 0;
}

/* ---- symlinks ---- */

static int push_rest(struct walk *walk)
{
    skip_slashes(walk);
    if (!*walk->rest) {
        kfree(walk->target);
        walk->target = NULL;
        return 0;
    }
    if (walk->depth == VFS_SYMLINK_MAX)
        return -ELOOP;
    walk->pending[walk->depth].rest = walk->rest;
    walk->pending[walk->depth].target = walk->target;
    walk->depth++;
    walk->target = NULL;
    return 0;
}

static int enter_magic(struct walk *walk, struct inode *inode)
{
    struct dentry *dentry = NULL;
    struct file *file = NULL;
    if (walk->flags & LOOKUP_NO_MAGIC)
        return -ELOOP;
    if (walk->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT))
        return -EXDEV;
    int err = inode->ops->follow(inode, &dentry, &file);
    if (err)
        return err;
    if (!dentry) {
        err = wrap_file(file, &dentry);
        file_put(file);
        if (err)
            return err;
    }
    if (walk->flags & LOOKUP_NO_XDEV && dentry->fs != walk->at->fs) {
        dentry_put(dentry);
        return -EXDEV;
    }
    set_at(walk, dentry);
    walk->kind = WALK_HERE;
    walk->rest = "";
    return 0;
}

static int enter_text(struct walk *walk, struct inode *inode)
{
    char *target = kmalloc(VFS_PATH_MAX, ALLOC_WAIT);
    if (!target)
        return -ENOMEM;
    ssize_t len = inode->ops->readlink(inode, target, VFS_PATH_MAX);
    int err = len < 0 ? (int)len : len == 0 ? -ENOENT : 0;
    if (len >= VFS_PATH_MAX)
        err = -ENAMETOOLONG;
    if (!err) {
        target[len] = '\0';
        inode_touch_access(NULL, inode);
        if (target[0] == '/')
            err = jump_to_root(walk);
    }
    if (err) {
        kfree(target);
        return err;
    }
    walk->target = target;
    walk->rest = target;
    walk->kind = WALK_HERE;
    return 0;
}

int walk_enter_link(struct walk *walk, struct dentry *link)
{
    struct inode *inode = link->inode;
    int err = -ELOOP;
    if (walk->flags & LOOKUP_NO_SYMLINKS || ++walk->link_count > VFS_SYMLINK_MAX)
        goto out;
    err = push_rest(walk);
    if (err)
        goto out;
    if (inode->ops->follow)
        err = enter_magic(walk, inode);
    else
        err = inode->ops->readlink ? enter_text(walk, inode) : -EINVAL;
out:
    dentry_put(link);
    return err;
}

/* ---- the loop ---- */

int walk_to_last(struct walk *walk)
{
    int more;
    while ((more = next_name(walk)) > 0) {
        int err = check_directory(walk);
        if (err)
            return err;
        bool last = is_last(walk);
        if (last && walk->kind == WALK_NAME)
            return 0;
        if (walk->kind == WALK_DOT_DOT)
            err = step_up(walk);
        else if (walk->kind == WALK_NAME)
            err = step_down(walk);
        if (err)
            return err;
        if (last)
            return 0;
        walk->kind = WALK_HERE;
    }
    return more;
}

int walk_parent(struct walk *walk, const struct vfs_caller *caller, struct dentry *base, const char *path)
{
    int err = walk_start(walk, caller, base, path, 0);
    if (err)
        return err;
    err = walk_to_last(walk);
    if (err)
        walk_end(walk);
    return err;
}
