/* The overlay over a tmpfs that nobody changes any more: against a model, and its own promises. */
#include <fakes/memory.h>
#include <fakes/sched.h>
#include <fakes/tree.h>
#include <string.h>
#include <test/test.h>
#include <tmpfs/tmpfs.h>
#include <vfs/vfs.h>
#include "overlay.h"

static struct file_system *lower, *fs;
static size_t pages_before, objects_before;

static void complain(const char *what, uint64_t number)
{
    test_fail(__FILE__, __LINE__, "inode %llu %s", (unsigned long long)number, what);
}

static void begin_lower(void)
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
    EXPECT_EQ(tmpfs_create(UINT64_MAX, &lower), 0);
}

static void begin_overlay(void)
{
    lower->is_read_only = true;
    EXPECT_EQ(overlay_create(lower, 0, &fs), 0);
}

/* As vfs_unmount does. */
static void end(void)
{
    fs->is_unmounted = true;
    struct inode *root = fs->root;
    inode_put(root);
    EXPECT_EQ(fake_memory_live_pages(), pages_before);
    EXPECT_EQ(fake_memory_live_objects(), objects_before);
}

static void run_model(bool may_fail)
{
    begin_lower();
    struct tree *below = tree_create(lower, test_random, complain);
    for (unsigned i = 0; i < 700; i++)
        tree_step(below, false);
    begin_overlay();
    struct tree *tree = tree_create(fs, test_random, complain);
    tree_compare(tree);
    for (unsigned i = 0; i < 4000; i++) {
        tree_step(tree, may_fail);
        if (i % 50 == 0)
            tree_compare(tree);
    }
    tree_compare(tree);
    tree_compare(below); /* the lower file system is as it was */
    tree_destroy(tree);
    tree_destroy(below);
    end();
}

TEST(overlay_is_the_model)
{
    run_model(false);
}

TEST(overlay_is_the_model_when_allocations_fail)
{
    run_model(true);
}

/* ---- by hand ---- */

static struct inode *make(struct inode *directory, const char *name, uint32_t mode)
{
    const struct vfs_new new = {.mode = mode};
    struct inode *inode = NULL;
    EXPECT_EQ(directory->ops->create(directory, name, strlen(name), &new, &inode), 0);
    return inode;
}

static struct inode *find(struct inode *directory, const char *name)
{
    struct inode *inode = NULL;
    int err = directory->ops->lookup(directory, name, strlen(name), &inode);
    return err ? NULL : inode;
}

static ssize_t put_bytes(struct inode *inode, const void *bytes, size_t n, uint64_t offset)
{
    struct io_segment segment;
    struct io_vector io;
    int err = inode->ops->prepare_change ? inode->ops->prepare_change(inode, true) : 0;
    if (err)
        return err;
    io_vector_kernel(&io, &segment, bytes, n);
    ssize_t done = mapping_write(inode->mapping, &io, offset);
    inode->size = inode->mapping->size;
    return done;
}

static uint8_t byte_at(struct inode *inode, uint64_t offset)
{
    uint8_t byte = 0;
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, &byte, 1);
    EXPECT_EQ(mapping_read(inode->mapping, &io, offset), 1);
    return byte;
}

/* /a (20000 bytes of 'a'), also /b by a hard link; /d/e. */
static void begin_small(void)
{
    static uint8_t bytes[20000];
    memset(bytes, 'a', sizeof bytes);
    begin_lower();
    struct inode *file = make(lower->root, "a", S_IFREG | 0644), *directory = make(lower->root, "d", S_IFDIR | 0755);
    put_bytes(file, bytes, sizeof bytes, 0);
    EXPECT_EQ(lower->root->ops->link(lower->root, "b", 1, file), 0);
    EXPECT_EQ(file->ops->set_xattr(file, "user.x", "1", 1, 0), 0);
    inode_put(make(directory, "e", S_IFREG | 0600));
    inode_put(file);
    inode_put(directory);
    begin_overlay();
}

TEST(untouched_file_is_read_through_the_lower_mapping)
{
    begin_small();
    struct inode *file = find(fs->root, "a"), *below = find(lower->root, "a");
    REQUIRE(file && below);
    EXPECT(file->mapping == below->mapping);
    EXPECT_EQ(file->number, below->number);
    EXPECT_EQ(file->link_count, 2);
    EXPECT_EQ(byte_at(file, 100), 'a');
    inode_put(file);
    inode_put(below);
    end();
}

TEST(copy_up_keeps_number_links_and_old_pages)
{
    begin_small();
    struct inode *file = find(fs->root, "a"), *other, *below = find(lower->root, "a");
    struct page *old;
    REQUIRE(file && !mapping_get_page(file->mapping, 0, false, &old));
    uint64_t number = file->number;
    EXPECT_EQ(put_bytes(file, "X", 1, 5), 1);
    EXPECT(file->mapping != below->mapping);
    EXPECT_EQ(byte_at(below, 5), 'a');
    EXPECT_EQ(((char *)page_address(old))[5], 'a');
    inode_put(file); /* nobody holds it: its changes stay */
    other = find(fs->root, "b");
    EXPECT_EQ(byte_at(other, 5), 'X');
    EXPECT_EQ(byte_at(other, 19999), 'a');
    EXPECT_EQ(other->number, number);
    EXPECT_EQ(other->size, 20000);
    struct vfs_stat stat = {0};
    other->ops->stat(other, &stat);
    EXPECT_EQ(stat.blocks, 5 * 8);
    page_put(old);
    inode_put(other);
    inode_put(below);
    end();
}

