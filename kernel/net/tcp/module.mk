DEPS.kernel/net/tcp := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/file kernel/net/wire kernel/net/iface
TEST_DEPS.kernel/net/tcp := kernel/net/tcp kernel/net/iface kernel/net/wire kernel/device kernel/device/chacha20 kernel/file common \
	tests/fakes/memory tests/fakes/user tests/fakes/log tests/fakes/clock tests/fakes/timer tests/fakes/sched kernel/sched/sync
