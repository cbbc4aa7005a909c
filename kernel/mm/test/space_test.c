#include "support.h"

#define RW (PROT_READ | PROT_WRITE)
static const size_t K4 = PAGE_SIZE;
#define MIB (1UL << 20)
static struct address_space *space;

static void begin(void)
{
    machine_start();
    space = address_space_create();
    address_space_activate(space);
}

/* The space goes while this CPU has it loaded: its tables go with the switch. */
static void end(void)
{
    address_space_put(space);
    cpus_rest();
    EXPECT_EQ(fake_mmu_tables, 1);
    struct memory_counters counters;
    memory_count(&counters);
    EXPECT_EQ(counters.anonymous_pages, 0);
}

static int map_error(uintptr_t at, size_t len, unsigned protection, unsigned flags)
{
    intptr_t result = (intptr_t)map_anonymous(space, at, len, protection, flags);
    return result < 0 ? (int)result : 0;
}

TEST(anonymous_memory_is_zero_and_keeps_what_is_written)
{
    begin();
    uintptr_t at = map_anonymous(space, 0, 10 * K4, RW, 0);
    EXPECT_EQ(peek(space, at + 5), 0);
    poke(space, at + 9 * K4, 7);
    EXPECT_EQ(peek(space, at + 9 * K4), 7);
    EXPECT_EQ(resident(space), K4); /* what was only read is the page of zeros */
    uint8_t byte;
    EXPECT_EQ(touch(space, at + 10 * K4, false, &byte), FAULT_NOT_MAPPED);
    EXPECT_EQ(address_space_unmap(space, at, 10 * K4), 0);
    EXPECT_EQ(touch(space, at + 9 * K4, false, &byte), FAULT_NOT_MAPPED);
    EXPECT_EQ(resident(space), 0);
    end();
}

TEST(reads_of_untouched_memory_share_a_page_until_they_are_written)
{
    begin();
    uintptr_t at = map_anonymous(space, 0, 4 * K4, RW, 0);
    struct memory_counters before, after;
    peek(space, at);
    memory_count(&before);
    EXPECT_EQ(peek(space, at + K4), 0);
    EXPECT_EQ(peek(space, at + 2 * K4), 0);
    memory_count(&after);
    EXPECT_EQ(after.free_pages, before.free_pages);
    poke(space, at + K4, 5);
    EXPECT_EQ(peek(space, at + K4), 5);
    EXPECT_EQ(peek(space, at + 2 * K4), 0);
    struct address_space *child;
    EXPECT_EQ(address_space_fork(space, &child), 0);
    address_space_activate(child);
    EXPECT_EQ(peek(child, at + 2 * K4), 0);
    poke(child, at + 2 * K4, 6);
    address_space_activate(space);
    EXPECT_EQ(peek(space, at + 2 * K4), 0);
    EXPECT_EQ(address_space_protect(space, at, 4 * K4, 0), 0);
    EXPECT_EQ(address_space_protect(space, at, 4 * K4, RW), 0);
    poke(space, at + 2 * K4, 7);
    EXPECT_EQ(peek(space, at), 0);
    EXPECT_EQ(resident(space), 2 * K4);
    address_space_put(child);
    end();
}

TEST(protections_are_obeyed)
{
    begin();
    uint8_t byte = 1;
    uintptr_t at = map_anonymous(space, 0, 3 * K4, PROT_READ, 0);
    EXPECT_EQ(touch(space, at, true, &byte), FAULT_NOT_ALLOWED);
    EXPECT_EQ(address_space_fault(space, at, FAULT_EXECUTE), FAULT_NOT_ALLOWED);
    EXPECT_EQ(address_space_protect(space, at, K4, RW), 0);
    poke(space, at, 3);
    EXPECT_EQ(address_space_protect(space, at, K4, 0), 0);
    EXPECT_EQ(touch(space, at, false, &byte), FAULT_NOT_ALLOWED);
    EXPECT_EQ(address_space_protect(space, at, K4, PROT_READ), 0);
    EXPECT_EQ(peek(space, at), 3);
    EXPECT_EQ(touch(space, at, true, &byte), FAULT_NOT_ALLOWED);
    EXPECT_EQ(count_vmas(space), 1); /* joined again */
    end();
}