TEST(truncation_copies_only_what_stays)
{
    begin_small();
    struct inode *file = find(fs->root, "a");
    struct vfs_statfs stat;
    EXPECT_EQ(file->ops->truncate(file, 0), 0);
    fs->ops->statfs(fs, &stat);
    EXPECT_EQ(stat.type, 0x794c7630);
    EXPECT_EQ(stat.blocks - stat.free_blocks, 0);
    EXPECT_EQ(put_bytes(file, "new", 3, 0), 3);
    EXPECT_EQ(file->size, 3);
    inode_put(file);
    file = find(fs->root, "a");
    EXPECT_EQ(file->size, 3);
    EXPECT_EQ(byte_at(file, 2), 'w');
    inode_put(file);
    end();
}

TEST(changed_attributes_outlive_their_user)
{
    begin_small();
    struct inode *file = find(fs->root, "a");
    const struct vfs_change change = {.what = CHANGE_MODE, .mode = 0600};
    EXPECT_EQ(file->ops->prepare_change(file, false), 0);
    file->mode = S_IFREG | 0600;
    EXPECT_EQ(file->ops->set_attributes(file, &change), 0);
    inode_put(file);
    file = find(fs->root, "a");
    EXPECT_EQ(file->mode, S_IFREG | 0600);
    EXPECT_EQ(byte_at(file, 0), 'a');
    EXPECT(!file->mapping->is_memory || file->mapping == overlay_inode_of(file)->lower->mapping);
    inode_put(file);
    end();
}

TEST(xattrs_are_copied_with_the_first_change)
{
    begin_small();
    char value[32];
    struct inode *file = find(fs->root, "a");
    EXPECT_EQ(file->ops->get_xattr(file, "user.x", value, 1), 1);
    EXPECT_EQ(file->ops->set_xattr(file, "user.y", "22", 2, 1), 0);
    inode_put(file);
    file = find(fs->root, "a");
    EXPECT_EQ(file->ops->list_xattr(file, value, 32), 14);
    EXPECT_EQ(file->ops->get_xattr(file, "user.x", value, 1), 1);
    EXPECT_EQ(file->ops->remove_xattr(file, "user.x"), 0);
    EXPECT_EQ(file->ops->get_xattr(file, "user.x", value, 1), -ENODATA);
    inode_put(file);
    end();
}

TEST(unlinked_lower_file_lives_while_it_is_open)
{
    begin_small();
    struct inode *file = find(fs->root, "a");
    EXPECT_EQ(fs->root->ops->unlink(fs->root, "a", 1, file), 0);
    EXPECT(!find(fs->root, "a"));
    EXPECT_EQ(file->link_count, 1);
    EXPECT_EQ(fs->root->ops->unlink(fs->root, "b", 1, file), 0);
    EXPECT_EQ(file->link_count, 0);
    EXPECT_EQ(put_bytes(file, "z", 1, 0), 1);
    EXPECT_EQ(byte_at(file, 0), 'z');
    inode_put(file);
    struct inode *again = make(fs->root, "a", S_IFREG | 0644);
    EXPECT_EQ(again->size, 0);
    inode_put(again);
    end();
}

TEST(lower_directory_moves_with_what_is_in_it)
{
    begin_small();
    struct inode *directory = find(fs->root, "d"), *moved, *file, *target = make(fs->root, "t", S_IFDIR | 0700);
    uint64_t number = directory->number;
    EXPECT_EQ(fs->root->ops->rename(fs->root, "d", 1, directory, target, "dd", 2, NULL, 0), 0);
    EXPECT(!find(fs->root, "d"));
    inode_put(directory);
    moved = find(target, "dd");
    REQUIRE(moved);
    EXPECT_EQ(moved->number, number);
    file = find(moved, "e");
    EXPECT(file);
    EXPECT_EQ(target->ops->rmdir(target, "dd", 2, moved), -ENOTEMPTY);
    EXPECT_EQ(moved->ops->unlink(moved, "e", 1, file), 0);
    EXPECT_EQ(target->ops->rmdir(target, "dd", 2, moved), 0);
    EXPECT_EQ(moved->link_count, 0);
    inode_put(file);
    inode_put(moved);
    inode_put(target);
    end();
}

struct names_sink {
    struct directory_sink sink;
    char seen[64];
    unsigned count, room;
    uint64_t next;
};

static bool names_entry(struct directory_sink *sink, const char *name, size_t len, uint64_t number, uint32_t type,
                        uint64_t next)
{
    struct names_sink *names = container_of(sink, struct names_sink, sink);
    if (!names->room)
        return false;
    names->room--;
    names->seen[names->count++] = name[0];
    names->next = next;
    return true;
}

TEST(listing_gives_what_stays_once_whatever_changes)
{
    begin_small();
    struct inode *root = fs->root, *file = make(root, "n", S_IFREG | 0600), *a = find(root, "a");
    struct names_sink names = {.sink.entry = names_entry, .room = 1};
    EXPECT_EQ(root->ops->iterate(root, 0, &names.sink), 0);
    EXPECT_EQ(names.count, 1);
    EXPECT_EQ(root->ops->unlink(root, "a", 1, a), 0); /* one that was listed or will be */
    inode_put(make(root, "o", S_IFREG | 0600));
    names.room = 50;
    EXPECT_EQ(root->ops->iterate(root, names.next, &names.sink), 0);
    for (const char *stays = "bdn"; *stays; stays++) {
        char *first = memchr(names.seen, *stays, names.count);
        EXPECT(first && !memchr(first + 1, *stays, (size_t)(names.seen + names.count - first - 1)));
    }
    inode_put(file);
    inode_put(a);
    end();
}
