DEPS.kernel/fs/dev/line := common kernel/base
TEST_DEPS.kernel/fs/dev/line := kernel/fs/dev/line