TEST(mmap_errors_are_linuxes)
{
    begin();
    EXPECT_EQ(map_error(0, 0, RW, 0), -EINVAL);
    EXPECT_EQ(map_error(0, SIZE_MAX - 5, RW, 0), -ENOMEM);
    EXPECT_EQ(map_error(0, UINT64_C(1) << 47, 0, MAP_NORESERVE), -ENOMEM);
    EXPECT_EQ(map_error(0x10001, K4, RW, MAP_FIXED), -EINVAL);
    EXPECT_EQ(map_error(0x1000, K4, RW, MAP_FIXED), -EPERM);
    EXPECT_EQ(map_error(USER_ADDRESS_MAX, K4, RW, MAP_FIXED), -ENOMEM);
    EXPECT_EQ(map_error(0, K4, RW, MAP_HUGETLB), -ENOMEM);
    EXPECT_EQ(map_error(0x100000, K4, RW, MAP_FIXED_NOREPLACE), 0);
    EXPECT_EQ(map_error(0xff000, 2 * K4, RW, MAP_FIXED_NOREPLACE), -EEXIST);
    EXPECT_EQ(map_error(0, 1024 * MIB, RW, 0), -ENOMEM); /* more than there is */
    EXPECT_EQ(map_error(0, 40UL << 30, 0, MAP_NORESERVE), 0);
    EXPECT_EQ(map_error(0, 40UL << 30, RW, MAP_NORESERVE), 0);
    EXPECT_EQ(map_error(0, 40UL << 30, 0, 0), 0);
    EXPECT_EQ(address_space_unmap(space, 0x100001, K4), -EINVAL);
    EXPECT_EQ(address_space_unmap(space, 0x100000, 0), -EINVAL);
    EXPECT_EQ(address_space_unmap(space, 0x200000, K4), 0); /* nothing there */
    EXPECT_EQ(address_space_protect(space, 0x200000, K4, RW), -ENOMEM);
    EXPECT_EQ(address_space_protect(space, 0x100001, K4, RW), -EINVAL);
    EXPECT_EQ(address_space_protect(space, 0x100000, K4, 0x100), -EINVAL);
    end();
}

TEST(hints_are_taken_where_free)
{
    begin();
    EXPECT_EQ(map_anonymous(space, 0xe0000000, 16 * MIB, 0, MAP_NORESERVE), 0xe0000000);
    EXPECT(map_anonymous(space, 0xe0000000, K4, RW, 0) > 0x100000000);
    uintptr_t low = map_anonymous(space, 0, K4, RW, MAP_32BIT);
    EXPECT(low >= 0x40000000 && low < 0x80000000);
    uintptr_t a = map_anonymous(space, 0, K4, RW, 0), b = map_anonymous(space, 0, K4, RW, 0);
    EXPECT_EQ(b, a - K4); /* downward, joined */
    uintptr_t huge = map_anonymous(space, 0, 4 * MIB, RW, 0);
    EXPECT(is_aligned(huge, HUGE_SIZE));
    end();
}

TEST(areas_fill_holes_of_the_right_size)
{
    begin();
    uintptr_t at[64];
    for (unsigned i = 0; i < 64; i++)
        at[i] = map_anonymous(space, 0, 4 * K4, i % 2 ? RW : PROT_READ, 0);
    address_space_unmap(space, at[10], 4 * K4);
    address_space_unmap(space, at[20] + K4, 2 * K4);
    EXPECT_EQ(map_anonymous(space, 0, 4 * K4, RW, 0), at[10]);
    EXPECT_EQ(map_anonymous(space, 0, 2 * K4, RW, 0), at[20] + K4);
    EXPECT_EQ(map_anonymous(space, 0, K4, RW, 0), at[63] - K4);
    end();
}

TEST(the_number_of_vmas_is_limited)
{
    begin();
    uintptr_t base = 0x10000000;
    EXPECT_EQ(map_anonymous(space, base, 200000 * K4, 0, MAP_FIXED | MAP_NORESERVE), base);
    int err = 0;
    size_t n = 0;
    for (; !err && n < 100000; n++)
        err = address_space_protect(space, base + 2 * n * K4, K4, PROT_READ);
    EXPECT_EQ(err, -ENOMEM);
    EXPECT(count_vmas(space) <= VMA_COUNT_MAX && count_vmas(space) > VMA_COUNT_MAX - 3);
    end();
}

