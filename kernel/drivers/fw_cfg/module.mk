DEPS.kernel/drivers/fw_cfg := common kernel/base kernel/arch kernel/mm kernel/device kernel/drivers/port kernel/drivers/fw_cfg/directory
