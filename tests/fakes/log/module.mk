# panic and the log: lines are kept for the test to look at; a panic that a test expects comes back to it.
DEPS.tests/fakes/log := common kernel/base kernel/arch
