# Python's own test suite (libpython3.11-testsuite) of what leans on the kernel: what passes here passes on Skiff.
bats_require_minimum_version 1.5.0
load ../apps/helpers
SUITE=/usr/lib/python3.11/test

setup_file() {
    load ../apps/helpers
    [ ! -d "$SUITE" ] || app_image /usr/bin/python3 /usr/lib/python3.11
}
# Names of the tests in the module that passed.
passed() { # LOG
    sed -nE 's/^(test\w+) \(([a-zA-Z0-9_.]+)\).* \.\.\. ok$/\2 \1/p' "$1" | sort
}
suite() { # MODULE
    [ -d "$SUITE" ] || skip "libpython3.11-testsuite is not installed"
    (cd "$BATS_TEST_TMPDIR" && timeout 600 /usr/bin/python3 -m test -v "$1" </dev/null >"$BATS_TEST_TMPDIR/here" 2>&1) || true
    timeout -k 5 1200 "$skiff" run --accel tcg -c 2 -m 1G -w /tmp "$BATS_FILE_TMPDIR/image" -c "python3 -m test -v $1" \
        </dev/null >"$BATS_TEST_TMPDIR/there" 2>&1 || true
    passed "$BATS_TEST_TMPDIR/here" >"$BATS_TEST_TMPDIR/passed-here"
    passed "$BATS_TEST_TMPDIR/there" >"$BATS_TEST_TMPDIR/passed-there"
    [ -s "$BATS_TEST_TMPDIR/passed-here" ]
    missing=$(comm -23 "$BATS_TEST_TMPDIR/passed-here" "$BATS_TEST_TMPDIR/passed-there")
    [ -z "$missing" ] || { echo "$missing"; return 1; }
}

@test "test_os" {
    suite test_os
}
@test "test_posix" {
    suite test_posix
}
@test "test_subprocess" {
    suite test_subprocess
}
@test "test_select" {
    suite test_select
}
@test "test_epoll" {
    suite test_epoll
}
@test "test_poll" {
    suite test_poll
}
@test "test_selectors" {
    suite test_selectors
}
@test "test_signal" {
    suite test_signal
}
@test "test_threading" {
    suite test_threading
}
@test "test_mmap" {
    suite test_mmap
}
@test "test_fcntl" {
    suite test_fcntl
}
@test "test_time" {
    suite test_time
}
@test "test_io" {
    suite test_io
}
@test "test_pty" {
    suite test_pty
}
@test "test_tempfile" {
    suite test_tempfile
}
@test "test_shutil" {
    suite test_shutil
}
@test "test_multiprocessing_fork" {
    suite test_multiprocessing_fork
}
@test "test_asyncio" {
    suite test_asyncio
}
