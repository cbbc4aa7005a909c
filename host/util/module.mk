DEPS.host/util := common
TEST_DEPS.host/util := host/util
