# Pages, kmalloc and object caches over the host's allocator, so that ASan sees overruns and leaks.
DEPS.tests/fakes/memory := common kernel/base kernel/arch kernel/mm
