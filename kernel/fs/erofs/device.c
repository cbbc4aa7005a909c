/* Reading from the block device: straight into the pages, one request for as many as the device takes at once. */
#include <common/checked.h>
#include "instance.h"

#define SECTORS_PER_BLOCK (EROFS_BLOCK_SIZE / 512)

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
        int err = block_transfer_segments(erofs->device, BLOCK_READ, block * SECTORS_PER_BLOCK, segments, segment_count);
        if (err)
            return err;
        block += n;
        pages += n;
        count -= n;
    }
    return 0;
}