TEST(the_stack_grows_down_to_its_limit)
{
    begin();
    uint8_t byte;
    uintptr_t top = 0x7ffff0000000;
    address_space_set_limits(space, UINT64_MAX, UINT64_MAX, 1 * MIB);
    EXPECT_EQ(map_anonymous(space, top - 2 * K4, 2 * K4, RW, MAP_FIXED | MAP_GROWSDOWN), top - 2 * K4);
    poke(space, top - 50 * K4, 5);
    EXPECT_EQ(peek(space, top - 50 * K4), 5);
    EXPECT_EQ(peek(space, top - 1 * MIB), 0);
    EXPECT_EQ(touch(space, top - 1 * MIB - 1, false, &byte), FAULT_NOT_MAPPED);
    EXPECT_EQ(count_vmas(space), 1);
    end();
}

TEST(brk_moves_the_end_of_the_heap)
{
    begin();
    uintptr_t start = 0x555555556000;
    address_space_set_brk(space, start);
    EXPECT_EQ(address_space_brk(space, 0), start);
    EXPECT_EQ(address_space_brk(space, start + 100000), start + 100000);
    poke(space, start + 99999, 1);
    EXPECT_EQ(address_space_brk(space, start + 10), start + 10);
    uint8_t byte;
    EXPECT_EQ(touch(space, start + 99999, false, &byte), FAULT_NOT_MAPPED);
    EXPECT_EQ(address_space_brk(space, start + 100000), start + 100000);
    EXPECT_EQ(peek(space, start + 99999), 0);
    map_anonymous(space, start + 1 * MIB, K4, RW, MAP_FIXED);
    EXPECT_EQ(address_space_brk(space, start + 2 * MIB), start + 100000);
    struct vma_info info;
    EXPECT_EQ(address_space_next_vma(space, start, true, &info), 0);
    EXPECT_STR(info.path, "[heap]");
    end();
}

TEST(limits_are_obeyed)
{
    begin();
    address_space_set_limits(space, 10 * MIB, 4 * MIB, UINT64_MAX);
    EXPECT_EQ(map_error(0, 5 * MIB, RW, 0), -ENOMEM);
    EXPECT_EQ(map_error(0, 3 * MIB, RW, 0), 0);
    EXPECT_EQ(map_error(0, 5 * MIB, PROT_READ, 0), 0);
    EXPECT_EQ(map_error(0, 3 * MIB, PROT_READ, 0), -ENOMEM);
    end();
}

TEST(fork_copies_on_write)
{
    begin();
    uintptr_t at = map_anonymous(space, 0, 4 * K4, RW, 0);
    poke(space, at, 1);
    poke(space, at + K4, 2);
    EXPECT_EQ(address_space_advise(space, at + 2 * K4, K4, 10), 0); /* DONTFORK */
    struct address_space *child;
    EXPECT_EQ(address_space_fork(space, &child), 0);
    poke(space, at, 10);
    EXPECT_EQ(peek(child, at), 1);
    poke(child, at + K4, 20);
    EXPECT_EQ(peek(space, at + K4), 2);
    poke(space, at + 3 * K4, 4);
    EXPECT_EQ(peek(child, at + 3 * K4), 0);
    uint8_t byte;
    EXPECT_EQ(touch(child, at + 2 * K4, false, &byte), FAULT_NOT_MAPPED);
    address_space_put(child);
    EXPECT_EQ(peek(space, at), 10);
    end();
}

TEST(the_last_user_of_a_copied_page_writes_in_place)
{
    begin();
    uintptr_t at = map_anonymous(space, 0, K4, RW, 0);
    poke(space, at, 1);
    struct page *before, *after;
    struct address_space *child;
    EXPECT_EQ(address_space_fork(space, &child), 0);
    address_space_put(child);
    EXPECT_EQ(address_space_pin_page(space, at, false, &before), 0);
    page_put(before);
    poke(space, at, 2);
    EXPECT_EQ(address_space_pin_page(space, at, false, &after), 0);
    page_put(after);
    EXPECT(before == after);
    end();
}

