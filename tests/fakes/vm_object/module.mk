# mm/vm_object.h without page tables: nothing is mapped, calls are counted. For the page cache and what stands on it.
DEPS.tests/fakes/vm_object := common kernel/base kernel/arch kernel/mm
