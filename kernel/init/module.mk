DEPS.kernel/init := common contract kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/file kernel/process kernel/linux kernel/drivers/pci kernel/drivers/serial kernel/drivers/virtio
