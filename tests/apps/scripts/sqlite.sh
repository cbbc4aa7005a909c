# Three writers at once in WAL mode.
cd "$(mktemp -d)" || exit 1
sqlite3 db 'pragma journal_mode = wal; create table t (i integer primary key, s text);
    with recursive c(x) as (select 1 union all select x + 1 from c where x < 5000) insert into t select x, hex(randomblob(20)) from c;
    select count(*) from t;'
for j in 1 2 3; do
    (for i in $(seq 10); do sqlite3 -cmd '.timeout 20000' db "insert into t (s) values ('$j.$i')"; done) &
done
wait
sqlite3 db 'select count(*) from t; pragma integrity_check; pragma wal_checkpoint(truncate); pragma journal_mode = delete;
    vacuum; pragma integrity_check;'
ls
