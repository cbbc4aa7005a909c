/* Paths: dots, slashes, symlinks, mounts, chroot, the flags of openat2. */
#include "support.h"

static int mkdirs(void)
{
    return vfs_mkdir(&root_user, NULL, "/t/a", 0755) | vfs_mkdir(&root_user, NULL, "/t/a/b", 0755) |
           make_file("/t/a/b/f", "x");
}

VFS_TEST(walk_knows_dots_and_slashes)
{
    REQUIRE(!mkdirs());
    uint64_t f = inode_number("/t/a/b/f");
    EXPECT_EQ(inode_number("//t///a/./b//f"), f);
    EXPECT_EQ(inode_number("/t/a/b/../b/f"), f);
    EXPECT_EQ(inode_number("/t/a/../../t/a/b/f"), f);
    EXPECT_EQ(inode_number("/../../t/a/b/f"), f);
    EXPECT_EQ(lookup_error("/t/a/b/f/", 0), -ENOTDIR);
    EXPECT_EQ(lookup_error("/t/a/b/f/.", 0), -ENOTDIR);
    EXPECT_EQ(lookup_error("/t/a/b/f/g", 0), -ENOTDIR);
    EXPECT_EQ(lookup_error("/t/a/b/", 0), 0);
    EXPECT_EQ(lookup_error("/t/none/f", 0), -ENOENT);
    EXPECT_EQ(lookup_error("/t/a/b/none", 0), -ENOENT);
    EXPECT_EQ(lookup_error("", 0), -ENOENT);
    EXPECT_EQ(lookup_error("", LOOKUP_EMPTY), 0);
    EXPECT_EQ(lookup_error("/t/a/b/f", LOOKUP_DIRECTORY), -ENOTDIR);
    EXPECT_EQ(lookup_error("t/a", 0), 0); /* the working directory is "/" */
}

VFS_TEST(walk_limits_names_and_paths)
{
    char path[5000];
    memset(path, 'n', sizeof path);
    memcpy(path, "/t/", 3);
    path[3 + 255] = '\0';
    EXPECT_EQ(make_file(path, ""), 0);
    EXPECT_EQ(lookup_error(path, 0), 0);
    path[3 + 255] = 'n';
    path[3 + 256] = '\0';
    EXPECT_EQ(lookup_error(path, 0), -ENAMETOOLONG);
    memset(path, '/', sizeof path);
    path[4095] = '\0';
    EXPECT_EQ(lookup_error(path, 0), 0);
    path[4095] = '/';
    path[4096] = '\0';
    EXPECT_EQ(lookup_error(path, 0), -ENAMETOOLONG);
}

VFS_TEST(walk_follows_symlinks)
{
    REQUIRE(!mkdirs());
    uint64_t f = inode_number("/t/a/b/f");
    EXPECT_EQ(vfs_symlink(&root_user, "b/f", NULL, "/t/a/relative"), 0);
    EXPECT_EQ(vfs_symlink(&root_user, "/t/a", NULL, "/t/absolute"), 0);
    EXPECT_EQ(vfs_symlink(&root_user, "absolute/b/", NULL, "/t/chain"), 0);
    EXPECT_EQ(vfs_symlink(&root_user, "nowhere", NULL, "/t/dangling"), 0);
    struct dentry *dentry;
    EXPECT_EQ(vfs_lookup(&root_user, NULL, "/t/absolute/relative", LOOKUP_FOLLOW, &dentry), 0);
    EXPECT_EQ(dentry_inode(dentry)->number, f);
    dentry_put(dentry);
    EXPECT_EQ(inode_number("/t/chain/f"), f);
    EXPECT_EQ(inode_number("/t/chain/../b/f"), f);
    EXPECT(inode_number("/t/a/relative") != f); /* not followed at the end */
    EXPECT_EQ(lookup_error("/t/a/relative/", 0), -ENOTDIR);
    EXPECT_EQ(lookup_error("/t/absolute/", 0), 0);
    EXPECT_EQ(lookup_error("/t/dangling", 0), 0);
    EXPECT_EQ(lookup_error("/t/dangling", LOOKUP_FOLLOW), -ENOENT);
    char target[8];
    EXPECT_EQ(vfs_readlink(&root_user, NULL, "/t/a/relative", target, sizeof target), 3);
    EXPECT_BYTES(target, "b/f", 3);
    EXPECT_EQ(vfs_readlink(&root_user, NULL, "/t/absolute", target, 2), 2);
    EXPECT_EQ(vfs_readlink(&root_user, NULL, "/t/a/b/f", target, 8), -EINVAL);
}

