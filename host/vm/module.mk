DEPS.host/vm := common contract host/util
TEST_DEPS.host/vm := host/vm host/util contract
