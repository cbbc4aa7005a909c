/*
 * Files by name, for the rest of the kernel: what linux/fs.c, exec, unix sockets and /proc call. Paths are kernel
 * strings; `base` is the directory a relative path starts at (NULL: the caller's working directory). Everything here may
 * sleep; thread context only. 0 or -errno. A path is a struct dentry: file systems are mounted at one place each.
 */
#pragma once
#include <base/types.h>
#include <vfs/inode.h>

struct fs_context; /* root, working directory, umask: shared by threads (CLONE_FS) or copied */
struct file;
struct dentry;

/* Who asks: ownership checks use uid/gid/groups, `is_privileged` (CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_CHOWN) passes all. */
struct vfs_caller {
    struct fs_context *fs;
    uint32_t uid, gid; /* fsuid, fsgid */
    const uint32_t *groups;
    unsigned group_count;
    bool is_privileged;
};
/* The kernel's own look-ups: uid 0 at the machine's root. */
extern const struct vfs_caller vfs_kernel;

/* ---- contexts ---- */
struct fs_context *fs_context_create(void); /* root and working directory "/", umask 022; NULL: no memory */
struct fs_context *fs_context_fork(struct fs_context *from); /* a copy; NULL: no memory */
void fs_context_get(struct fs_context *context);
void fs_context_put(struct fs_context *context);
uint32_t fs_context_umask(struct fs_context *context);
uint32_t fs_context_set_umask(struct fs_context *context, uint32_t mask); /* the old one */
struct dentry *fs_context_cwd(struct fs_context *context);  /* referenced */
struct dentry *fs_context_root(struct fs_context *context); /* referenced */

/* ---- paths ---- */
enum vfs_lookup_flags {
    LOOKUP_FOLLOW = 1 << 0,     /* a symlink at the end is followed */
    LOOKUP_DIRECTORY = 1 << 1,  /* -ENOTDIR unless it is one */
    LOOKUP_EMPTY = 1 << 2,      /* "" is base itself (AT_EMPTY_PATH) */
    LOOKUP_NO_XDEV = 1 << 3,    /* RESOLVE_NO_XDEV */
    LOOKUP_NO_MAGIC = 1 << 4,   /* RESOLVE_NO_MAGICLINKS */
    LOOKUP_NO_SYMLINKS = 1 << 5,/* RESOLVE_NO_SYMLINKS */
    LOOKUP_BENEATH = 1 << 6,    /* RESOLVE_BENEATH */
    LOOKUP_IN_ROOT = 1 << 7,    /* RESOLVE_IN_ROOT */
};
/* The name's dentry, which has an inode (else -ENOENT), referenced. */
int vfs_lookup(const struct vfs_caller *caller, struct dentry *base, const char *path, unsigned flags, struct dentry **out);
void dentry_get(struct dentry *dentry);
void dentry_put(struct dentry *dentry); /* NULL: nothing */
/* The inode; valid while the dentry is referenced (take inode_get to keep it). NULL: a negative entry. */
struct inode *dentry_inode(const struct dentry *dentry);
/*
 * The absolute path as seen from `root` (NULL: the machine's root): its length (without the NUL), or -ENAMETOOLONG. A
 * name that is unlinked gets " (deleted)", one outside `root` "(unreachable)" in front (getcwd's rule).
 */
ssize_t vfs_dentry_path(struct dentry *dentry, struct dentry *root, char *to, size_t size);
/* /proc/PID/fd, /proc/PID/exe: what a file is called (file->ops->describe, else its path). Always NUL-terminated. */
void vfs_file_path(struct file *file, char *to, size_t size);

/* ---- open ---- */
/* open(2) with Linux's flags; umask applied to `mode` here. resolve: LOOKUP_ bits of openat2, 0 as a rule. */
int vfs_open(const struct vfs_caller *caller, struct dentry *base, const char *path, unsigned flags, uint32_t mode,
             unsigned resolve, struct file **out);
/* For exec and the kernel's own use: a regular file, opened for reading; with `is_program` must be executable (-EACCES). */
int vfs_open_path(const struct vfs_caller *caller, struct dentry *base, const char *path, unsigned lookup_flags,
                  bool is_program, struct file **out);
/* Opens what a dentry names again (O_PATH files, /proc/self/fd). */
int vfs_open_dentry(const struct vfs_caller *caller, struct dentry *dentry, unsigned flags, struct file **out);
/* An unnamed file on the kernel's own tmpfs: memfd_create, MAP_SHARED|MAP_ANONYMOUS ("dev/zero"), SysV shm. Its link
 * reads "/memfd:NAME (deleted)" for memfds. */
