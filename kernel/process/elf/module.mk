DEPS.kernel/process/elf := common kernel/base
TEST_DEPS.kernel/process/elf := kernel/process/elf common
