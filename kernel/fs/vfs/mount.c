/*
 * Mounts. Each file system is mounted at one place: its root dentry stands for the mount, `covers` is the dentry below
 * it, `mounted` of that dentry points back; both under the tree lock. mount_lock (taken first) guards the list and
 * makes mounting and unmounting one at a time.
 */
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "inodes.h"

struct mount {
    struct list link;
    struct file_system *fs;
    uint32_t id;
    char source[32];
};

struct dentry *machine_root;
static struct mutex mount_lock = MUTEX_INIT(mount_lock);
static struct list mounts GUARDED_BY(&mount_lock) = LIST_INIT(mounts);
static uint32_t next_id GUARDED_BY(&mount_lock) = 20;
static uint64_t next_device GUARDED_BY(&mount_lock) = 2; /* 1: anonymous files */

/* ---- crossing ---- */

struct dentry *mount_cross(struct dentry *dentry)
{
    while (load_acquire(&dentry->mounted)) {
        spin_lock(&dentry_tree_lock);
        struct dentry *top = dentry->mounted ? dentry->mounted->root_dentry : NULL;
        if (top)
            dentry_get(top);
        spin_unlock(&dentry_tree_lock);
        if (!top)
            break;
        dentry_put(dentry);
        dentry = top;
    }
    return dentry;
}

struct dentry *mount_covers(struct dentry *root)
{
    spin_lock(&dentry_tree_lock);
    struct dentry *covers = root->fs->root_dentry == root ? root->fs->covers : NULL;
    if (covers)
        dentry_get(covers);
    spin_unlock(&dentry_tree_lock);
    return covers;
}

/* ---- mounting ---- */

static int create_mount(struct file_system *fs, const char *source, struct mount **out)
{
    struct mount *mount = kzalloc(sizeof *mount, ALLOC_WAIT);
    if (!mount)
        return -ENOMEM;
    struct dentry *root = dentry_create_root(fs, "", 0, fs->root, false);
    if (!root) {
        kfree(mount);
        return -ENOMEM;
    }
    mount->fs = fs;
    snprintf(mount->source, sizeof mount->source, "%s", source);
    fs->root_dentry = root;
    *out = mount;
    return 0;
}

static void destroy_mount(struct mount *mount)
{
    dentry_put(mount->fs->root_dentry);
    mount->fs->root_dentry = NULL;
    kfree(mount);
}

static void set_alias(struct file_system *fs, struct dentry *alias)
{
    spin_lock(&fs->root->field_lock);
    fs->root->alias = alias;
    spin_unlock(&fs->root->field_lock);
}

/* `covers`: its reference is taken over; NULL: the machine's root. mount_lock is held. */
static void attach(struct mount *mount, struct dentry *covers)
{
    struct file_system *fs = mount->fs;
    mount->id = next_id++;
    if (!fs->device)
        fs->device = next_device++;
    list_add_last(&mounts, &mount->link);
    file_system_get(fs);
    set_alias(fs, fs->root_dentry);
    spin_lock(&dentry_tree_lock);
    fs->covers = covers;
    if (covers)
        store_release(&covers->mounted, fs);
    spin_unlock(&dentry_tree_lock);
    if (!covers)
        machine_root = fs->root_dentry;
}

int vfs_mount(const char *path, struct file_system *fs, const char *source)
{
    struct mount *mount;
    struct dentry *covers = NULL;
    int err = create_mount(fs, source, &mount);
    if (err)
        return err;
    mutex_lock(&mount_lock);
    if (machine_root) {
        err = vfs_lookup(&vfs_kernel, NULL, path, LOOKUP_FOLLOW, &covers);
        if (err)
            goto fail;
        err = -ENOTDIR;
        if (inode_is(covers->inode, S_IFDIR) != inode_is(fs->root, S_IFDIR))
            goto put_covers;
        err = -EINVAL; /* a name that is not cached would not lead to the mount */
        if (!dentry_is(covers, DENTRY_HASHED | DENTRY_ROOT) || dentry_is(covers, DENTRY_DELETED))
            goto put_covers;
    }
    attach(mount, covers);
    mutex_unlock(&mount_lock);
    return 0;

put_covers:
    dentry_put(covers);
fail:
    mutex_unlock(&mount_lock);
    destroy_mount(mount);
    return err;
}

