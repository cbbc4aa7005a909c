/* The file system over images that mkfs.erofs made (make-images.sh tells what is in them), whole and damaged. */
#include "images.h"
#include <fakes/memory.h>
#include <pagecache/mapping.h>
#include <stdio.h>
#include <string.h>
#include <test/test.h>

static struct fake_disk disk;
static uint8_t buffer[IMAGE_MAX];

static void expect_numbers(struct file_system *fs, const char *path, size_t size, bool is_sparse)
{
    struct inode *inode;
    int err = find_path(fs, path, &inode);
    EXPECT_EQ(err, 0);
    if (err)
        return;
    EXPECT_EQ(inode->size, size);
    EXPECT_EQ(read_inode(inode, buffer, sizeof buffer, 0), size);
    for (uint32_t i = 0; i < size / 4; i++) {
        uint32_t word;
        memcpy(&word, buffer + 4 * i, 4);
        bool is_hole = is_sparse && i * 4 >= 4096 && i * 4 < 16384;
        if (word != (is_hole ? 0 : i)) {
            EXPECT_EQ(word, i);
            break;
        }
    }
    EXPECT_EQ(read_inode(inode, buffer, 10, size - 4), 4);
    inode_put(inode);
}

static void expect_contents(enum image which)
{
    struct file_system *fs;
    fake_disk_init(&disk, which);
    REQUIRE(!open_image(&disk, &fs));
    expect_numbers(fs, "/exact", 8192, false);
    expect_numbers(fs, "/long", 9000, false);
    expect_numbers(fs, "/sparse", 20480, true);
    struct inode *small, *link, *none;
    REQUIRE(!find_path(fs, "/small", &small) && !find_path(fs, "/dir/link", &link));
    EXPECT(small == link);
    EXPECT_EQ(read_inode(small, buffer, 100, 0), 20);
    EXPECT_BYTES(buffer, "hello from the tail\n", 20);
    EXPECT_EQ(read_inode(small, buffer, 100, 6), 14);
    EXPECT_EQ(find_path(fs, "/small/x", &none), -ENOTDIR);
    EXPECT_EQ(find_path(fs, "/smal", &none), -ENOENT);
    EXPECT_EQ(find_path(fs, "/zzz", &none), -ENOENT);
    EXPECT_EQ(find_path(fs, "/-", &none), -ENOENT);
    inode_put(small);
    inode_put(link);
    close_image(fs);
}

TEST(flat_files_read_whole)
{
    expect_contents(IMAGE_FLAT);
}

TEST(chunked_files_read_whole)
{
    expect_contents(IMAGE_CHUNKED);
}

TEST(contiguous_blocks_are_one_request)
{
    struct file_system *fs;
    struct inode *inode;
    fake_disk_init(&disk, IMAGE_FLAT);
    disk.device.segment_max = 64;
    REQUIRE(!open_image(&disk, &fs) && !find_path(fs, "/sparse", &inode));
    disk.requests = 0;
    EXPECT_EQ(read_inode(inode, buffer, sizeof buffer, 0), 20480);
    EXPECT_EQ(disk.requests, 1);
    inode_put(inode);
    close_image(fs);
}

TEST(attributes_are_the_images)
{
    struct file_system *fs;
    struct inode *inode;
    fake_disk_init(&disk, IMAGE_FLAT);
    REQUIRE(!open_image(&disk, &fs));
    EXPECT(fs->is_read_only);
    EXPECT_EQ(fs->root->mode, S_IFDIR | 0700);
    REQUIRE(!find_path(fs, "/small", &inode));
    EXPECT_EQ(inode->mode, S_IFREG | 0640);
    EXPECT_EQ(inode->uid, 1000);
    EXPECT_EQ(inode->gid, 100000);
    EXPECT_EQ(inode->link_count, 2);
    EXPECT_EQ(inode->modify_ns, 1000000000 * NS_PER_SECOND);
    inode_put(inode);
    REQUIRE(!find_path(fs, "/null", &inode));
    EXPECT_EQ(inode->mode & S_IFMT, S_IFCHR);
    EXPECT_EQ(inode->special_device, 0x103);
    inode_put(inode);
    REQUIRE(!find_path(fs, "/bignode", &inode));
    EXPECT_EQ(inode->mode & S_IFMT, S_IFBLK);
    EXPECT_EQ(inode->special_device, 259 << 8 | (300 & 0xff) | (300 & ~0xff) << 12);
    inode_put(inode);
    REQUIRE(!find_path(fs, "/fifo", &inode));
    EXPECT_EQ(inode->mode & S_IFMT, S_IFIFO);
    EXPECT(!inode->mapping);
    inode_put(inode);
    REQUIRE(!find_path(fs, "/dir/deeper", &inode));
    EXPECT_EQ(inode->link_count, 2);
    inode_put(inode);
    close_image(fs);
}

