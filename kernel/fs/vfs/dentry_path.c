/* The path of a dentry, built from its end under the tree lock, so that a rename cannot come between. */
#include <base/string.h>
#include "inodes.h"

struct builder {
    char *start; /* of the buffer */
    char *at;    /* the path so far begins here */
    bool is_full;
};

static void prepend(struct builder *b, const char *bytes, size_t n)
{
    if ((size_t)(b->at - b->start) < n) {
        b->is_full = true;
        return;
    }
    b->at -= n;
    memcpy(b->at, bytes, n);
}

/* True when `root` was met on the way up. Each step is a name or a mount, and paths that fill the buffer end it. */
static bool build_locked(struct builder *b, struct dentry *dentry, struct dentry *root)
{
    while (dentry != root && !b->is_full) {
        if (dentry->parent == dentry) {
            struct dentry *covers = dentry->fs->root_dentry == dentry ? dentry->fs->covers : NULL;
            if (!covers)
                return false;
            dentry = covers;
            continue;
        }
        prepend(b, dentry->name, dentry->name_len);
        prepend(b, "/", 1);
        dentry = dentry->parent;
    }
    return dentry == root;
}

ssize_t vfs_dentry_path(struct dentry *dentry, struct dentry *root, char *to, size_t size)
{
    if (size < 2)
        return -ENAMETOOLONG;
    struct builder b = {.start = to, .at = to + size - 1};
    *b.at = '\0';
    bool is_deleted = dentry_is(dentry, DENTRY_DELETED), is_reached = true;
    if (is_deleted)
        prepend(&b, " (deleted)", 10);
    if (is_deleted && dentry_is(dentry, DENTRY_ROOT)) {
        prepend(&b, dentry->name, dentry->name_len);
        prepend(&b, "/", 1);
    } else {
        char *end = b.at;
        spin_lock(&dentry_tree_lock);
        is_reached = build_locked(&b, dentry, root ? root : machine_root);
        spin_unlock(&dentry_tree_lock);
        if (b.at == end)
            prepend(&b, "/", 1);
        if (!is_reached)
            prepend(&b, "(unreachable)", 13);
    }
    if (b.is_full)
        return -ENAMETOOLONG;
    size_t len = (size_t)(to + size - 1 - b.at);
    memmove(to, b.at, len + 1);
    return (ssize_t)len;
}

void vfs_file_path(struct file *file, char *to, size_t size)
{
    if (!size)
        return;
    to[0] = '\0';
    if (file->ops->describe)
        file->ops->describe(file, to, size);
    else if (!file->path)
        snprintf(to, size, "anon_inode:[%s]", file->ops->name ? file->ops->name : "file");
    else if (vfs_dentry_path(file->path, NULL, to, size) < 0)
        snprintf(to, size, "?");
    to[size - 1] = '\0';
}