static void set_mounted(struct file_system *fs, struct file_system *mounted)
{
    spin_lock(&dentry_tree_lock);
    store_release(&fs->covers->mounted, mounted);
    spin_unlock(&dentry_tree_lock);
}

/* Takes it out of the tree, so that no new walk enters, and looks whether anybody is still in. mount_lock is held. */
static int detach(struct file_system *fs)
{
    struct dentry *root = fs->root_dentry;
    if (!fs->covers || load_acquire(&root->mounted))
        return -EBUSY;
    set_mounted(fs, NULL);
    while (dentry_prune(fs, dentry_count()))
        ;
    if (load_acquire(&root->refs.count) == 1)
        return 0;
    set_mounted(fs, fs);
    return -EBUSY;
}

static struct mount *mount_of(struct file_system *fs)
{
    struct mount *mount;
    list_for_each(mount, &mounts, link)
    {
        if (mount->fs == fs)
            return mount;
    }
    return NULL;
}

int vfs_unmount(const char *path)
{
    struct dentry *root;
    mutex_lock(&mount_lock);
    int err = vfs_lookup(&vfs_kernel, NULL, path, LOOKUP_FOLLOW, &root);
    if (err)
        goto out;
    struct file_system *fs = root->fs;
    bool is_mount = fs->root_dentry == root;
    dentry_put(root); /* the mount itself holds it while mount_lock is ours */
    struct mount *mount = is_mount ? mount_of(fs) : NULL;
    err = mount ? detach(fs) : -EINVAL;
    if (err)
        goto out;
    list_remove(&mount->link);
    mutex_unlock(&mount_lock);
    if (fs->ops && fs->ops->sync)
        fs->ops->sync(fs);
    set_alias(fs, NULL);
    spin_lock(&dentry_tree_lock);
    struct dentry *covers = fs->covers;
    fs->covers = NULL;
    spin_unlock(&dentry_tree_lock);
    destroy_mount(mount);
    dentry_put(covers);
    inode_put(fs->root);
    fs->root = NULL;
    store_release(&fs->is_unmounted, true);
    file_system_put(fs);
    return 0;

out:
    mutex_unlock(&mount_lock);
    return err;
}

/* ---- listing ---- */

static struct mount *mount_at(unsigned n)
{
    struct mount *mount;
    list_for_each(mount, &mounts, link)
    {
        if (!n--)
            return mount;
    }
    return NULL;
}

static uint32_t parent_id(const struct file_system *fs)
{
    struct mount *parent = fs->covers ? mount_of(fs->covers->fs) : NULL;
    return parent ? parent->id : 1;
}

int vfs_mount_info(unsigned n, struct vfs_mount_info *out)
{
    mutex_lock(&mount_lock);
    struct mount *mount = mount_at(n);
    if (mount) {
        struct file_system *fs = mount->fs;
        *out = (struct vfs_mount_info){.id = mount->id, .parent_id = parent_id(fs), .device = fs->device};
        snprintf(out->source, sizeof out->source, "%s", mount->source);
        snprintf(out->type, sizeof out->type, "%s", fs->type);
        snprintf(out->options, sizeof out->options, "%s", fs->options ? fs->options : "rw");
        if (vfs_dentry_path(fs->root_dentry, NULL, out->path, sizeof out->path) < 0)
            snprintf(out->path, sizeof out->path, "?");
    }
    mutex_unlock(&mount_lock);
    return mount ? 0 : -ENOENT;
}

int vfs_sync_all(void)
{
    int result = 0;
    mutex_lock(&mount_lock);
    struct mount *mount;
    list_for_each(mount, &mounts, link)
    {
        int err = mount->fs->ops && mount->fs->ops->sync ? mount->fs->ops->sync(mount->fs) : 0;
        if (!result)
            result = err;
    }
    mutex_unlock(&mount_lock);
    return result;
}