int vfs_open_anonymous(const char *name, uint64_t size, bool may_seal, struct file **out);
struct inode *file_inode(const struct file *file);   /* NULL: not a vfs file; valid while file is referenced */
struct dentry *file_dentry(const struct file *file); /* the same */
/* Whole or part of a file into kernel memory: bytes read or -errno. */
ssize_t vfs_read_kernel(struct file *file, void *to, size_t n, uint64_t offset);

/* ---- changing names ---- */
int vfs_mkdir(const struct vfs_caller *caller, struct dentry *base, const char *path, uint32_t mode);
/* mode with S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR or S_IFBLK (0: S_IFREG). */
int vfs_mknod(const struct vfs_caller *caller, struct dentry *base, const char *path, uint32_t mode, uint64_t device);
int vfs_symlink(const struct vfs_caller *caller, const char *target, struct dentry *base, const char *path);
int vfs_link(const struct vfs_caller *caller, struct dentry *old_base, const char *old_path, struct dentry *base,
             const char *path, unsigned lookup_flags);
int vfs_unlink(const struct vfs_caller *caller, struct dentry *base, const char *path);
int vfs_rmdir(const struct vfs_caller *caller, struct dentry *base, const char *path);
/* flags: RENAME_NOREPLACE 1, RENAME_EXCHANGE 2. */
int vfs_rename(const struct vfs_caller *caller, struct dentry *old_base, const char *old_path, struct dentry *base,
               const char *path, unsigned flags);
int vfs_chdir(const struct vfs_caller *caller, struct dentry *directory);
int vfs_chroot(const struct vfs_caller *caller, struct dentry *directory);
/* Length of the target copied (not terminated), -EINVAL: not a symlink. */
ssize_t vfs_readlink(const struct vfs_caller *caller, struct dentry *base, const char *path, char *to, size_t size);

/* ---- unix sockets ---- */
/* Makes a socket node that holds `socket` (-EADDRINUSE when the name exists); the name's dentry, referenced, for
 * vfs_forget_socket when the socket closes (the node stays, look-ups then give -ECONNREFUSED). */
int vfs_bind_socket(const struct vfs_caller *caller, const char *path, uint32_t mode, void *socket, struct dentry **out);
/* The socket bound at path: `get` takes the caller's reference on it under the node's lock (false: it is closing). */
int vfs_find_socket(const struct vfs_caller *caller, const char *path, bool (*get)(void *socket), void **out);
void vfs_forget_socket(struct dentry *dentry); /* clears it and puts the dentry */

/* ---- attributes ---- */
int vfs_stat(struct dentry *dentry, struct vfs_stat *out);
int vfs_stat_inode(struct inode *inode, struct vfs_stat *out);
/* MAY_READ 4, MAY_WRITE 2, MAY_EXECUTE 1. */
int vfs_permission(const struct vfs_caller *caller, struct inode *inode, unsigned may);
int vfs_set_attributes(const struct vfs_caller *caller, struct dentry *dentry, struct inode *inode, const struct vfs_change *change);
int vfs_truncate(struct inode *inode, uint64_t size);
int vfs_sync_all(void);

/* ---- mounts ---- */
/* Mounts `fs` at path ("/" first of all); `source` as /proc/mounts shows it ("none", "/dev/vda"). Takes over fs. */
int vfs_mount(const char *path, struct file_system *fs, const char *source);
int vfs_unmount(const char *path);
struct vfs_mount_info {
    char source[32], path[256], type[16], options[64];
    uint32_t id, parent_id;
    uint64_t device;
};
/* The n-th mount in order of mounting; -ENOENT past the last. For /proc/mounts and mountinfo. */
int vfs_mount_info(unsigned n, struct vfs_mount_info *out);

/* Boot: tables, caches. Before anything else here. */
int vfs_init(void);
/* The file module's pipes: a FIFO that is opened. Set at boot. `pipe` is the inode's field (NULL at first; made under the
 * inode's lock by open); open turns `file` into a pipe end (sets ops and data); free drops an inode's pipe. */
struct vfs_fifo_hooks {
    int (*open)(void **pipe, struct file *file);
    void (*free)(void *pipe);
};
void vfs_set_fifo_hooks(const struct vfs_fifo_hooks *hooks);
/* RLIMIT_FSIZE of the calling thread in bytes, and SIGXFSZ to it. Set at boot by kernel/process; none: no limit. */
struct vfs_size_limit {
    uint64_t (*of_caller)(void);
    void (*tell_caller)(void);
};
void vfs_set_size_limit(const struct vfs_size_limit *limit);
/* Device nodes: what opening (is_block, major, minor) does: sets file->ops and data. Set at boot by kernel/fs/dev. */
void vfs_set_device_hook(int (*open)(bool is_block, uint64_t device, struct file *file));
