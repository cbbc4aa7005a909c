# arch/mmu.h over an arena of the test that plays physical memory; for kernel/mm's own tests, whose page allocator it feeds.
DEPS.tests/fakes/mmu := common kernel/base kernel/arch kernel/mm
