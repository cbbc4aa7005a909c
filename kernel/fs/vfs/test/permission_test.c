/* Owners, groups and modes; attributes; extended attributes. */
#include "support.h"

static int change_as(const struct vfs_caller *caller, const char *path, struct vfs_change change)
{
    struct dentry *dentry;
    int err = vfs_lookup(&root_user, NULL, path, 0, &dentry);
    if (err)
        return err;
    err = vfs_set_attributes(caller, dentry, dentry_inode(dentry), &change);
    dentry_put(dentry);
    return err;
}

static int chmod_as(const struct vfs_caller *caller, const char *path, uint32_t mode)
{
    return change_as(caller, path, (struct vfs_change){.what = CHANGE_MODE, .mode = mode});
}

static int chown_as(const struct vfs_caller *caller, const char *path, uint32_t uid, uint32_t gid)
{
    return change_as(caller, path, (struct vfs_change){.what = CHANGE_UID | CHANGE_GID, .uid = uid, .gid = gid});
}

static int open_plain(const char *path, unsigned flags)
{
    int err;
    struct file *file = open_as(&plain_user, path, flags, &err);
    if (file)
        file_put(file);
    return err;
}

VFS_TEST(mode_decides_who_opens)
{
    REQUIRE(!make_file("/t/f", ""));
    chmod_as(&root_user, "/t/f", 0640);
    EXPECT_EQ(open_plain("/t/f", O_RDONLY), -EACCES);
    EXPECT_EQ(chown_as(&root_user, "/t/f", 0, 100), 0);
    EXPECT_EQ(open_plain("/t/f", O_RDONLY), 0);
    EXPECT_EQ(open_plain("/t/f", O_WRONLY), -EACCES);
    EXPECT_EQ(chown_as(&root_user, "/t/f", 1000, 0), 0);
    EXPECT_EQ(open_plain("/t/f", O_RDWR), 0);
    chmod_as(&root_user, "/t/f", 0077);
    EXPECT_EQ(open_plain("/t/f", O_RDONLY), -EACCES); /* the owner's bits count, not the others' */
    EXPECT_EQ(open_error("/t/f", O_RDWR), 0);
    const uint32_t groups[] = {7, 55};
    struct vfs_caller member = {.fs = root_user.fs, .uid = 2, .gid = 2, .groups = groups, .group_count = 2};
    chown_as(&root_user, "/t/f", 0, 55);
    chmod_as(&root_user, "/t/f", 0060);
    int err;
    struct file *file = open_as(&member, "/t/f", O_RDWR, &err);
    EXPECT_EQ(err, 0);
    file_put(file);
}

VFS_TEST(directories_need_search_permission)
{
    REQUIRE(!vfs_mkdir(&root_user, NULL, "/t/d", 0700));
    REQUIRE(!make_file("/t/d/f", ""));
    EXPECT_EQ(open_plain("/t/d/f", O_RDONLY), -EACCES);
    chmod_as(&root_user, "/t/d", 0711);
    EXPECT_EQ(open_plain("/t/d/f", O_RDONLY), 0);
    EXPECT_EQ(open_plain("/t/d/new", O_CREAT | O_WRONLY), -EACCES);
    EXPECT_EQ(vfs_unlink(&plain_user, NULL, "/t/d/f"), -EACCES);
    EXPECT_EQ(vfs_mkdir(&plain_user, NULL, "/t/d/e", 0755), -EACCES);
    EXPECT_EQ(vfs_rename(&plain_user, NULL, "/t/d/f", NULL, "/t/g", 0), -EACCES);
}

VFS_TEST(sticky_directories_keep_others_files)
{
    REQUIRE(!make_file("/t/roots", "")); /* a tmpfs's root is 01777 */
    EXPECT_EQ(open_plain("/t/own", O_CREAT | O_WRONLY), 0);
    EXPECT_EQ(vfs_unlink(&plain_user, NULL, "/t/roots"), -EPERM);
    EXPECT_EQ(vfs_rename(&plain_user, NULL, "/t/own", NULL, "/t/roots", 0), -EPERM);
    EXPECT_EQ(vfs_unlink(&plain_user, NULL, "/t/own"), 0);
}

VFS_TEST(set_group_directories_pass_their_group_on)
{
    REQUIRE(!vfs_mkdir(&root_user, NULL, "/t/d", 0777));
    EXPECT_EQ(chown_as(&root_user, "/t/d", 0, 77), 0);
    EXPECT_EQ(chmod_as(&root_user, "/t/d", 02777), 0);
    EXPECT_EQ(open_plain("/t/d/f", O_CREAT | O_WRONLY), 0);
    EXPECT_EQ(vfs_mkdir(&plain_user, NULL, "/t/d/e", 0755), 0);
    EXPECT_EQ(mode_of("/t/d/e"), S_IFDIR | 02755);
    struct dentry *dentry;
    REQUIRE(!vfs_lookup(&root_user, NULL, "/t/d/f", 0, &dentry));
    EXPECT_EQ(dentry_inode(dentry)->gid, 77);
    EXPECT_EQ(dentry_inode(dentry)->uid, 1000);
    dentry_put(dentry);
}

