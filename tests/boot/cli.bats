# The command line: what it refuses and how it says so, what it prints, what it leaves behind. Few of these start a machine.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    load helpers
    build_program ends
    mkdir -p "$BATS_FILE_TMPDIR/cache"
}
setup() {
    bin=$BATS_FILE_TMPDIR
    dir=$BATS_TEST_TMPDIR
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache TMPDIR=$BATS_TEST_TMPDIR/tmp
    mkdir -p "$TMPDIR"
    hello=$top/build/examples/hello
}

# skiff's words come on stderr, one sentence that names the thing: checked with what $output holds of both.
skiff() { run --separate-stderr timeout -k 5 60 "$skiff" "$@"; }
refused() { # STATUS WORD...: each word is in the message, and nothing went to stdout
    [ "$status" = "$1" ] || { echo "status $status: $stderr"; return 1; }
    [ -z "$output" ]
    [[ $stderr == "skiff: "* ]]
    shift
    for word in "$@"; do
        [[ $stderr == *"$word"* ]] || { echo "no \"$word\" in: $stderr"; return 1; }
    done
}
nothing_left() {
    [ -z "$(ls -A "$TMPDIR")" ] || { ls -RA "$TMPDIR" | head; return 1; }
    [ -z "$(find "$XDG_CACHE_HOME" -name '.skiff-work-*')" ]
}
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
# A jar of the files given, without a manifest of jar(1)'s own.
make_jar() { # JAR FILE...
    python3 -c 'import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as z:
    for name in sys.argv[2:]: z.write(name)' "$@"
}

# ---- words ----

@test "help: all verbs, each verb, an unknown one" {
    skiff help
    [ "$status" = 0 ]
    for verb in run build inspect doctor; do
        [[ $output == *"$verb"* ]]
        skiff help $verb
        [ "$status" = 0 ]
        [[ $output == "usage: skiff $verb"* ]]
        first=$output
        skiff $verb --help
        [ "$status" = 0 ] || [ $verb = inspect ] || [ $verb = doctor ]
        skiff help
    done
    skiff help nonsense
    refused 125 nonsense "skiff help"
}
@test "no verb and an unknown verb" {
    run timeout 10 "$skiff"
    [ "$status" = 125 ]
    skiff app.jar
    refused 125 'no verb "app.jar"' "skiff run app.jar"
    skiff --version
    [ "$status" = 0 ]
}
@test "unknown options and missing values are named" {
    skiff run --nonsense x
    refused 125 --nonsense "skiff help run"
    skiff run -z x
    refused 125 "-z"
    skiff run -vz x
    refused 125 "-z"
    skiff run -m
    refused 125 "-m needs a value"
    skiff run --memory
    refused 125 "--memory needs a value"
    skiff run --gdb=1 x
    refused 125 "--gdb=1 takes no value"
    skiff build --nonsense x
    refused 125 --nonsense "skiff help build"
    skiff run
    refused 125 "what to run is missing"
    skiff build
    refused 125 "what to build from is missing"
    skiff inspect
    refused 125 "one image"
    skiff doctor --nonsense
    refused 125 --nonsense
}
@test "bad values of options are named" {
    while read -r option value word; do
        skiff run "$option" "$value" "$hello"
        refused 125 "$value" "$word" || { echo "$option $value"; return 1; }
    done <<'T'
-m much size
-m 0 size
-m -5M size
-m 99999999999999G size
-c 0 CPUs
-c 65 CPUs
-c two CPUs
-p 8080 HOST:GUEST
-p 0:80 65535
-p 80:99999 65535
-p 80:80/sctp tcp
-e =x name
-w tmp absolute
--network bridge user
--accel hvf kvm
--machine pc microvm
--ip 10.0.0.300/24 ADDRESS
--ip 10.0.0.3 PREFIX
--ip 10.0.0.3/33 PREFIX
--ip 10.0.0.3/24,gw GATEWAY
--hostname a_b! letters
--loglevel 7 errors
T
    skiff build -e A "$hello"
    refused 125 '"A"' NAME=VALUE
    skiff build -w tmp "$hello"
    refused 125 tmp absolute
    skiff run -p 8080:80 -p 8080:81 "$hello"
    refused 125 8080 twice
    skiff run -p 999.1.1.1:80:80 "$hello"
    refused 125 999.1.1.1
    skiff run --network none -p 8080:80 "$hello"
    refused 125 "-p" none
}
@test "too little memory is said before the machine starts" {
    skiff run -m 4M "$hello"
    refused 125 4M "smallest machine" 8M
    skiff build -m 4M "$hello" -o "$dir/small.img"
    skiff run "$dir/small.img"
    refused 125 4M 8M
    skiff run --dry-run -m 32M "$top/build/examples/app.jar"
    [ "$status" = 0 ]
    [[ $stderr == *"-m 32M is little for a JVM"* ]]
}

