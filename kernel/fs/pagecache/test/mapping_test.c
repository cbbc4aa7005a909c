/* Reading files, sharing a read, read-ahead, errors, reclaim. */
#include "fake_file.h"
#include <fakes/memory.h>
#include <fakes/sched.h>
#include <fakes/user.h>
#include <fakes/vm_object.h>
#include <sched/work.h>
#include <string.h>
#include <test/test.h>

static uint8_t buffer[1 << 20];

static bool is_pattern(uint64_t offset, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (buffer[i] != fake_file_byte(offset + i))
            return false;
    return true;
}

TEST(read_gives_the_files_bytes_and_ends_with_it)
{
    struct fake_file file;
    fake_file_init(&file, 10000, false);
    EXPECT_EQ(fake_read(&file, buffer, 100, 4090), 100);
    EXPECT(is_pattern(4090, 100));
    EXPECT_EQ(fake_read(&file, buffer, sizeof buffer, 0), 10000);
    EXPECT(is_pattern(0, 10000));
    EXPECT_EQ(fake_read(&file, buffer, 10, 10000), 0);
    EXPECT_EQ(fake_read(&file, buffer, 10, UINT64_MAX), 0);
    EXPECT_EQ(file.reads, 1); /* all three pages came with the first */
    mapping_destroy(&file.mapping);
}

static unsigned works;
static void count_work(struct work *work)
{
    works++;
}

TEST(a_long_read_lets_the_cpu_do_its_work)
{
    struct fake_file file;
    struct work work = WORK_INIT(count_work);
    fake_file_init(&file, sizeof buffer, false);
    EXPECT_EQ(fake_read(&file, buffer, sizeof buffer, 0), sizeof buffer);
    works = 0;
    work_raise(&work);
    EXPECT_EQ(fake_read(&file, buffer, sizeof buffer, 0), sizeof buffer); /* of the cache: it never sleeps */
    EXPECT_EQ(works, 1);
    mapping_destroy(&file.mapping);
}

TEST(sequential_reading_grows_the_window)
{
    struct fake_file file;
    fake_file_init(&file, 1024 * PAGE_SIZE, false);
    for (uint64_t offset = 0; offset < file.mapping.size; offset += 1000) {
        ssize_t n = fake_read(&file, buffer, 1000, offset);
        EXPECT(n > 0 && is_pattern(offset, (size_t)n));
    }
    EXPECT_EQ(file.pages_read, 1024);
    EXPECT_EQ(file.largest_read, MAPPING_READ_MAX);
    EXPECT(file.reads < 24);
    mapping_destroy(&file.mapping);
}

TEST(random_reading_keeps_the_window_small)
{
    struct fake_file file;
    fake_file_init(&file, 4096 * PAGE_SIZE, false);
    for (unsigned i = 0; i < 20; i++)
        fake_read(&file, buffer, 10, (4000 - 100 * i) * PAGE_SIZE);
    EXPECT_EQ(file.reads, 20);
    EXPECT_EQ(file.largest_read, 4);
    mapping_destroy(&file.mapping);
}

TEST(fault_reads_what_lies_around)
{
    struct fake_file file;
    fake_file_init(&file, 1000 * PAGE_SIZE, false);
    struct vm_object *object = &file.mapping.object;
    struct page *page, *other;
    REQUIRE(!object->ops->get_page(object, 100, false, &page));
    EXPECT_EQ(page->index, 100);
    EXPECT_EQ(file.reads, 1);
    EXPECT_EQ(file.pages_read, 32);
    other = object->ops->find_page(object, 96);
    REQUIRE(other);
    EXPECT_EQ(*(uint8_t *)page_address(other), fake_file_byte(96 * PAGE_SIZE));
    EXPECT(!object->ops->find_page(object, 95));
    EXPECT(!object->ops->find_page(object, 128));
    struct page *row[40];
    object->ops->find_pages(object, 91, row, 40);
    for (unsigned i = 0; i < 40; i++) {
        bool is_there = i >= 5 && i < 37;
        EXPECT_EQ(row[i] != NULL, is_there);
        if (row[i]) {
            EXPECT_EQ(row[i]->index, 91 + i);
            page_put(row[i]);
        }
    }
    page_put(page);
    page_put(other);
    EXPECT_EQ(object->ops->get_page(object, 1000, false, &page), -ENXIO);
    mapping_destroy(&file.mapping);
}

