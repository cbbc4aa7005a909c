/* See fakes/vm_object.h. A single page's map_count becomes 0, so that a test can set it and see it unmapped. */
#include <fakes/vm_object.h>

struct fake_unmap fake_unmap;

void vm_object_unmap(struct vm_object *object, uint64_t first, uint64_t end, bool even_private)
{
    fake_unmap = (struct fake_unmap){fake_unmap.calls + 1, first, end, even_private};
    atomic_fetch_add(&object->unmaps, 1u);
    if (end != first + 1)
        return;
    struct page *page = object->ops->find_page(object, first);
    if (!page)
        return;
    page->map_count = 0;
    page_put(page);
}

bool vm_object_clean_page(struct vm_object *object, struct page *page)
{
    return false;
}
