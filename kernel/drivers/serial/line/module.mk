DEPS.kernel/drivers/serial/line :=
TEST_DEPS.kernel/drivers/serial/line := kernel/drivers/serial/line
