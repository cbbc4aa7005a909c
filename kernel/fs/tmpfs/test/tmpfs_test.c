/* tmpfs against a model; limits; deep trees; xattrs. */
#include <fakes/memory.h>
#include <fakes/sched.h>
#include <fakes/tree.h>
#include <pagecache/mapping.h>
#include <stdio.h>
#include <string.h>
#include <test/test.h>
#include <vfs/vfs.h>
#include "tmpfs.h"

static struct file_system *fs;
static size_t pages_before, objects_before;

static void begin(uint64_t limit)
{
    static bool is_ready;
    if (!is_ready) {
        pagecache_init();
        vfs_init();
    }
    is_ready = true;
    fake_sched_reset();
    pages_before = fake_memory_live_pages();
    objects_before = fake_memory_live_objects();
    EXPECT_EQ(tmpfs_create(limit, &fs), 0);
}

static void end(void)
{
    fs->is_unmounted = true;
    inode_put(fs->root);
    EXPECT_EQ(fake_memory_live_pages(), pages_before);
    EXPECT_EQ(fake_memory_live_objects(), objects_before);
}

static void complain(const char *what, uint64_t number)
{
    test_fail(__FILE__, __LINE__, "inode %llu %s", (unsigned long long)number, what);
}

static void run_model(bool may_fail)
{
    begin(UINT64_MAX);
    struct tree *tree = tree_create(fs, test_random, complain);
    for (unsigned i = 0; i < 6000; i++) {
        tree_step(tree, may_fail);
        if (i % 50 == 0)
            tree_compare(tree);
    }
    tree_compare(tree);
    tree_destroy(tree);
    end();
}

TEST(tmpfs_is_the_model)
{
    run_model(false);
}

TEST(tmpfs_is_the_model_when_allocations_fail)
{
    run_model(true);
}

static struct inode *make(struct inode *directory, const char *name, uint32_t mode)
{
    const struct vfs_new new = {.mode = mode, .uid = 5, .gid = 6, .device = 7};
    struct inode *inode = NULL;
    EXPECT_EQ(directory->ops->create(directory, name, strlen(name), &new, &inode), 0);
    return inode;
}

static ssize_t write_bytes(struct inode *inode, size_t n, uint64_t offset)
{
    static const uint8_t bytes[65536] = {1};
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, bytes, n);
    ssize_t done = mapping_write(inode->mapping, &io, offset);
    if (done > 0)
        inode->size = inode->mapping->size;
    return done;
}

TEST(size_limit_is_enospc_and_comes_back)
{
    begin(4 * PAGE_SIZE);
    struct vfs_statfs stat;
    struct inode *file = make(fs->root, "f", S_IFREG | 0600);
    EXPECT_EQ(write_bytes(file, 65536, 0), 4 * PAGE_SIZE);
    EXPECT_EQ(write_bytes(file, 1, 8 * PAGE_SIZE), -ENOSPC);
    fs->ops->statfs(fs, &stat);
    EXPECT_EQ(stat.type, 0x01021994);
    EXPECT_EQ(stat.blocks, 4);
    EXPECT_EQ(stat.free_blocks, 0);
    EXPECT_EQ(file->ops->fallocate(file, 3, 0, PAGE_SIZE), 0);
    EXPECT_EQ(write_bytes(file, 1, 8 * PAGE_SIZE), 1);
    EXPECT_EQ(file->ops->fallocate(file, 0, 0, 9 * PAGE_SIZE), -ENOSPC);
    EXPECT_EQ(file->ops->truncate(file, 0), 0);
    EXPECT_EQ(file->ops->fallocate(file, 1, 0, 9 * PAGE_SIZE), 0); /* keeps the size: nothing is behind the end */
    EXPECT_EQ(file->size, 0);
    EXPECT_EQ(file->ops->fallocate(file, 0, 100, PAGE_SIZE), 0);
    EXPECT_EQ(file->size, PAGE_SIZE + 100);
    fs->ops->statfs(fs, &stat);
    EXPECT_EQ(stat.free_blocks, 2);
    EXPECT_EQ(file->ops->fallocate(file, 8, 0, PAGE_SIZE), -EOPNOTSUPP);
    EXPECT_EQ(file->ops->fallocate(file, 0, 0, 0), -EINVAL);
    EXPECT_EQ(file->ops->fallocate(file, 0, INT64_MAX, 1), -EFBIG);
    inode_put(file);
    end();
}