VFS_TEST(umask_takes_bits_away)
{
    fs_context_set_umask(root_user.fs, 027);
    EXPECT_EQ(make_file("/t/f", ""), 0);
    EXPECT_EQ(vfs_mkdir(&root_user, NULL, "/t/d", 0777), 0);
    EXPECT_EQ(fs_context_set_umask(root_user.fs, 0), 027);
    EXPECT_EQ(mode_of("/t/f"), S_IFREG | 0640);
    EXPECT_EQ(mode_of("/t/d"), S_IFDIR | 0750);
}

VFS_TEST(attributes_are_the_owners_to_change)
{
    REQUIRE(!make_file("/t/f", ""));
    EXPECT_EQ(chmod_as(&plain_user, "/t/f", 0777), -EPERM);
    EXPECT_EQ(chown_as(&plain_user, "/t/f", 1000, 100), -EPERM);
    EXPECT_EQ(chown_as(&root_user, "/t/f", 1000, 5), 0);
    EXPECT_EQ(chmod_as(&plain_user, "/t/f", 02755), 0);
    EXPECT_EQ(mode_of("/t/f"), S_IFREG | 0755); /* not in group 5 */
    EXPECT_EQ(chown_as(&plain_user, "/t/f", 1000, 100), 0);
    EXPECT_EQ(chown_as(&plain_user, "/t/f", 1000, 6), -EPERM);
    EXPECT_EQ(chown_as(&plain_user, "/t/f", 1001, 100), -EPERM);
}

VFS_TEST(set_user_id_goes_with_contents_and_owner)
{
    REQUIRE(!make_file("/t/f", ""));
    EXPECT_EQ(chmod_as(&root_user, "/t/f", 06755), 0);
    struct file *file = open_as(&root_user, "/t/f", O_WRONLY, NULL);
    EXPECT_EQ(write_text(file, "x"), 1);
    EXPECT_EQ(mode_of("/t/f"), S_IFREG | 0755);
    EXPECT_EQ(chmod_as(&root_user, "/t/f", 06745), 0);
    EXPECT_EQ(chown_as(&root_user, "/t/f", 5, 5), 0);
    EXPECT_EQ(mode_of("/t/f"), S_IFREG | 02745);
    file_put(file);
}

VFS_TEST(times_are_set)
{
    REQUIRE(!make_file("/t/f", ""));
    struct vfs_change exact = {.what = CHANGE_ATIME | CHANGE_MTIME, .access_ns = 5, .modify_ns = 7};
    struct vfs_change now = {.what = CHANGE_ATIME | CHANGE_MTIME | CHANGE_TIMES_NOW};
    EXPECT_EQ(change_as(&plain_user, "/t/f", exact), -EPERM);
    EXPECT_EQ(change_as(&plain_user, "/t/f", now), -EACCES);
    EXPECT_EQ(chmod_as(&root_user, "/t/f", 0666), 0);
    EXPECT_EQ(change_as(&plain_user, "/t/f", now), 0);
    EXPECT_EQ(change_as(&root_user, "/t/f", exact), 0);
    struct dentry *dentry;
    struct vfs_stat s;
    REQUIRE(!vfs_lookup(&root_user, NULL, "/t/f", 0, &dentry));
    EXPECT_EQ(vfs_stat(dentry, &s), 0);
    EXPECT_EQ(s.access_ns, 5);
    EXPECT_EQ(s.modify_ns, 7);
    dentry_put(dentry);
}

VFS_TEST(extended_attributes_have_name_spaces)
{
    REQUIRE(!make_file("/t/f", ""));
    REQUIRE(!vfs_symlink(&root_user, "f", NULL, "/t/l"));
    struct dentry *f, *l;
    char value[8];
    REQUIRE(!vfs_lookup(&root_user, NULL, "/t/f", 0, &f) && !vfs_lookup(&root_user, NULL, "/t/l", 0, &l));
    struct inode *inode = dentry_inode(f);
    EXPECT_EQ(vfs_get_xattr(&root_user, inode, "user.a", value, 8), -ENODATA);
    EXPECT_EQ(vfs_set_xattr(&root_user, inode, "user.a", "one", 3, 0), 0);
    EXPECT_EQ(vfs_set_xattr(&root_user, inode, "user.a", "two", 3, 1), -EEXIST);
    EXPECT_EQ(vfs_get_xattr(&plain_user, inode, "user.a", value, 8), 3);
    EXPECT_EQ(vfs_set_xattr(&plain_user, inode, "user.a", "two", 3, 0), -EACCES);
    EXPECT_EQ(vfs_set_xattr(&plain_user, inode, "trusted.a", "two", 3, 0), -EPERM);
    EXPECT_EQ(vfs_get_xattr(&plain_user, inode, "trusted.a", value, 8), -ENODATA);
    EXPECT_EQ(vfs_get_xattr(&root_user, inode, "system.posix_acl_access", value, 8), -EOPNOTSUPP);
    EXPECT_EQ(vfs_get_xattr(&root_user, inode, "security.selinux", value, 8), -ENODATA);
    EXPECT_EQ(vfs_set_xattr(&root_user, dentry_inode(l), "user.a", "x", 1, 0), -EPERM);
    EXPECT_EQ(vfs_list_xattr(inode, NULL, 0), 7);
    EXPECT_EQ(vfs_remove_xattr(&root_user, inode, "user.a"), 0);
    EXPECT_EQ(vfs_remove_xattr(&root_user, inode, "user.a"), -ENODATA);
    dentry_put(f);
    dentry_put(l);
}
