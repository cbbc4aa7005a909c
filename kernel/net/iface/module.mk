DEPS.kernel/net/iface := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/net/wire
TEST_DEPS.kernel/net/iface := kernel/net/iface kernel/net/wire kernel/device kernel/device/chacha20 common kernel/sched/sync tests/fakes/netdev tests/fakes/memory tests/fakes/log tests/fakes/clock tests/fakes/timer tests/fakes/sched tests/fakes/user