static struct fake_file shared;
static unsigned readers_done;

static void read_shared(void *argument)
{
    uint8_t byte;
    ssize_t n = fake_read(&shared, &byte, 1, 5 * PAGE_SIZE);
    if (argument)
        EXPECT_EQ(n, 1);
    if (n == 1)
        EXPECT_EQ(byte, fake_file_byte(5 * PAGE_SIZE));
    readers_done++;
}

static void start_readers(unsigned n, bool must_work)
{
    readers_done = 0;
    for (unsigned i = 0; i < n; i++) {
        struct thread *thread = thread_create("reader", read_shared, must_work ? &shared : NULL);
        thread_start(thread);
        thread_put(thread);
    }
    fake_run_threads();
    while (readers_done < n && fake_sched_step())
        ;
    EXPECT_EQ(readers_done, n);
}

TEST(readers_of_a_missing_page_share_one_read)
{
    fake_file_init(&shared, 100 * PAGE_SIZE, false);
    shared.read_takes_ns = 1000000;
    start_readers(5, true);
    EXPECT_EQ(shared.reads, 1);
    mapping_destroy(&shared.mapping);
}

TEST(waiters_read_themselves_when_the_reader_failed)
{
    fake_file_init(&shared, 6 * PAGE_SIZE, false);
    shared.read_takes_ns = 1000000;
    shared.fail_nth = 1;
    start_readers(3, false);
    EXPECT_EQ(shared.reads, 2);
    EXPECT_EQ(mapping_page_count(&shared.mapping), 1);
    mapping_destroy(&shared.mapping);
}

TEST(bad_page_does_not_spoil_its_neighbours)
{
    struct fake_file file;
    fake_file_init(&file, 64 * PAGE_SIZE, false);
    file.bad_index = 6;
    EXPECT_EQ(fake_read(&file, buffer, 64 * PAGE_SIZE, 0), 6 * PAGE_SIZE);
    EXPECT(is_pattern(0, 6 * PAGE_SIZE));
    EXPECT_EQ(fake_read(&file, buffer, 10, 6 * PAGE_SIZE), -EIO);
    EXPECT_EQ(fake_read(&file, buffer, 57 * PAGE_SIZE, 7 * PAGE_SIZE), 57 * PAGE_SIZE);
    EXPECT(is_pattern(7 * PAGE_SIZE, 57 * PAGE_SIZE));
    mapping_destroy(&file.mapping);
}

TEST(fault_in_program_memory_ends_a_read)
{
    struct fake_file file;
    fake_file_init(&file, 3 * PAGE_SIZE, false);
    struct io_segment segment;
    struct io_vector io;
    fake_user_set_fault(buffer + 5000, 1);
    io_vector_user(&io, &segment, fake_user(buffer), 3 * PAGE_SIZE);
    EXPECT_EQ(mapping_read(&file.mapping, &io, 0), 5000);
    io_vector_user(&io, &segment, fake_user(buffer + 5000), 10);
    EXPECT_EQ(mapping_read(&file.mapping, &io, 0), -EFAULT);
    fake_user_set_fault(NULL, 0);
    mapping_destroy(&file.mapping);
}

