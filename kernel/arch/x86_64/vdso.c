/*
 * The kernel's side of the vDSO: pages made at the first program's start (one of data, the rest the shared object), and
 * the data kept right when the clock is set. The pages live for ever.
 */
#include "vdso_data.h"
#include "clock.h"
#include "cpu_local.h"
#include <arch/vdso.h>
#include <base/errno.h>
#include <base/string.h>
#include <mm/vm_object.h>

extern const char vdso_image[], vdso_image_end[];
enum { PAGES_MAX = 4 };

/* Guards making the pages and writing the data; a leaf. */
static struct spinlock vdso_lock = SPINLOCK_INIT;
static struct page *pages[PAGES_MAX]; /* fixed once page_count is set */
static unsigned page_count;
static struct vdso_data *data;
static struct vm_object vdso_object;

static size_t image_size(void)
{
    return (size_t)(vdso_image_end - vdso_image);
}

static struct page *find_page(struct vm_object *object, uint64_t index)
{
    if (index >= page_count)
        return NULL;
    page_get(pages[index]);
    return pages[index];
}

static int get_page(struct vm_object *object, uint64_t index, bool for_write, struct page **out)
{
    if (for_write)
        return -EACCES;
    struct page *page = find_page(object, index);
    if (!page)
        return -ENXIO;
    *out = page;
    return 0;
}

static void keep(struct vm_object *object)
{
}

static void ignore_dirty(struct vm_object *object, struct page *page)
{
}

static const struct vm_object_ops vdso_ops = {
    .get_page = get_page, .find_page = find_page, .mark_dirty = ignore_dirty, .get = keep, .put = keep};

static void write_data(void)
{
    uint32_t writing = (data->sequence + 1) | 1;
    store_relaxed(&data->sequence, writing);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    data->base_tsc = clock_scale.base_tsc;
    data->base_ns = clock_scale.base_ns;
    data->mult = clock_scale.mult;
    data->realtime_offset_ns = clock_realtime_offset_ns();
    data->has_rdtscp = cpu_features.has_rdtscp;
    data->cpu_selector = CPU_SELECTOR;
    store_release(&data->sequence, clock_is_tsc ? writing + 1 : writing); /* pairs with the vDSO's acquire */
}

void vdso_update(void)
{
    spin_lock(&vdso_lock);
    if (data)
        write_data();
    spin_unlock(&vdso_lock);
}

/* False: no memory; what was had is kept for the next try. */
static bool make_pages(void)
{
    unsigned count = 1 + (unsigned)((image_size() + PAGE_SIZE - 1) / PAGE_SIZE);
    assert(count <= PAGES_MAX);
    for (unsigned i = 0; i < count; i++) {
        if (!pages[i])
            pages[i] = page_alloc(0, ALLOC_ZERO | ALLOC_ATOMIC);
        if (!pages[i])
            return false;
        size_t done = (i - 1) * PAGE_SIZE;
        size_t left = i ? image_size() - done : 0;
        if (i)
            memcpy(page_address(pages[i]), vdso_image + done, left < PAGE_SIZE ? left : PAGE_SIZE);
    }
    data = page_address(pages[0]);
    write_data();
    vm_object_init(&vdso_object, &vdso_ops);
    page_count = count;
    return true;
}

struct vm_object *arch_vdso_object(void)
{
    spin_lock(&vdso_lock);
    bool is_there = page_count || make_pages();
    spin_unlock(&vdso_lock);
    return is_there ? &vdso_object : NULL;
}

size_t arch_vdso_size(void)
{
    return PAGE_SIZE + ((image_size() + PAGE_SIZE - 1) & PAGE_MASK);
}
