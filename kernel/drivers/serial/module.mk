DEPS.kernel/drivers/serial := common contract kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/drivers/port kernel/drivers/serial/line