TEST(wipe_on_fork_gives_the_child_zeroes)
{
    begin();
    uintptr_t at = map_anonymous(space, 0, K4, RW, 0);
    poke(space, at, 1);
    EXPECT_EQ(address_space_advise(space, at, K4, 18), 0);
    struct address_space *child;
    EXPECT_EQ(address_space_fork(space, &child), 0);
    EXPECT_EQ(peek(child, at), 0);
    EXPECT_EQ(peek(space, at), 1);
    address_space_put(child);
    end();
}

TEST(large_mappings_take_huge_pages)
{
    begin();
    uintptr_t at = map_anonymous(space, 0, 32 * MIB, RW, 0);
    poke(space, at + 5 * MIB, 1);
    EXPECT_EQ(resident(space), 2 * MIB);
    struct vma_info info;
    address_space_next_vma(space, at, true, &info);
    EXPECT_EQ(info.huge_bytes, 2 * MIB);
    /* Discarding one page splits it, and only that page goes. */
    poke(space, at + 5 * MIB + K4, 2);
    EXPECT_EQ(address_space_advise(space, at + 5 * MIB, K4, 4), 0);
    EXPECT_EQ(peek(space, at + 5 * MIB), 0);
    EXPECT_EQ(peek(space, at + 5 * MIB + K4), 2);
    EXPECT_EQ(resident(space), 2 * MIB - K4);
    EXPECT_EQ(address_space_unmap(space, at + 4 * MIB, MIB), 0);
    EXPECT_EQ(resident(space), MIB - K4);
    end();
}

TEST(huge_pages_come_on_request_and_not_when_refused)
{
    begin();
    uintptr_t at = map_anonymous(space, 0, 4 * MIB, RW, 0);
    EXPECT_EQ(address_space_advise(space, at, 2 * MIB, 14), 0);
    poke(space, at, 1);
    poke(space, at + 2 * MIB, 1);
    EXPECT_EQ(resident(space), 2 * MIB + K4);
    uintptr_t big = map_anonymous(space, 0, 32 * MIB, RW, 0);
    EXPECT_EQ(address_space_advise(space, big, 32 * MIB, 15), 0);
    poke(space, big, 1);
    EXPECT_EQ(resident(space), 2 * MIB + 2 * K4);
    end();
}

TEST(huge_pages_are_shared_by_fork_and_split_by_writes)
{
    begin();
    uintptr_t at = map_anonymous(space, 0, 4 * MIB, RW, 0);
    address_space_advise(space, at, 4 * MIB, 14);
    poke(space, at, 1);
    poke(space, at + MIB, 2);
    poke(space, at + 2 * MIB, 3);
    struct address_space *child;
    EXPECT_EQ(address_space_fork(space, &child), 0);
    poke(child, at, 9);
    EXPECT_EQ(peek(space, at), 1);
    EXPECT_EQ(peek(child, at + MIB), 2);
    poke(space, at + MIB, 8);
    EXPECT_EQ(peek(child, at + MIB), 2);
    address_space_put(child);
    EXPECT_EQ(peek(space, at), 1);
    poke(space, at + 2 * MIB, 4);
    EXPECT_EQ(peek(space, at + 2 * MIB + 1), 0);
    end();
}

TEST(no_access_splits_huge_pages_and_keeps_them)
{
    begin();
    uintptr_t at = map_anonymous(space, 0, 2 * MIB, RW, 0);
    address_space_advise(space, at, 2 * MIB, 14);
    poke(space, at + K4, 1);
    uint8_t byte;
    EXPECT_EQ(address_space_protect(space, at, 2 * MIB, 0), 0);
    EXPECT_EQ(touch(space, at + K4, false, &byte), FAULT_NOT_ALLOWED);
    EXPECT_EQ(address_space_protect(space, at, 2 * MIB, RW), 0);
    EXPECT_EQ(peek(space, at + K4), 1);
    end();
}

