# No module of the kernel's: mm's start on machines of several sizes, each in a process of its own.
DEPS.kernel/mm/layout := common kernel/base kernel/arch kernel/mm kernel/sched
TEST_DEPS.kernel/mm/layout := kernel/mm common tests/fakes/mmu tests/fakes/cpu tests/fakes/locks tests/fakes/log tests/fakes/random tests/fakes/clock tests/fakes/no_threads
