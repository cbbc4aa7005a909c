# What goes into an image from each kind of source, seen by running it.
bats_require_minimum_version 1.5.0
load helpers

setup() {
    dir=$BATS_TEST_TMPDIR
    cd "$dir"
}
# Only the program's words.
says() { # WORDS skiff-arguments...
    local wanted=$1
    shift
    run --separate-stderr timeout -k 5 "${LIMIT:-90}" "$skiff" run --accel tcg "$@" </dev/null
    [ "$status" = 0 ] && [ "$output" = "$wanted" ] || { echo "status $status: $output"; echo "$stderr"; return 1; }
}
make_library() { # DIRECTORY NUMBER
    mkdir -p "$1"
    echo "int number(void) { return $2; }" >number.c
    gcc -shared -fPIC -o "$1/libnumber.so" number.c
}
make_user() { # PROGRAM LIBRARY-DIRECTORY FLAGS...
    printf '#include <stdio.h>\nint number(void);\nint main(void) { printf("%%d\\n", number()); }\n' >user.c
    mkdir -p "$(dirname "$1")"
    gcc -o "$1" user.c -L"$2" -lnumber "${@:3}"
}

@test "libraries beside the program, by DT_RUNPATH and DT_RPATH" {
    make_library lib 1
    make_user bin/origin lib -Wl,-rpath,'$ORIGIN/../lib'
    says 1 bin/origin
    make_user bin/absolute lib -Wl,-rpath,"$dir/lib" -Wl,--disable-new-dtags
    says 1 bin/absolute
}
@test "a library of a library, found by the program's DT_RPATH" {
    make_library lib 1
    echo 'int number(void); int twice(void) { return 2 * number(); }' >twice.c
    gcc -shared -fPIC -o lib/libtwice.so twice.c -Llib -lnumber
    printf '#include <stdio.h>\nint twice(void);\nint main(void) { printf("%%d\\n", twice()); }\n' >main.c
    gcc -o main main.c -Llib -ltwice -Wl,-rpath-link,lib -Wl,-rpath,'$ORIGIN/lib' -Wl,--disable-new-dtags
    says 2 ./main
}
@test "a library that only LD_LIBRARY_PATH finds" {
    make_library elsewhere 7
    make_user plain elsewhere
    run timeout 30 "$skiff" run ./plain
    [ "$status" = 125 ]
    LD_LIBRARY_PATH=$dir/elsewhere says 7 ./plain
}
@test "scripts: by suffix, by #! with options, by env and env -S" {
    echo 'echo "sh $1"' >a.sh
    says "sh x" a.sh x
    printf '#!/bin/bash -eu\necho "bash ${1}"\nfalse\necho not\n' >b
    run --separate-stderr timeout 60 "$skiff" run --accel tcg b x </dev/null
    [ "$status" = 1 ]
    [ "$output" = "bash x" ]
    printf '#!/usr/bin/env ruby\nputs "ruby #{ARGV[0]} #{RUBY_VERSION[0]}"\n' >c
    says "ruby x 3" c x
    printf '#!/usr/bin/env -S perl -w\nprint "perl $ARGV[0]\\n";\n' >d
    says "perl x" d x
    LIMIT=150
    printf 'import sys, json, ssl, socket\nprint(json.dumps(["python", sys.argv[1], socket.getprotobyname("tcp")]))\n' >e.py
    says '["python", "x", 6]' e.py x
}
@test "a project: files, arguments, environment, working directory" {
    mkdir -p data/deep
    echo one >data/deep/f
    echo two >config
    cat >start.sh <<'S'
echo "$1 $2 $3 $NAME $(pwd) $(read -r l </srv/data/deep/f && echo "$l") $(read -r l </app/config && echo "$l")"
S
    cat >skiff.yaml <<'Y'
program: start.sh
args: [a, "b c"]
env: {NAME: value}
files: [config, "data:/srv/data"]
cwd: /srv
memory: 96M
Y
    says "a b c d value /srv one two" . d
    "$skiff" build . -o "$dir/x.img" 2>/dev/null
    "$skiff" inspect --json x.img | python3 -c 'import json, sys; assert json.load(sys.stdin)["memory_mib"] == 96'
    says "a b c d other /tmp one two" -e NAME=other -w /tmp x.img d
}
@test "a project's file takes the place of a system file" {
    echo 'read -r line </etc/hosts; echo "$line"' >start.sh
    echo "10.0.0.1 mine" >hosts
    printf 'program: start.sh\nfiles: ["hosts:/etc/hosts"]\n' >skiff.yaml
    says "10.0.0.1 mine" .
}
@test "a jar brings what its Class-Path names" {
    command -v javac >/dev/null || skip "no javac"
    mkdir -p out lib classes/in
    echo 'package in; public class Word { public static String word() { return "found"; } }' >Word.java
    echo 'public class Main { public static void main(String[] a) { System.out.println(in.Word.word() + " " + a[0]); } }' >Main.java
    javac -d out Word.java
    (cd out && jar cf ../lib/word.jar in)
    javac -cp out -d classes Main.java
    printf 'Main-Class: Main\nClass-Path: lib/word.jar missing.jar\n' >manifest
    jar cfm main.jar manifest -C classes Main.class
    LIMIT=150 says "found x" main.jar x
}
@test "an image's own arguments come first" {
    "$skiff" build "$top/build/examples/hello" own -o x.img 2>/dev/null
    says "Hello from Skiff
argument 1: own
argument 2: more" x.img more
}
