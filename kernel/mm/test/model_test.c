/* Random operations on several spaces, each checked against an array that says what every page must be. */
#include "support.h"

#define BASE UINT64_C(0x40000000)
enum { PAGES = 4096, SPACES = 3, RW = PROT_READ | PROT_WRITE, ADVICE_HUGE = 14, ADVICE_NO_HUGE = 15 };
struct model_page {
    uint8_t is_mapped, protection, value;
};
struct model {
    struct address_space *space;
    struct model_page pages[PAGES];
};
static struct model models[SPACES];

static void pick_range(size_t *first, size_t *count)
{
    *first = test_random() % PAGES;
    *count = 1 + test_random() % (test_random() % 3 ? 40 : 1500);
    if (test_random() % 4 == 0) { /* whole huge pages */
        *first = align_down(*first, (size_t)HUGE_PAGES);
        *count = align_up(*count, (size_t)HUGE_PAGES);
    }
    *count = MIN(*count, PAGES - *first);
}

static uintptr_t address_of(size_t page)
{
    return BASE + page * PAGE_SIZE;
}

static void check_page(struct model *model, size_t i, bool is_write)
{
    struct model_page *page = &model->pages[i];
    uint8_t byte = (uint8_t)test_random();
    enum fault_result wanted = !page->is_mapped                                     ? FAULT_NOT_MAPPED
                               : !(page->protection & (is_write ? PROT_WRITE : RW)) ? FAULT_NOT_ALLOWED
                                                                                    : FAULT_OK;
    enum fault_result result = touch(model->space, address_of(i) + 100, is_write, &byte);
    if (result != wanted)
        test_fail(__FILE__, __LINE__, "page %zu: %s gives %d, expected %d", i, is_write ? "write" : "read", result,
                  wanted);
    if (result != FAULT_OK)
        return;
    if (is_write)
        page->value = byte;
    else if (byte != page->value)
        test_fail(__FILE__, __LINE__, "page %zu reads %d, expected %d", i, byte, page->value);
}

static void do_map(struct model *model)
{
    size_t first, count;
    pick_range(&first, &count);
    unsigned protection = test_random() % 4 ? RW : test_random() % 2 ? PROT_READ : 0;
    uintptr_t at = map_anonymous(model->space, address_of(first), count * PAGE_SIZE, protection, MAP_FIXED);
    EXPECT_EQ(at, address_of(first));
    for (size_t i = first; i < first + count; i++)
        model->pages[i] = (struct model_page){true, (uint8_t)protection, 0};
}

static void do_unmap(struct model *model)
{
    size_t first, count;
    pick_range(&first, &count);
    EXPECT_EQ(address_space_unmap(model->space, address_of(first), count * PAGE_SIZE), 0);
    memset(&model->pages[first], 0, count * sizeof model->pages[0]);
}

static void do_protect(struct model *model)
{
    size_t first, count;
    pick_range(&first, &count);
    unsigned protection = test_random() % 2 ? RW : test_random() % 2 ? PROT_READ : 0;
    int err = address_space_protect(model->space, address_of(first), count * PAGE_SIZE, protection), wanted = 0;
    for (size_t i = first; i < first + count && !wanted; i++) {
        if (!model->pages[i].is_mapped)
            wanted = -ENOMEM;
        else
            model->pages[i].protection = (uint8_t)protection;
    }
    EXPECT_EQ(err, wanted);
}

static void do_advise(struct model *model)
{
    static const int advices[] = {4, 8, ADVICE_HUGE, ADVICE_NO_HUGE, 1, 0};
    size_t first, count;
    pick_range(&first, &count);
    int advice = advices[test_random() % ARRAY_SIZE(advices)], wanted = 0;
    int err = address_space_advise(model->space, address_of(first), count * PAGE_SIZE, advice);
    for (size_t i = first; i < first + count; i++) {
        if (!model->pages[i].is_mapped)
            wanted = -ENOMEM;
        else if (advice == 4 || advice == 8)
            model->pages[i].value = 0;
    }
    EXPECT_EQ(err, wanted);
}

/* Moves a range of one vma to another place that does not overlap it. */
static void do_remap(struct model *model)
{
    size_t from, count, to = test_random() % PAGES;
    pick_range(&from, &count);
    if (test_random() % 2)
        to = align_down(to, (size_t)HUGE_PAGES) + from % HUGE_PAGES;
    count = to < PAGES ? MIN(count, PAGES - to) : 0;
    if (!count || (to < from + count && from < to + count))
        return;
    uintptr_t out;
    int err = address_space_remap(model->space, address_of(from), count * PAGE_SIZE, count * PAGE_SIZE, 3,
                                  address_of(to), &out);
    if (!err) {
        memcpy(&model->pages[to], &model->pages[from], count * sizeof model->pages[0]);
        memset(&model->pages[from], 0, count * sizeof model->pages[0]);
        return;
    }
    EXPECT_EQ(err, -EFAULT); /* not one vma */
}

static void do_fork(struct model *model)
{
    struct model *child = &models[test_random() % SPACES];
    if (child == model)
        return;
    struct address_space *copy;
    EXPECT_EQ(address_space_fork(model->space, &copy), 0);
    if (child->space)
        address_space_put(child->space);
    *child = *model;
    child->space = copy;
}

static void do_touch(struct model *model)
{
    size_t first = test_random() % PAGES, end = first + 1 + test_random() % 30;
    for (size_t i = first; i < MIN(end, (size_t)PAGES); i++)
        check_page(model, i, test_random() % 2);
}

static void step(void)
{
    struct model *model = &models[test_random() % SPACES];
    if (!model->space)
        return;
    host_cpu_index = (unsigned)(test_random() % 3);
    address_space_activate(model->space);
    switch (test_random() % 16) {
    case 0:
        do_map(model);
        break;
    case 1:
        do_unmap(model);
        break;
    case 2:
    case 3:
        do_protect(model);
        break;
    case 4:
        do_advise(model);
        break;
    case 5:
        do_remap(model);
        break;
    case 6:
        if (test_random() % 4 == 0)
            do_fork(model);
        break;
    default:
        do_touch(model);
    }
    if (test_random() % 4 == 0)
        address_space_activate(NULL);
}

TEST(random_operations_agree_with_the_model)
{
    machine_start();
    memset(models, 0, sizeof models);
    models[0].space = address_space_create();
    for (unsigned i = 0; i < 6000; i++)
        step();
    for (unsigned i = 0; i < SPACES; i++) {
        for (size_t page = 0; models[i].space && page < PAGES; page++)
            check_page(&models[i], page, false);
        address_space_put(models[i].space);
    }
    cpus_rest();
    EXPECT_EQ(fake_mmu_tables, 1);
    struct memory_counters counters;
    memory_count(&counters);
    EXPECT_EQ(counters.anonymous_pages, 0);
}
