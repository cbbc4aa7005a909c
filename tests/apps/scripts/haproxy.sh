# HAProxy, master and worker with two threads, before two HTTP servers; reload and load.
cd "$(mktemp -d)" || exit 1
chmod 755 .
mkdir html
echo page >html/index.html
cat >nginx.conf <<X
user nobody nogroup; pid $PWD/pid; error_log $PWD/errors;
events { worker_connections 256; }
http {
    access_log off; client_body_temp_path $PWD/b; proxy_temp_path $PWD/p; fastcgi_temp_path $PWD/f; uwsgi_temp_path $PWD/u;
    scgi_temp_path $PWD/s;
    server { listen $((PORT + 2)); root $PWD/html; }
    server { listen $((PORT + 3)); root $PWD/html; }
}
X
nginx -c "$PWD/nginx.conf" -p "$PWD" -g 'daemon off;' &
web=$!
cat >haproxy.cfg <<X
global
  maxconn 500
  nbthread 2
defaults
  mode http
  timeout connect 3s
  timeout client 10s
  timeout server 10s
frontend front
  bind 127.0.0.1:$PORT
  bind :::$((PORT + 1)) v4v6
  default_backend back
backend back
  server one 127.0.0.1:$((PORT + 2)) check
  server two 127.0.0.1:$((PORT + 3)) check
X
haproxy -W -f haproxy.cfg 2>log &
proxy=$!
for _ in $(seq 200); do curl -sf "http://127.0.0.1:$PORT/" && break; sleep 0.05; done
for _ in $(seq 10); do curl -s "http://127.0.0.1:$((PORT + 1))/"; done | sort | uniq -c
wrk -t1 -c10 -d1s "http://127.0.0.1:$PORT/" >load
grep -c 'Requests/sec' load
grep -c 'Non-2xx\|Socket errors' load
kill -USR2 $proxy
# The master replaces itself; only when its new worker runs does it handle signals again.
for _ in $(seq 600); do [ "$(grep -c 'Loading success' log)" -ge 2 ] && break; sleep 0.05; done
curl -s "http://127.0.0.1:$PORT/"
kill -TERM $proxy
wait $proxy
echo "status $?"
kill -QUIT $web
wait $web
echo "status $?"
