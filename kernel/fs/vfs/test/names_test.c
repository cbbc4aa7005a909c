/* Making, removing and renaming names. */
#include "support.h"

enum { NOREPLACE = 1, EXCHANGE = 2 };

static int rename_error(const char *from, const char *to, unsigned flags)
{
    return vfs_rename(&root_user, NULL, from, NULL, to, flags);
}

VFS_TEST(names_are_made_once)
{
    EXPECT_EQ(vfs_mkdir(&root_user, NULL, "/t/d/", 0755), 0);
    EXPECT_EQ(vfs_mkdir(&root_user, NULL, "/t/d", 0755), -EEXIST);
    EXPECT_EQ(vfs_mkdir(&root_user, NULL, "/", 0755), -EEXIST);
    EXPECT_EQ(vfs_mkdir(&root_user, NULL, "/t/d/..", 0755), -EEXIST);
    EXPECT_EQ(vfs_mkdir(&root_user, NULL, "/t/none/d", 0755), -ENOENT);
    EXPECT_EQ(make_file("/t/f", ""), 0);
    EXPECT_EQ(vfs_mkdir(&root_user, NULL, "/t/f", 0755), -EEXIST);
    EXPECT_EQ(vfs_mkdir(&root_user, NULL, "/t/f/d", 0755), -ENOTDIR);
    EXPECT_EQ(vfs_mknod(&root_user, NULL, "/t/fifo", S_IFIFO | 0600, 0), 0);
    EXPECT_EQ(mode_of("/t/fifo"), S_IFIFO | 0600);
    EXPECT_EQ(vfs_mknod(&plain_user, NULL, "/t/dev", S_IFCHR | 0600, VFS_MAKEDEV(1, 3)), -EPERM);
    EXPECT_EQ(vfs_mknod(&root_user, NULL, "/t/dev", S_IFDIR | 0600, 0), -EPERM);
    EXPECT_EQ(vfs_mknod(&root_user, NULL, "/t/slash/", S_IFREG | 0600, 0), -ENOENT);
    EXPECT_EQ(vfs_symlink(&root_user, "", NULL, "/t/empty"), -ENOENT);
}

VFS_TEST(links_share_a_file)
{
    REQUIRE(!make_file("/t/f", "one"));
    EXPECT_EQ(vfs_link(&root_user, NULL, "/t/f", NULL, "/t/g", 0), 0);
    EXPECT_EQ(inode_number("/t/f"), inode_number("/t/g"));
    EXPECT_EQ(vfs_link(&root_user, NULL, "/t/f", NULL, "/t/g", 0), -EEXIST);
    EXPECT_EQ(vfs_link(&root_user, NULL, "/t", NULL, "/t/h", 0), -EPERM);
    EXPECT_EQ(vfs_link(&root_user, NULL, "/t/f", NULL, "/h", 0), -EXDEV);
    EXPECT_EQ(vfs_unlink(&root_user, NULL, "/t/f"), 0);
    EXPECT_STR(file_text("/t/g"), "one");
}

VFS_TEST(unlinked_file_lives_while_open)
{
    REQUIRE(!make_file("/t/f", "still"));
    struct file *file = open_as(&root_user, "/t/f", O_RDWR, NULL);
    EXPECT_STR(path_of(file), "/t/f");
    EXPECT_EQ(vfs_unlink(&root_user, NULL, "/t/f"), 0);
    EXPECT_EQ(lookup_error("/t/f", 0), -ENOENT);
    EXPECT_STR(path_of(file), "/t/f (deleted)");
    EXPECT_EQ(file_inode(file)->link_count, 0);
    EXPECT_STR(read_text(file), "still");
    EXPECT_EQ(write_text(file, " here"), 5);
    EXPECT_EQ(make_file("/t/f", "new"), 0);
    EXPECT_EQ(file_seek(file, 0, 0), 0);
    EXPECT_STR(read_text(file), "still here");
    file_put(file);
    EXPECT_STR(file_text("/t/f"), "new");
}

