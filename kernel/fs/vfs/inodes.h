/* Between the files of this folder: private inode flags, permissions for changing names, mounts, open files. */
#pragma once
#include <file/file.h>
#include <vfs/vfs.h>
#include "dentry.h"

enum inode_private_flags {
    INODE_DEAD = 1 << 16,        /* a directory that was removed: nothing can be made in it */
    INODE_STATIC_NAME = 1 << 17, /* its name is cached even below INODE_EPHEMERAL_NAMES */
    INODE_LINKABLE = 1 << 18,    /* made by O_TMPFILE: may be linked though it has no links */
};

/* ---- inodes ---- */
void inode_hash_init(void);
/* The mounted file system's own count; the last one frees it. */
void file_system_get(struct file_system *fs);
void file_system_put(struct file_system *fs);
/* Reading moved the access time, by the rules of relatime. */
void inode_touch_access(const struct file *file, struct inode *inode);
/* Set-user-ID goes when the contents or the owner change. inode->lock is held. */
void inode_drop_setid(struct inode *inode);
/* Tells the file system that a change is coming; inode->lock is held. */
int inode_prepare_change(struct inode *inode, bool contents);
/* vfs_truncate with the lock held, and its checks. */
int inode_truncate_locked(struct inode *inode, uint64_t size);

/* May the caller's file grow to `size`: 0, or -EFBIG and SIGXFSZ; inode->lock is held. */
int size_limit_check_resize(const struct inode *inode, uint64_t size);
/* How much of a write at `offset` the caller's limit allows: *allowed, or -EFBIG and SIGXFSZ. */
int size_limit_check_write(uint64_t offset, size_t len, size_t *allowed);

/* ---- permissions ---- */
bool caller_in_group(const struct vfs_caller *caller, uint32_t gid);
bool caller_owns(const struct vfs_caller *caller, const struct inode *inode);
/* May a name be made in this directory, or `victim` removed from it (-EISDIR, -ENOTDIR by kind)? Its lock is held. */
int permission_to_create(const struct vfs_caller *caller, struct inode *directory);
int permission_to_remove(const struct vfs_caller *caller, struct inode *directory, struct dentry *victim,
                         bool wants_directory);
/* Owner and mode of a new inode: umask, set-group-ID directories. */
struct vfs_new new_attributes(const struct vfs_caller *caller, const struct inode *directory, uint32_t mode,
                              uint64_t device);
uint32_t caller_umask(const struct vfs_caller *caller);

/* ---- mounts ---- */
extern struct dentry *machine_root; /* NULL before the first mount */
/* Where a name leads when something is mounted on it: takes the reference over and returns the top of the stack. */
struct dentry *mount_cross(struct dentry *dentry);
/* The place that the file system of this root covers, referenced; NULL at the machine's root. */
struct dentry *mount_covers(struct dentry *root);

/* ---- open files ---- */
extern const struct file_ops regular_file_ops, program_file_ops, directory_file_ops, path_file_ops;
/* A file object of this inode and name without any check; the file takes its own references. */
int file_of_inode(const struct file_ops *ops, uint32_t flags, struct inode *inode, struct dentry *dentry,
                  struct file **out);
/* An open file as something that a path can lead to (magic links to pipes and sockets). */
int wrap_file(struct file *file, struct dentry **out);
struct file *wrapped_file(const struct inode *inode); /* NULL: not such a one */
int open_fifo(struct inode *inode, struct file *file);
void fifo_destroy(struct inode *inode);
int open_device(struct inode *inode, struct file *file);
void locks_release_file(struct inode *inode, struct file *file);
void locks_destroy(struct inode *inode);
void marks_destroy(struct inode *inode);
/* The inode's last name and its last link went. */
void notify_gone(struct inode *inode);
int inotify_init(void);
