/* Sequences of inotify events. */
#include <file/poll.h>
#include <sched/thread.h>
#include "support.h"

static int watch(struct file *inotify, const char *path, uint32_t mask)
{
    struct dentry *dentry;
    int result = vfs_lookup(&root_user, NULL, path, 0, &dentry);
    if (result)
        return result;
    result = inotify_add(inotify, dentry_inode(dentry), mask);
    dentry_put(dentry);
    return result;
}

static struct file *create(void)
{
    struct file *file = NULL;
    EXPECT_EQ(inotify_create(O_NONBLOCK, &file), 0);
    return file;
}

/* All events as "watch:mask name", masks in hexadecimal, a cookie as "+" when it is that of the event before. */
static const char *events(struct file *inotify)
{
    static char text[4096];
    static uint8_t buffer[4096];
    uint32_t last_cookie = 0;
    size_t len = 0;
    struct io_segment segment;
    struct io_vector io;
    text[0] = '\0';
    io_vector_kernel(&io, &segment, buffer, sizeof buffer);
    ssize_t n = file_read(inotify, &io, -1);
    for (ssize_t at = 0; at < n;) {
        struct {
            int32_t watch;
            uint32_t mask, cookie, len;
        } e;
        memcpy(&e, buffer + at, sizeof e);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%d:%x%s%s%s", len ? ", " : "", e.watch, e.mask,
                                e.cookie && e.cookie == last_cookie ? "+" : "", e.len ? " " : "",
                                e.len ? (char *)buffer + at + 16 : "");
        last_cookie = e.cookie;
        at += 16 + e.len;
    }
    return text;
}

VFS_TEST(inotify_tells_of_files_in_a_directory)
{
    struct file *inotify = create();
    EXPECT_EQ(watch(inotify, "/t", 0xfff), 1);
    EXPECT_STR(events(inotify), "");
    REQUIRE(!make_file("/t/f", "x"));
    EXPECT_STR(events(inotify), "1:100 f, 1:20 f, 1:2 f, 1:8 f");
    EXPECT_STR(file_text("/t/f"), "x");
    EXPECT_STR(events(inotify), "1:20 f, 1:1 f, 1:10 f");
    REQUIRE(!vfs_mkdir(&root_user, NULL, "/t/d", 0755));
    EXPECT_STR(events(inotify), "1:40000100 d");
    EXPECT_EQ(vfs_rename(&root_user, NULL, "/t/f", NULL, "/t/g", 0), 0);
    EXPECT_STR(events(inotify), "1:40 f, 1:80+ g");
    EXPECT_EQ(vfs_unlink(&root_user, NULL, "/t/g"), 0);
    EXPECT_EQ(vfs_rmdir(&root_user, NULL, "/t/d"), 0);
    EXPECT_STR(events(inotify), "1:200 g, 1:40000200 d");
    file_put(inotify);
}

VFS_TEST(inotify_ends_watches_of_deleted_files)
{
    struct file *inotify = create();
    REQUIRE(!make_file("/t/f", ""));
    EXPECT_EQ(watch(inotify, "/t/f", IN_DELETE_SELF | IN_ATTRIB | IN_MOVE_SELF), 1);
    EXPECT_EQ(vfs_rename(&root_user, NULL, "/t/f", NULL, "/t/g", 0), 0);
    EXPECT_STR(events(inotify), "1:800");
    struct file *file = open_as(&root_user, "/t/g", O_RDONLY, NULL);
    EXPECT_EQ(vfs_unlink(&root_user, NULL, "/t/g"), 0);
    EXPECT_STR(events(inotify), "1:4");
    file_put(file);
    EXPECT_STR(events(inotify), "1:400, 1:8000");
    EXPECT_EQ(inotify_remove(inotify, 1), -EINVAL);
    REQUIRE(!vfs_mkdir(&root_user, NULL, "/t/d", 0755));
    EXPECT_EQ(watch(inotify, "/t/d", IN_DELETE_SELF), 2);
    EXPECT_EQ(vfs_rmdir(&root_user, NULL, "/t/d"), 0);
    EXPECT_STR(events(inotify), "2:400, 2:8000");
    file_put(inotify);
}

VFS_TEST(inotify_merges_watches_and_removes_them)
{
    struct file *inotify = create(), *other = create();
    REQUIRE(!make_file("/t/f", ""));
    EXPECT_EQ(watch(inotify, "/t/f", IN_OPEN), 1);
    EXPECT_EQ(watch(inotify, "/t/f", IN_CLOSE_NOWRITE | IN_MASK_ADD), 1);
    EXPECT_EQ(watch(other, "/t/f", IN_OPEN), 1);
    EXPECT_EQ(watch(inotify, "/t/f", IN_OPEN | IN_MASK_CREATE), -EEXIST);
    EXPECT_EQ(watch(inotify, "/t/f", IN_OPEN | IN_ONLYDIR), -ENOTDIR);
    EXPECT_EQ(watch(inotify, "/t/f", IN_ONLYDIR), -EINVAL);
    open_error("/t/f", O_RDONLY);
    EXPECT_STR(events(inotify), "1:20, 1:10");
    EXPECT_EQ(watch(inotify, "/t/f", IN_CLOSE_WRITE), 1);
    open_error("/t/f", O_RDONLY);
    EXPECT_STR(events(inotify), "");
    EXPECT_EQ(inotify_remove(inotify, 1), 0);
    EXPECT_STR(events(inotify), "1:8000");
    EXPECT_EQ(inotify_remove(inotify, 1), -EINVAL);
    EXPECT_EQ(watch(inotify, "/t/f", IN_OPEN), 2);
    file_put(inotify);
    file_put(other);
}

