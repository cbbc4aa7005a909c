/* getdents while the directory changes. */
#include "support.h"

static void fill(unsigned n)
{
    char path[32];
    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof path, "/t/%03u", i);
        EXPECT_EQ(make_file(path, ""), 0);
    }
}

VFS_TEST(getdents_gives_dots_first_and_ends)
{
    uint8_t buffer[256];
    uint64_t number;
    struct file *file = open_as(&root_user, "/t", O_RDONLY | O_DIRECTORY, NULL);
    EXPECT_EQ(vfs_getdents(file, fake_user(buffer), sizeof buffer, false), 48);
    EXPECT_STR((char *)buffer + 19, ".");
    EXPECT_EQ(buffer[18], 4);
    EXPECT_STR((char *)buffer + 24 + 19, "..");
    memcpy(&number, buffer + 24, 8);
    EXPECT_EQ(number, inode_number("/"));
    EXPECT_EQ(vfs_getdents(file, fake_user(buffer), sizeof buffer, false), 0);
    EXPECT_EQ(file_seek(file, 0, 0), 0);
    EXPECT_EQ(vfs_getdents(file, fake_user(buffer), 23, false), -EINVAL);
    EXPECT_EQ(vfs_getdents(file, fake_user(buffer), 24, true), 24);
    EXPECT_STR((char *)buffer + 18, ".");
    EXPECT_EQ(buffer[23], 4);
    EXPECT_EQ(vfs_getdents(file, user_pointer(64), 64, false), -EFAULT);
    EXPECT_EQ(vfs_getdents(file, fake_user(buffer), 24, false), 24); /* the fault lost none */
    EXPECT_STR((char *)buffer + 19, "..");
    file_put(file);
    REQUIRE(!make_file("/t/f", ""));
    file = open_as(&root_user, "/t/f", O_RDONLY, NULL);
    EXPECT_EQ(vfs_getdents(file, fake_user(buffer), 64, false), -ENOTDIR);
    file_put(file);
}

VFS_TEST(getdents_gives_each_name_once)
{
    fill(300);
    struct file *file = open_as(&root_user, "/t", O_RDONLY, NULL);
    EXPECT_EQ(strlen(list_names(file, 100)), 300 * 4 - 1);
    EXPECT_STR(list_names(file, 100), "");
    file_seek(file, 0, 0);
    EXPECT_EQ(strlen(list_names(file, 8192)), 300 * 4 - 1);
    file_put(file);
}

VFS_TEST(getdents_survives_changes)
{
    uint8_t buffer[64];
    fill(20);
    struct file *file = open_as(&root_user, "/t", O_RDONLY, NULL);
    for (unsigned i = 0; i < 6; i++)
        EXPECT(vfs_getdents(file, fake_user(buffer), 24, false) == 24);
    for (unsigned i = 0; i < 10; i++) {
        char path[32];
        snprintf(path, sizeof path, "/t/%03u", i);
        EXPECT_EQ(vfs_unlink(&root_user, NULL, path), 0);
    }
    EXPECT_STR(list_names(file, 48), "010 011 012 013 014 015 016 017 018 019");
    file_put(file);
}

VFS_TEST(getdents_of_a_removed_directory_fails)
{
    REQUIRE(!vfs_mkdir(&root_user, NULL, "/t/d", 0755));
    struct file *file = open_as(&root_user, "/t/d", O_RDONLY, NULL);
    EXPECT_EQ(vfs_rmdir(&root_user, NULL, "/t/d"), 0);
    EXPECT_STR(list_names(file, 64), "error -2");
    struct io_segment segment;
    struct io_vector io;
    char byte;
    io_vector_kernel(&io, &segment, &byte, 1);
    EXPECT_EQ(file_read(file, &io, -1), -EISDIR);
    file_put(file);
}

VFS_TEST(shrinking_gives_names_back_and_finds_them_again)
{
    fill(50);
    struct file *held = open_as(&root_user, "/t/007", O_RDONLY, NULL);
    size_t before = fake_memory_live_objects();
    for (unsigned i = 0; i < 4; i++)
        fake_memory_shrink(1000);
    EXPECT(fake_memory_live_objects() + 45 <= before);
    EXPECT_EQ(lookup_error("/t/011", 0), 0);
    EXPECT_STR(path_of(held), "/t/007");
    file_put(held);
}

VFS_TEST(forgetting_names_asks_the_file_system_again)
{
    fill(3);
    struct dentry *directory;
    REQUIRE(!vfs_lookup(&root_user, NULL, "/t", 0, &directory));
    EXPECT_EQ(lookup_error("/t/none", 0), -ENOENT);
    vfs_forget_names(dentry_inode(directory));
    EXPECT_EQ(lookup_error("/t/001", 0), 0);
    EXPECT_EQ(lookup_error("/t/none", 0), -ENOENT);
    dentry_put(directory);
}
