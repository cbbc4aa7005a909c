/*
 * Several threads make, remove, rename, open, list and watch the same few names at random, while names are shrunk and
 * forgotten. Any answer is right; what must hold is that nothing is used after its end, that no two threads wait for
 * each other for ever, and that at the end every name can be removed and the file system unmounted.
 */
#include <base/string.h>
#include <fakes/memory.h>
#include <fakes/user.h>
#include <file/file.h>
#include <host/host.h>
#include <mm/address_space.h>
#include <sched/wait.h>
#include <test/test.h>
#include <tmpfs/tmpfs.h>
#include <vfs/io.h>
#include <vfs/locks.h>
#include <vfs/notify.h>
#include <vfs/vfs.h>

/* What a reader sees of a write under way is not promised, and the count of pages is a hint. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:copy_segment\nrace:mapping_page_count\n";
}

enum { WORKERS = 6, ROUNDS = 4000, NAMES = 4, DEPTH = 3 };

void address_space_activate(struct address_space *space)
{
}

__attribute__((weak)) void vm_object_unmap(struct vm_object *object, uint64_t first, uint64_t end, bool even_private)
{
}

static struct wait_queue finished;
static uint32_t running;
static struct file *inotify;

struct dice {
    uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned sides)
{
    dice->state = dice->state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(dice->state >> 33) % sides;
}

/* A path of one to three of a few names, with ".." now and then. */
static const char *random_path(struct dice *dice, char path[64])
{
    size_t len = (size_t)snprintf(path, 64, "/t");
    unsigned depth = 1 + roll(dice, DEPTH);
    for (unsigned i = 0; i < depth; i++)
        len += (size_t)snprintf(path + len, 64 - len, "/%c", 'a' + (char)roll(dice, NAMES));
    if (!roll(dice, 8))
        snprintf(path + len, 64 - len, "/../%c", 'a' + (char)roll(dice, NAMES));
    return path;
}

static void use_file(struct dice *dice, struct file *file)
{
    struct io_segment segment;
    struct io_vector io;
    uint8_t bytes[256];
    char path[256];
    struct lock_range range = {.type = LOCK_TYPE_WRITE, .start = 0, .end = roll(dice, 100)};
    vfs_file_path(file, path, sizeof path);
    if (inode_is(file_inode(file), S_IFDIR)) {
        vfs_getdents(file, fake_user(bytes), sizeof bytes, false);
        return;
    }
    io_vector_kernel(&io, &segment, "text", 4);
    file_write(file, &io, -1);
    io_vector_kernel(&io, &segment, bytes, sizeof bytes);
    file_read(file, &io, 0);
    if (!vfs_lock_range(file, dice, false, &range, roll(dice, 2)))
        vfs_unlock_owner(file_inode(file), dice);
    if (!roll(dice, 4))
        vfs_flock(file, 1 + (int)roll(dice, 2));
}

static void watch(struct dice *dice, const char *path)
{
    struct dentry *dentry;
    if (vfs_lookup(&vfs_kernel, NULL, path, LOOKUP_FOLLOW, &dentry))
        return;
    int number = inotify_add(inotify, dentry_inode(dentry), 0xfff);
    if (!roll(dice, 4))
        vfs_forget_names(dentry_inode(dentry));
    dentry_put(dentry);
    if (number > 0 && roll(dice, 2))
        inotify_remove(inotify, number);
}

static void stat_path(const char *path)
{
    struct dentry *dentry;
    struct vfs_stat s;
    if (vfs_lookup(&vfs_kernel, NULL, path, 0, &dentry))
        return;
    vfs_stat(dentry, &s);
    dentry_put(dentry);
}

