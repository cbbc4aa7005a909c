/* Descriptor tables: numbers, flags, limits, copies, and files that go when the last descriptor does. */
#include <file/descriptors.h>
#include "helpers.h"

static unsigned released, flushed;

static void count_release(struct file *file)
{
    released++;
}

static void count_flush(struct file *file)
{
    flushed++;
}

static const struct file_ops ops = {.release = count_release, .flush = count_flush, .name = "test"};

static struct descriptor_table *table_with(int count)
{
    released = flushed = 0;
    struct descriptor_table *table = descriptor_table_create();
    for (int i = 0; i < count; i++)
        EXPECT_EQ(descriptor_install(table, file_create(&ops, 2, NULL), 0, false), i);
    return table;
}

TEST(descriptors_are_the_lowest_free_numbers)
{
    struct descriptor_table *table = table_with(200);
    EXPECT_EQ(descriptor_close(table, 70), 0);
    EXPECT_EQ(descriptor_close(table, 3), 0);
    EXPECT_EQ(descriptor_close(table, 3), -EBADF);
    EXPECT_EQ(descriptor_install(table, file_create(&ops, 2, NULL), 0, false), 3);
    EXPECT_EQ(descriptor_install(table, file_create(&ops, 2, NULL), 0, false), 70);
    EXPECT_EQ(descriptor_install(table, file_create(&ops, 2, NULL), 0, false), 200);
    EXPECT_EQ(descriptor_install(table, file_create(&ops, 2, NULL), 500, false), 500);
    EXPECT_EQ(descriptor_install(table, file_create(&ops, 2, NULL), 0, false), 201);
    EXPECT_EQ(descriptor_count(table), 203);
    EXPECT_EQ(descriptor_next(table, 202), 500);
    EXPECT_EQ(descriptor_next(table, 501), -1);
    descriptor_table_put(table);
    EXPECT_EQ(released, 205);
    EXPECT_EQ(flushed, 205);
}

TEST(descriptor_limit_is_emfile)
{
    struct descriptor_table *table = table_with(10);
    descriptor_table_set_limit(table, 10);
    struct file *file = file_create(&ops, 2, NULL);
    EXPECT_EQ(descriptor_install(table, file, 0, false), -EMFILE);
    EXPECT_EQ(descriptor_install(table, file, 10, false), -EINVAL);
    EXPECT_EQ(descriptor_replace(table, 10, file, false), -EBADF);
    EXPECT_EQ(descriptor_close(table, 4), 0);
    EXPECT_EQ(descriptor_install(table, file, 0, false), 4);
    descriptor_table_put(table);
}

TEST(descriptor_replace_closes_what_was_there)
{
    struct descriptor_table *table = table_with(3);
    EXPECT_EQ(descriptor_replace(table, 1, file_create(&ops, 2, NULL), true), 1);
    EXPECT_EQ(released, 1);
    EXPECT_EQ(descriptor_get_flags(table, 1), 1);
    EXPECT_EQ(descriptor_replace(table, 300, file_create(&ops, 2, NULL), false), 300);
    EXPECT_EQ(descriptor_install(table, file_create(&ops, 2, NULL), 0, false), 3);
    int fd = descriptor_reserve(table, 0, false);
    EXPECT_EQ(fd, 4);
    EXPECT(!descriptor_file(table, fd));
    struct file *file = file_create(&ops, 2, NULL);
    EXPECT_EQ(descriptor_replace(table, fd, file, false), -EBUSY);
    descriptor_release(table, fd);
    EXPECT_EQ(descriptor_install(table, file, 0, false), 4);
    descriptor_table_put(table);
}

TEST(close_on_exec_closes_the_marked)
{
    struct descriptor_table *table = table_with(5);
    EXPECT_EQ(descriptor_set_flags(table, 2, true), 0);
    EXPECT_EQ(descriptor_set_flags(table, 9, true), -EBADF);
    EXPECT_EQ(descriptor_close_range(table, 4, 4, true), 0);
    descriptor_table_close_on_exec(table);
    EXPECT_EQ(released, 2);
    EXPECT(!descriptor_file(table, 2) && !descriptor_file(table, 4));
    EXPECT_EQ(descriptor_close_range(table, 1, UINT32_MAX, false), 0);
    EXPECT_EQ(descriptor_count(table), 1);
    EXPECT_EQ(descriptor_close_range(table, 3, 2, false), -EINVAL);
    descriptor_table_put(table);
}

TEST(fork_shares_files_and_keeps_flags)
{
    struct descriptor_table *table = table_with(130), *copy = NULL;
    descriptor_set_flags(table, 129, true);
    descriptor_reserve(table, 0, false);
    REQUIRE(descriptor_table_fork(table, &copy) == 0);
    EXPECT_EQ(descriptor_count(copy), 130);
    EXPECT_EQ(descriptor_get_flags(copy, 129), 1);
    EXPECT_EQ(descriptor_get_flags(copy, 130), -EBADF);
    descriptor_table_put(table);
    EXPECT_EQ(released, 0);
    struct file *file = descriptor_file(copy, 77);
    REQUIRE(file);
    descriptor_table_put(copy);
    EXPECT_EQ(released, 129);
    file_put(file);
    EXPECT_EQ(released, 130);
}

TEST(fork_fails_cleanly_at_each_allocation)
{
    struct descriptor_table *table = table_with(130), *copy = NULL;
    int err;
    for (unsigned n = 1; fake_memory_fail_nth(n), (err = descriptor_table_fork(table, &copy)) == -ENOMEM; n++)
        EXPECT_EQ(flushed, 0);
    fake_memory_fail_nth(0);
    EXPECT_EQ(err, 0);
    descriptor_table_put(copy);
    descriptor_table_put(table);
    EXPECT_EQ(released, 130);
}

TEST(a_model_agrees_with_random_operations)
{
    struct descriptor_table *table = table_with(0);
    bool open[150] = {false};
    for (unsigned step = 0; step < 20000; step++) {
        unsigned fd = (unsigned)(test_random() % 150), lowest = 0;
        if (test_random() % 2) {
            while (lowest < 150 && open[lowest])
                lowest++;
            if (lowest == 150)
                continue;
            EXPECT_EQ(descriptor_install(table, file_create(&ops, 2, NULL), 0, false), lowest);
            open[lowest] = true;
        } else {
            EXPECT_EQ(descriptor_close(table, (int)fd), open[fd] ? 0 : -EBADF);
            open[fd] = false;
        }
    }
    descriptor_table_put(table);
}
