# Shells and language runtimes.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    load helpers
    app_image /usr/bin/python3 /usr/lib/python3.11 ruby perl node \
        $(/usr/bin/ruby -e 'puts ($: + Gem.path).select { |d| d.start_with?("/usr/", "/var/") && !d.include?("local/") && File.directory?(d) }' 2>/dev/null) \
        $(perl -e 'print join("\n", grep { -d && !m{local/} } @INC)' 2>/dev/null)
}

@test "shell scripts: pipes, jobs, traps, files, limits, errors" {
    same_as_here shell -c 2
}
@test "python: processes, threads, asyncio, sqlite, sockets, mmap, signals" {
    needs /usr/bin/python3
    PATH=/usr/bin:$PATH same_as_here python -c 2
}
@test "ruby: fork, Open3, sockets, threads, webrick" {
    needs ruby
    same_as_here ruby -c 2
}
@test "perl: fork, open3, alarms, sockets" {
    needs perl
    same_as_here perl -c 2
}
@test "node: workers, child processes, http, fs.watch" {
    needs node
    same_as_here node -c 2 -m 768M
}
# A program built here, with its own checks: its output natively is what Skiff must give.
same_program() { # PROGRAM
    "$1" >"$BATS_TEST_TMPDIR/here" 2>/dev/null
    for cpus in 1 4; do
        timeout -k 5 60 "$skiff" run --accel tcg -m 256M -c $cpus "$1" </dev/null 2>/dev/null | grep -v '^$' >"$BATS_TEST_TMPDIR/there"
        grep -v '^$' "$BATS_TEST_TMPDIR/here" | diff - "$BATS_TEST_TMPDIR/there"
    done
}
@test "go: goroutines, garbage collection, http, os/exec, signals" {
    needs go
    (cd "$BATS_TEST_DIRNAME/programs" && GOCACHE=$XDG_CACHE_HOME/go go build -o "$BATS_FILE_TMPDIR/breadth-go" breadth.go)
    same_program "$BATS_FILE_TMPDIR/breadth-go"
}
@test "rust: threads, channels, sockets, child processes, panics" {
    needs rustc
    rustc -O -o "$BATS_FILE_TMPDIR/breadth-rust" "$BATS_TEST_DIRNAME/programs/breadth.rs"
    same_program "$BATS_FILE_TMPDIR/breadth-rust"
}
@test "musl: a static C program with threads" {
    needs musl-gcc
    musl-gcc -O2 -static -o "$BATS_FILE_TMPDIR/threads-musl" "$top/tests/boot/programs/threads.c"
    same_program "$BATS_FILE_TMPDIR/threads-musl"
}
