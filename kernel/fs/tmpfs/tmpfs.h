/* Private to tmpfs: its inode. */
#pragma once
#include <tmpfs/contents.h>
#include <tmpfs/names.h>
#include <tmpfs/tmpfs.h>
#include <tmpfs/xattrs.h>

#define TMPFS_MAGIC 0x01021994u

struct tmpfs_inode {
    struct inode inode;
    struct memory_xattrs xattrs;
    union { /* by type; nothing for devices, fifos and sockets */
        struct memory_names names;
        struct memory_file file;
        char *target; /* terminated */
    };
};
static inline struct tmpfs_inode *tmpfs_of(struct inode *inode)
{
    return container_of(inode, struct tmpfs_inode, inode);
}
static inline struct memory_store *tmpfs_store(const struct file_system *fs)
{
    return fs->data;
}
/* An inode without a name, link_count 0, one reference. */
int tmpfs_inode_create(struct file_system *fs, const struct vfs_new *new, struct inode **out);

extern const struct inode_ops tmpfs_ops;