TEST(data_and_holes_are_found)
{
    begin(UINT64_MAX);
    struct inode *file = make(fs->root, "f", S_IFREG | 0600);
    write_bytes(file, 10, 3 * PAGE_SIZE);
    EXPECT_EQ(file->ops->seek_data(file, 0, false), 3 * PAGE_SIZE);
    EXPECT_EQ(file->ops->seek_data(file, 3 * PAGE_SIZE + 5, false), 3 * PAGE_SIZE + 5);
    EXPECT_EQ(file->ops->seek_data(file, 0, true), 0);
    EXPECT_EQ(file->ops->seek_data(file, 3 * PAGE_SIZE, true), 3 * PAGE_SIZE + 10);
    EXPECT_EQ(file->ops->seek_data(file, 3 * PAGE_SIZE + 10, false), -ENXIO);
    inode_put(file);
    end();
}

TEST(deep_tree_is_freed_without_recursion)
{
    begin(UINT64_MAX);
    struct inode *at = fs->root;
    inode_get(at);
    for (unsigned i = 0; i < 20000; i++) {
        struct inode *next = make(at, "d", S_IFDIR | 0700);
        inode_put(at);
        at = next;
    }
    inode_put(at);
    end();
}

TEST(unlinked_file_lives_while_it_is_open)
{
    begin(UINT64_MAX);
    struct inode *file = make(fs->root, "f", S_IFREG | 0600);
    write_bytes(file, 100, 0);
    EXPECT_EQ(fs->root->ops->unlink(fs->root, "f", 1, file), 0);
    EXPECT_EQ(file->link_count, 0);
    EXPECT_EQ(write_bytes(file, 100, 100), 100);
    EXPECT_EQ(file->size, 200);
    inode_put(file);
    end();
}

TEST(special_files_keep_their_attributes)
{
    begin(UINT64_MAX);
    struct inode *node = make(fs->root, "n", S_IFCHR | 0620);
    EXPECT_EQ(node->special_device, 7);
    EXPECT_EQ(node->uid, 5);
    EXPECT_EQ(node->gid, 6);
    EXPECT_EQ(node->mode, S_IFCHR | 0620);
    EXPECT_EQ(node->link_count, 1);
    EXPECT(!node->mapping);
    inode_put(node);
    end();
}

TEST(xattrs_follow_their_flags)
{
    struct memory_xattrs xattrs;
    char list[64];
    memory_xattrs_init(&xattrs);
    EXPECT_EQ(memory_xattrs_get(&xattrs, "user.a", list, 10), -ENODATA);
    EXPECT_EQ(memory_xattrs_set(&xattrs, "user.a", "1", 1, 2), -ENODATA);
    EXPECT_EQ(memory_xattrs_set(&xattrs, "user.a", "1", 1, 1), 0);
    EXPECT_EQ(memory_xattrs_set(&xattrs, "user.a", "1", 1, 1), -EEXIST);
    EXPECT_EQ(memory_xattrs_set(&xattrs, "user.a", "22", 2, 2), 0);
    EXPECT_EQ(memory_xattrs_set(&xattrs, "security.b", NULL, 0, 0), 0);
    EXPECT_EQ(memory_xattrs_set(&xattrs, "system.posix_acl_access", "x", 1, 0), -EOPNOTSUPP);
    EXPECT_EQ(memory_xattrs_set(&xattrs, "user.", "x", 1, 0), -EOPNOTSUPP);
    EXPECT_EQ(memory_xattrs_get(&xattrs, "user.a", NULL, 0), 2);
    EXPECT_EQ(memory_xattrs_get(&xattrs, "user.a", list, 1), -ERANGE);
    EXPECT_EQ(memory_xattrs_get(&xattrs, "security.b", list, 1), 0);
    EXPECT_EQ(memory_xattrs_list(&xattrs, NULL, 0), 18);
    EXPECT_EQ(memory_xattrs_list(&xattrs, list, 17), -ERANGE);
    EXPECT_EQ(memory_xattrs_list(&xattrs, list, 18), 18);
    EXPECT_EQ(memory_xattrs_remove(&xattrs, "user.a"), 0);
    EXPECT_EQ(memory_xattrs_remove(&xattrs, "user.a"), -ENODATA);
    EXPECT_EQ(memory_xattrs_remove(&xattrs, "other"), -EOPNOTSUPP);
    memory_xattrs_destroy(&xattrs);
}
