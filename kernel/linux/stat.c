/* The stat family: struct stat, struct statx and struct statfs as Linux lays them out (asm/stat.h, linux/stat.h). */
#include <base/string.h>
#include <common/checked.h>
#include <linux/syscalls.h>
#include "paths.h"

struct linux_stat {
    uint64_t device, number, link_count;
    uint32_t mode, uid, gid, padding;
    uint64_t special_device;
    int64_t size, block_size, blocks;
    struct {
        int64_t seconds, nanoseconds;
    } access, modify, change;
    int64_t unused[3];
};
static_assert(sizeof(struct linux_stat) == 144, "struct stat");

struct linux_statx_time {
    int64_t seconds;
    uint32_t nanoseconds;
    int32_t reserved;
};
struct linux_statx {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t link_count, uid, gid;
    uint16_t mode, padding;
    uint64_t number, size, blocks, attributes_mask;
    struct linux_statx_time access, birth, change, modify;
    uint32_t special_major, special_minor, device_major, device_minor;
    uint64_t mount_id;
    uint64_t spare[13];
};
static_assert(sizeof(struct linux_statx) == 256, "struct statx");
enum { STATX_BASIC_STATS = 0x7ff, STATX_BTIME = 0x800, STATX_RESERVED_BIT = (int)0x80000000 };

struct linux_statfs {
    int64_t type, block_size;
    uint64_t blocks, free_blocks, available_blocks, files, free_files, id;
    int64_t name_len, fragment_size, flags, spare[4];
};
static_assert(sizeof(struct linux_statfs) == 120, "struct statfs");

/* ns since 1970, which may lie before it, as seconds and 0..999999999. */
static int64_t floor_seconds(int64_t ns)
{
    return ns >= 0 ? ns / NS_PER_SECOND : -((NS_PER_SECOND - 1 - ns) / NS_PER_SECOND);
}

static uint32_t nanoseconds_of(int64_t ns)
{
    return (uint32_t)(ns - floor_seconds(ns) * NS_PER_SECOND);
}

static uint32_t major_of(uint64_t device)
{
    return (uint32_t)(device >> 8 & 0xfff);
}

static uint32_t minor_of(uint64_t device)
{
    return (uint32_t)((device & 0xff) | (device >> 12 & 0xffffff00));
}

static int put_stat(struct user *out, const struct vfs_stat *s)
{
    struct linux_stat r = {
        .device = s->device,
        .number = s->number,
        .link_count = s->link_count,
        .mode = s->mode,
        .uid = s->uid,
        .gid = s->gid,
        .special_device = s->special_device,
        .size = (int64_t)s->size,
        .block_size = s->block_size,
        .blocks = (int64_t)s->blocks,
        .access = {floor_seconds(s->access_ns), nanoseconds_of(s->access_ns)},
        .modify = {floor_seconds(s->modify_ns), nanoseconds_of(s->modify_ns)},
        .change = {floor_seconds(s->change_ns), nanoseconds_of(s->change_ns)},
    };
    return copy_struct_to_user(out, &r);
}

static struct linux_statx_time statx_time(int64_t ns)
{
    return (struct linux_statx_time){.seconds = floor_seconds(ns), .nanoseconds = nanoseconds_of(ns)};
}

static int put_statx(struct user *out, const struct vfs_stat *s)
{
    struct linux_statx r = {
        .mask = STATX_BASIC_STATS | (s->birth_ns ? STATX_BTIME : 0),
        .block_size = s->block_size,
        .link_count = s->link_count,
        .uid = s->uid,
        .gid = s->gid,
        .mode = (uint16_t)s->mode,
        .number = s->number,
        .size = s->size,
        .blocks = s->blocks,
        .access = statx_time(s->access_ns),
        .birth = statx_time(s->birth_ns),
        .change = statx_time(s->change_ns),
        .modify = statx_time(s->modify_ns),
        .special_major = major_of(s->special_device),
        .special_minor = minor_of(s->special_device),
        .device_major = major_of(s->device),
        .device_minor = minor_of(s->device),
    };
    return copy_struct_to_user(out, &r);
}