TEST(symlinks_lead_where_they_say)
{
    struct file_system *fs;
    struct inode *inode;
    char target[4096];
    fake_disk_init(&disk, IMAGE_FLAT);
    REQUIRE(!open_image(&disk, &fs) && !find_path(fs, "/soft", &inode));
    EXPECT_EQ(inode->ops->readlink(inode, target, sizeof target), 5);
    EXPECT_STR(target, "small");
    EXPECT_EQ(inode->ops->readlink(inode, target, 5), -ENAMETOOLONG);
    inode_put(inode);
    REQUIRE(!find_path(fs, "/softlong", &inode));
    EXPECT_EQ(inode->ops->readlink(inode, target, sizeof target), 3000);
    EXPECT_EQ(strlen(target), 3000);
    inode_put(inode);
    close_image(fs);
}

TEST(xattrs_inline_and_shared)
{
    struct file_system *fs;
    struct inode *inode;
    char value[64];
    fake_disk_init(&disk, IMAGE_FLAT);
    REQUIRE(!open_image(&disk, &fs) && !find_path(fs, "/small", &inode));
    const struct inode_ops *ops = inode->ops;
    EXPECT_EQ(ops->get_xattr(inode, "user.colour", value, sizeof value), 4);
    EXPECT_BYTES(value, "blue", 4);
    EXPECT_EQ(ops->get_xattr(inode, "trusted.secret", NULL, 0), 4);
    EXPECT_EQ(ops->get_xattr(inode, "user.colour", value, 3), -ERANGE);
    EXPECT_EQ(ops->get_xattr(inode, "user.color", value, 64), -ENODATA);
    EXPECT_EQ(ops->list_xattr(inode, NULL, 0), 27);
    EXPECT_EQ(ops->list_xattr(inode, value, 26), -ERANGE);
    EXPECT_EQ(ops->list_xattr(inode, value, 27), 27);
    inode_put(inode);
    REQUIRE(!find_path(fs, "/long", &inode));
    EXPECT_EQ(ops->get_xattr(inode, "user.shared", value, sizeof value), 9);
    EXPECT_BYTES(value, "everybody", 9);
    inode_put(inode);
    REQUIRE(!find_path(fs, "/empty", &inode));
    EXPECT_EQ(ops->list_xattr(inode, value, 27), 0);
    inode_put(inode);
    close_image(fs);
}

struct list_sink {
    struct directory_sink sink;
    unsigned count, room;
    uint64_t next;
    char last[256];
    uint32_t type;
};

static bool list_entry_sink(struct directory_sink *sink, const char *name, size_t len, uint64_t number, uint32_t type,
                            uint64_t next)
{
    struct list_sink *list = container_of(sink, struct list_sink, sink);
    if (!list->room)
        return false;
    list->room--;
    list->count++;
    list->next = next;
    list->type = type;
    memcpy(list->last, name, len);
    list->last[len] = 0;
    return true;
}

TEST(listing_goes_on_where_it_stopped)
{
    struct file_system *fs;
    struct inode *many;
    fake_disk_init(&disk, IMAGE_FLAT);
    REQUIRE(!open_image(&disk, &fs) && !find_path(fs, "/many", &many));
    EXPECT(many->size > 8192);
    struct list_sink list = {.sink.entry = list_entry_sink};
    for (unsigned i = 0; i < 40; i++) {
        char wanted[3];
        struct inode *inode;
        list.room = 1;
        EXPECT_EQ(many->ops->iterate(many, list.next, &list.sink), 0);
        EXPECT_EQ(list.count, i + 1);
        snprintf(wanted, sizeof wanted, "%02u", i);
        EXPECT_BYTES(list.last, wanted, 2);
        EXPECT_EQ(list.type, S_IFREG);
        EXPECT_EQ(many->ops->lookup(many, list.last, strlen(list.last), &inode), 0);
        inode_put(inode);
    }
    list.room = 10;
    EXPECT_EQ(many->ops->iterate(many, list.next, &list.sink), 0);
    EXPECT_EQ(many->ops->iterate(many, UINT64_MAX, &list.sink), 0);
    EXPECT_EQ(list.count, 40);
    inode_put(many);
    close_image(fs);
}

/* Everything that a program could do to it; whatever the bytes are, an error is the worst that may happen. */
static void walk_all(struct file_system *fs, unsigned depth, struct inode *at);

