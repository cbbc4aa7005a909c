# No module of the kernel's: mm's tests with several CPUs at once, under TSan.
DEPS.kernel/mm/race := common kernel/base kernel/arch kernel/mm kernel/sched
TEST_DEPS.kernel/mm/race := kernel/mm common tests/fakes/mmu tests/fakes/cpu tests/fakes/log tests/fakes/random tests/fakes/clock tests/fakes/no_threads
TEST_SANITIZER.kernel/mm/race := thread
