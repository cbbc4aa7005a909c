/*
 * open(2): finds or makes the name, checks, makes the file. Accounting of writers (ETXTBSY): inode->writer_count is
 * positive while the file is open for writing, negative while a program runs it; whoever comes second fails. What a
 * file holds (references, count, locks) is given back by drop_path, which file_put calls whatever ops the file has.
 */
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include <vfs/notify.h>
#include "init.h"
#include "walk.h"

static int (*device_hook)(bool is_block, uint64_t device, struct file *file);

void vfs_set_device_hook(int (*open)(bool is_block, uint64_t device, struct file *file))
{
    device_hook = open;
}

int open_device(struct inode *inode, struct file *file)
{
    if (!device_hook)
        return -ENXIO;
    return device_hook(inode_is(inode, S_IFBLK), load_relaxed(&inode->special_device), file);
}

struct inode *file_inode(const struct file *file)
{
    return file->node;
}

struct dentry *file_dentry(const struct file *file)
{
    return file->path;
}

/* ---- writers and running programs ---- */

static bool is_counted_writer(const struct file *file, const struct inode *inode)
{
    uint32_t flags = load_relaxed(&file->flags);
    return inode_is(inode, S_IFREG) && !(flags & O_PATH) && flags & O_ACCMODE;
}

/* by +1: a writer, -1: a program. -ETXTBSY when the other kind is there. */
static int count_access(struct inode *inode, int32_t by)
{
    int32_t was = load_relaxed(&inode->writer_count);
    do {
        if (by > 0 ? was < 0 : was > 0)
            return -ETXTBSY;
    } while (!atomic_compare_exchange(&inode->writer_count, &was, was + by));
    return 0;
}

