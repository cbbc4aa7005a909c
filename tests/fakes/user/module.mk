# Program memory as plain memory of the test.
DEPS.tests/fakes/user := common kernel/base kernel/arch
