# Java: the launcher, five collectors, a load program that also runs on Linux, signals, memory that runs out.
bats_require_minimum_version 1.5.0
load helpers

build_jar() { # NAME: tests/apps/java/NAME.java
    mkdir -p "$BATS_FILE_TMPDIR/$1"
    javac -nowarn -XDignore.symbol.file -d "$BATS_FILE_TMPDIR/$1" "$top/tests/apps/java/$1.java"
    jar --create --file "$BATS_FILE_TMPDIR/$1.jar" --main-class "$1" -C "$BATS_FILE_TMPDIR/$1" .
}
setup_file() {
    load helpers
    build_jar Load
    build_jar Ends
}
setup() {
    jars=$BATS_FILE_TMPDIR
    out=$BATS_TEST_TMPDIR/out
}
# Starts Ends wait in the background and returns when it waits: pid is skiff's.
start_waiting() {
    "$skiff" run --accel tcg -m 256M "$jars/Ends.jar" wait >"$out" 2>&1 </dev/null &
    pid=$!
    for _ in $(seq 600); do grep -q waiting "$out" && return 0; kill -0 $pid || return 1; sleep 0.1; done
    return 1
}

@test "the load program passes on Linux" {
    run java -Xmx96m -jar "$jars/Load.jar"
    [ "$status" = 0 ]
    [[ $output == *"all 26 parts passed"* ]]
}
@test "the version is printed, and a program's output" {
    run_skiff -e JDK_JAVA_OPTIONS=-showversion "$jars/Ends.jar" hello
    [ "$status" = 0 ]
    [[ $output == *"OpenJDK 64-Bit Server VM"*"hello from 2 CPUs"* ]]
}
@test "five collectors, on 1, 2 and 4 CPUs" {
    for pair in 1:Serial 2:Parallel 4:G1 2:Shenandoah 4:Z; do
        cpus=${pair%:*}
        run_skiff -m 256M -c "$cpus" -e JDK_JAVA_OPTIONS="-Xmx96m -XX:+Use${pair#*:}GC" "$jars/Ends.jar" hello
        [ "$status" = 0 ]
        [[ $output == *"hello from $cpus CPUs"* ]]
    done
}
@test "the program's status is skiff's" {
    run_skiff "$jars/Ends.jar" status 42
    [ "$status" = 42 ]
    run_skiff "$jars/Ends.jar" uncaught
    [ "$status" = 1 ]
    [[ $output == *"nobody catches this"* ]]
}
@test "the load program passes under the serial collector" {
    LIMIT=240 run_skiff -m 384M -c 1 -e JDK_JAVA_OPTIONS="-Xmx96m -XX:+UseSerialGC" "$jars/Load.jar"
    [ "$status" = 0 ]
    [[ $output == *"all 26 parts passed"* ]]
}
@test "the load program passes under G1 on two CPUs" {
    LIMIT=240 run_skiff -m 384M -c 2 -e JDK_JAVA_OPTIONS="-Xmx96m -XX:+UseG1GC" "$jars/Load.jar"
    [ "$status" = 0 ]
    [[ $output == *"all 26 parts passed"* ]]
}
@test "SIGQUIT prints the threads and the program goes on; SIGTERM runs the shutdown hooks" {
    start_waiting
    kill -QUIT $pid
    for _ in $(seq 300); do grep -q '"a thread that sleeps"' "$out" && break; sleep 0.1; done
    grep -q "Full thread dump OpenJDK" "$out"
    grep -A3 '"a thread that sleeps"' "$out" | grep -q TIMED_WAITING
    kill -0 $pid
    kill -TERM $pid
    code=0
    wait $pid || code=$?
    [ $code = 143 ]
    grep -q "the hook ran" "$out"
}
@test "a full heap is Java's affair" {
    run_skiff -m 256M -e JDK_JAVA_OPTIONS=-Xmx48m "$jars/Ends.jar" memory
    [ "$status" = 1 ]
    [[ $output == *"java.lang.OutOfMemoryError: Java heap space"* ]]
}
@test "a heap beyond the machine's memory gives one message and 137" {
    run_skiff -m 192M -e JDK_JAVA_OPTIONS=-Xmx1g "$jars/Ends.jar" memory
    [ "$status" = 137 ]
    [ "$(grep -c "out of memory" <<<"$output")" = 1 ]
    [[ $output == *"-m"* ]]
}
@test "a JVM's CPUs share one thread of the host under TCG, a C program's do not" {
    run "$skiff" run --accel tcg --dry-run "$jars/Ends.jar" hello
    [[ $output == *"-accel tcg,thread=single"* ]]
    run "$skiff" run --accel tcg --dry-run "$top/build/examples/hello-static"
    [[ $output == *"-accel tcg,thread=multi"* ]]
}
