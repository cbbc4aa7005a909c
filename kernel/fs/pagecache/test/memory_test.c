/* Memory files: random operations against a plain array, limits, failed allocations, copies of other files. */
#include "fake_file.h"
#include <fakes/memory.h>
#include <fakes/user.h>
#include <fakes/vm_object.h>
#include <string.h>
#include <test/test.h>

enum { MODEL_SIZE = 40 * 4096 };
static uint8_t model[MODEL_SIZE], buffer[MODEL_SIZE];
static uint64_t model_size;

static void random_range(uint64_t *start, uint64_t *end)
{
    *start = test_random() % MODEL_SIZE;
    uint64_t len = test_random() % (test_random() % 4 ? 6000 : 40000);
    *end = *start + len < MODEL_SIZE ? *start + len : MODEL_SIZE;
    if (test_random() % 3 == 0)
        *start &= PAGE_MASK;
}

static void write_some(struct fake_file *file)
{
    uint64_t start, end;
    random_range(&start, &end);
    memset(buffer, (int)test_random(), end - start);
    ssize_t done = fake_write(file, buffer, end - start, start);
    EXPECT_EQ(done, end - start);
    memcpy(model + start, buffer, end - start);
    if (end > start && end > model_size)
        model_size = end;
}

static void resize(struct fake_file *file)
{
    uint64_t start, end;
    random_range(&start, &end);
    mapping_resize(&file->mapping, end);
    if (end < model_size)
        memset(model + end, 0, MODEL_SIZE - end);
    model_size = end;
}

static void punch(struct fake_file *file)
{
    uint64_t start, end;
    random_range(&start, &end);
    mapping_punch(&file->mapping, start, end);
    memset(model + start, 0, end - start);
}

/* As a program does through a shared mapping, behind the end within the last page too. */
static void store(struct fake_file *file)
{
    uint64_t at = test_random() % MODEL_SIZE;
    struct page *page;
    int err = file->mapping.object.ops->get_page(&file->mapping.object, at / PAGE_SIZE, true, &page);
    if (at / PAGE_SIZE >= (model_size + PAGE_SIZE - 1) / PAGE_SIZE) {
        EXPECT_EQ(err, -ENXIO);
        return;
    }
    EXPECT_EQ(err, 0);
    uint8_t byte = (uint8_t)test_random();
    ((uint8_t *)page_address(page))[at % PAGE_SIZE] = byte;
    if (at < model_size)
        model[at] = byte;
    else
        ((uint8_t *)page_address(page))[at % PAGE_SIZE] = 0;
    page_put(page);
}

static void expect_seek(struct fake_file *file)
{
    uint64_t end = (model_size + PAGE_SIZE - 1) / PAGE_SIZE, index = test_random() % (MODEL_SIZE / PAGE_SIZE);
    for (unsigned want_hole = 0; want_hole < 2; want_hole++) {
        uint64_t found = mapping_seek(&file->mapping, index, end, want_hole);
        EXPECT(found <= end);
        for (uint64_t i = index; i < found; i++) {
            struct page *page = file->mapping.object.ops->find_page(&file->mapping.object, i);
            EXPECT(want_hole ? !!page : !page);
            if (page)
                page_put(page);
        }
    }
}

static void expect_same(struct fake_file *file)
{
    ssize_t n = fake_read(file, buffer, MODEL_SIZE, 0);
    EXPECT_EQ(n, model_size);
    EXPECT(!memcmp(buffer, model, model_size));
    EXPECT_EQ(file->mapping.size, model_size);
    EXPECT_EQ(file->charged, mapping_page_count(&file->mapping));
}

TEST(memory_file_is_an_array)
{
    size_t pages = fake_memory_live_pages();
    static void (*const operations[])(struct fake_file *) = {write_some, write_some, store,      store,
                                                             resize,     punch,      expect_seek};
    struct fake_file file;
    fake_file_init(&file, 0, true);
    memset(model, 0, sizeof model);
    model_size = 0;
    for (unsigned i = 0; i < 4000; i++) {
        operations[test_random() % 7](&file);
        if (i % 8 == 0)
            expect_same(&file);
    }
    mapping_destroy(&file.mapping);
    EXPECT_EQ(file.charged, 0);
    EXPECT_EQ(fake_memory_live_pages(), pages);
}

TEST(far_offsets_are_sparse)
{
    struct fake_file file;
    fake_file_init(&file, 0, true);
    EXPECT_EQ(fake_write(&file, "end", 3, INT64_MAX - 3), 3);
    EXPECT_EQ(mapping_page_count(&file.mapping), 1);
    EXPECT_EQ(fake_write(&file, "end", 3, INT64_MAX - 2), -EFBIG);
    EXPECT_EQ(mapping_seek(&file.mapping, 0, UINT64_MAX, false), (uint64_t)INT64_MAX / PAGE_SIZE);
    EXPECT_EQ(fake_read(&file, buffer, 10, INT64_MAX - 3), 3);
    mapping_resize(&file.mapping, 0);
    EXPECT_EQ(mapping_page_count(&file.mapping), 0);
    EXPECT(fake_unmap.even_private);
    mapping_destroy(&file.mapping);
}