TEST(mremap_grows_moves_and_shrinks)
{
    begin();
    uintptr_t at = map_anonymous(space, 0x20000000, 4 * K4, RW, MAP_FIXED), out;
    poke(space, at + 3 * K4, 3);
    EXPECT_EQ(address_space_remap(space, at, 4 * K4, 8 * K4, 0, 0, &out), 0);
    EXPECT_EQ(out, at);
    map_anonymous(space, at + 8 * K4, K4, PROT_READ, MAP_FIXED);
    EXPECT_EQ(address_space_remap(space, at, 8 * K4, 16 * K4, 0, 0, &out), -ENOMEM);
    EXPECT_EQ(address_space_remap(space, at, 8 * K4, 16 * K4, 1, 0, &out), 0);
    EXPECT(out != at);
    EXPECT_EQ(peek(space, out + 3 * K4), 3);
    uint8_t byte;
    EXPECT_EQ(touch(space, at, false, &byte), FAULT_NOT_MAPPED);
    EXPECT_EQ(address_space_remap(space, out, 16 * K4, 2 * K4, 0, 0, &out), 0);
    EXPECT_EQ(touch(space, out + 3 * K4, false, &byte), FAULT_NOT_MAPPED);
    poke(space, out, 6);
    uintptr_t fixed;
    EXPECT_EQ(address_space_remap(space, out, 2 * K4, 2 * K4, 3, 0x30000000, &fixed), 0);
    EXPECT_EQ(fixed, 0x30000000);
    EXPECT_EQ(peek(space, fixed), 6);
    uintptr_t kept;
    EXPECT_EQ(address_space_remap(space, fixed, 2 * K4, 2 * K4, 5, 0, &kept), 0);
    EXPECT_EQ(peek(space, kept), 6);
    EXPECT_EQ(peek(space, fixed), 0); /* DONTUNMAP: still there, empty */
    EXPECT_EQ(address_space_remap(space, fixed + 1, K4, K4, 0, 0, &out), -EINVAL);
    EXPECT_EQ(address_space_remap(space, fixed, K4, K4, 2, 0x40000000, &out), -EINVAL);
    EXPECT_EQ(address_space_remap(space, 0x50000000, K4, 2 * K4, 1, 0, &out), -EFAULT);
    EXPECT_EQ(address_space_remap(space, fixed, 20 * K4, 30 * K4, 1, 0, &out), -EFAULT);
    EXPECT_EQ(address_space_remap(space, fixed, 0, K4, 1, 0, &out), -EINVAL);
    end();
}

TEST(mremap_moves_huge_pages)
{
    begin();
    uintptr_t at = map_anonymous(space, 0x40000000, 4 * MIB, RW, MAP_FIXED), out;
    address_space_advise(space, at, 4 * MIB, 14);
    poke(space, at + MIB, 1);
    EXPECT_EQ(address_space_remap(space, at, 4 * MIB, 4 * MIB, 3, 0x50000000, &out), 0);
    EXPECT_EQ(peek(space, out + MIB), 1);
    EXPECT_EQ(address_space_remap(space, out, 4 * MIB, 4 * MIB, 3, 0x60001000, &out), 0);
    EXPECT_EQ(peek(space, out + MIB), 1);
    EXPECT_EQ(resident(space), 2 * MIB);
    end();
}

TEST(advice_has_linuxes_errors)
{
    begin();
    uintptr_t at = map_anonymous(space, 0x20000000, 2 * K4, RW, MAP_FIXED);
    map_anonymous(space, at + 3 * K4, K4, RW, MAP_FIXED);
    poke(space, at + 3 * K4, 1);
    EXPECT_EQ(address_space_advise(space, at, K4, 77), -EINVAL);
    EXPECT_EQ(address_space_advise(space, at + 1, K4, 4), -EINVAL);
    EXPECT_EQ(address_space_advise(space, at, 0, 4), 0);
    EXPECT_EQ(address_space_advise(space, at, 4 * K4, 4), -ENOMEM); /* a hole, but the rest is done */
    EXPECT_EQ(peek(space, at + 3 * K4), 0);
    EXPECT_EQ(address_space_lock_pages(space, at, K4, true), 0);
    EXPECT_EQ(resident(space), K4);
    EXPECT_EQ(address_space_advise(space, at, K4, 4), -EINVAL);
    EXPECT_EQ(address_space_lock_pages(space, at, K4, false), 0);
    EXPECT_EQ(address_space_advise(space, at, K4, 9), -EINVAL);
    EXPECT_EQ(address_space_advise(space, at, 2 * K4, 23), 0);
    EXPECT_EQ(resident(space), 2 * K4);
    EXPECT_EQ(address_space_advise(space, at, 4 * K4, 23), -ENOMEM);
    EXPECT_EQ(address_space_protect(space, at, K4, PROT_READ), 0);
    EXPECT_EQ(address_space_advise(space, at, K4, 23), -EINVAL);
    uint8_t vector[4];
    EXPECT_EQ(address_space_mincore(space, at, 2 * K4, vector), 0);
    EXPECT(vector[0] == 1 && vector[1] == 1);
    EXPECT_EQ(address_space_mincore(space, at, 4 * K4, vector), -ENOMEM);
    EXPECT_EQ(address_space_sync(space, at, K4, 5), -EINVAL);
    EXPECT_EQ(address_space_sync(space, at, 4 * K4, 4), -ENOMEM);
    EXPECT_EQ(address_space_sync(space, at, 2 * K4, 4), 0);
    end();
}

