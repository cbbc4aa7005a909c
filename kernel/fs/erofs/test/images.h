/* The images of make-images.sh, and a block device over a copy that a test may damage. */
#pragma once
#include <device/block.h>
#include <vfs/inode.h>

#define IMAGE_MAX (64u * 1024)
struct fake_disk {
    struct block_device device;
    uint8_t bytes[IMAGE_MAX];
    unsigned requests, segments_seen;
    unsigned fail_nth; /* the nth request from now on fails, once; 0: none */
};
enum image { IMAGE_FLAT, IMAGE_CHUNKED };
void fake_disk_init(struct fake_disk *disk, enum image which);
/* Opens it as a file system; drops it. */
int open_image(struct fake_disk *disk, struct file_system **out);
void close_image(struct file_system *fs);
/* By path from the root ("/dir/link"), referenced. */
int find_path(struct file_system *fs, const char *path, struct inode **out);
ssize_t read_inode(struct inode *inode, void *to, size_t n, uint64_t offset);
