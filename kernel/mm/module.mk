# mm sleeps on its address-space lock, so it sees the scheduler's locks; the scheduler sees only mm's allocators.
DEPS.kernel/mm := common kernel/base kernel/arch kernel/sched
TEST_DEPS.kernel/mm := kernel/mm common tests/fakes/mmu tests/fakes/cpu tests/fakes/locks tests/fakes/log tests/fakes/random tests/fakes/clock tests/fakes/no_threads