# ---- sources ----

@test "a source that is not there, not readable or not runnable" {
    run -127 --separate-stderr "$skiff" run "$dir/none"
    refused 127 "$dir/none" "No such file"
    run -127 --separate-stderr "$skiff" build "$dir/none" -o "$dir/x.img"
    refused 127 "$dir/none"
    echo words >"$dir/text"
    skiff run "$dir/text"
    refused 126 "$dir/text" "not a jar" "#!"
    : >"$dir/empty"
    skiff run "$dir/empty"
    refused 126 "$dir/empty"
    skiff run /dev/null
    refused 126 /dev/null
    cp "$hello" "$dir/plain"
    chmod 644 "$dir/plain"
    skiff run "$dir/plain"
    refused 126 "not executable" "chmod +x"
    nothing_left
}
@test "a source that the user may not read" {
    need_root
    cp "$skiff" "$dir/skiff"
    cp "$hello" "$dir/secret"
    chmod 700 "$dir/secret"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$dir" 2>/dev/null || true
    run --separate-stderr as_nobody env HOME="$TMPDIR" XDG_CACHE_HOME="$TMPDIR" SKIFF_KERNEL="$top/build/skiff-kernel.elf" "$dir/skiff" run "$dir/secret"
    [ "$status" != 0 ]
    [[ $stderr == *"ermission denied"* ]]
}
@test "programs for other architectures and no programs at all" {
    # An ELF header: class, data, type and machine as named.
    header() { python3 -c 'import struct, sys
cls, data, kind, machine = map(int, sys.argv[2:])
head = b"\x7fELF" + bytes([cls, data, 1]) + bytes(9) + struct.pack(("<" if data == 1 else ">") + "HH", kind, machine)
open(sys.argv[1], "wb").write(head + bytes(200))' "$@"; chmod +x "$1"; }
    header "$dir/arm64" 2 1 2 183
    skiff run "$dir/arm64"
    refused 126 "$dir/arm64" aarch64 x86-64
    header "$dir/i386" 1 1 2 3
    skiff run "$dir/i386"
    refused 126 "32-bit x86"
    header "$dir/s390" 2 2 2 22
    skiff run "$dir/s390"
    refused 126 "S/390"
    header "$dir/x32" 1 1 2 62
    skiff run "$dir/x32"
    refused 126 x32
    header "$dir/object" 2 1 1 62
    skiff run "$dir/object"
    refused 126 "$dir/object" "object file"
    header "$dir/hollow" 2 1 2 62
    skiff run "$dir/hollow"
    [ "$status" != 0 ]
    printf '\177ELF' >"$dir/short"
    skiff run "$dir/short"
    refused 126 "$dir/short"
    head -c 3000 "$hello" >"$dir/cut"
    chmod +x "$dir/cut"
    skiff run "$dir/cut"
    [ "$status" != 0 ]
    nothing_left
}
@test "a library, a loader or an interpreter that this host lacks" {
    echo 'int f(void) { return 0; }' >"$dir/f.c"
    gcc -shared -fPIC -o "$dir/libabsent.so" "$dir/f.c"
    echo 'int f(void); int main(void) { return f(); }' >"$dir/main.c"
    gcc -o "$dir/main" "$dir/main.c" -L"$dir" -labsent
    skiff run "$dir/main"
    refused 125 "$dir/main" libabsent.so apt-file
    gcc -o "$dir/loader" "$dir/main.c" -L"$dir" -labsent -Wl,--dynamic-linker=/lib64/ld-absent.so
    skiff run "$dir/loader"
    refused 125 /lib64/ld-absent.so
    echo 'puts 1' >"$dir/script.rb"
    mkdir "$dir/path"
    for tool in qemu-system-x86_64 mkfs.erofs; do ln -s "$(command -v $tool)" "$dir/path/$tool"; done
    run --separate-stderr env PATH="$dir/path" "$skiff" run "$dir/script.rb"
    refused 125 "$dir/script.rb" ruby "apt install ruby"
    run --separate-stderr env PATH="$dir/path" "$skiff" run "$top/build/examples/app.jar"
    refused 125 JDK openjdk-17
    nothing_left
}
@test "jars: no manifest, no main class, damaged" {
    cd "$dir"
    echo x >a.txt
    make_jar none.jar a.txt
    skiff run none.jar
    refused 125 none.jar Main-Class
    mkdir META-INF
    printf 'Manifest-Version: 1.0\nImplementation-Title: x\n' >META-INF/MANIFEST.MF
    make_jar library.jar META-INF/MANIFEST.MF
    skiff run library.jar
    refused 125 library.jar Main-Class "maven"
    head -c 40 library.jar >cut.jar
    skiff run cut.jar
    refused 125 cut.jar
    printf 'PK\3\4' >tiny.jar
    skiff run tiny.jar
    refused 125 tiny.jar
    nothing_left
}
@test "a directory without skiff.yaml, and what is wrong in one" {
    skiff run "$dir"
    refused 125 "$dir/skiff.yaml" "No such file"
    while IFS='|' read -r text words; do
        printf -- "$text" >"$dir/skiff.yaml"
        code=0
        stderr=$("$skiff" run "$dir" 2>&1) || code=$?
        [ $code != 0 ] && [[ $stderr == *"$words"* ]] || { echo "$text: $stderr"; return 1; }
    done <<'T'
program: [a]\n|line 1: program must be
args: [1]\n|does not say what to start
program: a\nports: 80\n|line 2: ports must be a list
program: a\nargs: [[1]]\n|line 2: args must be
program: a\n\nmemory: lots\n|line 3: memory must be a size
program: a\ncpus: 0\n|line 2: cpus must be a number
program: a\ncpus: 2x\n|line 2: cpus must be a number
program: a\ncwd: tmp\n|line 2: cwd must be an absolute path
program: a\nruntime: cobol\n|line 2: runtime must be one of
program: a\nenv: [x: y]\n|line 2: env must be
program: a\nenv:\n  A: [1]\n|line 3: env must be
program: a\ncolour: red\n|line 2: the key "colour" is not known
program: a\n\tx: [\n|line 2
- a\n|not a mapping
|not a mapping
program: absent\n|absent
T
    cp "$hello" "$dir/hello"
    printf 'program: hello\nports: ["80"]\n' >"$dir/skiff.yaml"
    skiff run "$dir"
    refused 125 skiff.yaml ports HOST:GUEST
    printf 'program: hello\nruntime: ruby\n' >"$dir/skiff.yaml"
    skiff run "$dir"
    refused 125 ruby hello native
    printf 'program: hello\nfiles: ["hello:../../etc/x"]\n' >"$dir/skiff.yaml"
    skiff run "$dir"
    refused 125 "../../etc/x" "out of the image"
    printf 'program: hello\nfiles: [absent]\n' >"$dir/skiff.yaml"
    skiff run "$dir"
    refused 125 absent
    nothing_left
}
@test "links of a project lead nowhere on this host" {
    mkdir -p "$dir/p/data" "$dir/outside"
    cp "$hello" "$dir/p/hello"
    echo secret >"$dir/outside/file"
    ln -s "$dir/outside" "$dir/p/data/directory"
    ln -s ../../outside/file "$dir/p/data/file"
    ln -s ../hello "$dir/p/data/inside"
    printf 'program: hello\nfiles: [data, "hello:/app/data/directory/planted"]\n' >"$dir/p/skiff.yaml"
    skiff build "$dir/p" -o "$dir/p.img"
    [ ! -e "$dir/outside/planted" ]
    [ "$status" = 0 ]
    [[ $stderr == *"$dir/outside"*"left out"* ]]
    # A link that does stay may not be written through.
    ln -s /tmp "$dir/p/data/away"
    rm "$dir/p/data/directory"
    ln -s nowhere/.. "$dir/p/data/odd"
    skiff build "$dir/p" -o "$dir/p.img"
    [ ! -e /tmp/planted ]
    nothing_left
}

# ---- the host ----

@test "a port in use" {
    port=$(free_port)
    python3 -c 'import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); time.sleep(30)' "$port" &
    holder=$!
    for _ in $(seq 100); do (: <>/dev/tcp/127.0.0.1/"$port") 2>/dev/null && break; sleep 0.05; done
    skiff run -p "$port:80" "$hello"
    kill $holder
    refused 125 "port $port" "in use" "ss -ltnp"
}
@test "no permission for /dev/kvm, and none at all" {
    need_root
    [ -e /dev/kvm ] || skip "this host has no /dev/kvm"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$dir" 2>/dev/null || true
    as_nobody test ! -r /dev/kvm || skip "everybody may open /dev/kvm here"
    cp "$skiff" "$dir/skiff"
    chmod 777 "$TMPDIR"
    run --separate-stderr as_nobody env HOME="$TMPDIR" XDG_CACHE_HOME="$TMPDIR" SKIFF_KERNEL="$top/build/skiff-kernel.elf" "$dir/skiff" run --accel kvm /bin/true
    refused 125 "/dev/kvm" "permission denied" "group kvm" "--accel tcg"
    run --separate-stderr as_nobody "$dir/skiff" doctor
    [[ $output == *"may not open"* ]]
}
@test "the kernel, QEMU or mkfs.erofs is missing" {
    SKIFF_KERNEL=$dir/absent skiff run "$hello"
    refused 125 "$dir/absent"
    cp "$skiff" "$dir/skiff"
    run --separate-stderr "$dir/skiff" run "$hello"
    [ "$status" = 0 ] || refused 125 skiff-kernel.elf SKIFF_KERNEL # unless one is installed
    mkdir "$dir/path"
    run --separate-stderr env PATH="$dir/path" "$skiff" run "$hello"
    refused 125 QEMU "apt install qemu-system-x86"
    ln -s "$(command -v qemu-system-x86_64)" "$dir/path/"
    run --separate-stderr env PATH="$dir/path" "$skiff" build "$hello" -o "$dir/x.img"
    refused 125 mkfs.erofs "apt install erofs-utils"
    [ ! -e "$dir/x.img" ]
    nothing_left
}
@test "doctor tells what it found, also as JSON" {
    run timeout 60 "$skiff" doctor
    [ "$status" = 0 ]
    [[ $output == *kvm*qemu*kernel*mkfs.erofs*"ready"* ]]
    "$skiff" doctor --json | python3 -c 'import json, sys
found = {f["subject"]: f for f in json.load(sys.stdin)}
assert found["kvm"]["state"] in ("ok", "limited") and found["qemu"]["state"] == "ok"
assert all(f["state"] in ("ok", "limited", "missing") for f in found.values())'
    run env PATH=/nonexistent "$skiff" doctor
    [ "$status" = 1 ]
    [[ $output == *"missing"*"apt install"*"not ready"* ]]
}
@test "no cache directory" {
    run --separate-stderr env -u HOME -u XDG_CACHE_HOME "$skiff" run "$hello"
    refused 125 HOME
    echo x >"$dir/file"
    XDG_CACHE_HOME=$dir/file skiff run "$hello"
    refused 125 "$dir/file"
}

# ---- images ----

@test "damaged images are found before a machine starts" {
    skiff build "$hello" -o "$dir/x.img"
    [ "$status" = 0 ]
    skiff inspect "$dir/x.img"
    [ "$status" = 0 ]
    [[ $output == *whole* ]]
    size=$(stat -c %s "$dir/x.img")
    head -c $((size - 100)) "$dir/x.img" >"$dir/cut.img"
    skiff run "$dir/cut.img"
    refused 125 "$dir/cut.img" damaged "skiff build"
    head -c $((size / 2 / 4096 * 4096)) "$dir/x.img" >"$dir/half.img"
    skiff run "$dir/half.img"
    refused 125 "$dir/half.img" damaged
    # A byte each in the contents, the trailer, the trailer's checksum and the file system's own head.
    for at in $((size / 2)) $((size - 4096 + 70)) $((size - 4096 + 12)) 1100; do
        cp "$dir/x.img" "$dir/flip.img"
        python3 -c 'import sys
f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1)[0]; f.seek(int(sys.argv[2])); f.write(bytes([b ^ 0x40]))' "$dir/flip.img" "$at"
        skiff run "$dir/flip.img"
        refused 125 "$dir/flip.img" damaged || { echo "byte $at"; return 1; }
    done
    cat "$dir/x.img" "$dir/x.img" >"$dir/double.img"
    skiff inspect "$dir/double.img"
    refused 125 damaged
    skiff inspect "$hello"
    refused 125 damaged
}
@test "two builds give the same bytes, also of a jar and a script" {
    echo 'puts 1' >"$dir/s.rb"
    for source in "$hello" "$dir/s.rb" "$top/build/examples/app.jar"; do
        skiff build "$source" -o "$dir/1.img"
        [ "$status" = 0 ]
        touch "$dir/between"
        skiff build "$source" -o "$dir/2.img"
        cmp "$dir/1.img" "$dir/2.img"
    done
    nothing_left
}
@test "builds at the same time do not disturb each other" {
    for i in 1 2 3; do
        timeout 60 "$skiff" build "$hello" -o "$dir/same.img" 2>/dev/null &
        pids[i]=$!
        timeout 60 "$skiff" run --dry-run "$hello" >"$dir/dry.$i" 2>/dev/null &
        pids[i + 3]=$!
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    skiff inspect "$dir/same.img"
    [ "$status" = 0 ]
    cmp "$dir/dry.1" "$dir/dry.2"
    nothing_left
}
@test "a kept image follows its source, its libraries and the options" {
    cd "$dir"
    echo 'const char *word(void) { return "one"; }' >w.c
    gcc -shared -fPIC -o libword.so w.c
    printf '#include <stdio.h>\nconst char *word(void);\nint main(void) { puts(word()); }\n' >m.c
    gcc -o m m.c -L. -lword -Wl,-rpath,'$ORIGIN'
    run_skiff ./m </dev/null
    [[ $output == *one* ]]
    before=$(ls "$XDG_CACHE_HOME"/skiff/images/*.img | wc -l)
    sed -i s/one/two/ w.c
    gcc -shared -fPIC -o libword.so w.c
    run_skiff ./m </dev/null
    [[ $output == *two* ]]
    [ "$(ls "$XDG_CACHE_HOME"/skiff/images/*.img | wc -l)" = "$before" ]
}
@test "build and inspect as JSON" {
    "$skiff" build --json "$hello" -o "$dir/x.img" 2>/dev/null | python3 -c 'import json, sys
b = json.load(sys.stdin); assert b["runtime"] == "native" and b["size_bytes"] > 4096 and b["files"] > 3'
    "$skiff" inspect --json "$dir/x.img" | python3 -c 'import json, sys
b = json.load(sys.stdin); assert b["runtime"] == "native" and b["memory_mib"] >= 8'
}
@test "an image that cannot be written" {
    skiff build "$hello" -o "$dir/absent/x.img"
    refused 125 "$dir/absent"
    mkdir "$dir/x.img"
    skiff build "$hello" -o "$dir/x.img"
    refused 125 "$dir/x.img"
    nothing_left
}
@test "a full disk: said, and nothing left" {
    need_root
    mkdir "$dir/small"
    mount -t tmpfs -o size=600k tmpfs "$dir/small" || skip "no mount here"
    skiff build "$hello" -o "$dir/small/x.img"
    left=$(ls -A "$dir/small")
    first=$status first_words=$stderr
    TMPDIR=$dir/small skiff build "$hello" -o "$dir/y.img"
    left+=$(ls -A "$dir/small")
    umount "$dir/small"
    [ "$first" = 125 ]
    [[ $first_words == *"room"* || $first_words == *"space"* ]]
    refused 125 "No space left"
    [ -z "$left" ]
}

# ---- what is left behind ----

wait_for_work() { for _ in $(seq 400); do [ -n "$(ls -A "$TMPDIR")" ] && return; sleep 0.01; done; return 1; }
wait_for_none() { for _ in $(seq 400); do [ -z "$(ls -A "$TMPDIR")" ] && return; sleep 0.02; done; ls -RA "$TMPDIR" | head; return 1; }
# mkfs.erofs that takes its time.
slow_tools() {
    mkdir "$dir/slow"
    printf '#!/bin/sh\nexec sleep 20\n' >"$dir/slow/mkfs.erofs"
    chmod +x "$dir/slow/mkfs.erofs"
}
@test "a build ended by SIGINT, SIGTERM, SIGHUP or SIGKILL leaves nothing" {
    slow_tools
    for signal in INT TERM HUP KILL; do
        # A job of its own, as background jobs of a script ignore SIGINT.
        PATH=$dir/slow:$PATH python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' "$skiff" build "$hello" -o "$dir/x.img" 3>&- &
        pid=$!
        wait_for_work
        for _ in $(seq 200); do pgrep -P $pid -x sleep >/dev/null && break; sleep 0.02; done
        kill -$signal $pid
        wait $pid || true
        wait_for_none || { echo "after SIG$signal"; return 1; }
        [ -z "$(find "$dir" -name '.skiff-work-*' -o -name '*.img')" ]
    done
}
@test "what even the watcher could not remove, the next build does" {
    slow_tools
    PATH=$dir/slow:$PATH setsid "$skiff" build "$hello" -o "$dir/x.img" 3>&- &
    pid=$!
    wait_for_work
    for _ in $(seq 200); do pgrep -P $pid -x sleep >/dev/null && break; sleep 0.02; done
    kill -KILL $(pgrep -P $pid) $pid
    wait $pid || true
    [ -n "$(ls -A "$TMPDIR")" ]
    skiff build "$hello" -o "$dir/x.img"
    [ "$status" = 0 ]
    nothing_left
}
@test "nothing is left of a machine: no files, no processes" {
    timeout 60 "$skiff" run --accel tcg "$bin/ends" wait >"$dir/out" </dev/null 3>&- &
    pid=$!
    for _ in $(seq 400); do grep -q waiting "$dir/out" && break; sleep 0.05; done
    nothing_left
    qemu=$(pgrep -P "$(pgrep -P $pid)")
    kill -INT "$(pgrep -P $pid)"
    code=0
    wait $pid || code=$?
    [ "$code" = 143 ] # SIGTERM ends the program
    ! kill -0 "$qemu" 2>/dev/null
    nothing_left
}

# ---- the machine's command ----

@test "dry run prints one line, and bash runs it" {
    skiff run --dry-run --accel tcg -m 64M -e "A=it's \$HOME, b" "$hello" "two words" 'q"uo`te'
    [ "$status" = 0 ]
    [ "${#lines[@]}" = 1 ]
    [[ ${lines[0]} == qemu-system-x86_64\ * ]]
    result=$(timeout 60 bash -c "${lines[0]}" </dev/null)
    [[ $result == *"argument 1: two words"*'argument 2: q"uo`te'* ]]
}
@test "options after the source are the program's" {
    run_skiff "$hello" -m 1 --help </dev/null
    [ "$status" = 0 ]
    [[ $output == *"argument 1: -m"*"argument 2: 1"*"argument 3: --help"* ]]
}
@test "software or hardware KVM: the program runs, and what is lacking is said in one sentence" {
    [ -w /dev/kvm ] || skip "/dev/kvm does not open here"
    run --separate-stderr timeout -k 5 60 "$skiff" run --accel kvm "$top/build/examples/hello-static" one </dev/null
    [ "$status" = 0 ]
    [[ $output == *"Hello from Skiff"* ]]
    if ! grep -qwE 'vmx|svm' /proc/cpuinfo; then
        [ "$(grep -c "KVM" <<<"$stderr")" = 1 ]
    fi
}
