/* Block devices: drivers register them, file systems read and write them by 512-byte sectors. */
#pragma once
#include <common/list.h>
#include <mm/page.h>

enum block_operation { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH };
struct block_segment {
    void *address; /* direct-mapped kernel memory */
    uint32_t len;  /* multiple of 512 */
};
struct block_request {
    enum block_operation operation;
    uint64_t sector;
    struct block_segment *segments;
    unsigned segment_count; /* at most device->segment_max */
    /* Called once, in work or thread context, when done: 0, -EIO, -ENOSPC, -EROFS. The request is the owner's again. */
    void (*done)(struct block_request *request, int err);
    void *owner;
    struct list link; /* the driver's while it is under way */
};
struct block_device;
struct block_device_ops {
    /* Takes the request; `done` is called in every case, maybe before submit returns. Any context that may take locks. */
    void (*submit)(struct block_device *device, struct block_request *request);
};
struct block_device {
    const struct block_device_ops *ops;
    char name[16]; /* "vda" … as Linux names them */
    uint64_t sector_count;
    unsigned segment_max;
    bool is_read_only;
    struct list link;
};
void block_device_register(struct block_device *device); /* gives it the next name */
struct block_device *block_device_find(const char *name); /* NULL */
struct block_device *block_device_first(void);
struct block_device *block_device_next(struct block_device *device);
/* Submits and sleeps until it is done: 0 or what block_request.done gets. count: at most device->segment_max. */
int block_transfer_segments(struct block_device *device, enum block_operation operation, uint64_t sector,
                            struct block_segment *segments, unsigned count);
/* The same with one piece of memory; -EINVAL: len is not a multiple of 512. */
int block_transfer(struct block_device *device, enum block_operation operation, uint64_t sector, void *buffer, size_t len);
