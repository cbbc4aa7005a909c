/* The root file system and what stands on it at boot. */
#include <base/errno.h>
#include <base/log.h>
#include <base/string.h>
#include <contract/config.h>
#include <contract/exit.h>
#include <device/block.h>
#include <device/fw_cfg.h>
#include <devfs/devfs.h>
#include <erofs/erofs.h>
#include <file/file.h>
#include <mm/alloc.h>
#include <overlay/overlay.h>
#include <proc/proc.h>
#include <process/machine.h>
#include <sysfs/sysfs.h>
#include <tmpfs/tmpfs.h>
#include <vfs/vfs.h>
#include "machine_end.h"
#include "root.h"

static void mount(const char *path, struct file_system *fs, int err, const char *source)
{
    if (!err)
        err = vfs_mount(path, fs, source);
    if (err)
        machine_fail(SKIFF_EXIT_FAILED, "mounting %s failed (error %d); the image needs that directory, or the machine more memory",
                     path, -err);
}

/* "/dev/vda", "vda" or nothing: the first disk. */
static struct block_device *find_root_device(const char *name)
{
    if (!name)
        return block_device_first();
    return block_device_find(strncmp(name, "/dev/", 5) ? name : name + 5);
}

static const char *explain_root_error(int err)
{
    switch (err) {
    case -EINVAL:
        return "it holds no EROFS file system: is it an image made by skiff build?";
    case -EUCLEAN:
        return "its file system is damaged: build the image again";
    case -EOPNOTSUPP:
        return "its file system uses features that this kernel lacks: build the image with skiff build";
    case -EIO:
        return "the disk returned an error: is the image file complete?";
    default:
        return "memory ran out: give the machine more (skiff run -m)";
    }
}

static void mount_root(const struct settings *settings)
{
    struct file_system *lower, *fs;
    struct block_device *device = find_root_device(settings->root);
    if (!device)
        machine_fail(SKIFF_EXIT_FAILED, "the root disk %s is not there: QEMU was started without a virtio disk",
                     settings->root ? settings->root : "vda");
    int err = erofs_open(device, &lower);
    if (err)
        machine_fail(SKIFF_EXIT_FAILED, "the disk %s cannot be the root: %s", device->name, explain_root_error(err));
    if (settings->read_only_root) {
        mount("/", lower, 0, device->name);
        return;
    }
    err = overlay_create(lower, 0, &fs);
    mount("/", fs, err, "overlay");
}

void root_mount(const struct settings *settings, const char *command_line)
{
    struct file_system *fs;
    mount_root(settings);
    int err = proc_create(command_line, &fs);
    mount("/proc", fs, err, "proc");
    err = sysfs_create(&fs);
    mount("/sys", fs, err, "sysfs");
    err = devfs_create(&fs);
    mount("/dev", fs, err, "devtmpfs");
    err = tmpfs_create(0, &fs);
    mount("/dev/shm", fs, err, "tmpfs");
}

static char *read_image_config(size_t *len)
{
    struct file *file;
    int err = vfs_open_path(&vfs_kernel, NULL, SKIFF_CONFIG_PATH, LOOKUP_FOLLOW, false, &file);
    if (err == -ENOENT)
        return NULL;
    char *bytes = err ? NULL : kmalloc(SKIFF_CONFIG_MAX + 1, ALLOC_WAIT);
    ssize_t n = bytes ? vfs_read_kernel(file, bytes, SKIFF_CONFIG_MAX, 0) : err ? err : -ENOMEM;
    if (n < 0)
        machine_fail(SKIFF_EXIT_FAILED, "the image's configuration %s cannot be read (error %zd)", SKIFF_CONFIG_PATH, -n);
    file_put(file);
    *len = (size_t)n;
    char *fitting = krealloc(bytes, (size_t)n + 1, ALLOC_WAIT);
    return fitting ? fitting : bytes;
}

static void add_records(struct settings *settings, const char *bytes, size_t len, const char *source)
{
    const char *what;
    int err = settings_add_records(settings, bytes, len, &what);
    if (err)
        machine_fail(SKIFF_EXIT_FAILED, "the configuration from %s has %s at \"%.40s\"", source,
                     err == -E2BIG ? "too many values" : "an unknown or malformed setting", what ? what : "");
}

void root_read_settings(struct settings *settings)
{
    size_t len = 0;
    char *bytes = read_image_config(&len);
    if (bytes)
        add_records(settings, bytes, len, "the image");
    if (!fw_cfg_read_file(SKIFF_CONFIG_FW_CFG, &bytes, &len))
        add_records(settings, bytes, len, "the host (fw_cfg)");
}

static void write_file(const char *path, const char *text)
{
    struct file *file;
    struct io_vector io;
    struct io_segment segment;
    if (vfs_open(&vfs_kernel, NULL, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, 0, &file)) {
        log_info("%s could not be written", path);
        return;
    }
    io_vector_kernel(&io, &segment, text, strlen(text));
    file_write(file, &io, -1);
    file_put(file);
}

void root_write_hostname(const char *name)
{
    char text[256];
    snprintf(text, sizeof text, "%s\n", name);
    write_file("/etc/hostname", text);
    snprintf(text, sizeof text,
             "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 %s\n", name);
    write_file("/etc/hosts", text);
}
