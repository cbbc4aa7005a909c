memcached -u nobody -p "$PORT" -l 127.0.0.1 -t 4 &
server=$!
for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && break; sleep 0.05; done
ask() { # commands come from standard input
    exec 3<>"/dev/tcp/127.0.0.1/$PORT"
    cat >&3
    printf 'quit\r\n' >&3
    tr -d '\r' <&3
    exec 3>&-
}
printf 'set k 0 0 5\r\nhello\r\nget k\r\nset n 0 0 1\r\n5\r\nincr n 7\r\n' | ask
for j in 1 2 3 4; do
    for i in $(seq 200); do printf 'set k%s.%s 0 0 3\r\nabc\r\n' $j "$i"; done | ask | grep -c STORED &
    clients[j]=$!
done
wait "${clients[@]}"
printf 'stats\r\n' | ask | grep curr_items
kill $server
wait $server
echo "status $?"
