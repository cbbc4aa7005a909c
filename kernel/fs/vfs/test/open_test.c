/* open(2), reading and writing, positions, ETXTBSY, unnamed files, magic links. */
#include "support.h"

VFS_TEST(open_creates_and_truncates)
{
    EXPECT_EQ(open_error("/t/f", O_RDONLY), -ENOENT);
    EXPECT_EQ(open_error("/t/f", O_WRONLY | O_CREAT), 0);
    EXPECT_EQ(mode_of("/t/f"), S_IFREG | 0644);
    EXPECT_EQ(open_error("/t/f", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
    struct file *file = open_as(&root_user, "/t/f", O_RDWR, NULL);
    EXPECT_EQ(write_text(file, "hello"), 5);
    file_put(file);
    EXPECT_STR(file_text("/t/f"), "hello");
    EXPECT_EQ(open_error("/t/f", O_WRONLY | O_TRUNC), 0);
    EXPECT_STR(file_text("/t/f"), "");
    EXPECT_EQ(open_error("/t/g/", O_WRONLY | O_CREAT), -EISDIR);
    EXPECT_EQ(open_error("/t/f/", O_RDONLY), -ENOTDIR);
    EXPECT_EQ(open_error("/t", O_WRONLY), -EISDIR);
    EXPECT_EQ(open_error("/t", O_RDONLY | O_CREAT), -EISDIR);
    EXPECT_EQ(open_error("/t/f", O_RDONLY | O_DIRECTORY), -ENOTDIR);
    EXPECT_EQ(open_error("/t", O_RDONLY | O_DIRECTORY), 0);
    EXPECT_EQ(open_error("/t/x", O_CREAT | O_DIRECTORY), -EINVAL);
    EXPECT_EQ(open_error("/t/..", O_CREAT | O_EXCL | O_WRONLY), -EEXIST);
}

VFS_TEST(open_minds_symlinks)
{
    EXPECT_EQ(vfs_symlink(&root_user, "made", NULL, "/t/link"), 0);
    EXPECT_EQ(open_error("/t/link", O_RDONLY), -ENOENT);
    EXPECT_EQ(open_error("/t/link", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
    EXPECT_EQ(open_error("/t/link", O_WRONLY | O_CREAT), 0);
    EXPECT_EQ(lookup_error("/t/made", 0), 0);
    EXPECT_EQ(open_error("/t/link", O_RDONLY | O_NOFOLLOW), -ELOOP);
    EXPECT_EQ(open_error("/t/link", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), -ENOTDIR);
    struct file *file = open_as(&root_user, "/t/link", O_PATH | O_NOFOLLOW, NULL);
    EXPECT_STR(path_of(file), "/t/link");
    EXPECT(!file_is_readable(file));
    file_put(file);
}

VFS_TEST(append_writes_at_the_end)
{
    REQUIRE(!make_file("/t/f", "one"));
    struct file *a = open_as(&root_user, "/t/f", O_WRONLY | O_APPEND, NULL),
                *b = open_as(&root_user, "/t/f", O_RDWR, NULL);
    EXPECT_EQ(file_seek(b, 0, 2), 3);
    EXPECT_EQ(write_text(b, "two"), 3);
    EXPECT_EQ(write_text(a, "three"), 5);
    EXPECT_EQ(file_seek(a, 0, 1), 11);
    EXPECT_EQ(file_seek(b, 0, 0), 0);
    EXPECT_STR(read_text(b), "onetwothree");
    EXPECT_EQ(file_seek(b, -1, 0), -EINVAL);
    EXPECT_EQ(file_seek(b, INT64_MAX, 2), -EOVERFLOW);
    EXPECT_EQ(file_seek(b, 0, 9), -EINVAL);
    file_put(a);
    file_put(b);
}

VFS_TEST(holes_are_found)
{
    struct file *file = open_as(&root_user, "/t/f", O_RDWR | O_CREAT, NULL);
    EXPECT_EQ(file_seek(file, 3 * PAGE_SIZE, 0), 3 * PAGE_SIZE);
    EXPECT_EQ(write_text(file, "x"), 1);
    EXPECT_EQ(file_seek(file, 0, 3), 3 * PAGE_SIZE);
    EXPECT_EQ(file_seek(file, 0, 4), 0);
    EXPECT_EQ(file_seek(file, 3 * PAGE_SIZE, 4), 3 * PAGE_SIZE + 1);
    EXPECT_EQ(file_seek(file, 3 * PAGE_SIZE + 1, 3), -ENXIO);
    EXPECT_EQ(vfs_fallocate(file, 3, 3 * PAGE_SIZE, PAGE_SIZE), 0);
    EXPECT_EQ(file_seek(file, 0, 3), -ENXIO);
    EXPECT_EQ(vfs_fallocate(file, 0, 0, 5 * PAGE_SIZE), 0);
    EXPECT_EQ(file_inode(file)->size, 5 * PAGE_SIZE);
    EXPECT_EQ(vfs_fallocate(file, 2, 0, 1), -EOPNOTSUPP);
    EXPECT_EQ(vfs_fallocate(file, 0, 0, 0), -EINVAL);
    EXPECT_EQ(vfs_fallocate(file, 0, INT64_MAX, 2), -EFBIG);
    file_put(file);
}

VFS_TEST(truncate_sets_the_size)
{
    REQUIRE(!make_file("/t/f", "hello"));
    struct file *file = open_as(&root_user, "/t/f", O_RDWR, NULL);
    EXPECT_EQ(vfs_truncate_file(file, 2), 0);
    EXPECT_STR(read_text(file), "he");
    EXPECT_EQ(vfs_truncate_file(file, 4), 0);
    EXPECT_EQ(file_inode(file)->size, 4);
    struct file *reader = open_as(&root_user, "/t/f", O_RDONLY, NULL);
    EXPECT_EQ(vfs_truncate_file(reader, 0), -EINVAL);
    EXPECT_EQ(vfs_truncate(file_inode(file), 0), 0);
    EXPECT_STR(read_text(reader), "");
    file_put(reader);
    file_put(file);
}

VFS_TEST(running_programs_are_not_written)
{
    struct file *program, *writer;
    REQUIRE(!make_file("/t/p", "code"));
    EXPECT_EQ(vfs_open_path(&root_user, NULL, "/t/p", LOOKUP_FOLLOW, true, &program), -EACCES);
    struct vfs_change change = {.what = CHANGE_MODE, .mode = 0755};
    struct dentry *dentry;
    REQUIRE(!vfs_lookup(&root_user, NULL, "/t/p", 0, &dentry));
    EXPECT_EQ(vfs_set_attributes(&root_user, dentry, dentry_inode(dentry), &change), 0);
    REQUIRE(!vfs_open_path(&root_user, NULL, "/t/p", LOOKUP_FOLLOW, true, &program));
    char bytes[8] = "";
    EXPECT_EQ(vfs_read_kernel(program, bytes, 8, 1), 3);
    EXPECT_STR(bytes, "ode");
    EXPECT_EQ(open_error("/t/p", O_WRONLY), -ETXTBSY);
    EXPECT_EQ(vfs_truncate(dentry_inode(dentry), 0), -ETXTBSY);
    file_put(program);
    writer = open_as(&root_user, "/t/p", O_WRONLY, NULL);
    EXPECT_EQ(vfs_open_path(&root_user, NULL, "/t/p", LOOKUP_FOLLOW, true, &program), -ETXTBSY);
    file_put(writer);
    EXPECT_EQ(dentry_inode(dentry)->writer_count, 0);
    EXPECT_EQ(vfs_open_path(&root_user, NULL, "/t", LOOKUP_FOLLOW, true, &program), -EACCES);
    dentry_put(dentry);
}

VFS_TEST(unnamed_files_can_be_given_a_name)
{
    EXPECT_EQ(open_error("/t", O_TMPFILE | O_RDONLY), -EINVAL);
    EXPECT_EQ(open_error("/t/none", O_TMPFILE | O_RDWR), -ENOENT);
    struct file *file = open_as(&root_user, "/t", O_TMPFILE | O_RDWR, NULL);
    EXPECT_EQ(file_inode(file)->link_count, 0);
    EXPECT_EQ(write_text(file, "late"), 4);
    EXPECT_EQ(vfs_link(&root_user, file_dentry(file), "", NULL, "/t/named", LOOKUP_EMPTY), 0);
    file_put(file);
    EXPECT_STR(file_text("/t/named"), "late");
    file = open_as(&root_user, "/t", O_TMPFILE | O_RDWR | O_EXCL, NULL);
    EXPECT_EQ(vfs_link(&root_user, file_dentry(file), "", NULL, "/t/never", LOOKUP_EMPTY), -ENOENT);
    file_put(file);
}

VFS_TEST(memory_files_have_seals)
{
    struct file *file;
    REQUIRE(!vfs_open_anonymous("name", 100, true, &file));
    EXPECT_STR(path_of(file), "/memfd:name (deleted)");
    EXPECT_EQ(file_inode(file)->size, 100);
    EXPECT_EQ(vfs_get_seals(file), 0);
    EXPECT_EQ(vfs_add_seals(file, 4), 0);
    EXPECT_EQ(vfs_truncate_file(file, 200), -EPERM);
    EXPECT_EQ(vfs_truncate_file(file, 50), 0);
    EXPECT_EQ(vfs_add_seals(file, 2), 0);
    EXPECT_EQ(vfs_truncate_file(file, 20), -EPERM);
    EXPECT_EQ(write_text(file, "ok"), 2);
    EXPECT_EQ(vfs_add_seals(file, 8 | 1), 0);
    EXPECT_EQ(write_text(file, "no"), -EPERM);
    EXPECT_EQ(vfs_add_seals(file, 16), -EPERM);
    EXPECT_EQ(vfs_add_seals(file, 64), -EINVAL);
    EXPECT_EQ(vfs_get_seals(file), 15);
    file_put(file);
    REQUIRE(!vfs_open_anonymous("dev/zero", 0, false, &file));
    EXPECT_STR(path_of(file), "/dev/zero (deleted)");
    EXPECT_EQ(vfs_get_seals(file), 1);
    EXPECT_EQ(vfs_add_seals(file, 1), -EPERM);
    file_put(file);
}

VFS_TEST(ranges_are_copied)
{
    REQUIRE(!make_file("/t/in", "abcdef"));
    struct file *in = open_as(&root_user, "/t/in", O_RDWR, NULL),
                *out = open_as(&root_user, "/t/out", O_RDWR | O_CREAT, NULL);
    EXPECT_EQ(vfs_copy_range(in, 2, out, 1, 100), 4);
    EXPECT_EQ(file_inode(out)->size, 5);
    EXPECT_EQ(file_seek(out, 1, 0), 1);
    EXPECT_STR(read_text(out), "cdef");
    EXPECT_EQ(vfs_copy_range(in, 6, out, 0, 1), 0);
    EXPECT_EQ(vfs_copy_range(in, 0, in, 3, 4), -EINVAL);
    EXPECT_EQ(vfs_copy_range(in, 0, in, 3, 3), 3);
    EXPECT_EQ(vfs_copy_range(in, INT64_MAX, out, 0, 2), -EOVERFLOW);
    file_put(in);
    file_put(out);
}

/* ---- sockets and fifos ---- */

static bool take_socket(void *socket)
{
    ++*(int *)socket;
    return true;
}

static bool refuse_socket(void *socket)
{
    return false;
}

VFS_TEST(sockets_are_found_by_name)
{
    int socket = 0;
    void *found;
    struct dentry *dentry;
    REQUIRE(!vfs_bind_socket(&root_user, "/t/s", 0777, &socket, &dentry));
    EXPECT_EQ(mode_of("/t/s"), S_IFSOCK | 0777);
    struct dentry *other;
    EXPECT_EQ(vfs_bind_socket(&root_user, "/t/s", 0777, &socket, &other), -EADDRINUSE);
    EXPECT_EQ(vfs_find_socket(&root_user, "/t/s", take_socket, &found), 0);
    EXPECT(found == &socket && socket == 1);
    EXPECT_EQ(vfs_find_socket(&root_user, "/t/s", refuse_socket, &found), -ECONNREFUSED);
    EXPECT_EQ(open_error("/t/s", O_RDONLY), -ENXIO);
    vfs_forget_socket(dentry);
    EXPECT_EQ(vfs_find_socket(&root_user, "/t/s", take_socket, &found), -ECONNREFUSED);
    EXPECT_EQ(vfs_find_socket(&root_user, "/t/none", take_socket, &found), -ENOENT);
}

static int fifo_opens;
static int fifo_answer;

static int open_fifo(void **pipe, struct file *file)
{
    fifo_opens++;
    *pipe = &fifo_opens;
    return fifo_answer;
}

static void free_fifo(void *pipe)
{
    fifo_opens = -1;
}

VFS_TEST(fifos_are_the_file_modules)
{
    static const struct vfs_fifo_hooks hooks = {open_fifo, free_fifo};
    vfs_set_fifo_hooks(&hooks);
    REQUIRE(!vfs_mknod(&root_user, NULL, "/t/fifo", S_IFIFO | 0666, 0));
    EXPECT_EQ(open_error("/t/fifo", O_RDWR), 0);
    EXPECT_EQ(fifo_opens, 1);
    fifo_answer = -ENXIO;
    EXPECT_EQ(open_error("/t/fifo", O_WRONLY | O_NONBLOCK), -ENXIO);
    fifo_answer = 0;
    EXPECT_EQ(vfs_unlink(&root_user, NULL, "/t/fifo"), 0);
    EXPECT_EQ(fifo_opens, -1);
    vfs_set_fifo_hooks(NULL);
}

static uint64_t size_allowed = UINT64_MAX;
static unsigned times_told;
static uint64_t size_of_caller(void)
{
    return size_allowed;
}
static void tell_caller(void)
{
    times_told++;
}

VFS_TEST(files_grow_to_the_callers_limit)
{
    static const struct vfs_size_limit limit = {.of_caller = size_of_caller, .tell_caller = tell_caller};
    vfs_set_size_limit(&limit);
    struct file *file = open_as(&root_user, "/t/f", O_RDWR | O_CREAT, NULL);
    size_allowed = 8, times_told = 0;
    EXPECT_EQ(write_text(file, "hello"), 5);
    EXPECT_EQ(write_text(file, "world"), 3);
    EXPECT_EQ(times_told, 0);
    EXPECT_EQ(write_text(file, "x"), -EFBIG);
    EXPECT_EQ(vfs_truncate_file(file, 9), -EFBIG);
    EXPECT_EQ(vfs_truncate(file_inode(file), 9), -EFBIG);
    EXPECT_EQ(vfs_fallocate(file, 0, 0, 9), -EFBIG);
    EXPECT_EQ(times_told, 4);
    size_allowed = 4;
    EXPECT_EQ(vfs_truncate_file(file, 6), 0); /* it does not grow */
    EXPECT_STR(file_text("/t/f"), "hellow");
    file_put(file);
    vfs_set_size_limit(NULL);
}