/* Files without an inode (sockets, pipes, epoll …): type and number come from how they are described. */
static void stat_without_inode(struct file *file, struct vfs_stat *out)
{
    char text[64] = "";
    if (file->ops->describe)
        file->ops->describe(file, text, sizeof text);
    uint64_t number = 0;
    for (const char *digit = strchr(text, '['); digit && *++digit >= '0' && *digit <= '9';)
        number = number * 10 + (uint64_t)(*digit - '0');
    uint32_t mode = 0600;
    if (!strncmp(text, "socket:", 7))
        mode = S_IFSOCK | 0777;
    else if (!strncmp(text, "pipe:", 5))
        mode = S_IFIFO | 0600;
    *out = (struct vfs_stat){.device = 9, .number = number ? number : 1, .link_count = 1, .mode = mode, .block_size = PAGE_SIZE};
    out->access_ns = out->modify_ns = out->change_ns = vfs_now_ns();
}

static int stat_file(int fd, struct vfs_stat *out)
{
    struct file *file = file_of_any(fd);
    if (!file)
        return -EBADF;
    int err = 0;
    if (file_dentry(file))
        err = vfs_stat(file_dentry(file), out);
    else if (file_inode(file))
        err = vfs_stat_inode(file_inode(file), out);
    else
        stat_without_inode(file, out);
    file_put(file);
    return err;
}

static int stat_path(int directory, const struct user *path, int flags, struct vfs_stat *out)
{
    struct path_string name;
    int err = 0;
    if (path || !(flags & AT_EMPTY_PATH)) /* statx takes NULL for "" since Linux 6.11; so does newfstatat */
        err = path_copy(&name, path);
    else
        name.text = name.small, name.small[0] = '\0';
    struct dentry *base = NULL, *dentry = NULL;
    struct vfs_caller caller = caller_current();
    if (!err && (flags & AT_EMPTY_PATH) && !name.text[0] && directory != AT_FDCWD) {
        path_free(&name);
        return stat_file(directory, out);
    }
    unsigned lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
    if (!err)
        err = directory_of(directory, name.text, &base);
    if (!err)
        err = vfs_lookup(&caller, base, name.text, lookup, &dentry);
    if (!err)
        err = vfs_stat(dentry, out);
    dentry_put(dentry);
    dentry_put(base);
    path_free(&name);
    return err;
}

long sys_newfstatat(int directory, struct user *path, struct user *out, int flags)
{
    struct vfs_stat s;
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
        return -EINVAL;
    int err = stat_path(directory, path, flags, &s);
    return err ? err : put_stat(out, &s);
}

long sys_stat(struct user *path, struct user *out)
{
    return sys_newfstatat(AT_FDCWD, path, out, 0);
}

long sys_lstat(struct user *path, struct user *out)
{
    return sys_newfstatat(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}

long sys_fstat(int fd, struct user *out)
{
    struct vfs_stat s;
    int err = stat_file(fd, &s);
    return err ? err : put_stat(out, &s);
}

long sys_statx(int directory, struct user *path, int flags, unsigned mask, struct user *out)
{
    struct vfs_stat s;
    if (mask & (unsigned)STATX_RESERVED_BIT)
        return -EINVAL;
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE) ||
        (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
        return -EINVAL;
    int err = stat_path(directory, path, flags, &s);
    return err ? err : put_statx(out, &s);
}

static int put_statfs(struct inode *inode, struct user *out)
{
    struct vfs_statfs s;
    int err = vfs_statfs(inode, &s);
    if (err)
        return err;
    struct linux_statfs r = {
        .type = (int64_t)s.type,
        .block_size = (int64_t)s.block_size,
        .blocks = s.blocks,
        .free_blocks = s.free_blocks,
        .available_blocks = s.free_blocks,
        .files = s.files,
        .free_files = s.free_files,
        .id = s.id,
        .name_len = VFS_NAME_MAX,
        .fragment_size = (int64_t)s.block_size,
        .flags = 0x20 | (inode->fs->is_read_only ? 1 : 0), /* ST_VALID, ST_RDONLY */
    };
    return copy_struct_to_user(out, &r);
}

long sys_statfs(struct user *path, struct user *out)
{
    struct dentry *dentry;
    int err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &dentry);
    if (err)
        return err;
    err = put_statfs(dentry_inode(dentry), out);
    dentry_put(dentry);
    return err;
}

long sys_fstatfs(int fd, struct user *out)
{
    struct file *file = file_of_any(fd);
    if (!file)
        return -EBADF;
    int err;
    if (file_inode(file)) {
        err = put_statfs(file_inode(file), out);
    } else { /* pipefs and sockfs tell little more than that they are there */
        struct linux_statfs r = {.type = 0x50495045, .block_size = PAGE_SIZE, .name_len = VFS_NAME_MAX, .fragment_size = PAGE_SIZE};
        err = copy_struct_to_user(out, &r);
    }
    file_put(file);
    return err;
}
