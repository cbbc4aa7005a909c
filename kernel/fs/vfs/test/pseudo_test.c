/* File systems from tables. */
#include "support.h"

static int shows;
static char stored[16];
static struct file *led_to;

static int show_count(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "%d\n", ++shows);
    return 0;
}

static int show_key(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "%u:%d:%d", key->depth, (int)key->id[0], key->depth > 1 ? (int)key->id[1] : -1);
    return 0;
}

static int show_long(const struct pseudo_key *key, struct text *out)
{
    for (int i = 0; i < 1000; i++)
        text_printf(out, "line %d\n", i);
    return 0;
}

static ssize_t store(const struct pseudo_key *key, const char *bytes, size_t len)
{
    snprintf(stored, sizeof stored, "%s", bytes);
    return (ssize_t)len;
}

static int find(const struct pseudo_key *key, const char *name, size_t len, uint64_t *id)
{
    if (len != 1 || name[0] < '1' || name[0] > '3')
        return -ENOENT;
    *id = (uint64_t)(name[0] - '0');
    return 0;
}

static int next(const struct pseudo_key *key, uint64_t *id, char name[32])
{
    if (*id > 3)
        return -ENOENT;
    if (!*id)
        *id = 1;
    snprintf(name, 32, "%d", (int)*id);
    return 0;
}

static int target(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "count");
    return 0;
}

static int follow(const struct pseudo_key *key, struct dentry **dentry, struct file **file)
{
    if (key->depth)
        return vfs_lookup(&vfs_kernel, NULL, "/t/p/count", 0, dentry);
    file_get(led_to);
    *file = led_to;
    return 0;
}

static void owner(const struct pseudo_key *key, uint32_t *uid, uint32_t *gid)
{
    *uid = (uint32_t)key->id[0];
}

static const struct pseudo_node inner_nodes[] = {{.name = "key", .mode = 0444, .show = show_key}, {.name = NULL}};
static const struct pseudo_node each_inner = {.mode = S_IFDIR | 0555, .children = inner_nodes};
static const struct pseudo_node child_nodes[] = {
    {.name = "key", .mode = 0400, .show = show_key, .owner = owner},
    {.name = "magic", .mode = S_IFLNK | 0777, .target = target, .follow = follow},
    {.name = "task", .mode = S_IFDIR | 0555, .find = find, .next = next, .each = &each_inner},
    {.name = NULL},
};
static const struct pseudo_node each = {.mode = S_IFDIR | 0555, .children = child_nodes, .owner = owner};
static const struct pseudo_node nodes[] = {
    {.name = "count", .mode = 0444, .show = show_count},
    {.name = "long", .mode = 0444, .show = show_long},
    {.name = "set", .mode = 0200, .store = store},
    {.name = "link", .mode = S_IFLNK | 0777, .target = target},
    {.name = "out", .mode = S_IFLNK | 0777, .target = target, .follow = follow},
    {.name = NULL},
};
static const struct pseudo_node root = {
    .mode = S_IFDIR | 0555, .children = nodes, .find = find, .next = next, .each = &each};

static void mount(void)
{
    struct file_system *fs;
    EXPECT_EQ(vfs_mkdir(&root_user, NULL, "/t/p", 0755), 0);
    EXPECT_EQ(pseudo_fs_create("proc", 0x9fa0, &root, &fs), 0);
    EXPECT_EQ(vfs_mount("/t/p", fs, "proc"), 0);
    shows = 0;
}

VFS_TEST(tables_make_directories)
{
    mount();
    struct file *file = open_as(&root_user, "/t/p", O_RDONLY, NULL);
    EXPECT_STR(list_names(file, 64), "count long set link out 1 2 3");
    file_put(file);
    file = open_as(&root_user, "/t/p/2/task", O_RDONLY, NULL);
    EXPECT_STR(list_names(file, 24), "1 2 3");
    file_put(file);
    EXPECT_EQ(lookup_error("/t/p/4", 0), -ENOENT);
    EXPECT_EQ(lookup_error("/t/p/1/none", 0), -ENOENT);
    EXPECT_EQ(mode_of("/t/p/count"), S_IFREG | 0444);
    EXPECT(inode_number("/t/p/1/key") == inode_number("/t/p/1/key"));
    EXPECT(inode_number("/t/p/1/key") != inode_number("/t/p/2/key"));
    EXPECT_EQ(open_error("/t/p/new", O_CREAT | O_WRONLY), -EPERM);
    EXPECT_EQ(vfs_unlink(&root_user, NULL, "/t/p/count"), -EPERM);
    EXPECT_EQ(vfs_unmount("/t/p"), 0);
}