VFS_TEST(inotify_drops_repetitions_and_one_shot_watches_end)
{
    struct file *inotify = create();
    REQUIRE(!make_file("/t/f", ""));
    struct file *file = open_as(&root_user, "/t/f", O_WRONLY, NULL);
    EXPECT_EQ(watch(inotify, "/t/f", IN_MODIFY), 1);
    write_text(file, "a");
    write_text(file, "b");
    EXPECT_STR(events(inotify), "1:2");
    EXPECT_EQ(watch(inotify, "/t/f", IN_MODIFY | IN_ONESHOT), 1);
    write_text(file, "a");
    write_text(file, "b");
    EXPECT_STR(events(inotify), "1:2, 1:8000");
    file_put(file);
    file_put(inotify);
}

VFS_TEST(inotify_can_leave_unlinked_children_out)
{
    struct file *all = create(), *linked = create();
    REQUIRE(!make_file("/t/f", ""));
    struct file *file = open_as(&root_user, "/t/f", O_WRONLY, NULL);
    EXPECT_EQ(watch(all, "/t", IN_MODIFY), 1);
    EXPECT_EQ(watch(linked, "/t", IN_MODIFY | IN_EXCL_UNLINK), 1);
    REQUIRE(!vfs_unlink(&root_user, NULL, "/t/f"));
    write_text(file, "a");
    EXPECT_STR(events(all), "1:2 f");
    EXPECT_STR(events(linked), "");
    file_put(file);
    file_put(all);
    file_put(linked);
}

VFS_TEST(inotify_overflows_once)
{
    struct file *inotify = create();
    REQUIRE(!make_file("/t/f", ""));
    EXPECT_EQ(watch(inotify, "/t/f", IN_OPEN | IN_CLOSE_NOWRITE), 1);
    for (unsigned i = 0; i < 8192 + 10; i++)
        open_error("/t/f", O_RDONLY);
    unsigned total = 0, overflows = 0;
    char buffer[1600];
    struct io_segment segment;
    struct io_vector io;
    ssize_t n;
    for (;;) {
        io_vector_kernel(&io, &segment, buffer, sizeof buffer);
        if ((n = file_read(inotify, &io, -1)) <= 0)
            break;
        for (ssize_t at = 0; at < n; at += 16, total++)
            overflows += *(uint32_t *)(buffer + at + 4) == IN_Q_OVERFLOW;
    }
    EXPECT_EQ(n, -EAGAIN);
    EXPECT_EQ(total, 16385);
    EXPECT_EQ(overflows, 1);
    open_error("/t/f", O_RDONLY);
    EXPECT_STR(events(inotify), "1:20, 1:10");
    fake_memory_fail_nth(1);
    struct dentry *dentry;
    REQUIRE(!vfs_lookup(&root_user, NULL, "/t/f", 0, &dentry));
    notify_inode(dentry_inode(dentry), IN_OPEN, NULL, 0, 0);
    fake_memory_fail_nth(0);
    EXPECT_STR(events(inotify), "-1:4000");
    dentry_put(dentry);
    file_put(inotify);
}

static void read_event(void *argument)
{
    struct file *inotify = argument;
    EXPECT_STR(events(inotify), "1:20 f, 1:10 f");
    file_put(inotify);
}

VFS_TEST(inotify_reading_waits_and_poll_tells)
{
    struct file *inotify;
    char small[8];
    struct io_segment segment;
    struct io_vector io;
    REQUIRE(!make_file("/t/f", ""));
    REQUIRE(!inotify_create(0, &inotify));
    EXPECT_EQ(watch(inotify, "/t", IN_OPEN | IN_CLOSE_NOWRITE), 1);
    EXPECT_EQ(file_poll(inotify, NULL), 0);
    struct thread *thread = thread_create("reader", read_event, inotify);
    file_get(inotify);
    thread_start(thread);
    fake_run_threads();
    open_error("/t/f", O_RDONLY);
    fake_run_threads();
    EXPECT_EQ(file_poll(inotify, NULL), 0);
    open_error("/t/f", O_RDONLY);
    EXPECT_EQ(file_poll(inotify, NULL), POLL_IN | POLL_RDNORM);
    int32_t bytes = 0;
    EXPECT_EQ(inotify->ops->ioctl(inotify, 0x541b, fake_user(&bytes)), 0);
    EXPECT_EQ(bytes, 64);
    io_vector_kernel(&io, &segment, small, sizeof small);
    EXPECT_EQ(file_read(inotify, &io, -1), -EINVAL);
    thread_put(thread);
    file_put(inotify);
}
