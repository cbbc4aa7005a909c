DEPS.kernel/drivers/fw_cfg/directory := common
TEST_DEPS.kernel/drivers/fw_cfg/directory := common kernel/drivers/fw_cfg/directory
