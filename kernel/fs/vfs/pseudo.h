/* Pseudo file systems inside: an inode is a row of a table and the key of the dynamic directories above it. */
#pragma once
#include <vfs/pseudo.h>
#include "inodes.h"

struct pseudo_inode {
    struct inode inode;
    const struct pseudo_node *node;
    struct pseudo_key key;
};

static inline struct pseudo_inode *pseudo_of(struct inode *inode)
{
    return (struct pseudo_inode *)inode;
}
/* inode_ops.open of regular files with show or store. */
int pseudo_open_text(struct inode *inode, struct file *file);
