/* What file system calls on open files need beyond file_ops: for linux/fs.c and linux/file.c. */
#pragma once
#include <base/user.h>
#include <vfs/vfs.h>

/* getdents64: fills program memory: bytes, 0 at the end, -EINVAL buffer too small, -ENOTDIR. is_old: getdents(2)'s layout. */
ssize_t vfs_getdents(struct file *file, struct user *to, size_t size, bool is_old);
int vfs_truncate_file(struct file *file, uint64_t size);
int vfs_fallocate(struct file *file, unsigned mode, uint64_t offset, uint64_t len);
ssize_t vfs_copy_range(struct file *in, uint64_t in_offset, struct file *out, uint64_t out_offset, size_t len);
int vfs_advise(struct file *file, uint64_t offset, uint64_t len, int advice);
int vfs_add_seals(struct file *file, uint32_t seals); /* F_ADD_SEALS */
int vfs_get_seals(struct file *file);
int vfs_statfs(struct inode *inode, struct vfs_statfs *out);
ssize_t vfs_get_xattr(const struct vfs_caller *caller, struct inode *inode, const char *name, void *to, size_t size);
int vfs_set_xattr(const struct vfs_caller *caller, struct inode *inode, const char *name, const void *value, size_t size, int flags);
int vfs_remove_xattr(const struct vfs_caller *caller, struct inode *inode, const char *name);
ssize_t vfs_list_xattr(struct inode *inode, char *to, size_t size);