VFS_TEST(unlink_and_rmdir_mind_the_kind)
{
    REQUIRE(!vfs_mkdir(&root_user, NULL, "/t/d", 0755));
    REQUIRE(!make_file("/t/d/f", ""));
    EXPECT_EQ(vfs_unlink(&root_user, NULL, "/t/d"), -EISDIR);
    EXPECT_EQ(vfs_unlink(&root_user, NULL, "/t/d/f/"), -ENOTDIR);
    EXPECT_EQ(vfs_unlink(&root_user, NULL, "/t/d/none"), -ENOENT);
    EXPECT_EQ(vfs_rmdir(&root_user, NULL, "/t/d/f"), -ENOTDIR);
    EXPECT_EQ(vfs_rmdir(&root_user, NULL, "/t/d"), -ENOTEMPTY);
    EXPECT_EQ(vfs_rmdir(&root_user, NULL, "/t/d/."), -EINVAL);
    EXPECT_EQ(vfs_rmdir(&root_user, NULL, "/t/d/.."), -ENOTEMPTY);
    EXPECT_EQ(vfs_rmdir(&root_user, NULL, "/"), -EBUSY);
    EXPECT_EQ(vfs_unlink(&root_user, NULL, "/t/d/f"), 0);
    EXPECT_EQ(vfs_rmdir(&root_user, NULL, "/t/d/"), 0);
    EXPECT_EQ(lookup_error("/t/d", 0), -ENOENT);
}

VFS_TEST(nothing_is_made_in_a_removed_directory)
{
    struct dentry *directory;
    struct file *file;
    REQUIRE(!vfs_mkdir(&root_user, NULL, "/t/d", 0755));
    EXPECT_EQ(lookup_error("/t/d/negative", 0), -ENOENT);
    REQUIRE(!vfs_lookup(&root_user, NULL, "/t/d", 0, &directory));
    EXPECT_EQ(vfs_rmdir(&root_user, NULL, "/t/d"), 0);
    EXPECT_EQ(vfs_open(&root_user, directory, "f", O_CREAT | O_WRONLY, 0644, 0, &file), -ENOENT);
    EXPECT_EQ(vfs_mkdir(&root_user, directory, "g", 0755), -ENOENT);
    dentry_put(directory);
}

static void rename_setup(void)
{
    EXPECT_EQ(make_file("/t/f", "f"), 0);
    EXPECT_EQ(make_file("/t/g", "g"), 0);
    EXPECT_EQ(vfs_mkdir(&root_user, NULL, "/t/empty", 0755), 0);
    EXPECT_EQ(vfs_mkdir(&root_user, NULL, "/t/full", 0755), 0);
    EXPECT_EQ(vfs_mkdir(&root_user, NULL, "/t/full/sub", 0755), 0);
}

VFS_TEST(rename_knows_what_may_replace_what)
{
    rename_setup();
    EXPECT_EQ(rename_error("/t/none", "/t/x", 0), -ENOENT);
    EXPECT_EQ(rename_error("/t/f", "/t/empty", 0), -EISDIR);
    EXPECT_EQ(rename_error("/t/empty", "/t/f", 0), -ENOTDIR);
    EXPECT_EQ(rename_error("/t/empty", "/t/full", 0), -ENOTEMPTY);
    EXPECT_EQ(rename_error("/t/full", "/t/full/sub/x", 0), -EINVAL);
    EXPECT_EQ(rename_error("/t/full", "/t/full/x", 0), -EINVAL);
    EXPECT_EQ(rename_error("/t/full/sub", "/t/full", 0), -ENOTEMPTY);
    EXPECT_EQ(rename_error("/t/f", "/t/x/", 0), -ENOTDIR);
    EXPECT_EQ(rename_error("/t/f/", "/t/x", 0), -ENOTDIR);
    EXPECT_EQ(rename_error("/t/.", "/t/x", 0), -EBUSY);
    EXPECT_EQ(rename_error("/t/f", "/f", 0), -EXDEV);
    EXPECT_EQ(rename_error("/t/f", "/t/g", NOREPLACE), -EEXIST);
    EXPECT_EQ(rename_error("/t/f", "/t/x", EXCHANGE), -ENOENT);
    EXPECT_EQ(rename_error("/t/f", "/t/x", 3), -EINVAL);
    EXPECT_EQ(rename_error("/t/f", "/t/x", 8), -EINVAL);
    EXPECT_EQ(rename_error("/t/f", "/t/f", 0), 0);
    EXPECT_EQ(rename_error("/t/full", "/t/empty", 0), 0);
    EXPECT_EQ(lookup_error("/t/empty/sub", 0), 0);
    EXPECT_EQ(rename_error("/t/f", "/t/g", 0), 0);
    EXPECT_STR(file_text("/t/g"), "f");
    EXPECT_EQ(lookup_error("/t/f", 0), -ENOENT);
}

