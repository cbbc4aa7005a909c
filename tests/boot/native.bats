# C programs as machines: output, arguments, statuses, signals, memory, on both machine types and several CPUs.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    load helpers
    build_program ends
    build_program threads
}
setup() { bin=$BATS_FILE_TMPDIR; }

@test "a static program prints, with its arguments" {
    run_skiff "$top/build/examples/hello-static" one "two words"
    [ "$status" = 0 ]
    [[ $output == *"Hello from Skiff"*"argument 1: one"*"argument 2: two words"* ]]
}
@test "a dynamic program runs on q35 and microvm" {
    for machine in microvm q35; do
        run_skiff --machine $machine "$top/build/examples/hello"
        [ "$status" = 0 ]
        [[ $output == *"Hello from Skiff"* ]]
    done
}
@test "the program's status is skiff's" {
    run_skiff "$bin/ends" status 0
    [ "$status" = 0 ]
    run_skiff "$bin/ends" status 42
    [ "$status" = 42 ]
}
@test "a crash prints signal, address, registers and map, and gives 128+11" {
    run_skiff "$bin/ends" segv
    [ "$status" = 139 ]
    [[ $output == *SIGSEGV*0x10* ]]
    [[ $output == *rip*ends* ]]
}
@test "abort gives 128+6" {
    run_skiff "$bin/ends" abort
    [ "$status" = 134 ]
}
@test "memory beyond the machine's gives one message and 137" {
    run_skiff -m 64M "$bin/ends" memory
    [ "$status" = 137 ]
    [[ $output == *"out of memory"*"-m"* ]]
}
@test "an unknown system call returns ENOSYS and is named" {
    run_skiff "$bin/ends" enosys
    [ "$status" = 0 ]
    [[ $output == *"511"*ENOSYS* ]]
}
@test "a child's signal ends the program, an orphan's does not" {
    run_skiff "$bin/ends" signalled
    [ "$status" = 143 ]
    [[ $output == *"outlived the orphan"* ]]
}
@test "standard input reaches the program" {
    output=$(printf 'first\nsecond\n' | timeout 60 "$skiff" run --accel tcg "$bin/ends" cat)
    [[ $output == *"read first"*"read second"* ]]
}
@test "SIGTERM to skiff is SIGTERM to the program" {
    timeout 60 "$skiff" run --accel tcg "$bin/ends" term >"$BATS_TEST_TMPDIR/out" </dev/null &
    pid=$!
    for _ in $(seq 200); do grep -q waiting "$BATS_TEST_TMPDIR/out" && break; sleep 0.05; done
    pkill -TERM -P $pid -x skiff || kill -TERM $pid
    code=0
    wait $pid || code=$?
    [ "$code" = 7 ]
    grep -q "got SIGTERM" "$BATS_TEST_TMPDIR/out"
}
@test "no QEMU is left when skiff is killed" {
    "$skiff" run --accel tcg "$bin/ends" wait >"$BATS_TEST_TMPDIR/out" </dev/null &
    pid=$!
    for _ in $(seq 200); do grep -q waiting "$BATS_TEST_TMPDIR/out" && break; sleep 0.05; done
    qemu=$(pgrep -P $pid)
    kill -KILL $pid
    wait $pid || true
    for _ in $(seq 100); do kill -0 "$qemu" 2>/dev/null || break; sleep 0.05; done
    ! kill -0 "$qemu" 2>/dev/null
}
@test "threads count, wait and join on 1, 2, 4 and 8 CPUs" {
    for cpus in 1 2 4 8; do
        run_skiff -c $cpus "$bin/threads"
        [ "$status" = 0 ]
        [[ $output == *"count 32000 sum 32000 turn 800"* ]]
    done
}
@test "environment and working directory are set" {
    cat >"$BATS_TEST_TMPDIR/show.sh" <<'S'
echo "A=$A in $(pwd)"
S
    run_skiff -e A=b -w /tmp "$BATS_TEST_TMPDIR/show.sh"
    [ "$status" = 0 ]
    [[ $output == *"A=b in /tmp"* ]]
}
@test "no byte and no register is lost while memory is mapped, protected, copied and thrown away" {
    build_program churn
    for cpus in 2 4; do
        LIMIT=120 run_skiff -c $cpus "$bin/churn" 1
        [ "$status" = 0 ]
        [[ $output == *"code: good"*"counters: good"*"faults: good"*"registers: good"* ]]
    done
}
@test "a program deaf to SIGTERM is powered off after 15 s, and -v shows what its threads do" {
    timeout 60 "$skiff" run -v --accel tcg "$bin/ends" deaf >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" </dev/null &
    pid=$!
    for _ in $(seq 400); do grep -q waiting "$BATS_TEST_TMPDIR/out" && break; sleep 0.05; done
    kill -TERM "$(pgrep -P $pid)"
    code=0
    wait $pid || code=$?
    [ "$code" = 137 ]
    [ "$(grep -c "process 1 ends" "$BATS_TEST_TMPDIR/err")" = 1 ]
    grep -q "asleep, last in pause" "$BATS_TEST_TMPDIR/err"
    grep -q "#0 " "$BATS_TEST_TMPDIR/err"
}
