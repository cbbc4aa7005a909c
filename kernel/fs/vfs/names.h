/* Changing names: what create.c, remove.c and rename.c share. */
#pragma once
#include "walk.h"

/* mknod's core; the new name, referenced, when `out` is not NULL. */
int names_make_node(const struct vfs_caller *caller, struct dentry *base, const char *path, uint32_t mode,
                    uint64_t device, struct dentry **out);
