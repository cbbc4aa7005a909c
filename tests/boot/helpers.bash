# What the boot tests share. Programs are built once per file into $BATS_FILE_TMPDIR.
top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
skiff=$top/build/skiff
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$top/build/cache}

# Every machine of these tests: TCG, as hardware KVM is not everywhere; a timeout that kills skiff, whose QEMU dies with it.
run_skiff() {
    run timeout -k 5 "${LIMIT:-60}" "$skiff" run --accel tcg "$@"
}
build_program() { # NAME [FLAGS]: tests/boot/programs/NAME.c
    local name=$1
    shift
    gcc -O2 -Wall -o "$BATS_FILE_TMPDIR/$name" "$top/tests/boot/programs/$name.c" -pthread "$@"
}
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
# Waits until URL answers; the machine's pid is watched.
wait_for_url() { # URL PID SECONDS
    local deadline=$((SECONDS + $3))
    while [ $SECONDS -lt $deadline ]; do
        curl -s -o /dev/null --max-time 5 "$1" && return 0
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
