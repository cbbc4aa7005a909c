/* See fake_file.h. */
#include "fake_file.h"
#include <arch/cpu.h>
#include <fakes/sched.h>
#include <fakes/vm_object.h>
#include <string.h>

uint8_t fake_file_byte(uint64_t offset)
{
    return (uint8_t)(offset * 7 + (offset >> 12) * 31 + 1);
}

static struct fake_file *file_of(struct mapping *mapping)
{
    return container_of(mapping, struct fake_file, mapping);
}

static int read_pages(struct mapping *mapping, uint64_t index, struct page **pages, unsigned count)
{
    struct fake_file *file = file_of(mapping);
    file->reads++;
    file->pages_read += count;
    if (count > file->largest_read)
        file->largest_read = count;
    if (file->read_takes_ns)
        sleep_until(clock_monotonic_ns() + file->read_takes_ns, WAIT_UNINTERRUPTIBLE);
    if (file->fail_nth && !--file->fail_nth)
        return -EIO;
    for (unsigned i = 0; i < count; i++) {
        if (index + i == file->bad_index)
            return -EIO;
        uint8_t *bytes = page_address(pages[i]);
        for (uint64_t at = 0; at < PAGE_SIZE; at++) {
            uint64_t offset = (index + i) * PAGE_SIZE + at;
            bytes[at] = offset < mapping->size ? fake_file_byte(offset) : 0;
        }
    }
    return 0;
}

static int charge(struct mapping *mapping, int64_t n)
{
    struct fake_file *file = file_of(mapping);
    if (n > 0 && file->charged + n > file->charge_limit)
        return -ENOSPC;
    file->charged += n;
    return 0;
}

static void get(struct mapping *mapping)
{
    file_of(mapping)->references++;
}

static void put(struct mapping *mapping)
{
    file_of(mapping)->references--;
}

static const struct mapping_ops file_ops = {.read_pages = read_pages, .get = get, .put = put};
static const struct mapping_ops memory_ops = {.charge = charge, .get = get, .put = put};

void fake_file_init(struct fake_file *file, uint64_t size, bool is_memory)
{
    static bool is_ready;
    if (!is_ready)
        pagecache_init();
    is_ready = true;
    fake_sched_reset();
    *file = (struct fake_file){.bad_index = UINT64_MAX, .charge_limit = INT64_MAX};
    mapping_init(&file->mapping, is_memory ? &memory_ops : &file_ops, file, size, is_memory);
    fake_unmap = (struct fake_unmap){0};
}

ssize_t fake_read(struct fake_file *file, void *to, size_t n, uint64_t offset)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, to, n);
    return mapping_read(&file->mapping, &io, offset);
}

ssize_t fake_write(struct fake_file *file, const void *from, size_t n, uint64_t offset)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, from, n);
    return mapping_write(&file->mapping, &io, offset);
}