TEST(full_file_system_ends_a_write)
{
    struct fake_file file;
    fake_file_init(&file, 0, true);
    file.charge_limit = 2;
    memset(buffer, 1, sizeof buffer);
    EXPECT_EQ(fake_write(&file, buffer, 4 * PAGE_SIZE, 100), 2 * PAGE_SIZE - 100);
    EXPECT_EQ(fake_write(&file, buffer, 1, 5 * PAGE_SIZE), -ENOSPC);
    EXPECT_EQ(file.mapping.size, 2 * PAGE_SIZE);
    struct page *page;
    mapping_resize(&file.mapping, 10 * PAGE_SIZE);
    EXPECT_EQ(mapping_get_page(&file.mapping, 9, true, &page), -ENOSPC);
    EXPECT_EQ(mapping_get_page(&file.mapping, 9, false, &page), 0);
    EXPECT(!page);
    mapping_destroy(&file.mapping);
}

TEST(faulting_write_keeps_what_was_copied)
{
    struct fake_file file;
    struct io_segment segment;
    struct io_vector io;
    fake_file_init(&file, 0, true);
    memset(buffer, 7, sizeof buffer);
    fake_user_set_fault(buffer + 6000, 1);
    io_vector_user(&io, &segment, fake_user(buffer), 3 * PAGE_SIZE);
    EXPECT_EQ(mapping_write(&file.mapping, &io, 0), 6000);
    io_vector_user(&io, &segment, fake_user(buffer + 6000), 10);
    EXPECT_EQ(mapping_write(&file.mapping, &io, 100 * PAGE_SIZE), -EFAULT);
    fake_user_set_fault(NULL, 0);
    EXPECT_EQ(file.mapping.size, 6000);
    EXPECT_EQ(mapping_page_count(&file.mapping), 2);
    mapping_resize(&file.mapping, 3 * PAGE_SIZE);
    EXPECT_EQ(fake_read(&file, model, 3 * PAGE_SIZE, 0), 3 * PAGE_SIZE);
    EXPECT_EQ(model[5999], 7);
    EXPECT_EQ(model[6000], 0);
    mapping_destroy(&file.mapping);
}

TEST(copy_of_a_file_survives_each_failed_allocation)
{
    size_t pages = fake_memory_live_pages(), objects = fake_memory_live_objects();
    int err = -ENOMEM;
    for (unsigned n = 1; err; n++) {
        struct fake_file from, to;
        fake_file_init(&from, 20 * PAGE_SIZE + 5, false);
        fake_file_init(&to, 0, true);
        fake_memory_fail_nth(n);
        err = mapping_copy(&to.mapping, &from.mapping, 20 * PAGE_SIZE + 5);
        fake_memory_fail_nth(0);
        if (err) {
            EXPECT_EQ(err, -ENOMEM);
            EXPECT_EQ(to.charged, 0);
        } else {
            EXPECT_EQ(fake_read(&to, buffer, MODEL_SIZE, 0), 20 * PAGE_SIZE + 5);
            for (uint64_t i = 0; i < 20 * PAGE_SIZE + 5; i++)
                if (buffer[i] != fake_file_byte(i)) {
                    EXPECT_EQ(i, -1);
                    break;
                }
        }
        mapping_destroy(&from.mapping);
        mapping_destroy(&to.mapping);
        EXPECT_EQ(fake_memory_live_pages(), pages);
        EXPECT_EQ(fake_memory_live_objects(), objects);
    }
}

TEST(write_survives_each_failed_allocation)
{
    size_t pages = fake_memory_live_pages(), objects = fake_memory_live_objects();
    for (unsigned n = 1;; n++) {
        struct fake_file file;
        fake_file_init(&file, 0, true);
        fake_memory_fail_nth(n);
        ssize_t done = fake_write(&file, buffer, 20 * PAGE_SIZE, 300);
        bool has_failed = fake_memory_failed();
        fake_memory_fail_nth(0);
        EXPECT_EQ(file.mapping.size, done > 0 ? 300 + (uint64_t)done : 0);
        EXPECT_EQ(file.charged, mapping_page_count(&file.mapping));
        mapping_destroy(&file.mapping);
        EXPECT_EQ(fake_memory_live_pages(), pages);
        EXPECT_EQ(fake_memory_live_objects(), objects);
        if (!has_failed)
            break;
    }
}
