/* /proc/PID/fd and fdinfo, mounts and mountinfo, limits, and the process's memory as a file. */
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "tables.h"

#define LL(value) ((unsigned long long)(value))

/* The descriptor table of the key's process, referenced; NULL: gone. */
static struct descriptor_table *get_table(const struct pseudo_key *key)
{
    struct process *process = process_find((uint32_t)key->id[0]);
    if (!process)
        return NULL;
    spin_lock(&process->lock);
    struct descriptor_table *table = process->descriptors;
    if (table)
        descriptor_table_get(table);
    spin_unlock(&process->lock);
    process_put(process);
    return table;
}

static struct file *get_file(const struct pseudo_key *key, uint64_t fd)
{
    struct descriptor_table *table = get_table(key);
    if (!table)
        return NULL;
    struct file *file = descriptor_file(table, (int)fd);
    descriptor_table_put(table);
    return file;
}

int proc_find_fd(const struct pseudo_key *key, const char *name, size_t len, uint64_t *id)
{
    if (!proc_parse_number(name, len, id))
        return -ENOENT;
    struct file *file = get_file(key, *id);
    if (!file)
        return -ENOENT;
    file_put(file);
    return 0;
}

int proc_next_fd(const struct pseudo_key *key, uint64_t *id, char name[32])
{
    struct descriptor_table *table = *id > INT32_MAX ? NULL : get_table(key);
    if (!table)
        return -ENOENT;
    int fd = descriptor_next(table, (int)*id);
    descriptor_table_put(table);
    if (fd < 0)
        return -ENOENT;
    *id = (uint64_t)fd;
    snprintf(name, 32, "%d", fd);
    return 0;
}

int proc_follow_fd(const struct pseudo_key *key, struct dentry **dentry, struct file **file)
{
    struct file *open = get_file(key, key->id[1]);
    if (!open)
        return -ENOENT;
    struct dentry *named = file_dentry(open);
    if (named) {
        dentry_get(named);
        *dentry = named;
        file_put(open);
    } else {
        *file = open;
    }
    return 0;
}

int proc_target_fd(const struct pseudo_key *key, struct text *out)
{
    struct file *file = get_file(key, key->id[1]);
    if (!file)
        return -ENOENT;
    char *path = kmalloc(PAGE_SIZE, ALLOC_WAIT);
    if (path) {
        vfs_file_path(file, path, PAGE_SIZE);
        text_printf(out, "%s", path);
    }
    file_put(file);
    kfree(path);
    return path ? 0 : -ENOMEM;
}

int proc_show_fdinfo(const struct pseudo_key *key, struct text *out)
{
    struct file *file = get_file(key, key->id[1]);
    if (!file)
        return -ENOENT;
    text_printf(out, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t1\n", (long long)load_relaxed(&file->offset),
                load_relaxed(&file->flags));
    file_put(file);
    return 0;
}

static int for_each_mount(struct text *out, void (*print)(struct text *, const struct vfs_mount_info *))
{
    struct vfs_mount_info *info = kmalloc(sizeof *info, ALLOC_WAIT);
    if (!info)
        return -ENOMEM;
    for (unsigned n = 0; !vfs_mount_info(n, info); n++)
        print(out, info);
    kfree(info);
    return 0;
}

static void print_mount(struct text *out, const struct vfs_mount_info *info)
{
    text_printf(out, "%s %s %s %s 0 0\n", info->source, info->path, info->type, info->options);
}

static void print_mountinfo(struct text *out, const struct vfs_mount_info *info)
{
    unsigned major = (unsigned)(info->device >> 8 & 0xfff), minor = (unsigned)(info->device & 0xff);
    text_printf(out, "%u %u %u:%u / %s %s - %s %s %s\n", info->id, info->parent_id, major, minor, info->path, info->options,
                info->type, info->source, info->options);
}

int proc_show_mounts(const struct pseudo_key *key, struct text *out)
{
    return for_each_mount(out, print_mount);
}

int proc_show_mountinfo(const struct pseudo_key *key, struct text *out)
{
    return for_each_mount(out, print_mountinfo);
}

static void print_limit(struct text *out, uint64_t value)
{
    char number[24];
    snprintf(number, sizeof number, "%llu", LL(value));
    text_printf(out, "%-20s ", value == UINT64_MAX ? "unlimited" : number);
}

int proc_show_limits(const struct pseudo_key *key, struct text *out)
{
    /* In the order of Linux's RLIMIT_ numbers; its own output has the same. */
    static const char *const names[LIMIT_COUNT][2] = {
        {"Max cpu time", "seconds"},     {"Max file size", "bytes"},         {"Max data size", "bytes"},
        {"Max stack size", "bytes"},     {"Max core file size", "bytes"},    {"Max resident set", "bytes"},
        {"Max processes", "processes"},  {"Max open files", "files"},        {"Max locked memory", "bytes"},
        {"Max address space", "bytes"},  {"Max file locks", "locks"},        {"Max pending signals", "signals"},
        {"Max msgqueue size", "bytes"},  {"Max nice priority", ""},          {"Max realtime priority", ""},
        {"Max realtime timeout", "us"},
    };
    struct process *process;
    int err = proc_get_process(key, &process);
    if (err)
        return err;
    text_printf(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned i = 0; i < LIMIT_COUNT; i++) {
        text_printf(out, "%-25s ", names[i][0]);
        print_limit(out, process->limits[i].soft);
        print_limit(out, process->limits[i].hard);
        text_printf(out, "%-10s\n", names[i][1]);
    }
    process_put(process);
    return 0;
}

/* ---- /proc/PID/mem: the offset is the address ---- */

static ssize_t mem_transfer(struct file *file, struct io_vector *io, int64_t *offset, bool is_write)
{
    size_t size = MIN(io->left, PAGE_SIZE);
    if (!size)
        return 0;
    char *bytes = kmalloc(size, ALLOC_WAIT);
    if (!bytes)
        return -ENOMEM;
    size_t n = is_write ? io_copy_from(io, bytes, size) : size;
    ssize_t done = n ? address_space_access(file->data, (uintptr_t)*offset, bytes, n, is_write) : -EFAULT;
    if (done == -EFAULT && n)
        done = -EIO;
    if (done > 0 && !is_write)
        done = (ssize_t)io_copy_to(io, bytes, (size_t)done);
    if (done > 0)
        *offset += done;
    kfree(bytes);
    return done;
}

static ssize_t mem_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    return mem_transfer(file, to, offset, false);
}

static ssize_t mem_write(struct file *file, struct io_vector *from, int64_t *offset)
{
    return mem_transfer(file, from, offset, true);
}

static int64_t mem_seek(struct file *file, int64_t offset, int whence)
{
    if (whence == 1)
        offset += file->offset;
    else if (whence != 0)
        return -EINVAL;
    return file->offset = offset;
}

static void mem_release(struct file *file)
{
    address_space_put(file->data);
}

static const struct file_ops mem_file_ops = {
    .read = mem_read,
    .write = mem_write,
    .seek = mem_seek,
    .release = mem_release,
    .name = "mem",
};

int proc_open_mem(const struct pseudo_key *key, struct file *file)
{
    struct process *process;
    int err = proc_get_process(key, &process);
    if (err)
        return err;
    struct address_space *space = proc_get_space(process);
    process_put(process);
    if (!space)
        return -ESRCH;
    file->ops = &mem_file_ops;
    file->data = space;
    return 0;
}
