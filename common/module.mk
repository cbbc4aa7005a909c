DEPS.common := contract
TEST_DEPS.common := common