TEST(populate_brings_pages_in)
{
    begin();
    map_anonymous(space, 0, 20 * K4, RW, MAP_POPULATE);
    EXPECT_EQ(resident(space), 20 * K4);
    end();
}

TEST(the_kernel_reaches_program_memory)
{
    begin();
    uintptr_t at = map_anonymous(space, 0, 3 * K4, RW, 0);
    char text[6000];
    memset(text, 'x', sizeof text);
    EXPECT_EQ(address_space_access(space, at + 1000, text, sizeof text, true), 6000);
    EXPECT_EQ(peek(space, at + 6999), 'x');
    EXPECT_EQ(peek(space, at + 7000), 0);
    EXPECT_EQ(address_space_access(space, at + 2 * K4, text, sizeof text, false), (long)K4);
    EXPECT_EQ(address_space_access(space, at + 3 * K4, text, 1, false), -EFAULT);
    end();
}

TEST(out_of_memory_is_reported_and_leaves_no_trace)
{
    begin();
    uint8_t byte = 1;
    uintptr_t at = map_anonymous(space, 0, 8 * MIB, RW, 0);
    for (unsigned i = 0; i < 16; i++)
        poke(space, at + i * 16 * K4, (uint8_t)i);
    for (size_t left = 0; left < 60; left++) {
        hold_all_but(left);
        struct address_space *child = NULL;
        int err = address_space_fork(space, &child);
        EXPECT(!err || err == -ENOMEM);
        if (!err) {
            enum fault_result result = touch(child, at, true, &byte);
            EXPECT(result == FAULT_OK || result == FAULT_OUT_OF_MEMORY);
            address_space_put(child);
        }
        enum fault_result result = touch(space, at + 7 * MIB, true, &byte);
        EXPECT(result == FAULT_OK || result == FAULT_OUT_OF_MEMORY);
        address_space_advise(space, at + 7 * MIB, K4, 4);
        hold_release();
    }
    for (unsigned i = 0; i < 16; i++)
        EXPECT_EQ(peek(space, at + i * 16 * K4), i);
    end();
}

TEST(a_lazy_cpu_flushes_when_it_comes_back)
{
    begin();
    uintptr_t at = map_anonymous(space, 0, K4, RW, 0);
    host_cpu_index = 1;
    address_space_activate(space);
    poke(space, at, 5);
    address_space_activate(NULL);
    host_cpu_index = 0;
    EXPECT_EQ(address_space_unmap(space, at, K4), 0);
    host_cpu_index = 1;
    address_space_activate(space);
    uint8_t byte;
    EXPECT(!fake_mmu_access(&space->table, at, false, &byte));
    address_space_activate(NULL);
    host_cpu_index = 0;
    EXPECT_EQ(space->cpus, 3);
    end();
}

TEST(a_dead_space_stays_until_no_cpu_has_it_loaded)
{
    begin();
    host_cpu_index = 1;
    address_space_activate(space);
    poke(space, map_anonymous(space, 0, K4, RW, 0), 1);
    address_space_activate(NULL);
    host_cpu_index = 0;
    struct address_space *dead = space;
    begin();
    address_space_put(dead);
    EXPECT_EQ(fake_mmu_tables, 6); /* root, three levels below it, and those of the new one: CPU 1 has it loaded */
    host_cpu_index = 1;
    address_space_activate(space);
    EXPECT_EQ(fake_mmu_tables, 2);
    end();
}
