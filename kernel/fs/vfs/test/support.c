/* See support.h. */
#include <mm/vm_object.h>
#include "support.h"

struct vfs_caller root_user = {.is_privileged = true}, plain_user = {.uid = 1000, .gid = 100};
static struct fs_context *context;
static size_t live_before;

/* mm's: no mapping exists in these tests. */
__attribute__((weak)) void vm_object_unmap(struct vm_object *object, uint64_t first, uint64_t end, bool even_private)
{
}

/* Files that are closed wait for the next open: here are more of them than a test opens at once. */
static void make_spare_files(void)
{
    static const struct file_ops no_ops = {.name = "spare"};
    struct file *files[16];
    for (unsigned i = 0; i < 16; i++)
        files[i] = file_create(&no_ops, 0, NULL);
    for (unsigned i = 0; i < 16; i++)
        file_put(files[i]);
}

/* Live objects when no unused name is cached; each round takes what the one before made unused. */
static size_t live_objects(void)
{
    for (unsigned i = 0; i < 8; i++)
        fake_memory_shrink(100000);
    return fake_memory_live_objects();
}

static void boot(void)
{
    struct file_system *fs;
    if (context)
        return;
    vfs_init();
    tmpfs_create(1 << 24, &fs);
    vfs_mount("/", fs, "none");
    tmpfs_init();
    vfs_mkdir(&vfs_kernel, NULL, "/t", 0755);
    context = fs_context_create();
    fs_context_set_umask(context, 0);
    root_user.fs = plain_user.fs = context;
    make_spare_files();
}

void test_begin(void)
{
    struct file_system *fs;
    boot();
    fake_sched_reset();
    live_before = live_objects();
    EXPECT_EQ(tmpfs_create(1 << 24, &fs), 0);
    EXPECT_EQ(vfs_mount("/t", fs, "none"), 0);
}

void test_end(void)
{
    EXPECT_EQ(vfs_unmount("/t"), 0);
    EXPECT_EQ(live_objects(), live_before);
}

struct file *open_as(const struct vfs_caller *caller, const char *path, unsigned flags, int *err)
{
    struct file *file = NULL;
    int result = vfs_open(caller, NULL, path, flags, 0644, 0, &file);
    if (err)
        *err = result;
    else if (result)
        test_fail(__FILE__, __LINE__, "open %s: %d", path, result);
    return result ? NULL : file;
}

int open_error(const char *path, unsigned flags)
{
    int err;
    struct file *file = open_as(&root_user, path, flags, &err);
    if (file)
        file_put(file);
    return err;
}

ssize_t write_text(struct file *file, const char *text)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, text, strlen(text));
    return file_write(file, &io, -1);
}

const char *read_text(struct file *file)
{
    static char buffer[4096];
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, buffer, sizeof buffer - 1);
    ssize_t n = file_read(file, &io, -1);
    if (n < 0) {
        snprintf(buffer, sizeof buffer, "error %zd", n);
        return buffer;
    }
    buffer[n] = '\0';
    return buffer;
}

int make_file(const char *path, const char *text)
{
    int err;
    struct file *file = open_as(&root_user, path, O_WRONLY | O_CREAT | O_EXCL, &err);
    if (!file)
        return err;
    ssize_t n = *text ? write_text(file, text) : 0;
    file_put(file);
    return n < 0 ? (int)n : 0;
}

const char *file_text(const char *path)
{
    int err;
    struct file *file = open_as(&root_user, path, O_RDONLY, &err);
    if (!file)
        return "(none)";
    const char *text = read_text(file);
    file_put(file);
    return text;
}

int lookup_error(const char *path, unsigned flags)
{
    struct dentry *dentry;
    int err = vfs_lookup(&root_user, NULL, path, flags, &dentry);
    if (!err)
        dentry_put(dentry);
    return err;
}

static struct vfs_stat stat_of(const char *path)
{
    struct dentry *dentry;
    struct vfs_stat s = {0};
    if (vfs_lookup(&root_user, NULL, path, 0, &dentry))
        return s;
    vfs_stat(dentry, &s);
    dentry_put(dentry);
    return s;
}

uint64_t inode_number(const char *path)
{
    return stat_of(path).number;
}

uint32_t mode_of(const char *path)
{
    return stat_of(path).mode;
}

const char *path_of(struct file *file)
{
    static char path[4096];
    vfs_file_path(file, path, sizeof path);
    return path;
}

const char *list_names(struct file *directory, size_t buffer_size)
{
    static char names[8192];
    static uint8_t buffer[8192];
    size_t len = 0;
    ssize_t n;
    names[0] = '\0';
    while ((n = vfs_getdents(directory, fake_user(buffer), buffer_size, false)) > 0) {
        for (ssize_t at = 0; at < n;) {
            uint16_t record;
            memcpy(&record, buffer + at + 16, 2);
            const char *name = (const char *)buffer + at + 19;
            if (strcmp(name, ".") && strcmp(name, ".."))
                len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len ? " " : "", name);
            at += record;
        }
    }
    if (n < 0)
        snprintf(names, sizeof names, "error %zd", n);
    return names;
}
