/*
 * What a file system implements: struct file_system (one mounted instance), struct inode and their operations. Inodes are
 * counted; a file system that wants them found again by number keeps them in the vfs's inode cache (inode_cache_*).
 * Lock order: a directory's inode->lock before its child's; then the file system's own locks; then spinlocks.
 */
#pragma once
#include <base/atomic.h>
#include <base/errno.h>
#include <base/spinlock.h>
#include <base/types.h>
#include <common/list.h>
#include <sched/mutex.h>
#include <vfs/modes.h>

struct file;
struct file_ops;
struct inode;
struct mapping; /* pagecache/mapping.h */
struct dentry;
struct file_locks;
struct inotify_marks;

struct vfs_stat {
    uint64_t device, number, size, blocks; /* blocks of 512 bytes */
    uint64_t special_device;
    uint32_t mode, uid, gid, link_count, block_size;
    int64_t access_ns, modify_ns, change_ns, birth_ns; /* since 1970 */
};
enum vfs_change_bits { CHANGE_MODE = 1, CHANGE_UID = 2, CHANGE_GID = 4, CHANGE_ATIME = 8, CHANGE_MTIME = 16, CHANGE_TIMES_NOW = 32 };
struct vfs_change {
    unsigned what;
    uint32_t mode, uid, gid;
    int64_t access_ns, modify_ns;
};
struct vfs_statfs {
    uint64_t type, block_size, blocks, free_blocks, files, free_files, id;
};

struct vfs_new { /* owner and mode of what is being made */
    uint32_t mode, uid, gid;
    uint64_t device;
};

/* Called for each entry; false: the buffer is full, stop (that entry comes again). `next` is where to go on behind it. */
struct directory_sink {
    bool (*entry)(struct directory_sink *sink, const char *name, size_t len, uint64_t number, uint32_t type_mode, uint64_t next);
};

/*
 * `inode` of the directory operations is the directory, its lock held by the vfs; so are the locks of both directories of a
 * rename, and of `target` and `victim` of link, unlink, rmdir and rename (their link counts and times change: the file
 * system sets them; 0 for a removed directory). truncate, fallocate, set_attributes, prepare_change and the xattr changes
 * have the inode's own lock held. truncate resizes the mapping; the vfs sets inode->size after it. Names are not terminated, 1..255 bytes,
 * never "." or "..". Results are referenced. An operation that is NULL: -EPERM (-EROFS where the file system says read
 * only). All may sleep.
 */
struct inode_ops {
    int (*lookup)(struct inode *inode, const char *name, size_t len, struct inode **out); /* -ENOENT */
    /* Regular, fifo, socket, device by mode. */
    int (*create)(struct inode *inode, const char *name, size_t len, const struct vfs_new *new, struct inode **out);
    int (*mkdir)(struct inode *inode, const char *name, size_t len, const struct vfs_new *new, struct inode **out);
    int (*symlink)(struct inode *inode, const char *name, size_t len, const struct vfs_new *new, const char *target, struct inode **out);
    int (*link)(struct inode *inode, const char *name, size_t len, struct inode *target);
    int (*unlink)(struct inode *inode, const char *name, size_t len, struct inode *target);
    int (*rmdir)(struct inode *inode, const char *name, size_t len, struct inode *target); /* -ENOTEMPTY */
    /* `victim`: what stands at the new name, NULL: nothing; flags as renameat2's. */
    int (*rename)(struct inode *from, const char *name, size_t len, struct inode *target, struct inode *to,
                  const char *new_name, size_t new_len, struct inode *victim, unsigned flags);
    /* A regular file without a name (O_TMPFILE), link_count 0. */
    int (*create_unnamed)(struct inode *inode, const struct vfs_new *new, struct inode **out);
    /* Entries from *position on (0: the first; "." and ".." are the vfs's), each given to the sink. */
    int (*iterate)(struct inode *inode, uint64_t position, struct directory_sink *sink);

    /* The target, terminated, into `to` of `size`: its length. */
    ssize_t (*readlink)(struct inode *inode, char *to, size_t size);
    /* Magic links (/proc/PID/fd/N): where it leads; a file without a name comes as *file instead (one is set, referenced). */
    int (*follow)(struct inode *inode, struct dentry **dentry, struct file **file);

