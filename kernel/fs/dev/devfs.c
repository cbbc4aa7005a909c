/* The table of /dev. */
#include <base/errno.h>
#include <base/string.h>
#include <device/console.h>
#include <devfs/devfs.h>
#include <input_pipe/input_pipe.h>
#include <terminal/pty.h>
#include <vfs/pseudo.h>
#include <vfs/vfs.h>
#include "devices.h"

enum { DEVFS_MAGIC = 0x01021994 }; /* devtmpfs says it is a tmpfs */

static int open_null(const struct pseudo_key *key, struct file *file)
{
    file->ops = &null_file_ops;
    return 0;
}

static int open_zero(const struct pseudo_key *key, struct file *file)
{
    file->ops = &zero_file_ops;
    return 0;
}

static int open_full(const struct pseudo_key *key, struct file *file)
{
    file->ops = &full_file_ops;
    return 0;
}

static int open_random(const struct pseudo_key *key, struct file *file)
{
    file->ops = &random_file_ops;
    return 0;
}

static int open_console(const struct pseudo_key *key, struct file *file)
{
    file->ops = &tty_file_ops;
    return 0;
}

static int open_tty(const struct pseudo_key *key, struct file *file)
{
    return tty_open_controlling(file);
}

static int open_ptmx(const struct pseudo_key *key, struct file *file)
{
    return pty_open_master(file);
}

/* ---- /dev/pts ---- */

static int find_pts(const struct pseudo_key *key, const char *name, size_t len, uint64_t *id)
{
    uint64_t number = 0;
    bool is_number = len && len <= 3 && (name[0] != '0' || len == 1);
    for (size_t i = 0; is_number && i < len; i++) {
        is_number = name[i] >= '0' && name[i] <= '9';
        number = number * 10 + (uint64_t)(name[i] - '0');
    }
    if (!is_number || !pty_exists(number))
        return -ENOENT;
    *id = number;
    return 0;
}

static int next_pts(const struct pseudo_key *key, uint64_t *id, char name[32])
{
    int err = pty_next(id);
    if (!err)
        snprintf(name, 32, "%u", (unsigned)*id);
    return err;
}

static int open_pts(const struct pseudo_key *key, struct file *file)
{
    return pty_open_terminal((unsigned)key->id[0], file);
}

static void owner_of_pts(const struct pseudo_key *key, uint32_t *uid, uint32_t *gid)
{
    *uid = pty_owner((unsigned)key->id[0]);
    *gid = 5; /* tty */
}

static const struct pseudo_node pts = {
    .mode = S_IFCHR | 0620,
    .device = VFS_MAKEDEV(136, 0),
    .open = open_pts,
    .owner = owner_of_pts,
};

#define LINK_TO(id, path)                                                                                              \
    static int link_##id(const struct pseudo_key *key, struct text *out)                                               \
    {                                                                                                                  \
        text_printf(out, "%s", path);                                                                                  \
        return 0;                                                                                                      \
    }
LINK_TO(fd, "/proc/self/fd")
LINK_TO(stdin, "/proc/self/fd/0")
LINK_TO(stdout, "/proc/self/fd/1")
LINK_TO(stderr, "/proc/self/fd/2")

static const struct pseudo_node empty[] = {{.name = NULL}};
static const struct pseudo_node nodes[] = {
    {.name = "null", .mode = S_IFCHR | 0666, .device = VFS_MAKEDEV(1, 3), .open = open_null},
    {.name = "zero", .mode = S_IFCHR | 0666, .device = VFS_MAKEDEV(1, 5), .open = open_zero},
    {.name = "full", .mode = S_IFCHR | 0666, .device = VFS_MAKEDEV(1, 7), .open = open_full},
    {.name = "random", .mode = S_IFCHR | 0666, .device = VFS_MAKEDEV(1, 8), .open = open_random},
    {.name = "urandom", .mode = S_IFCHR | 0666, .device = VFS_MAKEDEV(1, 9), .open = open_random},
    {.name = "tty", .mode = S_IFCHR | 0666, .device = VFS_MAKEDEV(5, 0), .open = open_tty},
    {.name = "console", .mode = S_IFCHR | 0620, .device = VFS_MAKEDEV(5, 1), .open = open_console},
    {.name = "fd", .mode = S_IFLNK | 0777, .target = link_fd},
    {.name = "stdin", .mode = S_IFLNK | 0777, .target = link_stdin},
    {.name = "stdout", .mode = S_IFLNK | 0777, .target = link_stdout},
    {.name = "stderr", .mode = S_IFLNK | 0777, .target = link_stderr},
    {.name = "shm", .mode = S_IFDIR | 01777, .children = empty},
    {.name = "mqueue", .mode = S_IFDIR | 01777, .children = empty},
    {.name = "ptmx", .mode = S_IFCHR | 0666, .device = VFS_MAKEDEV(5, 2), .open = open_ptmx},
    {.name = "pts", .mode = S_IFDIR | 0755, .children = empty, .find = find_pts, .next = next_pts, .each = &pts},
    {.name = NULL},
};
static const struct pseudo_node root = {.name = "dev", .mode = S_IFDIR | 0755, .children = nodes};

/* Nodes that mknod made on other file systems: as the row of that number. */
static int open_device(bool is_block, uint64_t device, struct file *file)
{
    for (const struct pseudo_node *node = nodes; node->name && !is_block; node++)
        if (node->open && node->device == device)
            return node->open(NULL, file);
    return -ENXIO;
}

int devfs_create(struct file_system **out)
{
    vfs_set_device_hook(open_device);
    return pseudo_fs_create("devtmpfs", DEVFS_MAGIC, &root, out);
}

static int open_or_make(const char *path, const struct file_ops *ops, struct file **out)
{
    if (!vfs_open(&vfs_kernel, NULL, path, O_RDWR | O_NOCTTY, 0, 0, out))
        return 0;
    struct file *file = file_create(ops, O_RDWR, NULL); /* a root without /dev */
    if (!file)
        return -ENOMEM;
    *out = file;
    return 0;
}

int console_open_output(struct file **out)
{
    return open_or_make("/dev/console", &tty_file_ops, out);
}

static struct input_pipe *input_pipe; /* NULL: none */

/* A console that does not exist is at its end. */
static int open_input_pipe(struct file **out)
{
    struct console_device *device = console_device_default();
    return device ? input_pipe_create(device, &input_pipe, out) : open_or_make("/dev/null", &null_file_ops, out);
}

int console_open_input(enum console_input input, struct file **out)
{
    if (input == CONSOLE_INPUT_PIPE)
        return open_input_pipe(out);
    return input == CONSOLE_INPUT_NONE ? open_or_make("/dev/null", &null_file_ops, out) : console_open_output(out);
}

void console_input_end(uint64_t total_bytes)
{
    if (input_pipe)
        input_pipe_end(input_pipe, total_bytes);
}
