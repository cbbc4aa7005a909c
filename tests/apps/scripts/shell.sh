# What shell scripts are made of.
cd "$(mktemp -d)" || exit 1

echo "-- pipes"
seq 1000 | grep 7 | sed 's/7/x/' | sort -r | head -3
yes | head -100000 | wc -l
printf '%s\n' c b a | sort | tr a-z A-Z | paste -sd,
false | true
echo "${PIPESTATUS[@]}"

echo "-- subshells, here-documents, substitution"
(cd / && pwd; exit 3)
echo $?
x=1
(x=2; echo $x)
echo $x
cat <<X
a $(echo b) `echo c`
X
seq 50000 >big
v=$(cat big)
cat <<X | wc -c
$v
X
cat <<<"here string"
diff <(seq 3) <(seq 2 4)
echo $?

echo "-- background jobs"
for i in 1 2 3 4; do
    (sleep 0.0$i; exit $i) &
    pids[i]=$!
done
for i in 1 2 3 4; do
    wait "${pids[i]}"
    echo "job $i: $?"
done
(exit 9) &
wait -n
echo $?
sleep 100 &
kill $!
wait $!
echo "killed: $?"
sleep 100 &
kill -STOP $!
kill -CONT $!
kill -KILL $!
wait $! 2>/dev/null
echo "killed: $?"

echo "-- traps"
trap 'echo usr1' USR1
kill -USR1 $$
(trap 'echo leaving' EXIT; exit 4)
echo $?
bash -c 'trap "echo term; exit 5" TERM; kill $$; sleep 5'
echo $?
timeout 0.2 sleep 5
echo "timeout: $?"

echo "-- coprocess, timed read, named pipe"
coproc both { while read -r line; do echo "got $line"; done; }
echo hello >&"${both[1]}"
read -r -u "${both[0]}" answer
echo "$answer"
eval "exec ${both[1]}>&-"
wait
read -r -t 0.1 _ < <(sleep 1)
echo $?
mkfifo pipe
(echo through >pipe) &
cat pipe
wait
exec 5<>pipe
echo both ways >&5
read -r -u5 answer
echo "$answer"
exec 5>&-

echo "-- files"
mkdir -p d/e/f
for i in $(seq 30); do echo "$i" >d/e/f/"$i"; done
find d -name '1*' | wc -l
tar czf t.tgz d
mkdir x
tar xzf t.tgz -C x
diff -r d x/d && echo same
find d -type f -exec cat {} + | awk '{ s += $1 } END { print s }'
find d -type f -print0 | xargs -0 -n 7 -P 3 cat | sort -n | tail -1
ln -s d l
readlink l
ln d/e/f/1 hard
stat -c %h hard
touch -d '2020-01-02 03:04:05' ts
chmod 640 ts
stat -c '%y %s %a' ts
cp -a d d2
diff -r d d2 && echo copied
mv d2 d3
rm -r d3
ls -1
truncate -s 10 big
wc -c big
seq 35 | split -l 10 - part
cat part* | md5sum
flock lock -c 'flock -n lock -c true; echo "locked: $?"'

echo "-- limits"
ulimit -n 64
ulimit -n
(trap '' XFSZ; ulimit -f 1; dd if=/dev/zero of=limited bs=1k count=10 2>/dev/null; echo $?)
stat -c %s limited
{ bash -c 'ulimit -c 0; kill -SEGV $$'; } 2>/dev/null
echo $?

echo "-- a terminal of its own"
script -qc 'test -t 0 && echo terminal; stty size; tty | cut -c1-9; (exit 3)' /dev/null
echo $?

echo "-- errors"
cat missing
echo $?
no_such_command
echo $?
/etc
echo $?
: >not_executable
./not_executable
echo $?
printf 'echo without an interpreter line\n' >plain
chmod +x plain
./plain
printf '#!/usr/bin/env bash\necho "$@"\n' >named
chmod +x named
./named one two
setsid bash -c 'ps -o pid=,sid= -p $$ | awk "{ print \$1 == \$2 }"'
