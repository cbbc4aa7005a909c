cd "$(mktemp -d)" || exit 1
ask() { redis-cli -p "$PORT" "$@"; }
start() {
    redis-server --port "$PORT" --save "" --logfile log "$@" &
    server=$!
    for _ in $(seq 200); do [ "$(ask ping 2>/dev/null)" = PONG ] && return; sleep 0.05; done
}
wait_while() { # until the field of "info persistence" is 0
    for _ in $(seq 200); do ask info persistence | grep -q "$1:0" && return; sleep 0.05; done
}
start --appendonly yes
ask set a 1
ask incr a
redis-benchmark -p "$PORT" -n 2000 -c 20 -q -t set,get,lpush | tr '\r' '\n' | grep -c 'requests per second'
ask debug populate 20000
ask bgsave
wait_while rdb_bgsave_in_progress
ask bgrewriteaof
wait_while aof_rewrite_in_progress
ask info persistence | grep -E 'rdb_last_bgsave_status|aof_last_bgrewrite_status'
ask eval 'return redis.call("get", "a")' 0
ask shutdown save
wait $server
echo "status $?"
start --appendonly no
ask get a
ask dbsize
kill $server
wait $server
echo "status $?"
