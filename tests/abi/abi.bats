# The Linux ABI: programs that print what they see. Each runs on the host's Linux first; Skiff must print the same.
bats_require_minimum_version 1.5.0
load ../boot/helpers

same_as_linux() { # NAME: tests/abi/programs/NAME.c
    local dir=$BATS_TEST_TMPDIR
    gcc -O2 -Wall -static -pthread -o "$dir/program" "$BATS_TEST_DIRNAME/programs/$1.c"
    (cd "$dir" && ./program </dev/null >"$dir/linux")
    timeout -k 5 60 "$skiff" run --accel tcg --cpus 2 "$dir/program" </dev/null >"$dir/skiff"
    diff -u "$dir/linux" "$dir/skiff"
}

@test "pipes and FIFOs" { same_as_linux pipes; }
@test "descriptors and their limits" { same_as_linux descriptors; }
@test "poll, select and their interruption" { same_as_linux polling; }
@test "epoll and eventfd" { same_as_linux epolls; }
@test "timerfd" { same_as_linux timerfds; }
@test "TCP sockets" { same_as_linux tcp; }
@test "UDP sockets" { same_as_linux udp; }
@test "unix sockets" { same_as_linux unix_sockets; }
@test "signals: codes, masks, faults, contexts, stacks, queues, restart" { same_as_linux signals; }
@test "fork, exec, wait, groups, process descriptors" { same_as_linux processes; }
@test "threads and futexes" { same_as_linux threads; }
@test "clocks, sleeping, timers" { same_as_linux clocks; }
@test "ids, capabilities, limits, prctl" { same_as_linux identities; }
@test "files: names, opening, contents, attributes" { same_as_linux files; }
@test "file locks of all three kinds" { same_as_linux locks; }
@test "memory: mapping, protection, sharing, moving" { same_as_linux memory; }
@test "System V shared memory" { same_as_linux sysv_shm; }
@test "System V semaphores" { same_as_linux sysv_sem; }
@test "System V message queues" { same_as_linux sysv_msg; }
@test "other processes, memory nodes, the clock's discipline, kinds of file systems" { same_as_linux other_process; }
@test "POSIX message queues" { same_as_linux posix_mq; }
@test "asynchronous I/O of Linux (libaio)" { same_as_linux aio; }
@test "io_uring" { same_as_linux uring; }
@test "calls by directory descriptor, openat2, old directory reading, chroot, statfs" { same_as_linux at_calls; }
@test "extended attributes, inotify" { same_as_linux xattrs; }
@test "ids, capabilities, scheduling, machine, random bytes, memory keys" { same_as_linux numbers; }
@test "robust lists, futex_waitv, signals to threads, exec, vectors, pidfd_getfd" { same_as_linux threads_more; }
@test "the stack grows to the limit of the moment" { same_as_linux stack_limit; }

# ABI_FUZZ_SECONDS: 600 in make check-long.
@test "random and hostile arguments stop nothing and lose no memory" {
    local dir=$BATS_TEST_TMPDIR seconds=${ABI_FUZZ_SECONDS:-20}
    gcc -O2 -Wall -static -pthread -o "$dir/fuzz" "$BATS_TEST_DIRNAME/programs/fuzz.c"
    run timeout -k 5 $((seconds + 120)) "$skiff" run --accel tcg --cpus 2 --memory 512M "$dir/fuzz" "$seconds"
    echo "$output" | grep -v ENOSYS
    [ "$status" = 0 ]
    [[ $output == *"memory not returned"* ]]
}
