#include "support.h"

#define RW (PROT_READ | PROT_WRITE)
static const size_t K4 = PAGE_SIZE;
static struct address_space *space;
static struct test_file file;

static void begin(void)
{
    machine_start();
    file_init(&file);
    space = address_space_create();
    address_space_activate(space);
}

static void end(void)
{
    address_space_put(space);
    cpus_rest();
    file_destroy(&file);
    EXPECT_EQ(fake_mmu_tables, 1);
}

TEST(file_pages_are_seen_and_mapped_around)
{
    begin();
    uintptr_t at = map_file(space, &file, MAP_PRIVATE, PROT_READ);
    for (unsigned i = 0; i < 20; i++)
        EXPECT_EQ(peek(space, at + i * K4), i + 1);
    EXPECT_EQ(resident(space), 20 * K4);
    uintptr_t again = map_file(space, &file, MAP_SHARED, PROT_READ), aligned = align_up(again, 16 * K4);
    EXPECT_EQ(peek(space, aligned), 1 + (aligned - again) / K4);
    EXPECT(resident(space) > 21 * K4); /* up to 16 at once */
    struct address_space_counters counters;
    address_space_count(space, &counters);
    EXPECT_EQ(counters.file_bytes, resident(space));
    EXPECT_EQ(counters.major_faults, 20);
    struct vma_info info;
    EXPECT_EQ(address_space_next_vma(space, at, false, &info), 0);
    EXPECT_STR(info.path, "/the/file");
    EXPECT_EQ(info.inode, 9);
    end();
}

TEST(private_writes_do_not_reach_the_file)
{
    begin();
    uintptr_t at = map_file(space, &file, MAP_PRIVATE, RW);
    EXPECT_EQ(peek(space, at), 1);
    poke(space, at, 99);
    poke(space, at + K4, 98); /* without reading it first */
    EXPECT_EQ(peek(space, at + K4 + 1), 2);
    EXPECT_EQ(*(uint8_t *)page_address(file.pages[0]), 1);
    EXPECT_EQ(*(uint8_t *)page_address(file.pages[1]), 2);
    EXPECT_EQ(file.writes, 0);
    struct address_space *child;
    EXPECT_EQ(address_space_fork(space, &child), 0);
    poke(space, at, 50);
    EXPECT_EQ(peek(child, at), 99);
    EXPECT_EQ(peek(child, at + 2 * K4), 3);
    address_space_put(child);
    /* Discarding goes back to the file. */
    EXPECT_EQ(address_space_advise(space, at, K4, 4), 0);
    EXPECT_EQ(peek(space, at), 1);
    end();
}

TEST(shared_writes_reach_the_file_and_are_told)
{
    begin();
    uintptr_t at = map_file(space, &file, MAP_SHARED, RW), other = map_file(space, &file, MAP_SHARED, RW);
    EXPECT_EQ(peek(space, at), 1);
    EXPECT_EQ(file.writes, 0);
    poke(space, at, 77);
    EXPECT_EQ(file.writes, 1);
    EXPECT_EQ(peek(space, other), 77);
    EXPECT(vm_object_clean_page(&file.object, file.pages[0]));
    EXPECT(!vm_object_clean_page(&file.object, file.pages[0]));
    poke(space, at, 78);
    EXPECT_EQ(file.writes, 2);
    EXPECT_EQ(file.dirtied, 0);
    EXPECT_EQ(address_space_unmap(space, at, K4), 0);
    EXPECT_EQ(file.dirtied, 1);
    struct vm_object *object;
    uint64_t offset;
    EXPECT(address_space_shared_key(space, other + 5 * K4 + 12, &object, &offset));
    EXPECT(object == &file.object && offset == 5 * K4 + 12);
    EXPECT(!address_space_shared_key(space, at, &object, &offset));
    end();
}

TEST(truncation_takes_pages_out_of_all_mappings)
{
    begin();
    uint8_t byte;
    uintptr_t shared = map_file(space, &file, MAP_SHARED, RW), private = map_file(space, &file, MAP_PRIVATE, RW);
    poke(space, shared + 5 * K4, 1);
    poke(space, private + 5 * K4, 2);
    poke(space, private + 2 * K4, 3);
    file.size_pages = 4;
    vm_object_unmap(&file.object, 4, UINT64_MAX, true);
    EXPECT_EQ(touch(space, shared + 5 * K4, false, &byte), FAULT_BEYOND_END);
    EXPECT_EQ(touch(space, private + 5 * K4, false, &byte), FAULT_BEYOND_END);
    EXPECT_EQ(peek(space, private + 2 * K4), 3);
    file.size_pages = FILE_PAGES;
    poke(space, private + 6 * K4, 4);
    vm_object_unmap(&file.object, 0, UINT64_MAX, false);
    EXPECT_EQ(peek(space, private + 6 * K4), 4); /* reclaim leaves private copies */
    end();
}

TEST(errors_of_the_file_become_faults)
{
    begin();
    uint8_t byte;
    uintptr_t at = map_file(space, &file, MAP_PRIVATE, PROT_READ);
    file.fail = -EIO;
    EXPECT_EQ(touch(space, at, false, &byte), FAULT_BEYOND_END);
    file.fail = -ENOMEM;
    EXPECT_EQ(touch(space, at, false, &byte), FAULT_OUT_OF_MEMORY);
    file.fail = 0;
    EXPECT_EQ(peek(space, at), 1);
    end();
}

TEST(read_only_descriptors_cannot_be_made_writable)
{
    begin();
    struct map_request request = {
        .len = K4,
        .protection = PROT_READ,
        .flags = MAP_SHARED,
        .object = &file.object,
    };
    uintptr_t at;
    EXPECT_EQ(address_space_map(space, &request, &at), 0);
    EXPECT_EQ(address_space_protect(space, at, K4, RW), -EACCES);
    request.flags = MAP_PRIVATE;
    EXPECT_EQ(address_space_map(space, &request, &at), 0);
    EXPECT_EQ(address_space_protect(space, at, K4, RW), 0);
    request.offset = INT64_MAX & PAGE_MASK;
    EXPECT_EQ(address_space_map(space, &request, &at), -EOVERFLOW);
    request.offset = 5;
    EXPECT_EQ(address_space_map(space, &request, &at), -EINVAL);
    end();
}

TEST(moved_file_mappings_keep_their_private_pages)
{
    begin();
    uintptr_t at = map_file(space, &file, MAP_PRIVATE, RW), out;
    poke(space, at + 3 * K4, 33);
    EXPECT_EQ(peek(space, at + 4 * K4), 5);
    EXPECT_EQ(address_space_remap(space, at + 2 * K4, 4 * K4, 4 * K4, 3, 0x30000000, &out), 0);
    EXPECT_EQ(peek(space, out + K4), 33);
    EXPECT_EQ(peek(space, out + 2 * K4), 5);
    EXPECT_EQ(peek(space, at + K4), 2);
    EXPECT_EQ(peek(space, at + 6 * K4), 7);
    uint8_t byte;
    EXPECT_EQ(touch(space, at + 3 * K4, false, &byte), FAULT_NOT_MAPPED);
    end();
}
