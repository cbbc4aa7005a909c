# A master with two workers of another user: static files, a proxy in front of itself, reload, load, quit.
cd "$(mktemp -d)" || exit 1
chmod 755 .
mkdir html
seq 20000 >html/big.txt
echo hello >html/index.html
cat >conf <<X
user nobody nogroup; worker_processes 2; pid $PWD/pid; error_log $PWD/errors;
events { worker_connections 256; }
http {
    access_log off; sendfile on; client_body_temp_path $PWD/b; proxy_temp_path $PWD/p; fastcgi_temp_path $PWD/f;
    uwsgi_temp_path $PWD/u; scgi_temp_path $PWD/s;
    server { listen $PORT reuseport; root $PWD/html; location /proxy/ { proxy_pass http://127.0.0.1:$PORT/; } }
}
X
nginx -c "$PWD/conf" -p "$PWD" -g 'daemon off;' &
master=$!
url=http://127.0.0.1:$PORT
for _ in $(seq 200); do curl -s "$url/" && break; sleep 0.05; done
curl -s "$url/big.txt" | md5sum
curl -s "$url/proxy/big.txt" | md5sum
curl -s -o none -w '%{http_code}\n' "$url/none"
curl -s -r 10-20 "$url/big.txt" | od -c
wrk -t2 -c20 -d1s "$url/" >load
grep -c 'Requests/sec' load
grep -c 'Non-2xx\|Socket errors' load
ps -o user=,args= --ppid $master | awk '{ print $1, $2, $3 }'
kill -HUP $master
sleep 0.3
curl -s "$url/"
kill -QUIT $master
wait $master
echo "status $?"
grep -v -e notice -e html/none errors
true
