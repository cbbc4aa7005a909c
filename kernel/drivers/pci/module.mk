DEPS.kernel/drivers/pci := common kernel/base kernel/arch kernel/device kernel/drivers/port
TEST_DEPS.kernel/drivers/pci := common kernel/drivers/pci
