# Storms of processes, threads, signals and pipes: nothing hangs, and the kernel's counters return to where they were.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    load helpers
    build_program storm
}

@test "storms of forks, execs, threads, signals, pipes and deaths pass on two CPUs and leave nothing" {
    LIMIT=180 run_skiff -c 2 -m 512M "$BATS_FILE_TMPDIR/storm"
    [ "$status" = 0 ]
    [[ $output == *"forks passed"*"execs passed"*"threads passed"*"signals passed"*"pipes passed"*"deaths passed"* ]]
}
