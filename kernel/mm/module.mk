# mm sleeps on its address-space lock, so it sees the scheduler's locks; the scheduler sees only mm's allocators.
DEPS.kernel/mm := common kernel/base kernel/arch kernel/sched
