DEPS.kernel/drivers/port :=
