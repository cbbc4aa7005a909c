# stress-ng's stressors, the short part of tests/long/stress, and memory that is not enough.
bats_require_minimum_version 1.5.0
load ../boot/helpers

setup() { type -P stress-ng >/dev/null || skip "stress-ng is not installed"; }
stress() { "$top/tests/long/stress/run" -q "$@"; }

@test "stress-ng: processes and signals" { stress process signal; }
@test "stress-ng: scheduling, waiting, timers" { stress scheduler; }
@test "stress-ng: memory" { stress memory; }
@test "stress-ng: files, sockets, System V" { stress file network ipc; }
@test "stress-ng: hostile calls and instructions" { stress hostile; }

# One message, for the largest program, however many find no memory at the same time.
ends_for_memory() { # STRESSOR OPTION...
    LIMIT=60 run_skiff -c 2 -m 96M "$(type -P stress-ng)" "$@" --timeout 30s
    [ "$status" = 137 ]
    [ "$(grep -c 'out of memory' <<<"$output")" = 1 ]
    [[ $output == *"out of memory: stress-ng"*"-m"* ]]
    [[ $output != *SIGSEGV* ]]
}
@test "stress-ng: more memory than there is ends the machine with one message" {
    ends_for_memory --bigheap 3
    ends_for_memory --memrate 2 --memrate-bytes 80M
    ends_for_memory --memfd 2 --memfd-bytes 200M
    ends_for_memory --mremap 2 --mremap-bytes 100M
}
