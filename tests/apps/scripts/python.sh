# The parts of Python's library that lean on the system most.
python3 - <<'P'
import asyncio, concurrent.futures, ctypes, fcntl, http.client, http.server, mmap, multiprocessing, os, select, signal, socket
import sqlite3, subprocess, sys, tempfile, threading, time

print(subprocess.run(["tr", "a-z", "A-Z"], input=b"x" * 100000, stdout=subprocess.PIPE).stdout[-3:])
print(subprocess.run("echo out; echo err >&2; exit 3", shell=True, capture_output=True))
pid = os.fork()
if not pid:
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

total, lock = 0, threading.Lock()
def add():
    global total
    for _ in range(1000):
        with lock:
            total += 1
threads = [threading.Thread(target=add) for _ in range(20)]
[t.start() for t in threads], [t.join() for t in threads]
print(total)

multiprocessing.set_start_method("fork")
with multiprocessing.Pool(3) as pool:
    print(pool.map(abs, range(-5, 5)))
with concurrent.futures.ProcessPoolExecutor(2) as pool:
    print(sum(pool.map(pow, range(10), range(10))))
value, queue = multiprocessing.Value("i", 0), multiprocessing.Queue()
def child():
    for _ in range(100):
        with value.get_lock():
            value.value += 1
    queue.put(os.getppid() == parent)
parent = os.getpid()
children = [multiprocessing.Process(target=child) for _ in range(4)]
[c.start() for c in children]
print([queue.get() for _ in children])
[c.join() for c in children]
print(value.value)

async def serve():
    async def echo(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async def ask(i):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"%d\n" % i)
        return int(await reader.readline())
    print(sum(await asyncio.gather(*(ask(i) for i in range(50)))))
    process = await asyncio.create_subprocess_exec("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    print(await process.communicate(b"through cat"))
    server.close()
asyncio.run(serve())

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())
    def log_message(self, *_):
        pass
web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=web.serve_forever, daemon=True).start()
connection = http.client.HTTPConnection(*web.server_address)
connection.request("GET", "/page")
print(connection.getresponse().read())

os.chdir(tempfile.mkdtemp())
for mode in "delete", "wal":
    db = sqlite3.connect(f"{mode}.db")
    print(db.execute(f"pragma journal_mode={mode}").fetchone())
    db.execute("create table t (a)")
    with db:
        db.executemany("insert into t values (?)", ((i,) for i in range(1000)))
    print(db.execute("select sum(a) from t").fetchone())

with open("mapped", "w+b") as f:
    f.truncate(8192)
    with mmap.mmap(f.fileno(), 8192) as m:
        m[4096:4100] = b"seen"
        m.flush()
    f.seek(4096)
    print(f.read(4))
    fcntl.lockf(f, fcntl.LOCK_EX)
    print(subprocess.run([sys.executable, "-c", "import fcntl\ntry: fcntl.lockf(open('mapped', 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)\nexcept OSError as e: print(e)"], stdout=subprocess.PIPE).stdout)

hits = []
signal.signal(signal.SIGALRM, lambda *_: hits.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
while len(hits) < 5:
    signal.pause()
signal.setitimer(signal.ITIMER_REAL, 0)
print("alarms")
a, b = socket.socketpair()
poll = select.epoll()
poll.register(b, select.EPOLLIN)
print(poll.poll(0))
socket.send_fds(a, [b"fd"], [1])
print(poll.poll(1)[0][1], len(socket.recv_fds(b, 10, 1)[1]))
import pty, termios
pid, master = pty.fork()
if not pid:
    os.execvp("bash", ["bash", "--norc", "--noediting", "-i"])
os.write(master, b"PS1=; stty -echo\necho $((6 * 7)); test -t 0 && echo terminal; exit 5\n")
text = b""
try:
    while piece := os.read(master, 1000):
        text += piece
except OSError as e:
    print(e)
print(b"42\r\n" in text, b"terminal\r\n" in text, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(ctypes.CDLL(None).abs(-3), time.gmtime(0).tm_year)
P