VFS_TEST(walk_ends_symlink_loops)
{
    EXPECT_EQ(vfs_symlink(&root_user, "y", NULL, "/t/x"), 0);
    EXPECT_EQ(vfs_symlink(&root_user, "x", NULL, "/t/y"), 0);
    EXPECT_EQ(vfs_symlink(&root_user, "self/x", NULL, "/t/self"), 0);
    EXPECT_EQ(lookup_error("/t/x", LOOKUP_FOLLOW), -ELOOP);
    EXPECT_EQ(lookup_error("/t/x/z", 0), -ELOOP);
    EXPECT_EQ(lookup_error("/t/self", LOOKUP_FOLLOW), -ELOOP);
    EXPECT_EQ(open_error("/t/x", O_RDONLY), -ELOOP);
}

VFS_TEST(walk_follows_forty_symlinks_and_no_more)
{
    char name[32], target[32];
    REQUIRE(!make_file("/t/l0", "end"));
    for (int i = 1; i <= 41; i++) {
        snprintf(name, sizeof name, "/t/l%d", i);
        snprintf(target, sizeof target, "./l%d", i - 1);
        EXPECT_EQ(vfs_symlink(&root_user, target, NULL, name), 0);
    }
    EXPECT_EQ(lookup_error("/t/l40", LOOKUP_FOLLOW), 0);
    EXPECT_EQ(lookup_error("/t/l41", LOOKUP_FOLLOW), -ELOOP);
}

VFS_TEST(walk_obeys_the_flags_of_openat2)
{
    struct dentry *base, *dentry;
    REQUIRE(!mkdirs());
    EXPECT_EQ(vfs_symlink(&root_user, "/b/f", NULL, "/t/a/absolute"), 0);
    EXPECT_EQ(vfs_symlink(&root_user, "../../t/a/b/f", NULL, "/t/a/up"), 0);
    REQUIRE(!vfs_lookup(&root_user, NULL, "/t/a", 0, &base));
    EXPECT_EQ(vfs_lookup(&root_user, base, "b/../b/f", LOOKUP_BENEATH, &dentry), 0);
    dentry_put(dentry);
    EXPECT_EQ(vfs_lookup(&root_user, base, "..", LOOKUP_BENEATH, &dentry), -EXDEV);
    EXPECT_EQ(vfs_lookup(&root_user, base, "/t", LOOKUP_BENEATH, &dentry), -EXDEV);
    EXPECT_EQ(vfs_lookup(&root_user, base, "up", LOOKUP_BENEATH | LOOKUP_FOLLOW, &dentry), -EXDEV);
    EXPECT_EQ(vfs_lookup(&root_user, base, "absolute", LOOKUP_IN_ROOT | LOOKUP_FOLLOW, &dentry), 0);
    dentry_put(dentry);
    EXPECT_EQ(vfs_lookup(&root_user, base, "../../b/f", LOOKUP_IN_ROOT, &dentry), 0);
    dentry_put(dentry);
    EXPECT_EQ(vfs_lookup(&root_user, base, "absolute", LOOKUP_NO_SYMLINKS | LOOKUP_FOLLOW, &dentry), -ELOOP);
    EXPECT_EQ(vfs_lookup(&root_user, base, "../..", LOOKUP_NO_XDEV, &dentry), -EXDEV);
    EXPECT_EQ(vfs_lookup(&root_user, NULL, "t", LOOKUP_NO_XDEV, &dentry), -EXDEV);
    dentry_put(base);
}