/* file_put's hook: ops->release was called, nobody else has the file. */
static void drop_path(struct file *file)
{
    struct inode *inode = file->node;
    struct dentry *dentry = file->path;
    uint32_t flags = load_relaxed(&file->flags);
    file->node = file->path = NULL;
    if (inode && !(flags & O_PATH)) {
        locks_release_file(inode, file);
        if (is_counted_writer(file, inode))
            atomic_fetch_sub(&inode->writer_count, 1);
        else if (file->ops == &program_file_ops)
            atomic_fetch_add(&inode->writer_count, 1);
        if (dentry)
            notify_dentry(dentry, flags & O_ACCMODE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    }
    inode_put(inode);
    dentry_put(dentry);
}

void open_init(void)
{
    file_drop_path = drop_path;
}

/* ---- the file ---- */

int file_of_inode(const struct file_ops *ops, uint32_t flags, struct inode *inode, struct dentry *dentry,
                  struct file **out)
{
    const uint32_t not_kept = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC;
    struct file *file = file_create(ops, (flags & ~not_kept) | (flags & O_PATH ? 0 : O_LARGEFILE), NULL);
    if (!file)
        return -ENOMEM;
    inode_get(inode);
    if (dentry)
        dentry_get(dentry);
    file->node = inode;
    file->path = dentry;
    *out = file;
    return 0;
}

/* Takes back a file that never became open: no event, no accounting. */
static void abandon(struct file *file)
{
    struct inode *inode = file->node;
    struct dentry *dentry = file->path;
    file->node = file->path = NULL;
    file_put(file);
    inode_put(inode);
    dentry_put(dentry);
}

static const struct file_ops *ops_by_kind(const struct inode *inode)
{
    if (inode_is(inode, S_IFDIR))
        return &directory_file_ops;
    return &regular_file_ops;
}

/* Lets the file system, the pipe or the device take the file over. */
static int open_kind(struct inode *inode, struct file *file)
{
    if (inode_is(inode, S_IFSOCK))
        return -ENXIO;
    if (inode_is(inode, S_IFIFO))
        return open_fifo(inode, file);
    if (inode->ops->open)
        return inode->ops->open(inode, file);
    if (inode_is(inode, S_IFCHR) || inode_is(inode, S_IFBLK))
        return open_device(inode, file);
    return 0;
}

/* Before the first write to a regular file: the overlay copies it up. */
static int prepare_writing(struct inode *inode, uint32_t flags)
{
    if (!inode_is(inode, S_IFREG) || !inode->ops->prepare_change)
        return 0;
    mutex_lock(&inode->lock);
    int err = inode_prepare_change(inode, !(flags & O_TRUNC)); /* no copy of what truncation drops */
    mutex_unlock(&inode->lock);
    return err;
}

static int truncate_opened(struct inode *inode)
{
    if (!inode_is(inode, S_IFREG))
        return 0;
    mutex_lock(&inode->lock);
    int err = inode_truncate_locked(inode, 0);
    mutex_unlock(&inode->lock);
    return err;
}

/* No more checks of permission from here on. */
static int make_file(struct dentry *dentry, struct inode *inode, uint32_t flags, struct file **out)
{
    struct file *file;
    bool is_writer = inode_is(inode, S_IFREG) && flags & O_ACCMODE;
    int err = is_writer ? count_access(inode, 1) : 0;
    if (err)
        return err;
    err = is_writer ? prepare_writing(inode, flags) : 0;
    if (err)
        goto uncount;
    err = file_of_inode(ops_by_kind(inode), flags, inode, dentry, &file);
    if (err)
        goto uncount;
    err = open_kind(inode, file);
    if (err)
        file->ops = ops_by_kind(inode); /* whoever refused it has nothing to release */
    if (!err && flags & O_TRUNC)
        err = truncate_opened(inode);
    if (err)
        goto abandon;
    notify_dentry(dentry, IN_OPEN);
    *out = file;
    return 0;

abandon:
    abandon(file);
uncount:
    if (is_writer)
        atomic_fetch_sub(&inode->writer_count, 1);
    return err;
}

static unsigned access_of(uint32_t flags)
{
    static const uint8_t may[4] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE};
    return may[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
}

static int check_open(const struct vfs_caller *caller, struct inode *inode, uint32_t flags)
{
    unsigned may = access_of(flags);
    if (flags & O_DIRECTORY && !inode_is(inode, S_IFDIR))
        return -ENOTDIR;
    if (inode_is(inode, S_IFLNK))
        return -ELOOP;
    if (inode_is(inode, S_IFDIR) && may & MAY_WRITE)
        return -EISDIR;
    int err = vfs_permission(caller, inode, may);
    if (err)
        return err;
    return flags & O_NOATIME && !caller_owns(caller, inode) ? -EPERM : 0;
}

static int open_path_only(struct dentry *dentry, uint32_t flags, struct file **out)
{
    if (flags & O_DIRECTORY && !inode_is(dentry->inode, S_IFDIR))
        return -ENOTDIR;
    return file_of_inode(&path_file_ops, flags, dentry->inode, dentry, out);
}

/* A pipe or socket that a magic link led to cannot be opened anew: the same open file is given, if its mode allows. */
static int open_wrapped(struct file *file, uint32_t flags, struct file **out)
{
    unsigned may = access_of(flags);
    if ((may & MAY_READ && !file_is_readable(file)) || (may & MAY_WRITE && !file_is_writable(file)))
        return -EACCES;
    file_get(file);
    *out = file;
    return 0;
}

int vfs_open_dentry(const struct vfs_caller *caller, struct dentry *dentry, unsigned flags, struct file **out)
{
    struct inode *inode = dentry->inode;
    if (!inode)
        return -ENOENT;
    if (flags & O_PATH)
        return open_path_only(dentry, flags, out);
    struct file *wrapped = wrapped_file(inode);
    if (wrapped)
        return open_wrapped(wrapped, flags, out);
    int err = check_open(caller, inode, flags);
    return err ? err : make_file(dentry, inode, flags, out);
}

/* ---- the name ---- */

/* Makes the file if the name is free; *out is positive afterwards. */
static int create_locked(struct walk *walk, struct dentry *dentry, uint32_t mode)
{
    struct inode *directory = walk->at->inode, *inode;
    int err = permission_to_create(walk->caller, directory);
    if (err)
        return err;
    if (!directory->ops->create)
        return directory->fs->is_read_only ? -EROFS : -EPERM;
    struct vfs_new new = new_attributes(walk->caller, directory, S_IFREG | (mode & 07777), 0);
    err = directory->ops->create(directory, walk->last, walk->last_len, &new, &inode);
    if (!err)
        dentry_instantiate(dentry, inode);
    return err;
}

static int find_or_create(struct walk *walk, uint32_t mode, bool *is_new, struct dentry **out)
{
    struct inode *directory = walk->at->inode;
    struct dentry *dentry = dentry_find(walk->at, walk->last, walk->last_len);
    int err = 0;
    if (!dentry || dentry_is_negative(dentry)) {
        dentry_put(dentry);
        mutex_lock(&directory->lock);
        err = dentry_lookup_locked(walk->at, walk->last, walk->last_len, &dentry);
        if (!err && dentry_is_negative(dentry)) {
            err = create_locked(walk, dentry, mode);
            *is_new = !err;
            if (err)
                dentry_put(dentry);
        }
        mutex_unlock(&directory->lock);
    }
    if (err)
        return err;
    if (*is_new)
        notify_inode(directory, IN_CREATE, walk->last, walk->last_len, 0);
    *out = mount_cross(dentry);
    return 0;
}

/* The last name of the walk for open; a symlink is not followed here. */
static int find_last(struct walk *walk, uint32_t flags, uint32_t mode, bool *is_new, struct dentry **out)
{
    struct dentry *dentry;
    int err;
    if (flags & O_CREAT) {
        if (walk->must_be_directory)
            return -EISDIR;
        err = find_or_create(walk, mode, is_new, &dentry);
    } else {
        err = walk_look_up_last(walk, &dentry);
    }
    if (err)
        return err;
    if (dentry_is_negative(dentry))
        err = -ENOENT;
    else if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL) && !*is_new)
        err = -EEXIST;
    if (err)
        dentry_put(dentry);
    else
        *out = dentry;
    return err;
}

