/* Reading from the block device: straight into the pages, one request for as many as the device takes at once. */
#include <common/checked.h>
#include <sched/wait.h>
#include "instance.h"

#define SECTORS_PER_BLOCK (EROFS_BLOCK_SIZE / 512)

struct transfer {
    struct wait_queue queue;
    int err;
    uint32_t is_done; /* released by the completion, acquired by the sleeper */
    uint32_t is_left; /* the completion no longer touches this struct, which is on the sleeper's stack */
};

static void transfer_done(struct block_request *request, int err)
{
    struct transfer *transfer = request->owner;
    transfer->err = err;
    store_release(&transfer->is_done, 1u);
    wake_up_all(&transfer->queue, 0);
    store_release(&transfer->is_left, 1u);
}

static int read_segments(struct erofs *erofs, uint64_t block, struct block_segment *segments, unsigned count)
{
    struct transfer transfer = {.err = 0};
    wait_queue_init(&transfer.queue);
    struct block_request request = {
        .operation = BLOCK_READ,
        .sector = block * SECTORS_PER_BLOCK,
        .segments = segments,
        .segment_count = count,
        .done = transfer_done,
        .owner = &transfer,
    };
    erofs->device->ops->submit(erofs->device, &request);
    wait_event(&transfer.queue, load_acquire(&transfer.is_done), WAIT_UNINTERRUPTIBLE, UINT64_MAX);
    while (!load_acquire(&transfer.is_left))
        arch_cpu_relax();
    return transfer.err;
}

/* Segments for the pages, neighbours in memory joined; how many pages they hold. */
static unsigned fill_segments(struct page **pages, unsigned count, struct block_segment *segments, unsigned segment_max,
                              unsigned *segment_count)
{
    unsigned used = 0, i = 0;
    for (; i < count; i++) {
        char *address = page_address(pages[i]);
        if (used && (char *)segments[used - 1].address + segments[used - 1].len == address) {
            segments[used - 1].len += PAGE_SIZE;
        } else if (used < segment_max) {
            segments[used++] = (struct block_segment){.address = address, .len = PAGE_SIZE};
        } else {
            break;
        }
    }
    *segment_count = used;
    return i;
}

int erofs_read_blocks(struct erofs *erofs, uint64_t block, struct page **pages, unsigned count)
{
    struct block_segment segments[MAPPING_READ_MAX];
    unsigned segment_max = MIN(MAX(erofs->device->segment_max, 1u), MAPPING_READ_MAX);
    while (count) {
        unsigned segment_count, n = fill_segments(pages, count, segments, segment_max, &segment_count);
        int err = read_segments(erofs, block, segments, segment_count);
        if (err)
            return err;
        block += n;
        pages += n;
        count -= n;
    }
    return 0;
}
