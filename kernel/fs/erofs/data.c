/*
 * Contents: where a file's blocks stand, and bytes of metadata. Two kinds of mapping: one over the whole image, for
 * metadata (inodes, tails, chunk tables, xattrs), and one an inode for its contents.
 */
#include <base/string.h>
#include <common/checked.h>
#include "instance.h"

#define TAIL_BLOCK (EROFS_NO_BLOCK - 1) /* the contents stand behind the inode */

int erofs_read_bytes(struct erofs *erofs, uint64_t offset, void *to, size_t n)
{
    uint64_t size = erofs->meta.size;
    if (offset > size || n > size - offset)
        return -EUCLEAN;
    for (size_t done = 0; done < n;) {
        struct page *page;
        int err = mapping_get_page(&erofs->meta, (offset + done) / PAGE_SIZE, false, &page);
        if (err)
            return err;
        size_t at = (offset + done) % PAGE_SIZE, part = MIN(PAGE_SIZE - at, n - done);
        memcpy((char *)to + done, (const char *)page_address(page) + at, part);
        page_put(page);
        done += part;
    }
    return 0;
}

static int meta_read_pages(struct mapping *mapping, uint64_t index, struct page **pages, unsigned count)
{
    return erofs_read_blocks(mapping->owner, index, pages, count);
}

const struct mapping_ops erofs_meta_ops = {.read_pages =
                                               meta_read_pages}; /* never mapped by programs: no get and put */

static int map_chunk(struct erofs *erofs, const struct erofs_node *node, uint64_t index, uint64_t *block, uint64_t *run)
{
    uint64_t chunk_blocks = UINT64_C(1) << node->chunk_blocks_shift, chunk = index >> node->chunk_blocks_shift;
    uint64_t first = chunk << node->chunk_blocks_shift, used = MIN(chunk_blocks, node->whole_blocks - first);
    uint8_t entry[8];
    int err = erofs_read_bytes(erofs, node->table_offset + chunk * node->entry_size, entry, node->entry_size);
    if (!err)
        err = erofs_parse_chunk(&erofs->super, node, entry, used, block);
    if (err)
        return err;
    if (*block != EROFS_NO_BLOCK)
        *block += index - first;
    *run = used - (index - first);
    return 0;
}

/* The device block of block `index` of the contents (or EROFS_NO_BLOCK, TAIL_BLOCK), and how many follow on disk. */
static int map_block(struct erofs *erofs, const struct erofs_node *node, uint64_t index, uint64_t *block, uint64_t *run)
{
    if (index >= node->whole_blocks) {
        *block = node->tail_size ? TAIL_BLOCK : EROFS_NO_BLOCK;
        *run = 1;
        return 0;
    }
    if (node->layout == EROFS_CHUNKED)
        return map_chunk(erofs, node, index, block, run);
    *block = node->data_block + index;
    *run = node->whole_blocks - index;
    return 0;
}

static int read_run(struct erofs *erofs, const struct erofs_node *node, uint64_t block, struct page **pages,
                    unsigned count)
{
    if (block != EROFS_NO_BLOCK && block != TAIL_BLOCK)
        return erofs_read_blocks(erofs, block, pages, count);
    for (unsigned i = 0; i < count; i++)
        memset(page_address(pages[i]), 0, PAGE_SIZE);
    return block == TAIL_BLOCK ? erofs_read_bytes(erofs, node->tail_offset, page_address(pages[0]), node->tail_size)
                               : 0;
}

/* The image may hold anything behind the end of a file. */
static void zero_behind_end(const struct erofs_node *node, uint64_t index, struct page *page)
{
    uint64_t start = index * PAGE_SIZE;
    size_t used = node->size > start ? MIN(PAGE_SIZE, node->size - start) : 0;
    memset((char *)page_address(page) + used, 0, PAGE_SIZE - used);
}

static int data_read_pages(struct mapping *mapping, uint64_t index, struct page **pages, unsigned count)
{
    struct erofs_inode *self = container_of(mapping, struct erofs_inode, mapping);
    struct erofs *erofs = erofs_of(self->inode.fs);
    uint64_t last = index + count - 1;
    struct page *last_page = pages[count - 1];
    while (count) {
        uint64_t block, run;
        int err = map_block(erofs, &self->node, index, &block, &run);
        if (err)
            return err;
        unsigned n = (unsigned)MIN(run, count);
        err = read_run(erofs, &self->node, block, pages, n);
        if (err)
            return err;
        index += n;
        pages += n;
        count -= n;
    }
    zero_behind_end(&self->node, last, last_page);
    return 0;
}

static void data_get(struct mapping *mapping)
{
    inode_get(mapping->owner);
}

static void data_put(struct mapping *mapping)
{
    inode_put(mapping->owner);
}

static void data_describe(struct mapping *mapping, char *path, size_t size, uint64_t *device, uint64_t *number)
{
    const struct inode *inode = mapping->owner;
    *device = inode->fs->device;
    *number = inode->number;
}

const struct mapping_ops erofs_data_ops = {
    .read_pages = data_read_pages, .get = data_get, .put = data_put, .describe = data_describe};

int erofs_view_block(struct erofs_inode *self, uint64_t index, struct erofs_view *out)
{
    const struct erofs_node *node = &self->node;
    uint64_t start = index * EROFS_BLOCK_SIZE;
    if (start >= node->size)
        return -EUCLEAN;
    /* A tail is looked at where it stands, without a page of its own: most directories are one. */
    bool is_tail = node->tail_size && index == node->whole_blocks;
    struct mapping *mapping = is_tail ? &erofs_of(self->inode.fs)->meta : &self->mapping;
    int err = mapping_get_page(mapping, is_tail ? node->tail_offset / PAGE_SIZE : index, false, &out->page);
    if (err)
        return err;
    out->bytes = (const uint8_t *)page_address(out->page) + (is_tail ? node->tail_offset % PAGE_SIZE : 0);
    out->len = (size_t)MIN(EROFS_BLOCK_SIZE, node->size - start);
    return 0;
}

void erofs_view_put(struct erofs_view *view)
{
    page_put(view->page);
}