static void act(struct dice *dice)
{
    char a[64], b[64];
    struct file *file;
    struct io_segment segment;
    struct io_vector io;
    char events[512];
    random_path(dice, a);
    random_path(dice, b);
    switch (roll(dice, 14)) {
    case 0:
    case 1:
        vfs_mkdir(&vfs_kernel, NULL, a, 0755);
        break;
    case 2:
        vfs_rmdir(&vfs_kernel, NULL, a);
        break;
    case 3:
        vfs_unlink(&vfs_kernel, NULL, a);
        break;
    case 4:
    case 5:
        vfs_rename(&vfs_kernel, NULL, a, NULL, b, 0);
        break;
    case 6:
        vfs_rename(&vfs_kernel, NULL, a, NULL, b, 2);
        break;
    case 7:
        vfs_link(&vfs_kernel, NULL, a, NULL, b, 0);
        break;
    case 8:
        vfs_symlink(&vfs_kernel, b + 3, NULL, a);
        break;
    case 9:
        watch(dice, a);
        break;
    case 10:
        fake_memory_shrink(2);
        io_vector_kernel(&io, &segment, events, sizeof events);
        file_read(inotify, &io, -1);
        break;
    case 11:
        stat_path(a);
        stat_path(b);
        break;
    default:
        if (vfs_open(&vfs_kernel, NULL, a, roll(dice, 3) ? O_RDWR | O_CREAT : O_RDONLY, 0644, 0, &file))
            break;
        use_file(dice, file);
        file_put(file);
    }
}

static void work(void *argument)
{
    struct dice dice = {(uintptr_t)argument};
    for (unsigned i = 0; i < ROUNDS; i++) {
        act(&dice);
        sched_safe_point();
    }
    if (atomic_fetch_sub(&running, 1u) == 1)
        wake_up_all(&finished, 0);
}

/* Unlinks what can be unlinked in a directory, whose names are all among the few; the first subdirectory goes to the
 * end of `path`: true. */
static bool clean_directory(char *path, size_t size)
{
    size_t len = strlen(path);
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(path + len, size - len, "/%c", 'a' + (char)i);
        if (vfs_unlink(&vfs_kernel, NULL, path) == -EISDIR)
            return true;
    }
    path[len] = '\0';
    return false;
}

/* Deepest first. Renames make trees deeper than the paths that made them. */
static void remove_all(void)
{
    static char path[VFS_PATH_MAX];
    snprintf(path, sizeof path, "/t");
    for (;;) {
        if (clean_directory(path, sizeof path))
            continue;
        if (!strcmp(path, "/t"))
            return;
        EXPECT_EQ(vfs_rmdir(&vfs_kernel, NULL, path), 0);
        *strrchr(path, '/') = '\0';
    }
}

static void storm(void *unused)
{
    struct file_system *fs;
    wait_queue_init(&finished);
    EXPECT_EQ(vfs_init(), 0);
    REQUIRE(!tmpfs_create(1 << 24, &fs) && !vfs_mount("/", fs, "none"));
    REQUIRE(!vfs_mkdir(&vfs_kernel, NULL, "/t", 0755));
    REQUIRE(!tmpfs_create(1 << 24, &fs) && !vfs_mount("/t", fs, "none"));
    REQUIRE(!inotify_create(O_NONBLOCK, &inotify));
    running = WORKERS;
    uint64_t seed = test_random();
    for (unsigned i = 0; i < WORKERS; i++) {
        struct thread *thread = thread_create("worker", work, (void *)(uintptr_t)(seed + i * 977));
        thread_start(thread);
        thread_put(thread);
    }
    wait_event(&finished, load_acquire(&running) == 0, WAIT_UNINTERRUPTIBLE, UINT64_MAX);
    file_put(inotify);
    remove_all();
    struct dentry *root;
    REQUIRE(!vfs_lookup(&vfs_kernel, NULL, "/t", 0, &root));
    EXPECT_EQ(dentry_inode(root)->link_count, 2);
    dentry_put(root);
    EXPECT_EQ(vfs_unmount("/t"), 0);
}

TEST(names_survive_a_storm)
{
    host_run(storm, NULL);
}
