/* File systems by kind and by device: sysfs(2), ustat(2). */
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <linux/syscalls.h>
#include "paths.h"

enum sysfs_option { SYSFS_INDEX_OF_NAME = 1, SYSFS_NAME_OF_INDEX, SYSFS_COUNT };
/* As /proc/filesystems lists them. */
static const char *const kinds[] = {"sysfs", "tmpfs", "proc", "devtmpfs", "overlay", "erofs", "ext4"};

static long index_of(const struct user *from)
{
    char name[256];
    ssize_t len = copy_string_from_user(name, from, sizeof name);
    if (len < 0)
        return len == -ENAMETOOLONG ? -EINVAL : len;
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        if (!strcmp(name, kinds[i]))
            return i;
    return -EINVAL;
}

long sys_sysfs(int option, unsigned long arg1, unsigned long arg2)
{
    switch (option) {
    case SYSFS_INDEX_OF_NAME:
        return index_of(user_pointer(arg1));
    case SYSFS_NAME_OF_INDEX:
        if (arg1 >= ARRAY_SIZE(kinds))
            return -EINVAL;
        return copy_to_user(user_pointer(arg2), kinds[arg1], strlen(kinds[arg1]) + 1);
    case SYSFS_COUNT:
        return ARRAY_SIZE(kinds);
    default:
        return -EINVAL;
    }
}

struct linux_ustat {
    int32_t free_blocks, padding;
    uint64_t free_files;
    char name[6], pack[6], padding2[4];
};
static_assert(sizeof(struct linux_ustat) == 32, "struct ustat");

/* The path of the file system on the device, by its number as stat(2) tells it. */
static int find_mount(uint64_t device, struct vfs_mount_info *info)
{
    for (unsigned n = 0; !vfs_mount_info(n, info); n++)
        if (info->device == device)
            return 0;
    return -EINVAL;
}

long sys_ustat(unsigned device, struct user *out)
{
    struct vfs_mount_info *info = kmalloc(sizeof *info, ALLOC_WAIT);
    struct dentry *dentry = NULL;
    struct vfs_statfs counts;
    int err = info ? find_mount(device, info) : -ENOMEM;
    if (!err)
        err = vfs_lookup(&vfs_kernel, NULL, info->path, LOOKUP_FOLLOW, &dentry);
    if (!err)
        err = vfs_statfs(dentry_inode(dentry), &counts);
    dentry_put(dentry);
    kfree(info);
    if (err)
        return err;
    struct linux_ustat ustat = {.free_blocks = (int32_t)counts.free_blocks, .free_files = counts.free_files};
    return copy_struct_to_user(out, &ustat);
}
