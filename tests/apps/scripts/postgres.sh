# PostgreSQL 15 as another user: initdb, postmaster, clients over both sockets, parallel workers, crash and recovery.
bin=/usr/lib/postgresql/15/bin
dir=$(mktemp -d)
cd "$dir" || exit 1
chown 65534:65534 .
as() { setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$dir" "$@"; }
sql() { as $bin/psql -X -h "$dir" -p "$PORT" -U pg -d postgres -Atq -c "$@" 2>&1; }
start() {
    as $bin/pg_ctl -D data -l log -w -o "-k $dir -p $PORT -c listen_addresses=127.0.0.1" start >/dev/null
    echo "start $?"
}
stop() {
    as $bin/pg_ctl -D data -m "$1" stop >/dev/null
    echo "stop $?"
}
as $bin/initdb -D data -U pg --no-sync -E UTF8 --locale=C.UTF-8 >init.log 2>&1
echo "initdb $?"
start
sql "create table t as select g i, md5(g::text) m from generate_series(1, 10000) g; create index on t (m);
    select count(*), sum(length(m)) from t"
as $bin/psql -X -h 127.0.0.1 -p "$PORT" -U pg -d postgres -Atq -c "select count(*) from t a join t b using (m)"
as $bin/pgbench -h "$dir" -p "$PORT" -U pg -i -q postgres >/dev/null 2>&1
echo "filled $?"
as $bin/pgbench -h "$dir" -p "$PORT" -U pg -c 4 -j 2 -t 20 postgres 2>/dev/null | grep -E 'processed|failed'
sql "set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0;
    set min_parallel_table_scan_size = 0; select count(*) from pgbench_accounts where abalance > -100000"
sql "vacuum full t"
sql "select * from missing"
sql "set statement_timeout = 100; select pg_sleep(5)"
stop immediate
start
sql "select count(*) from pgbench_history; show shared_memory_type; show dynamic_shared_memory_type"
stop fast
grep -c PANIC log
rm -r "$dir"
