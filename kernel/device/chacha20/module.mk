DEPS.kernel/device/chacha20 := common kernel/base
TEST_DEPS.kernel/device/chacha20 := kernel/device/chacha20
