# A network device of the test: what is sent is kept, what the test makes is received.
DEPS.tests/fakes/netdev := common kernel/base kernel/arch kernel/mm kernel/device