VFS_TEST(chroot_is_a_wall)
{
    REQUIRE(!mkdirs());
    struct fs_context *mine = fs_context_fork(root_user.fs);
    struct vfs_caller caller = root_user, plain = plain_user;
    struct dentry *a, *dentry;
    char path[64];
    caller.fs = plain.fs = mine;
    REQUIRE(!vfs_lookup(&root_user, NULL, "/t/a", 0, &a));
    EXPECT_EQ(vfs_chroot(&plain, a), -EPERM);
    EXPECT_EQ(vfs_chroot(&caller, a), 0);
    EXPECT_EQ(vfs_chdir(&caller, a), 0);
    EXPECT_EQ(vfs_lookup(&caller, NULL, "../../b/f", 0, &dentry), 0);
    EXPECT_EQ(vfs_dentry_path(dentry, a, path, sizeof path), 4);
    EXPECT_STR(path, "/b/f");
    EXPECT_EQ(vfs_dentry_path(dentry, NULL, path, sizeof path), 8);
    EXPECT_STR(path, "/t/a/b/f");
    dentry_put(dentry);
    EXPECT_EQ(vfs_lookup(&caller, NULL, "/t", 0, &dentry), -ENOENT);
    REQUIRE(!vfs_lookup(&root_user, NULL, "/t", 0, &dentry));
    vfs_dentry_path(dentry, a, path, sizeof path);
    EXPECT_STR(path, "(unreachable)/t");
    dentry_put(dentry);
    dentry_put(a);
    fs_context_put(mine);
}

VFS_TEST(mounts_are_crossed_both_ways)
{
    struct file_system *fs;
    struct dentry *dentry;
    char path[64];
    EXPECT_EQ(vfs_mkdir(&root_user, NULL, "/t/m", 0755), 0);
    EXPECT_EQ(make_file("/t/m/hidden", ""), 0);
    uint64_t under = inode_number("/t/m/.");
    REQUIRE(!tmpfs_create(0, &fs));
    EXPECT_EQ(vfs_mount("/t/m", fs, "none"), 0);
    EXPECT_EQ(lookup_error("/t/m/hidden", 0), -ENOENT);
    EXPECT_EQ(make_file("/t/m/seen", ""), 0);
    EXPECT_EQ(inode_number("/t/m/../m/seen"), inode_number("/t/m/seen"));
    EXPECT_EQ(inode_number("/t/m/.."), inode_number("/t"));
    REQUIRE(!vfs_lookup(&root_user, NULL, "/t/m/seen", 0, &dentry));
    vfs_dentry_path(dentry, NULL, path, sizeof path);
    EXPECT_STR(path, "/t/m/seen");
    EXPECT_EQ(vfs_unmount("/t/m"), -EBUSY);
    dentry_put(dentry);
    EXPECT_EQ(vfs_rmdir(&root_user, NULL, "/t/m"), -EBUSY);
    EXPECT_EQ(vfs_rename(&root_user, NULL, "/t/m", NULL, "/t/n", 0), -EBUSY);
    EXPECT_EQ(vfs_unmount("/t/m/seen"), -EINVAL);
    struct vfs_mount_info info;
    EXPECT_EQ(vfs_mount_info(2, &info), 0);
    EXPECT_STR(info.path, "/t/m");
    EXPECT_STR(info.type, "tmpfs");
    EXPECT_EQ(vfs_mount_info(3, &info), -ENOENT);
    EXPECT_EQ(vfs_unmount("/t/m"), 0);
    EXPECT_EQ(lookup_error("/t/m/hidden", 0), 0);
    EXPECT_EQ(inode_number("/t/m"), under);
    EXPECT_EQ(vfs_unmount("/"), -EBUSY);
}
