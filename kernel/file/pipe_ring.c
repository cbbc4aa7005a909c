/* The ring of a pipe: appending, merging into the last page, dropping from the front; pages are kept for the next
 * write. */
#include <base/string.h>
#include <common/checked.h>
#include "pipe_ring.h"

struct pipe *pipe_alloc(void)
{
    struct pipe *pipe = kzalloc(sizeof *pipe, ALLOC_WAIT);
    if (!pipe)
        return NULL;
    pipe->ring = kmalloc_array(PIPE_SLOTS_DEFAULT, sizeof *pipe->ring, ALLOC_WAIT);
    if (!pipe->ring) {
        kfree(pipe);
        return NULL;
    }
    refcount_init(&pipe->refs, 1);
    mutex_init(&pipe->mutex);
    pipe->slots = PIPE_SLOTS_DEFAULT;
    wait_queue_init(&pipe->read_queue);
    wait_queue_init(&pipe->write_queue);
    pipe->number = file_unique_number();
    return pipe;
}

void pipe_put(struct pipe *pipe)
{
    if (!refcount_put(&pipe->refs))
        return;
    while (pipe->used)
        pipe_drop(pipe, pipe_first(pipe)->len);
    for (unsigned i = 0; i < PIPE_SPARE_PAGES; i++)
        if (pipe->spare[i])
            page_put(pipe->spare[i]);
    kfree(pipe->ring);
    kfree(pipe);
}

bool pipe_can_read(void *argument)
{
    struct pipe *pipe = argument;
    return load_relaxed(&pipe->used) || !load_relaxed(&pipe->writers);
}

bool pipe_has_room(const struct pipe *pipe, size_t n)
{
    return load_relaxed(&pipe->used) < load_relaxed(&pipe->slots) ||
           (n <= load_relaxed(&pipe->tail_room) && load_relaxed(&pipe->used)) || !load_relaxed(&pipe->readers);
}

struct pipe_buffer *pipe_first(struct pipe *pipe)
{
    return &pipe->ring[pipe->head];
}

struct pipe_buffer *pipe_last(struct pipe *pipe)
{
    return &pipe->ring[(pipe->head + pipe->used - 1) % pipe->slots];
}

void pipe_give_back_page(struct pipe *pipe, struct page *page)
{
    for (unsigned i = 0; i < PIPE_SPARE_PAGES; i++) {
        if (!pipe->spare[i]) {
            pipe->spare[i] = page;
            return;
        }
    }
    page_put(page);
}

struct page *pipe_take_page(struct pipe *pipe)
{
    for (unsigned i = 0; i < PIPE_SPARE_PAGES; i++) {
        struct page *page = pipe->spare[i];
        pipe->spare[i] = NULL;
        if (page)
            return page;
    }
    return page_alloc(0, ALLOC_WAIT);
}

void pipe_drop(struct pipe *pipe, uint32_t n)
{
    struct pipe_buffer *first = pipe_first(pipe);
    first->offset += n;
    first->len -= n;
    if (first->len)
        return;
    pipe_give_back_page(pipe, first->page);
    store_relaxed(&pipe->head, (pipe->head + 1) % pipe->slots);
    store_relaxed(&pipe->used, pipe->used - 1);
}

static ssize_t merge(struct pipe *pipe, struct io_vector *from, size_t n)
{
    struct pipe_buffer *last = pipe_last(pipe);
    size_t got = io_copy_from(from, (char *)page_address(last->page) + last->offset + last->len, n);
    last->len += (uint32_t)got;
    store_relaxed(&pipe->tail_room, pipe->tail_room - (uint32_t)got);
    return got ? (ssize_t)got : -EFAULT;
}

void pipe_append_page(struct pipe *pipe, struct page *page, uint32_t len)
{
    store_relaxed(&pipe->used, pipe->used + 1);
    *pipe_last(pipe) = (struct pipe_buffer){.page = page, .len = len};
    store_relaxed(&pipe->tail_room, (uint32_t)PAGE_SIZE - len);
}

ssize_t pipe_append(struct pipe *pipe, struct io_vector *from)
{
    /* What fits on one page is never split, so that it goes in whole or not at all. */
    size_t n = MIN(from->left, PAGE_SIZE);
    if (pipe->used && n <= pipe->tail_room)
        return merge(pipe, from, n);
    if (pipe->used == pipe->slots)
        return 0;
    struct page *page = pipe_take_page(pipe);
    if (!page)
        return -ENOMEM;
    size_t got = io_copy_from(from, page_address(page), n);
    if (!got) {
        pipe_give_back_page(pipe, page);
        return -EFAULT;
    }
    pipe_append_page(pipe, page, (uint32_t)got);
    return (ssize_t)got;
}

int pipe_resize(struct pipe *pipe, uint32_t slots)
{
    if (slots < pipe->used)
        return -EBUSY;
    struct pipe_buffer *ring = kmalloc_array(slots, sizeof *ring, ALLOC_WAIT);
    if (!ring)
        return -ENOMEM;
    for (uint32_t i = 0; i < pipe->used; i++)
        ring[i] = pipe->ring[(pipe->head + i) % pipe->slots];
    kfree(pipe->ring);
    pipe->ring = ring;
    store_relaxed(&pipe->head, 0u);
    store_relaxed(&pipe->slots, slots);
    return 0;
}
