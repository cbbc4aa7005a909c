/* Who may do what: owner, group and other bits, sticky directories, read-only file systems. */
#include "inodes.h"

const struct vfs_caller vfs_kernel = {.is_privileged = true};

bool caller_in_group(const struct vfs_caller *caller, uint32_t gid)
{
    if (caller->gid == gid)
        return true;
    for (unsigned i = 0; i < caller->group_count; i++)
        if (caller->groups[i] == gid)
            return true;
    return false;
}

bool caller_owns(const struct vfs_caller *caller, const struct inode *inode)
{
    return caller->is_privileged || caller->uid == load_relaxed(&inode->uid);
}

static bool is_on_read_only(const struct inode *inode)
{
    return inode->fs->is_read_only &&
           (inode_is(inode, S_IFREG) || inode_is(inode, S_IFDIR) || inode_is(inode, S_IFLNK));
}

int vfs_permission(const struct vfs_caller *caller, struct inode *inode, unsigned may)
{
    if (may & MAY_WRITE && is_on_read_only(inode))
        return -EROFS;
    uint32_t mode = load_relaxed(&inode->mode);
    if (caller->is_privileged) {
        bool may_execute = (mode & S_IFMT) == S_IFDIR || mode & 0111;
        return may & MAY_EXECUTE && !may_execute ? -EACCES : 0;
    }
    if (caller->uid == load_relaxed(&inode->uid))
        mode >>= 6;
    else if (caller_in_group(caller, load_relaxed(&inode->gid)))
        mode >>= 3;
    return (may & 7) & ~mode ? -EACCES : 0;
}

int permission_to_create(const struct vfs_caller *caller, struct inode *directory)
{
    if (load_relaxed(&directory->flags) & INODE_DEAD)
        return -ENOENT;
    return vfs_permission(caller, directory, MAY_WRITE | MAY_EXECUTE);
}

int permission_to_remove(const struct vfs_caller *caller, struct inode *directory, struct dentry *victim,
                         bool wants_directory)
{
    struct inode *inode = victim->inode;
    int err = vfs_permission(caller, directory, MAY_WRITE | MAY_EXECUTE);
    if (err)
        return err;
    if (load_relaxed(&directory->mode) & S_ISVTX && !caller_owns(caller, directory) && !caller_owns(caller, inode))
        return -EPERM;
    bool is_directory = inode_is(inode, S_IFDIR);
    if (wants_directory != is_directory)
        return is_directory ? -EISDIR : -ENOTDIR;
    return load_acquire(&victim->mounted) ? -EBUSY : 0;
}

uint32_t caller_umask(const struct vfs_caller *caller)
{
    return caller->fs ? fs_context_umask(caller->fs) : 0;
}

struct vfs_new new_attributes(const struct vfs_caller *caller, const struct inode *directory, uint32_t mode,
                              uint64_t device)
{
    struct vfs_new new = {.mode = mode, .uid = caller->uid, .gid = caller->gid, .device = device};
    if ((mode & S_IFMT) != S_IFLNK)
        new.mode &= ~caller_umask(caller);
    if (!(load_relaxed(&directory->mode) & S_ISGID))
        return new;
    new.gid = load_relaxed(&directory->gid);
    if ((mode & S_IFMT) == S_IFDIR)
        new.mode |= S_ISGID;
    else if ((mode & (S_ISGID | 010)) == (S_ISGID | 010) && !caller->is_privileged && !caller_in_group(caller, new.gid))
        new.mode &= ~(uint32_t)S_ISGID;
    return new;
}