TEST(read_survives_each_failed_allocation)
{
    size_t pages = fake_memory_live_pages(), objects = fake_memory_live_objects();
    for (unsigned n = 1;; n++) {
        struct fake_file file;
        fake_file_init(&file, 40 * PAGE_SIZE, false);
        fake_memory_fail_nth(n);
        ssize_t done = fake_read(&file, buffer, 40 * PAGE_SIZE, 0);
        bool has_failed = fake_memory_failed();
        fake_memory_fail_nth(0);
        EXPECT(done == -ENOMEM || done == 40 * (ssize_t)PAGE_SIZE || (has_failed && done > 0));
        EXPECT(done < 0 || is_pattern(0, (size_t)done));
        mapping_destroy(&file.mapping);
        EXPECT_EQ(fake_memory_live_pages(), pages);
        EXPECT_EQ(fake_memory_live_objects(), objects);
        if (!has_failed)
            break;
    }
}

TEST(shrinker_frees_what_nobody_uses)
{
    size_t pages = fake_memory_live_pages();
    struct fake_file file;
    struct page *kept;
    fake_file_init(&file, 64 * PAGE_SIZE, false);
    fake_read(&file, buffer, 64 * PAGE_SIZE, 0);
    REQUIRE(!mapping_get_page(&file.mapping, 10, false, &kept));
    struct page *mapped = file.mapping.object.ops->find_page(&file.mapping.object, 20);
    mapped->map_count = 1;
    page_put(mapped);
    EXPECT_EQ(pagecache_clean_pages(), 64);
    EXPECT_EQ(fake_memory_shrink(1000), 63);
    EXPECT_EQ(fake_unmap.calls, 1);
    EXPECT(!fake_unmap.even_private);
    EXPECT_EQ(fake_memory_live_pages(), pages + 1);
    EXPECT_EQ(*(uint8_t *)page_address(kept), fake_file_byte(10 * PAGE_SIZE));
    page_put(kept);
    EXPECT_EQ(fake_read(&file, buffer, 64 * PAGE_SIZE, 0), 64 * PAGE_SIZE);
    EXPECT(is_pattern(0, 64 * PAGE_SIZE));
    mapping_destroy(&file.mapping);
    EXPECT_EQ(pagecache_clean_pages(), 0);
}

TEST(used_pages_get_a_second_chance)
{
    struct fake_file file;
    fake_file_init(&file, 32 * PAGE_SIZE, false);
    mapping_read_ahead(&file.mapping, 0, 32); /* not used yet */
    fake_read(&file, buffer, PAGE_SIZE, 3 * PAGE_SIZE);
    EXPECT_EQ(fake_memory_shrink(31), 31);
    unsigned reads = file.reads;
    fake_read(&file, buffer, PAGE_SIZE, 3 * PAGE_SIZE);
    EXPECT_EQ(file.reads, reads);
    mapping_destroy(&file.mapping);
}

TEST(memory_pages_are_never_reclaimed)
{
    struct fake_file file;
    fake_file_init(&file, 0, true);
    EXPECT_EQ(fake_write(&file, "x", 1, 70000), 1);
    EXPECT_EQ(fake_memory_shrink(1000), 0);
    EXPECT_EQ(fake_read(&file, buffer, 10, 70000), 1);
    EXPECT_EQ(buffer[0], 'x');
    mapping_destroy(&file.mapping);
}

TEST(name_is_what_maps_shows)
{
    struct fake_file file;
    char path[8];
    uint64_t device, inode;
    fake_file_init(&file, 0, true);
    struct vm_object *object = &file.mapping.object;
    object->ops->describe(object, path, sizeof path, &device, &inode);
    EXPECT_STR(path, "");
    EXPECT(!mapping_has_name(&file.mapping));
    EXPECT_EQ(mapping_set_name(&file.mapping, "/usr/lib/x.so", 5, 77), 0);
    object->ops->describe(object, path, sizeof path, &device, &inode);
    EXPECT_STR(path, "/usr/li");
    EXPECT_EQ(device, 5);
    EXPECT_EQ(inode, 77);
    mapping_destroy(&file.mapping);
}
