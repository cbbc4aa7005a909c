/* vm_object_unmap and vm_object_clean_page in unit tests: nothing is mapped. The last call is kept. */
#pragma once
#include <mm/vm_object.h>

struct fake_unmap {
    unsigned calls;
    uint64_t first, end;
    bool even_private;
};
extern struct fake_unmap fake_unmap;
