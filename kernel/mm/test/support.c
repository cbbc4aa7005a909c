#include "support.h"

static struct list held = LIST_INIT(held);

void machine_start(void)
{
    static bool is_started;
    if (is_started)
        return;
    is_started = true;
    fake_mmu_arena(512UL << 20);
    memory_add_range(0x100000, 300UL << 20);
    memory_add_range(0, 640 << 10);
    memory_add_range(384UL << 20, 512UL << 20);
    memory_init();
}

void hold_all_but(size_t n)
{
    struct page *page;
    for (unsigned order = ORDER_MAX + 1; order-- > 0;)
        while ((page = page_alloc(order, ALLOC_ATOMIC)))
            list_add_first(&held, &page->link);
    for (; n && !list_is_empty(&held); n--) {
        page = list_first(&held, struct page, link);
        if (page->order)
            break;
        list_remove(&page->link);
        page_put(page);
    }
}

void hold_release(void)
{
    while (!list_is_empty(&held)) {
        struct page *page = list_first(&held, struct page, link);
        list_remove(&page->link);
        page_put(page);
    }
}

void cpus_rest(void)
{
    static struct address_space *rest;
    if (!rest)
        rest = address_space_create();
    for (unsigned cpu = 0; cpu < 4; cpu++) {
        host_cpu_index = cpu;
        address_space_activate(rest);
    }
    host_cpu_index = 0;
}

enum fault_result touch(struct address_space *space, uintptr_t address, bool is_write, uint8_t *byte)
{
    for (unsigned tries = 0; tries < 10; tries++) {
        if (fake_mmu_access(&space->table, address, is_write, byte))
            return FAULT_OK;
        enum fault_result result = address_space_fault(space, address, is_write ? FAULT_WRITE : FAULT_READ);
        if (result != FAULT_OK)
            return result;
    }
    test_fail(__FILE__, __LINE__, "access to %#lx faults for ever", (unsigned long)address);
    return FAULT_NOT_MAPPED;
}

uint8_t peek(struct address_space *space, uintptr_t address)
{
    uint8_t byte = 0xee;
    EXPECT_EQ(touch(space, address, false, &byte), FAULT_OK);
    return byte;
}

void poke(struct address_space *space, uintptr_t address, uint8_t byte)
{
    EXPECT_EQ(touch(space, address, true, &byte), FAULT_OK);
}

uintptr_t map_anonymous(struct address_space *space, uintptr_t at, size_t len, unsigned protection, unsigned flags)
{
    struct map_request request = {
        .address = at,
        .len = len,
        .protection = protection,
        .flags = flags | MAP_PRIVATE | MAP_ANONYMOUS,
    };
    uintptr_t out = 0;
    int err = address_space_map(space, &request, &out);
    return err ? (uintptr_t)(intptr_t)err : out;
}

size_t count_vmas(struct address_space *space)
{
    size_t n = 0;
    struct vma_info info = {0};
    while (!address_space_next_vma(space, info.end, false, &info))
        n++;
    return n;
}

uint64_t resident(struct address_space *space)
{
    struct address_space_counters counters;
    address_space_count(space, &counters);
    return counters.resident_bytes;
}

static struct test_file *file_of(struct vm_object *object)
{
    return container_of(object, struct test_file, object);
}

static int file_get_page(struct vm_object *object, uint64_t index, bool for_write, struct page **out)
{
    struct test_file *file = file_of(object);
    if (index >= file->size_pages)
        return -ENXIO;
    if (file->fail)
        return file->fail;
    if (!file->pages[index]) {
        file->pages[index] = page_alloc(0, ALLOC_WAIT);
        if (!file->pages[index])
            return -ENOMEM;
        file->pages[index]->object = object;
        file->pages[index]->index = index;
        memset(page_address(file->pages[index]), (int)index + 1, PAGE_SIZE);
    }
    file->writes += for_write;
    page_get(file->pages[index]);
    *out = file->pages[index];
    return 0;
}

static struct page *file_find_page(struct vm_object *object, uint64_t index)
{
    struct test_file *file = file_of(object);
    if (index >= file->size_pages || !file->pages[index])
        return NULL;
    page_get(file->pages[index]);
    return file->pages[index];
}

static void file_mark_dirty(struct vm_object *object, struct page *page)
{
    file_of(object)->dirtied++;
}

static void file_get(struct vm_object *object)
{
    file_of(object)->refs++;
}

static void file_put(struct vm_object *object)
{
    file_of(object)->refs--;
}

static void file_describe(struct vm_object *object, char *path, size_t size, uint64_t *device, uint64_t *inode)
{
    snprintf(path, size, "/the/file");
    *device = 7;
    *inode = 9;
}

void file_init(struct test_file *file)
{
    static const struct vm_object_ops ops = {
        .get_page = file_get_page,
        .find_page = file_find_page,
        .mark_dirty = file_mark_dirty,
        .get = file_get,
        .put = file_put,
        .describe = file_describe,
    };
    *file = (struct test_file){.size_pages = FILE_PAGES};
    vm_object_init(&file->object, &ops);
}

void file_destroy(struct test_file *file)
{
    EXPECT_EQ(file->refs, 0);
    EXPECT(list_is_empty(&file->object.vmas));
    for (unsigned i = 0; i < FILE_PAGES; i++) {
        if (!file->pages[i])
            continue;
        EXPECT_EQ(file->pages[i]->refs.count, 1);
        EXPECT_EQ(file->pages[i]->map_count, 0);
        page_put(file->pages[i]);
    }
}

uintptr_t map_file(struct address_space *space, struct test_file *file, unsigned flags, unsigned protection)
{
    struct map_request request = {
        .len = FILE_PAGES * PAGE_SIZE,
        .protection = protection,
        .flags = flags,
        .object = &file->object,
        .may_write = true,
    };
    uintptr_t out = 0;
    int err = address_space_map(space, &request, &out);
    EXPECT_EQ(err, 0);
    return out;
}