VFS_TEST(tables_pass_keys_down)
{
    mount();
    EXPECT_STR(file_text("/t/p/3/key"), "1:3:-1");
    EXPECT_STR(file_text("/t/p/3/task/2/key"), "2:3:2");
    struct file *file;
    EXPECT_EQ(vfs_open(&plain_user, NULL, "/t/p/3/key", O_RDONLY, 0, 0, &file), -EACCES);
    EXPECT_EQ(vfs_unmount("/t/p"), 0);
}

VFS_TEST(texts_are_made_anew_at_the_start)
{
    mount();
    struct file *file = open_as(&root_user, "/t/p/count", O_RDONLY, NULL);
    EXPECT_EQ(shows, 0);
    EXPECT_STR(read_text(file), "1\n");
    EXPECT_STR(read_text(file), "");
    EXPECT_EQ(file_seek(file, 0, 0), 0);
    EXPECT_STR(read_text(file), "2\n");
    file_put(file);
    file = open_as(&root_user, "/t/p/long", O_RDONLY, NULL);
    size_t total = 0, n;
    while ((n = strlen(read_text(file))))
        total += n;
    EXPECT_EQ(total, 8890);
    file_put(file);
    EXPECT_EQ(vfs_unmount("/t/p"), 0);
}

VFS_TEST(settings_are_stored)
{
    mount();
    struct file *file = open_as(&root_user, "/t/p/set", O_WRONLY | O_TRUNC, NULL);
    EXPECT_EQ(write_text(file, "value"), 5);
    EXPECT_STR(stored, "value");
    file_put(file);
    EXPECT_STR(file_text("/t/p/set"), "error -22");
    file = open_as(&root_user, "/t/p/count", O_RDWR, NULL);
    EXPECT_EQ(write_text(file, "value"), -EINVAL);
    file_put(file);
    EXPECT_EQ(vfs_unmount("/t/p"), 0);
}

VFS_TEST(links_lead_where_they_say)
{
    static const struct file_ops pipe_like = {.name = "pipe"};
    char target_text[16];
    mount();
    EXPECT_STR(file_text("/t/p/link"), "1\n");
    EXPECT_EQ(vfs_readlink(&root_user, NULL, "/t/p/1/magic", target_text, 16), 5);
    struct file *file = open_as(&root_user, "/t/p/1/magic", O_RDONLY, NULL);
    EXPECT_STR(path_of(file), "/t/p/count");
    file_put(file);
    struct dentry *dentry;
    EXPECT_EQ(vfs_lookup(&root_user, NULL, "/t/p/1/magic", LOOKUP_FOLLOW | LOOKUP_NO_MAGIC, &dentry), -ELOOP);
    led_to = file_create(&pipe_like, O_WRONLY, NULL);
    file = open_as(&root_user, "/t/p/out", O_WRONLY, NULL);
    EXPECT(file == led_to);
    file_put(file);
    EXPECT_EQ(open_error("/t/p/out", O_RDONLY), -EACCES);
    EXPECT_EQ(open_error("/t/p/out/x", O_RDONLY), -ENOTDIR);
    file_put(led_to);
    EXPECT_EQ(vfs_unmount("/t/p"), 0);
}

VFS_TEST(texts_survive_the_nth_failed_allocation)
{
    mount();
    unsigned n = 1;
    bool failed;
    do {
        fake_memory_fail_nth(n++);
        const char *text = file_text("/t/p/3/task/2/key");
        failed = fake_memory_failed();
        fake_memory_fail_nth(0);
        EXPECT(failed ? text[0] == '(' || text[0] == 'e' : text[0] == '2');
    } while (failed && n < 50);
    EXPECT(n > 4);
    EXPECT_EQ(vfs_unmount("/t/p"), 0);
}
