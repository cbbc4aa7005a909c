# The network against Linux's own stack over a TAP device, good and bad wires; the long runs are tests/net/run-long.
bats_require_minimum_version 1.5.0
load helpers
load ../net/bed

setup_file() {
    load helpers
    load ../net/bed
    bed_programs
    missing=$(bed_missing)
    export missing
}
setup() {
    build=$bed_build log=$BATS_TEST_TMPDIR/log
    [[ $BATS_TEST_DESCRIPTION == *"user networking"* || -z $missing ]] || skip "$missing"
}
teardown() { bed_down; }

# serve PROGRAM PORT [OPTIONS]: the program's server in a machine.
serve() {
    bed_start "$log" -m 256M "${@:3}" "$build/$1" serve "$2"
    wait_for_text "serving on" "$log" 20
}
@test "odd endings and datagrams as Linux has them: Skiff serves" {
    bed_up
    bed_router $bed_tap
    serve cases 9100 -c 2
    on_host timeout 60 "$build/cases" run $bed_guest 9100
    wait_for_host6
    on_host timeout 60 "$build/cases" run $bed_guest6 9100
}
@test "odd endings and datagrams as Linux has them: Skiff asks" {
    bed_up
    bed_router $bed_tap
    on_host "$build/cases" serve 9100 >"$log" 2>&1 3>&- &
    wait_for_text "serving on" "$log" 5
    bed_run -m 256M -c 2 "$build/cases" run $bed_host 9100
    bed_run -m 256M "$build/cases" run $bed_host6 9100 wait=3000
}
@test "every byte of large transfers is right, both ways and families" {
    bed_up
    bed_router $bed_tap
    serve transfer 9200
    wait_for_host6
    for way in put get; do
        on_host timeout 60 "$build/transfer" $way $bed_guest 9200 200000000
        on_host timeout 60 "$build/transfer" $way $bed_guest6 9200 50000000
    done
    on_host timeout 60 "$build/transfer" get $bed_guest 9200 20000000 pause=200 buffer=32768
}
@test "loss, duplicates and reordering change no byte" {
    bed_up_bad loss=1 duplicate=1 reorder=2 jitter=1 seed=20
    bed_router skwire1
    serve transfer 9200
    wait_for_host6
    for way in put get; do
        on_host timeout 90 "$build/transfer" $way $bed_guest 9200 10000000
        on_host timeout 90 "$build/transfer" $way $bed_guest6 9200 5000000
    done
}
@test "ping is answered, with fragments too" {
    bed_up
    bed_router $bed_tap
    serve cases 9100
    on_host busybox ping -c 3 -W 5 $bed_guest
    on_host busybox ping -c 2 -W 5 -s 20000 $bed_guest
    wait_for_host6
    on_host busybox ping6 -c 2 -W 5 $bed_guest6
    on_host busybox ping6 -c 2 -W 5 -s 8000 $bed_guest6
}
@test "a neighbour that changes its link address is found again" {
    bed_up
    serve transfer 9200
    on_host timeout 20 "$build/transfer" put $bed_guest 9200 1000000
    ip -n "$bed_ns" link set $bed_tap address 02:00:00:00:00:77
    on_host timeout 20 "$build/transfer" put $bed_guest 9200 1000000
}
@test "an HTTP server answers 64 connections without an error" {
    bed_up
    bed_start "$log" -m 256M -c 2 "$top/build/examples/server-static"
    wait_for_text listening "$log" 20
    output=$(on_host wrk -c 64 -t 1 -d 5 "http://$bed_guest:8080/")
    echo "$output"
    [[ $output == *"requests in"* && $output != *"Socket errors"* && $output != *"Non-2xx"* ]]
}
@test "an address by DHCP from busybox's server" {
    bed_up
    cat >"$BATS_TEST_TMPDIR/udhcpd.conf" <<CONF
start 10.99.0.50
end 10.99.0.50
interface $bed_tap
lease_file $BATS_TEST_TMPDIR/leases
pidfile $BATS_TEST_TMPDIR/udhcpd.pid
option subnet 255.255.255.0
option router $bed_host
option dns $bed_host
option lease 600
CONF
    touch "$BATS_TEST_TMPDIR/leases"
    on_host busybox udhcpd -f "$BATS_TEST_TMPDIR/udhcpd.conf" >"$BATS_TEST_TMPDIR/udhcpd.log" 2>&1 3>&- &
    BED_IP=dhcp serve transfer 9200
    for _ in $(seq 50); do
        on_host timeout 5 "$build/transfer" get 10.99.0.50 9200 1000 && break
        sleep 0.2
    done
    on_host timeout 20 "$build/transfer" get 10.99.0.50 9200 1000000
}
@test "names of /etc/hosts resolve; user networking answers at its published port" {
    build_program names
    port=$(free_port)
    LIMIT=60 timeout 60 "$skiff" run --accel tcg -m 256M -p "$port:8080" "$top/build/examples/server-static" >"$log" 2>&1 3>&- &
    pid=$!
    wait_for_url "http://127.0.0.1:$port/" $pid 20
    [ "$(curl -s --max-time 10 "http://127.0.0.1:$port/")" = "Hello from Skiff" ]
    output=$(wrk -c 8 -t 1 -d 3 "http://127.0.0.1:$port/")
    kill $pid
    echo "$output"
    [[ $output == *"requests in"* && $output != *"Socket errors"* ]]
    run_skiff "$BATS_FILE_TMPDIR/names"
    [ "$status" = 0 ]
    [[ $output == *"localhost 127.0.0.1"*"localhost ::1"* ]]
}