struct walk_sink {
    struct directory_sink sink;
    struct file_system *fs;
    struct inode *directory;
    unsigned depth, left;
};

static bool walk_entry(struct directory_sink *sink, const char *name, size_t len, uint64_t number, uint32_t type,
                       uint64_t next)
{
    struct walk_sink *walk = container_of(sink, struct walk_sink, sink);
    struct inode *inode;
    EXPECT(len > 0 && len <= 255 && !memchr(name, '/', len) && !memchr(name, 0, len));
    if (walk->left-- && !walk->directory->ops->lookup(walk->directory, name, len, &inode)) {
        walk_all(walk->fs, walk->depth + 1, inode);
        inode_put(inode);
    }
    return walk->left;
}

static void walk_all(struct file_system *fs, unsigned depth, struct inode *at)
{
    char text[4096];
    if (at->ops->list_xattr(at, NULL, 0) > 0)
        at->ops->list_xattr(at, text, sizeof text);
    at->ops->get_xattr(at, "user.shared", text, sizeof text);
    if (inode_is(at, S_IFLNK))
        at->ops->readlink(at, text, sizeof text);
    if (at->mapping)
        read_inode(at, buffer, 30000, at->size > 30000 ? at->size - 30000 : 0);
    if (inode_is(at, S_IFDIR) && depth < 4) {
        struct walk_sink walk = {.sink.entry = walk_entry, .fs = fs, .directory = at, .depth = depth, .left = 60};
        at->ops->iterate(at, 0, &walk.sink);
    }
}

static void open_and_walk(void)
{
    struct file_system *fs;
    int err = open_image(&disk, &fs);
    if (err)
        return;
    walk_all(fs, 0, fs->root);
    close_image(fs);
}

TEST(damaged_images_give_errors_only)
{
    size_t pages = fake_memory_live_pages(), objects = fake_memory_live_objects();
    for (unsigned round = 0; round < 600; round++) {
        fake_disk_init(&disk, round % 2 ? IMAGE_FLAT : IMAGE_CHUNKED);
        disk.bytes[1024 + 8] = 0; /* no checksum, or nothing would get past the superblock */
        for (unsigned n = 1 + (unsigned)(test_random() % 20); n; n--) {
            /* Mostly where metadata is: the first blocks. */
            uint64_t at = test_random() % (test_random() % 4 ? 12288 : disk.device.sector_count * 512);
            disk.bytes[at] = test_random() % 3 ? (uint8_t)test_random() : 0xff;
        }
        memcpy(disk.bytes + 1024, "\xe2\xe1\xf5\xe0", 4);
        open_and_walk();
        EXPECT_EQ(fake_memory_live_pages(), pages);
        EXPECT_EQ(fake_memory_live_objects(), objects);
    }
}

TEST(damaged_superblocks_are_told_apart)
{
    struct file_system *fs;
    fake_disk_init(&disk, IMAGE_FLAT);
    disk.bytes[1024] = 0;
    EXPECT_EQ(open_image(&disk, &fs), -EINVAL);
    fake_disk_init(&disk, IMAGE_FLAT);
    disk.bytes[4000] ^= 1;
    EXPECT_EQ(open_image(&disk, &fs), -EUCLEAN);
    fake_disk_init(&disk, IMAGE_FLAT);
    disk.bytes[1024 + 8] = 0;
    disk.bytes[1024 + 80] = 0x10;
    EXPECT_EQ(open_image(&disk, &fs), -EOPNOTSUPP);
    fake_disk_init(&disk, IMAGE_FLAT);
    disk.device.sector_count -= 8;
    EXPECT_EQ(open_image(&disk, &fs), -EUCLEAN);
    disk.device.sector_count = 7;
    EXPECT_EQ(open_image(&disk, &fs), -EINVAL);
}

TEST(each_failed_read_or_allocation_is_an_error_only)
{
    size_t pages = fake_memory_live_pages(), objects = fake_memory_live_objects();
    for (unsigned n = 1; n < 400; n++) {
        fake_disk_init(&disk, n % 2 ? IMAGE_FLAT : IMAGE_CHUNKED);
        disk.fail_nth = n / 2;
        open_and_walk();
        bool was_read = disk.fail_nth == 0;
        fake_disk_init(&disk, n % 2 ? IMAGE_FLAT : IMAGE_CHUNKED);
        fake_memory_fail_nth(n);
        open_and_walk();
        bool has_failed = fake_memory_failed();
        fake_memory_fail_nth(0);
        EXPECT_EQ(fake_memory_live_pages(), pages);
        EXPECT_EQ(fake_memory_live_objects(), objects);
        if (!was_read && !has_failed)
            break;
    }
}
