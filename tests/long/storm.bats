# The storms of tests/boot/storm.bats on other numbers of CPUs, several times: what is rare shows up here.
bats_require_minimum_version 1.5.0
load ../boot/helpers

setup_file() {
    load ../boot/helpers
    build_program storm
}
storm() { # CPUS TIMES
    for _ in $(seq "$2"); do
        LIMIT=300 run_skiff -c "$1" -m 512M "$BATS_FILE_TMPDIR/storm"
        [ "$status" = 0 ]
        [[ $output == *"deaths passed"* ]]
    done
}

@test "storms pass on one CPU" {
    storm 1 3
}
@test "storms pass on two CPUs" {
    storm 2 10
}
@test "storms pass on four CPUs" {
    storm 4 10
}
@test "storms pass on eight CPUs" {
    storm 8 3
}