static int open_found(struct walk *walk, struct dentry *dentry, uint32_t flags, bool is_new, struct file **out)
{
    struct inode *inode = dentry->inode;
    if (walk->must_be_directory && !inode_is(inode, S_IFDIR))
        return -ENOTDIR;
    if (is_new) /* whatever its mode: who makes a file may open it */
        return make_file(dentry, inode, flags & ~O_TRUNC, out);
    if (flags & O_CREAT && inode_is(inode, S_IFDIR))
        return -EISDIR;
    return vfs_open_dentry(walk->caller, dentry, flags, out);
}

static int open_walk(struct walk *walk, uint32_t flags, uint32_t mode, struct file **out)
{
    for (;;) {
        struct dentry *dentry;
        bool is_new = false;
        int err = walk_to_last(walk);
        if (err)
            return err;
        if (walk->kind != WALK_NAME) {
            if (flags & O_CREAT && flags & O_EXCL)
                return -EEXIST;
            return open_found(walk, walk->at, flags, false, out);
        }
        err = find_last(walk, flags, mode, &is_new, &dentry);
        if (err)
            return err;
        if (inode_is(dentry->inode, S_IFLNK) && (!(flags & O_NOFOLLOW) || walk->must_be_directory)) {
            err = walk_enter_link(walk, dentry);
            if (err)
                return err;
            continue;
        }
        err = open_found(walk, dentry, flags, is_new, out);
        dentry_put(dentry);
        return err;
    }
}

