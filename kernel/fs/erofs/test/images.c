/* See images.h. */
#include "images.h"
#include <arch/cpu.h>
#include <erofs/erofs.h>
#include <fakes/sched.h>
#include <pagecache/mapping.h>
#include <string.h>
#include <vfs/vfs.h>

#define IMAGE(name)                                                                                                    \
    __asm__(".pushsection .rodata\n"                                                                                   \
            ".global image_" #name ", image_" #name "_end\n"                                                           \
            "image_" #name ": .incbin \"kernel/fs/erofs/test/" #name ".img\"\n"                                        \
            "image_" #name "_end: .byte 0\n"                                                                           \
            ".popsection");                                                                                            \
    extern const uint8_t image_##name[], image_##name##_end[]
IMAGE(flat);
IMAGE(chunked);

/* For the entropy pool beside the block registry in kernel/device. */
void arch_random_seed(void *to, size_t n)
{
    memset(to, 4, n);
}

static void submit(struct block_device *device, struct block_request *request)
{
    struct fake_disk *disk = container_of(device, struct fake_disk, device);
    uint64_t at = request->sector * 512;
    int err = 0;
    disk->requests++;
    disk->segments_seen += request->segment_count;
    if (disk->fail_nth && !--disk->fail_nth)
        err = -EIO;
    for (unsigned i = 0; i < request->segment_count && !err; i++) {
        const struct block_segment *segment = &request->segments[i];
        if (at + segment->len > device->sector_count * 512)
            err = -EIO;
        else
            memcpy(segment->address, disk->bytes + at, segment->len);
        at += segment->len;
    }
    request->done(request, err);
}

static const struct block_device_ops disk_ops = {.submit = submit};

void fake_disk_init(struct fake_disk *disk, enum image which)
{
    static bool is_ready;
    if (!is_ready) {
        pagecache_init();
        vfs_init();
    }
    is_ready = true;
    fake_sched_reset();
    const uint8_t *start = which == IMAGE_FLAT ? image_flat : image_chunked;
    size_t size = (size_t)((which == IMAGE_FLAT ? image_flat_end : image_chunked_end) - start);
    memset(disk, 0, sizeof *disk);
    memcpy(disk->bytes, start, size);
    disk->device.ops = &disk_ops;
    disk->device.segment_max = 4;
    disk->device.sector_count = size / 512;
}

int open_image(struct fake_disk *disk, struct file_system **out)
{
    return erofs_open(&disk->device, out);
}

/* As unmounting does. */
void close_image(struct file_system *fs)
{
    fs->is_unmounted = true;
    inode_put(fs->root);
}

int find_path(struct file_system *fs, const char *path, struct inode **out)
{
    struct inode *at = fs->root;
    inode_get(at);
    while (*path == '/') {
        size_t len = strcspn(++path, "/");
        struct inode *next;
        int err = at->ops->lookup ? at->ops->lookup(at, path, len, &next) : -ENOTDIR;
        inode_put(at);
        if (err)
            return err;
        at = next;
        path += len;
    }
    *out = at;
    return 0;
}

ssize_t read_inode(struct inode *inode, void *to, size_t n, uint64_t offset)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, to, n);
    return mapping_read(inode->mapping, &io, offset);
}
