DEPS.kernel/init/settings := common contract kernel/base kernel/arch kernel/mm
TEST_DEPS.kernel/init/settings := common kernel/init/settings tests/fakes/memory tests/fakes/log
