# TCP over loopback under ThreadSanitizer on four host CPUs: races that the single-threaded tests cannot have.
DEPS.kernel/net/tcp/concurrent := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/file kernel/net/wire kernel/net/iface kernel/net/tcp
TEST_DEPS.kernel/net/tcp/concurrent := kernel/net/tcp kernel/net/iface kernel/net/wire kernel/device kernel/device/chacha20 kernel/file \
	kernel/sched kernel/sched/sync kernel/arch/host common tests/fakes/memory tests/fakes/user tests/fakes/log
TEST_SANITIZER.kernel/net/tcp/concurrent := thread