/* O_TMPFILE: a file without a name in the directory `path`. */
static int open_unnamed(const struct vfs_caller *caller, struct dentry *base, const char *path, uint32_t flags,
                        uint32_t mode, unsigned resolve, struct file **out)
{
    struct dentry *directory;
    struct inode *inode;
    int err = vfs_lookup(caller, base, path, resolve | LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &directory);
    if (err)
        return err;
    struct inode *parent = directory->inode;
    mutex_lock(&parent->lock);
    err = permission_to_create(caller, parent);
    if (!err && !parent->ops->create_unnamed)
        err = -EOPNOTSUPP;
    if (!err) {
        struct vfs_new new = new_attributes(caller, parent, S_IFREG | (mode & 07777), 0);
        err = parent->ops->create_unnamed(parent, &new, &inode);
    }
    mutex_unlock(&parent->lock);
    dentry_put(directory);
    if (err)
        return err;
    char name[24];
    if (!(flags & O_EXCL))
        atomic_fetch_or(&inode->flags, (uint32_t)INODE_LINKABLE);
    int len = snprintf(name, sizeof name, "#%llu", (unsigned long long)inode->number);
    struct dentry *dentry = dentry_create_root(inode->fs, name, (size_t)len, inode, true);
    err = dentry ? make_file(dentry, inode, flags & ~O_TMPFILE, out) : -ENOMEM;
    dentry_put(dentry);
    inode_put(inode);
    return err;
}

int vfs_open(const struct vfs_caller *caller, struct dentry *base, const char *path, unsigned flags, uint32_t mode,
             unsigned resolve, struct file **out)
{
    struct walk walk;
    if (flags & O_PATH)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (flags & O_TMPFILE_BIT) {
        if ((flags & O_TMPFILE) != O_TMPFILE || !(flags & O_ACCMODE) || flags & O_CREAT)
            return -EINVAL;
        return open_unnamed(caller, base, path, flags, mode, resolve, out);
    }
    if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
        return -EINVAL;
    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        flags |= O_NOFOLLOW;
    resolve &= ~(unsigned)(LOOKUP_FOLLOW | LOOKUP_EMPTY | LOOKUP_DIRECTORY);
    int err = walk_start(&walk, caller, base, path, resolve);
    if (err)
        return err;
    err = open_walk(&walk, flags, mode, out);
    walk_end(&walk);
    return err;
}

int vfs_open_path(const struct vfs_caller *caller, struct dentry *base, const char *path, unsigned lookup_flags,
                  bool is_program, struct file **out)
{
    struct dentry *dentry;
    int err = vfs_lookup(caller, base, path, lookup_flags, &dentry);
    if (err)
        return err;
    struct inode *inode = dentry->inode;
    if (inode_is(inode, S_IFLNK))
        err = -ELOOP;
    else if (!inode_is(inode, S_IFREG))
        err = -EACCES;
    if (!err)
        err = vfs_permission(caller, inode, is_program ? MAY_EXECUTE : MAY_READ);
    if (!err && is_program)
        err = count_access(inode, -1);
    if (!err) {
        struct file *file;
        err = make_file(dentry, inode, O_RDONLY, &file);
        if (err && is_program)
            atomic_fetch_add(&inode->writer_count, 1);
        if (!err && is_program) {
            file->ops = file->ops == &regular_file_ops ? &program_file_ops : file->ops;
            if (file->ops != &program_file_ops)
                atomic_fetch_add(&inode->writer_count, 1);
        }
        if (!err)
            *out = file;
    }
    dentry_put(dentry);
    return err;
}

ssize_t vfs_read_kernel(struct file *file, void *to, size_t n, uint64_t offset)
{
    struct io_segment segment;
    struct io_vector io;
    if (offset > INT64_MAX)
        return -EINVAL;
    size_t done = 0;
    while (done < n) {
        io_vector_kernel(&io, &segment, (char *)to + done, n - done);
        ssize_t got = file_read(file, &io, (int64_t)(offset + done));
        if (got < 0)
            return done ? (ssize_t)done : got;
        if (!got)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}