VFS_TEST(rename_moves_between_directories)
{
    rename_setup();
    struct file *file = open_as(&root_user, "/t/f", O_RDONLY, NULL);
    EXPECT_EQ(rename_error("/t/f", "/t/full/sub/moved", 0), 0);
    EXPECT_STR(path_of(file), "/t/full/sub/moved");
    EXPECT_EQ(
        rename_error("/t/full/sub", "/t/empty/a-name-that-is-much-longer-than-what-fits-into-the-dentry-itself", 0), 0);
    EXPECT_STR(path_of(file), "/t/empty/a-name-that-is-much-longer-than-what-fits-into-the-dentry-itself/moved");
    EXPECT_EQ(inode_number("/t/empty/a-name-that-is-much-longer-than-what-fits-into-the-dentry-itself/.."),
              inode_number("/t/empty"));
    EXPECT_EQ(rename_error("/t/empty/a-name-that-is-much-longer-than-what-fits-into-the-dentry-itself", "/t/s", 0), 0);
    EXPECT_STR(path_of(file), "/t/s/moved");
    file_put(file);
    EXPECT_STR(file_text("/t/s/moved"), "f");
}

VFS_TEST(rename_exchanges)
{
    rename_setup();
    EXPECT_EQ(rename_error("/t/f", "/t/full", EXCHANGE), 0);
    EXPECT_STR(file_text("/t/full"), "f");
    EXPECT_EQ(lookup_error("/t/f/sub", 0), 0);
    EXPECT_EQ(rename_error("/t/full", "/t/f/sub", EXCHANGE), 0);
    EXPECT_STR(file_text("/t/f/sub"), "f");
    EXPECT_EQ(rename_error("/t/f", "/t/f/sub", EXCHANGE), -EINVAL);
    EXPECT_EQ(rename_error("/t/f/sub", "/t/f", EXCHANGE), -EINVAL);
    EXPECT_EQ(rename_error("/t/f/sub", "/t/g", NOREPLACE), -EEXIST);
    EXPECT_EQ(rename_error("/t/f/sub", "/t/h", NOREPLACE), 0);
    EXPECT_STR(file_text("/t/h"), "f");
}

VFS_TEST(rename_of_two_links_to_one_file_does_nothing)
{
    REQUIRE(!make_file("/t/f", "x"));
    REQUIRE(!vfs_link(&root_user, NULL, "/t/f", NULL, "/t/g", 0));
    EXPECT_EQ(rename_error("/t/f", "/t/g", 0), 0);
    EXPECT_EQ(lookup_error("/t/f", 0), 0);
    EXPECT_EQ(lookup_error("/t/g", 0), 0);
}

VFS_TEST(rename_survives_the_nth_failed_allocation)
{
    rename_setup();
    int err;
    unsigned n = 1;
    do {
        fake_memory_fail_nth(n++);
        err = rename_error("/t/f", "/t/full/a-name-that-is-much-longer-than-what-fits-into-the-dentry-itself", 0);
        fake_memory_fail_nth(0);
        if (err)
            EXPECT_STR(file_text("/t/f"), "f");
    } while (err == -ENOMEM && n < 50);
    EXPECT_EQ(err, 0);
    EXPECT(n > 2);
}

VFS_TEST(create_survives_the_nth_failed_allocation)
{
    int err;
    unsigned n = 1;
    do {
        fake_memory_fail_nth(n++);
        err = make_file("/t/a-name-that-is-much-longer-than-what-fits-into-the-dentry-itself", "text");
        fake_memory_fail_nth(0);
        if (err)
            vfs_unlink(&root_user, NULL, "/t/a-name-that-is-much-longer-than-what-fits-into-the-dentry-itself");
    } while (err == -ENOMEM && n < 50);
    EXPECT_EQ(err, 0);
    EXPECT(n > 3);
}
