# The program's standard input and output: every byte, unchanged, at the reader's pace, to its end.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    load helpers
    build_program standard
    head -c 20000000 /dev/urandom >"$BATS_FILE_TMPDIR/random"
    sha256sum <"$BATS_FILE_TMPDIR/random" >"$BATS_FILE_TMPDIR/sum"
}
setup() { bin=$BATS_FILE_TMPDIR; }
machine() { timeout -k 5 "${LIMIT:-60}" "$skiff" run --accel tcg "$@"; }

@test "20 MB of anything through a pipe and a file arrive unchanged, on both machine types" {
    [ "$(cat "$bin/random" | machine /usr/bin/sha256sum)" = "$(cat "$bin/sum")" ]
    [ "$(machine --machine q35 -c 2 /usr/bin/sha256sum <"$bin/random")" = "$(cat "$bin/sum")" ]
}
@test "20 MB through cat come out unchanged" {
    [ "$(cat "$bin/random" | machine /usr/bin/cat | sha256sum)" = "$(cat "$bin/sum")" ]
}
@test "input that comes early, late and in pieces" {
    [ "$( (printf a; sleep 1; printf bc; sleep 1; printf def) | machine "$bin/standard" count)" = "6 bytes" ]
    [ "$(printf '' | machine "$bin/standard" count)" = "0 bytes" ]
}
@test "no input: /dev/null, closed, and a pipe that ends at once" {
    [ "$(machine "$bin/standard" count </dev/null)" = "0 bytes" ]
    [ "$(machine "$bin/standard" count <&-)" = "0 bytes" ]
    [ "$(machine "$bin/standard" describe </dev/null)" = "stdin is a device, isatty 0" ]
    [ "$(: | machine "$bin/standard" describe)" = "stdin is a pipe, isatty 0" ]
}
@test "a program that does not read its input ends all the same" {
    [ "$(yes | machine "$bin/standard" ignore)" = done ]
    [ "$(sleep 30 | machine "$bin/standard" ignore)" = done ]
}
@test "a slow reader gets every line" {
    [ "$(machine /usr/bin/seq 1 100000 </dev/null | (sleep 3; cat) | md5sum)" = "$(seq 1 100000 | md5sum)" ]
}
@test "a reader that goes away is SIGPIPE to the program" {
    machine /usr/bin/yes </dev/null 2>/dev/null | head -n 1
    [ "${PIPESTATUS[0]}" = 141 ]
}
@test "Ctrl-C reaches the program while nobody reads its output" {
    (
        code=0
        timeout -s INT -k 20 5 "$skiff" run --accel tcg /usr/bin/yes </dev/null || code=$?
        echo $code >"$BATS_TEST_TMPDIR/code"
    ) | sleep 12
    # 124 by timeout(1), and not 137 by its second signal.
    [ "$(cat "$BATS_TEST_TMPDIR/code")" = 124 ]
}
@test "--console-log gets a copy" {
    machine --console-log "$BATS_TEST_TMPDIR/log" /usr/bin/seq 1 3000 </dev/null >/dev/null
    cmp "$BATS_TEST_TMPDIR/log" <(seq 1 3000)
}
@test "a terminal: lines, and Ctrl-D is the end" {
    python3 - "$skiff" "$bin/standard" <<'P'
import os, pty, select, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "run", "--accel", "tcg", sys.argv[2], "lines"])
seen = b""
def wait_for(text):
    global seen
    end = time.time() + 40
    while text not in seen:
        assert time.time() < end, seen
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 1000)
wait_for(b"ready")
os.write(terminal, b"one\n")
wait_for(b"line one")
os.write(terminal, b"two\n")
wait_for(b"line two")
os.write(terminal, b"\x04")
wait_for(b"end")
assert os.waitpid(pid, 0)[1] == 0
P
}