    /* A file of this inode is being opened: sets file->ops and data when they are not the vfs's own. May be NULL. */
    int (*open)(struct inode *inode, struct file *file);
    /* Before the first change of contents or attributes (copy-up); truncate does without it for the contents. May be
     * NULL. The inode's lock is held. */
    int (*prepare_change)(struct inode *inode, bool contents);
    /* Attributes are set in the inode by the vfs; told here when they changed; may be NULL. */
    int (*set_attributes)(struct inode *inode, const struct vfs_change *change);
    int (*truncate)(struct inode *inode, uint64_t size);
    int (*fallocate)(struct inode *inode, unsigned mode, uint64_t offset, uint64_t len);
    int64_t (*seek_data)(struct inode *inode, uint64_t offset, bool want_hole);
    /* Refreshes what fields of the inode do not hold (size of a generated file …); may be NULL. */
    void (*stat)(struct inode *inode, struct vfs_stat *out);
    int (*sync)(struct inode *inode, bool data_only);

    ssize_t (*get_xattr)(struct inode *inode, const char *name, void *to, size_t size); /* size 0: how long it is */
    int (*set_xattr)(struct inode *inode, const char *name, const void *value, size_t size, int flags);
    int (*remove_xattr)(struct inode *inode, const char *name);
    ssize_t (*list_xattr)(struct inode *inode, char *to, size_t size);
    /* The last reference went: frees all that belongs to the inode and its memory (starts with inode_destroy). */
    void (*free)(struct inode *inode);
};

enum inode_flags {
    INODE_EPHEMERAL_NAMES = 1, /* of a directory: its entries come and go by themselves and are not cached */
    INODE_MAY_SEAL = 2,
    INODE_PINNED = 4, /* the file system's own */
};

struct inode {
    const struct inode_ops *ops; /* const after creation */
    struct file_system *fs;      /* const after creation */
    uint64_t number;             /* const after creation */
    struct refcount refs;
    uint32_t flags; /* atomic or_ */
    struct mutex lock; /* directory: its entries. file: writes, truncation, size changes */
    /* Attributes: changed under `lock`, read relaxed. */
    uint32_t mode, uid, gid, link_count;
    uint64_t size, special_device;
    int64_t access_ns, modify_ns, change_ns, birth_ns;
    struct mapping *mapping; /* page cache of regular files; changed only by copy-up, under `lock` */
    struct spinlock field_lock; /* guards the pointers below; a leaf */
    struct file_locks *locks;     /* flock, POSIX and OFD locks */
    struct inotify_marks *marks;
    union {
        void *pipe;   /* FIFO */
        void *socket; /* unix socket that is bound here */
    };
    uint32_t seals;       /* F_SEAL_ bits, under `lock` */
    int32_t writer_count; /* opened for writing; negative: -n programs run it (ETXTBSY). Atomic. */
    struct list cache_link;
    struct dentry *alias; /* the vfs's: the cached name of a directory; under field_lock */
    void *data; /* the file system's */
};


struct file_system_ops {
    int (*statfs)(struct file_system *fs, struct vfs_statfs *out); /* may be NULL */
    int (*sync)(struct file_system *fs);                            /* may be NULL */
    void (*free)(struct file_system *fs);                           /* unmounted; root is put before */
};
struct file_system {
    const struct file_system_ops *ops;
    const char *type;    /* "tmpfs", "proc", … */
    const char *options; /* "rw,nosuid"; NULL: "rw" */
    uint64_t device;     /* st_dev; given by vfs_mount when 0 */
    uint64_t magic;      /* f_type */
    bool is_read_only;
    struct inode *root;  /* referenced */
    struct dentry *root_dentry, *covers; /* the vfs's */
    uint32_t inode_count; /* the vfs's: inodes that were inited and not freed, and one while mounted; atomic */
    bool is_unmounted;    /* the vfs's: set once; the last inode frees it then */
    void *data;
};

/* Sets up all fields; one reference. `ops` and mode decide the rest. */
void inode_init(struct inode *inode, struct file_system *fs, const struct inode_ops *ops, uint64_t number, uint32_t mode);
/* Frees what the vfs hung on it (locks, marks); called by ops->free. */
void inode_destroy(struct inode *inode);
void inode_get(struct inode *inode);
void inode_put(struct inode *inode);
static inline bool inode_is(const struct inode *inode, uint32_t type)
{
    return (load_relaxed(&inode->mode) & S_IFMT) == type;
}
/* By number, referenced, or NULL. */
struct inode *inode_cache_find(struct file_system *fs, uint64_t number);
/* Puts it there; when another of this number came first, that one is returned, referenced, else `inode`. */
struct inode *inode_cache_insert(struct inode *inode);
void inode_cache_remove(struct inode *inode);

int64_t vfs_now_ns(void); /* wall clock for timestamps */
void inode_touch(struct inode *inode, bool modified); /* change time, and modify time */
/* tmpfs_init: the instance whose root->ops->create_unnamed makes the files of vfs_open_anonymous. */
void vfs_set_anonymous_fs(struct file_system *fs);
/* Drops cached names below a directory whose contents changed behind the vfs's back, but for directories in use. */
void vfs_forget_names(struct inode *directory);
