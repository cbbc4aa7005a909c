# Servers with their own clients, all within one machine.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    load helpers
    app_image redis-server redis-cli redis-benchmark /usr/sbin/nginx /usr/share/nginx curl wrk memcached sqlite3 haproxy \
        /usr/lib/postgresql/15/bin /usr/lib/postgresql/15/lib /usr/share/postgresql/15
}

@test "redis: benchmark, BGSAVE, rewriting the log, restart" {
    needs redis-server
    same_as_here redis -c 2
}
@test "nginx: master and workers, proxy, reload, under load" {
    needs /usr/sbin/nginx curl wrk
    PATH=$PATH:/usr/sbin same_as_here nginx -c 2
}
@test "memcached: four threads, clients at once" {
    needs memcached
    same_as_here memcached -c 2
}
@test "sqlite: three writers at once in WAL mode" {
    needs sqlite3
    same_as_here sqlite -c 2
}
@test "haproxy: before two servers, reload, under load" {
    needs /usr/sbin/haproxy /usr/sbin/nginx curl wrk
    PATH=$PATH:/usr/sbin same_as_here haproxy -c 2
}
@test "postgresql: initdb, clients, parallel query, crash and recovery" {
    needs /usr/lib/postgresql/15/bin/postgres
    same_as_here postgres -c 2 -m 768M
}
