/*
 * Private to the overlay. Each inode is an object of its own: with `lower` it stands for an inode of the lower file
 * system and shares its mapping until the contents change; without, it was made here. A directory's table has only what
 * differs from the lower directory: new names, and whiteouts. An inode that came from below and was changed is pinned
 * (its changes must outlive its last user) until its last link goes.
 */
#pragma once
#include <overlay/overlay.h>
#include <tmpfs/contents.h>
#include <tmpfs/names.h>
#include <tmpfs/xattrs.h>

#define OVERLAY_MAGIC 0x794c7630u
/* Lower inodes keep their numbers; those made here begin where no EROFS number can be (2^32 blocks of 128 inodes). */
#define OVERLAY_FIRST_NUMBER (UINT64_C(1) << 40)

struct overlay {
    struct file_system fs;
    struct memory_store store;
    struct file_system *lower;
    struct mutex xattr_lock;  /* copying xattrs up; after inode->lock */
    struct spinlock pin_lock; /* a leaf */
    struct list pinned GUARDED_BY(&pin_lock);
};
struct overlay_inode {
    struct inode inode;
    struct inode *lower;  /* referenced; const after creation; NULL: made here */
    struct list pin_link; /* overlay->pin_lock; on the list: pinned, one reference */
    struct memory_xattrs xattrs;
    bool has_own_xattrs; /* else the lower inode's are in force; set with release under xattr_lock */
    union {
        struct memory_names names; /* directory */
        struct memory_file *file;  /* regular file: NULL until it is copied up; under inode->lock */
        char *target;              /* symlink made here */
    };
};
static inline struct overlay *overlay_of(const struct file_system *fs)
{
    return container_of(fs, struct overlay, fs);
}
static inline struct overlay_inode *overlay_inode_of(struct inode *inode)
{
    return container_of(inode, struct overlay_inode, inode);
}

/* An inode made here, link_count 0. */
int overlay_inode_create(struct overlay *overlay, const struct vfs_new *new, struct inode **out);
/* The inode that stands for `lower`; takes that reference over in every case. */
int overlay_inode_from_lower(struct overlay *overlay, struct inode *lower, struct inode **out);
/* Keeps an inode that came from below and now differs; lets it go when it has no link any more. */
void overlay_pin(struct inode *inode);
void overlay_unpin_unlinked(struct inode *inode);
extern const struct inode_ops overlay_directory_ops, overlay_file_ops;

/* ---- names.c: the directory operations ---- */
int overlay_lookup(struct inode *directory, const char *name, size_t len, struct inode **out);
int overlay_create_name(struct inode *directory, const char *name, size_t len, const struct vfs_new *new,
                        struct inode **out);
int overlay_mkdir(struct inode *directory, const char *name, size_t len, const struct vfs_new *new, struct inode **out);
int overlay_symlink(struct inode *directory, const char *name, size_t len, const struct vfs_new *new,
                    const char *target, struct inode **out);
int overlay_create_unnamed(struct inode *directory, const struct vfs_new *new, struct inode **out);
int overlay_link(struct inode *directory, const char *name, size_t len, struct inode *target);
int overlay_unlink(struct inode *directory, const char *name, size_t len, struct inode *target);
int overlay_rmdir(struct inode *directory, const char *name, size_t len, struct inode *target);
int overlay_rename(struct inode *from, const char *name, size_t len, struct inode *target, struct inode *to,
                   const char *new_name, size_t new_len, struct inode *victim, unsigned flags);
int overlay_iterate(struct inode *directory, uint64_t position, struct directory_sink *sink);

/* ---- copy_up.c: contents and attributes ---- */
int overlay_prepare_change(struct inode *inode, bool contents);
int overlay_truncate(struct inode *inode, uint64_t size);
int overlay_fallocate(struct inode *inode, unsigned mode, uint64_t offset, uint64_t len);
int64_t overlay_seek_data(struct inode *inode, uint64_t offset, bool want_hole);
int overlay_set_attributes(struct inode *inode, const struct vfs_change *change);

/* ---- xattr.c ---- */
ssize_t overlay_get_xattr(struct inode *inode, const char *name, void *to, size_t size);
int overlay_set_xattr(struct inode *inode, const char *name, const void *value, size_t size, int flags);
int overlay_remove_xattr(struct inode *inode, const char *name);
ssize_t overlay_list_xattr(struct inode *inode, char *to, size_t size);
