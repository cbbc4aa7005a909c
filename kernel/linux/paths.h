/*
 * What the calls on files share: the caller's identity, path strings, directory descriptors, open files by number.
 */
#pragma once
#include <file/descriptors.h>
#include <mm/alloc.h>
#include <process/process.h>
#include <vfs/io.h>
#include <vfs/vfs.h>

enum { AT_FDCWD = -100, PATH_SHORT = 192 };
enum at_flags {
    AT_SYMLINK_NOFOLLOW = 0x100,
    AT_REMOVEDIR = 0x200, /* unlinkat; faccessat's AT_EACCESS has the same bit */
    AT_EACCESS = 0x200,
    AT_SYMLINK_FOLLOW = 0x400,
    AT_NO_AUTOMOUNT = 0x800,
    AT_EMPTY_PATH = 0x1000,
    AT_STATX_SYNC_TYPE = 0x6000,
};

/* The calling thread's identity, by effective ids; with `real` (access(2)) by real ones. */
struct vfs_caller caller_current(void);
struct vfs_caller caller_real(void);

/* A path copied from the program: short ones into the struct. Freed by path_free, also after a failure. */
struct path_string {
    char *text;
    char small[PATH_SHORT];
};
int path_copy(struct path_string *path, const struct user *from); /* -EFAULT, -ENAMETOOLONG, -ENOMEM */
void path_free(struct path_string *path);

/* The open file, referenced: -EBADF. With O_PATH only where the call allows it. */
static inline struct file *file_of_any(int fd) /* O_PATH too */
{
    return descriptor_file(process_current()->descriptors, fd);
}
static inline struct file *file_of(int fd)
{
    struct file *file = file_of_any(fd);
    if (!file || !(load_relaxed(&file->flags) & O_PATH))
        return file;
    file_put(file);
    return NULL;
}

/* Reads or writes n bytes of kernel memory at the offset (-1: the file's own), as file_read and file_write do. */
ssize_t file_transfer_kernel(struct file *file, const void *buffer, size_t n, int64_t offset, bool is_write);

/*
 * The directory that a relative path starts at: NULL for AT_FDCWD and for absolute paths, else referenced. -EBADF,
 * -ENOTDIR.
 */
int directory_of(int fd, const char *path, struct dentry **out);
/* Path copied, its directory found: what `action` returns. */
typedef int path_action(const struct vfs_caller *caller, struct dentry *base, const char *path, uint64_t a, uint64_t b);
int with_path(int directory, const struct user *path, path_action *action, uint64_t a, uint64_t b);
/* Path copied and looked up: the dentry, referenced. flags: LOOKUP_ bits. */
int path_lookup(int directory, const struct user *path, unsigned flags, struct dentry **out);
