DEPS.kernel/drivers/virtio := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/drivers/pci
TEST_DEPS.kernel/drivers/virtio := kernel/drivers/virtio kernel/drivers/pci
