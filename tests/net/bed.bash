# The wire of the network tests: a network namespace with a TAP device for the machine, Linux's own stack on the other side.
# Needs root, /dev/net/tun and network namespaces; bed_missing says what is not there.
#
#   bed_up          machine -- sktap0 (10.99.0.1, fd99::1)
#   bed_up_bad ...  machine -- sktap0 -- bridge -- skwire0 -- relay (arguments: see relay.c) -- skwire1 (10.99.0.1, fd99::1)
#
# The bridge is there so that the kernel cuts large segments before the relay sees them.
bed_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bed_build=$bed_top/build/tests/net
bed_ns=skiff-net-$$
bed_tap=sktap0
bed_host=10.99.0.1 bed_guest=10.99.0.2 bed_host6=fd99::1 bed_guest6=fd99::5054:ff:fe12:3456 # from QEMU's MAC

bed_missing() {
    [ -z "${SKIFF_TEST_NO_TAP:-}" ] || { echo "SKIFF_TEST_NO_TAP is set"; return; }
    [ "$(id -u)" = 0 ] || { echo "needs root, to make a TAP device"; return; }
    [ -c /dev/net/tun ] || { echo "needs /dev/net/tun"; return; }
    command -v ip >/dev/null || { echo "needs ip (iproute2)"; return; }
    local out
    out=$(ip netns add "$bed_ns" 2>&1 && ip -n "$bed_ns" tuntap add sktest mode tap 2>&1) || echo "cannot make a TAP device: ${out##*$'\n'}"
    ip netns del "$bed_ns" 2>/dev/null || true
}
bed_programs() { # builds the programs of both sides
    mkdir -p "$bed_build"
    local name
    for name in transfer cases; do
        [ "$bed_build/$name" -nt "$bed_top/tests/net/programs/$name.c" ] ||
            gcc -O2 -Wall -Wextra -pthread -o "$bed_build/$name" "$bed_top/tests/net/programs/$name.c"
    done
    [ "$bed_build/relay" -nt "$bed_top/tests/net/relay.c" ] || gcc -O2 -Wall -Wextra -o "$bed_build/relay" "$bed_top/tests/net/relay.c"
}
on_host() { ip netns exec "$bed_ns" "$@"; }

bed_make_tap() { # NAME
    ip -n "$bed_ns" tuntap add "$1" mode tap && ip -n "$bed_ns" link set "$1" up
}
bed_address() { # DEVICE
    ip -n "$bed_ns" addr add $bed_host/24 dev "$1" && ip -n "$bed_ns" -6 addr add $bed_host6/64 dev "$1" nodad
}
bed_make_ns() {
    bed_down
    ip netns add "$bed_ns" && on_host sh -c 'cd /proc/sys/net/ipv6/conf/default && echo 0 >accept_dad && echo 0 >accept_ra' && ip -n "$bed_ns" link set lo up
}
bed_up() {
    bed_make_ns && bed_make_tap $bed_tap && bed_address $bed_tap
}
bed_up_bad() {
    bed_make_ns
    bed_make_tap $bed_tap && bed_make_tap skwire0 && bed_make_tap skwire1 && bed_address skwire1
    ip -n "$bed_ns" link add skbridge type bridge mcast_snooping 0
    ip -n "$bed_ns" link set $bed_tap master skbridge
    ip -n "$bed_ns" link set skwire0 master skbridge
    ip -n "$bed_ns" link set skbridge up
    on_host "$bed_build/relay" skwire0 skwire1 "$@" >"${bed_relay_log:-/dev/null}" 2>&1 3>&- &
}
bed_down() { # ends whatever runs in the namespace
    local pids
    pids=$(ip netns pids "$bed_ns" 2>/dev/null) || true
    [ -z "$pids" ] || kill $pids 2>/dev/null || true
    ip netns del "$bed_ns" 2>/dev/null || true
    return 0
}
# bed_run SKIFF-ARGUMENTS: a machine on the wire, in the foreground.
# BED_IP: another address; "dhcp": none is given.
bed_run() {
    local ip=(--ip "${BED_IP:-$bed_guest/24,$bed_host}")
    [ "${BED_IP:-}" != dhcp ] || ip=()
    ip netns exec "$bed_ns" timeout -k 5 "${LIMIT:-120}" "${SKIFF:-$bed_top/build/skiff}" run --accel "${BED_ACCEL:-tcg}" \
        --network tap:$bed_tap "${ip[@]}" "$@"
}
# bed_start LOG SKIFF-ARGUMENTS: in the background; bed_stop ends it.
bed_start() {
    local log=$1
    shift
    bed_run "$@" >"$log" 2>&1 </dev/null 3>&- &
    bed_machine=$!
}
bed_stop() {
    local child
    child=$(pgrep -P "$bed_machine" 2>/dev/null) # timeout's: skiff
    kill -TERM ${child:-$bed_machine} 2>/dev/null
    wait "$bed_machine" 2>/dev/null
    return 0
}
# Until the machine has its address from bed_router.
wait_for_host6() {
    local deadline=$((SECONDS + 10))
    until on_host busybox ping6 -c 1 -W 1 $bed_guest6 >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
    done
}
wait_for_text() { # TEXT FILE SECONDS
    local deadline=$((SECONDS + $3))
    until grep -q -- "$1" "$2" 2>/dev/null; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.1
    done
}
# bed_router DEVICE: a router that announces fd99::/64, so that the machine gets bed_guest6.
bed_router() {
    on_host python3 "$bed_top/tests/net/router" "$1" 3>&- &
}
