import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.lang.ref.WeakReference;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.MembershipKey;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RecursiveTask;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import sun.misc.Signal;

/**
 * What Java programs ask of an operating system, part by part, each checked. Prints a line a part and at the end
 * "all N parts passed"; the first failure ends it with status 1. Runs the same on Linux: {@code java -Xmx96m Load.java}.
 */
public class Load {
    private interface Part {
        void run() throws Exception;
    }

    private static int passed;
    private static Path directory;

    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0 && arguments[0].equals("child")) {
            child(Path.of(arguments[1]));
        }
        directory = Files.createTempDirectory("load");
        part("threads and monitors", Load::threads);
        part("concurrent map", Load::concurrentMap);
        part("fork and join", Load::forkJoin);
        part("queues and hand-over", Load::queues);
        part("exceptions", Load::exceptions);
        part("stack overflow", Load::stackOverflow);
        part("memory of the heap runs out", Load::outOfMemory);
        part("collection and references", Load::collection);
        part("sleep and park", Load::timing);
        part("clocks and time zones", Load::clocks);
        part("random numbers", Load::randomNumbers);
        part("files", Load::files);
        part("random access and locks", Load::randomAccess);
        part("mapped files", Load::mappedFiles);
        part("watch service", Load::watch);
        part("interfaces and names", Load::interfaces);
        part("sockets", Load::sockets);
        part("selector", Load::selector);
        part("Unix sockets", Load::unixSockets);
        part("datagrams", Load::datagrams);
        part("multicast", Load::multicast);
        part("HTTP server and client", Load::http);
        part("management beans", Load::beans);
        part("deadlock found", Load::deadlock);
        part("signal", Load::signal);
        part("child process", Load::childProcess);
        Files.delete(directory);
        System.out.println("all " + passed + " parts passed");
    }

    private static void part(String name, Part part) {
        long start = System.nanoTime();
        try {
            part.run();
        } catch (Throwable failure) {
            System.out.println("FAILED: " + name);
            failure.printStackTrace(System.out);
            System.out.flush();
            Runtime.getRuntime().halt(1);
        }
        passed++;
        System.out.printf("%-30s %6d ms%n", name, (System.nanoTime() - start) / 1_000_000);
    }

    private static void check(boolean isTrue, Object what) {
        if (!isTrue) {
            throw new AssertionError(String.valueOf(what));
        }
    }

    private static <T extends Throwable> T expect(Class<T> type, Part body) throws Exception {
        try {
            body.run();
        } catch (Throwable thrown) {
            check(type.isInstance(thrown), "expected " + type + ", got " + thrown);
            return type.cast(thrown);
        }
        throw new AssertionError("expected " + type);
    }

    // ---- threads ----

    private static int counter;

    private static void threads() throws Exception {
        counter = 0;
        Object monitor = new Object();
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            Thread thread = new Thread(() -> {
                for (int n = 0; n < 5000; n++) {
                    synchronized (monitor) {
                        counter++;
                    }
                }
            });
            all.add(thread);
            thread.start();
        }
        for (Thread thread : all) {
            thread.join();
        }
        check(counter == 40000, counter);
        pingPong();
        for (int i = 0; i < 200; i++) { // come and go
            Thread thread = new Thread(() -> counter++);
            thread.start();
            thread.join();
        }
        check(counter == 40200, counter);
    }

    private static void pingPong() throws Exception {
        Object monitor = new Object();
        int[] turn = {0};
        Thread[] players = new Thread[2];
        for (int me = 0; me < 2; me++) {
            int mine = me;
            players[me] = new Thread(() -> {
                synchronized (monitor) {
                    while (turn[0] < 2000) {
                        if (turn[0] % 2 == mine) {
                            turn[0]++;
                            monitor.notifyAll();
                        } else {
                            try {
                                monitor.wait();
                            } catch (InterruptedException e) {
                                return;
                            }
                        }
                    }
                }
            });
            players[me].start();
        }
        for (Thread player : players) {
            player.join();
        }
        check(turn[0] == 2000, turn[0]);
    }

    private static void concurrentMap() throws Exception {
        ConcurrentHashMap<Integer, AtomicLong> map = new ConcurrentHashMap<>();
        ExecutorService pool = Executors.newFixedThreadPool(6);
        List<Future<?>> tasks = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            tasks.add(pool.submit(() -> {
                for (int n = 0; n < 6000; n++) {
                    map.computeIfAbsent(n % 997, key -> new AtomicLong()).incrementAndGet();
                }
            }));
        }
        for (Future<?> task : tasks) {
            task.get();
        }
        pool.shutdown();
        check(pool.awaitTermination(60, TimeUnit.SECONDS), "pool ends");
        check(map.size() == 997, map.size());
        check(map.values().stream().mapToLong(AtomicLong::get).sum() == 36000, "sum");
    }

    private static final class Fibonacci extends RecursiveTask<Long> {
        private final int n;

        Fibonacci(int n) {
            this.n = n;
        }

        @Override
        protected Long compute() {
            if (n < 10) {
                return slow(n);
            }
            Fibonacci left = new Fibonacci(n - 1);
            left.fork();
            return new Fibonacci(n - 2).compute() + left.join();
        }

        private static long slow(int n) {
            return n < 2 ? n : slow(n - 1) + slow(n - 2);
        }
    }

    private static void forkJoin() {
        check(new ForkJoinPool(4).invoke(new Fibonacci(21)) == 10946, "Fibonacci");
        int[] numbers = new Random(7).ints(100_000).toArray();
        int[] sorted = numbers.clone();
        Arrays.parallelSort(sorted);
        Arrays.sort(numbers);
        check(Arrays.equals(numbers, sorted), "sorted");
        check(Arrays.stream(numbers).parallel().mapToLong(i -> i).sum() == Arrays.stream(sorted).asLongStream().sum(), "sum");
    }

    private static void queues() throws Exception {
        SynchronousQueue<Integer> hand = new SynchronousQueue<>();
        LinkedBlockingQueue<Integer> back = new LinkedBlockingQueue<>(16);
        Thread thread = new Thread(() -> {
            try {
                for (int n = hand.take(); n >= 0; n = hand.take()) {
                    back.put(2 * n);
                }
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        thread.start();
        long sum = 0;
        for (int i = 0; i < 1000; i++) {
            hand.put(i);
            sum += back.take();
        }
        hand.put(-1);
        thread.join();
        check(sum == 999000, sum);
        check(back.poll(20, TimeUnit.MILLISECONDS) == null, "empty");
        Thread sleeper = new Thread(() -> LockSupport.park());
        sleeper.start();
        sleeper.interrupt();
        sleeper.join();
    }

    // ---- exceptions and memory ----

    private static Object nothing;
    private static int zero;
    private static final int[] single = new int[1];

    private static void exceptions() throws Exception {
        for (int i = 0; i < 3000; i++) { // often enough that compiled code meets its implicit checks
            expect(NullPointerException.class, () -> nothing.hashCode());
            expect(ArithmeticException.class, () -> System.out.println(1 / zero));
            expect(ArrayIndexOutOfBoundsException.class, () -> single[zero + 1]++);
        }
        expect(ClassCastException.class, () -> System.out.println((Integer) (Object) "text"));
        expect(NegativeArraySizeException.class, () -> System.out.println(new int[zero - 1].length));
    }

    private static int depth;

    private static void recurse() {
        depth++;
        recurse();
    }

    private static void stackOverflow() throws Exception {
        for (int i = 0; i < 3; i++) {
            Throwable[] thrown = new Throwable[1];
            depth = 0;
            Thread thread = new Thread(null, () -> {
                try {
                    recurse();
                } catch (StackOverflowError e) {
                    thrown[0] = e;
                }
            }, "deep", 512 << 10);
            thread.start();
            thread.join();
            check(thrown[0] instanceof StackOverflowError && depth > 500, depth);
        }
        expect(StackOverflowError.class, Load::recurse);
    }

    private static void outOfMemory() throws Exception {
        expect(OutOfMemoryError.class, () -> {
            List<byte[]> all = new ArrayList<>();
            for (;;) {
                all.add(new byte[1 << 20]);
            }
        });
        expect(OutOfMemoryError.class, () -> ByteBuffer.allocateDirect(Integer.MAX_VALUE));
    }

    private static void collection() throws Exception {
        List<WeakReference<byte[]>> weak = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            weak.add(new WeakReference<>(new byte[100_000]));
        }
        List<long[]> kept = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            long[] block = new long[2000];
            Arrays.fill(block, i);
            kept.add(block);
        }
        System.gc();
        for (int i = 0; i < 50 && weak.stream().anyMatch(reference -> reference.get() != null); i++) {
            Thread.sleep(20);
            System.gc();
        }
        check(weak.stream().allMatch(reference -> reference.get() == null), "weak references are cleared");
        for (int i = 0; i < 200; i++) {
            for (long value : kept.get(i)) {
                check(value == i, "live objects keep their content");
            }
        }
        for (int i = 0; i < 20; i++) {
            ByteBuffer direct = ByteBuffer.allocateDirect(1 << 20);
            direct.putLong(1 << 19, i);
            check(direct.getLong(1 << 19) == i, "direct memory");
        }
    }

    // ---- time and randomness ----

    private static void timing() throws Exception {
        for (int i = 0; i < 10; i++) {
            long start = System.nanoTime();
            Thread.sleep(15);
            check(System.nanoTime() - start >= 15_000_000, "sleep is not short");
            start = System.nanoTime();
            long wall = System.currentTimeMillis();
            do {
                LockSupport.parkNanos(5_000_000 - (System.nanoTime() - start));
            } while (System.nanoTime() - start < 5_000_000);
            check(System.currentTimeMillis() >= wall, "the wall clock goes forward");
        }
        ReentrantLock lock = new ReentrantLock();
        lock.lock();
        long start = System.nanoTime();
        check(!lock.newCondition().await(20, TimeUnit.MILLISECONDS), "nobody signals");
        check(System.nanoTime() - start >= 20_000_000, "await is not short");
        lock.unlock();
        AtomicInteger runs = new AtomicInteger();
        var scheduler = Executors.newScheduledThreadPool(2);
        CountDownLatch latch = new CountDownLatch(10);
        scheduler.scheduleAtFixedRate(() -> {
            runs.incrementAndGet();
            latch.countDown();
        }, 1, 5, TimeUnit.MILLISECONDS);
        check(latch.await(60, TimeUnit.SECONDS), "periodic task");
        scheduler.shutdownNow();
        check(runs.get() >= 10, runs.get());
    }

    private static void clocks() {
        check(Instant.now().isAfter(Instant.parse("2024-01-01T00:00:00Z")), "the date is set");
        ZonedDateTime summer = ZonedDateTime.of(2024, 7, 1, 12, 0, 0, 0, ZoneId.of("Europe/Berlin"));
        check(summer.getOffset().getTotalSeconds() == 7200, summer);
        check(ZoneId.systemDefault() != null && java.util.TimeZone.getDefault() != null, "default zone");
        long last = System.nanoTime();
        for (int i = 0; i < 100_000; i++) {
            long now = System.nanoTime();
            check(now >= last, "monotonic");
            last = now;
        }
    }

    private static void randomNumbers() throws Exception {
        Set<Long> seen = new HashSet<>();
        SecureRandom random = new SecureRandom();
        for (int i = 0; i < 100; i++) {
            check(seen.add(random.nextLong()), "differs");
        }
        byte[] strong = SecureRandom.getInstanceStrong().generateSeed(16);
        check(strong.length == 16 && !Arrays.equals(strong, new byte[16]), "seed");
        check(java.util.UUID.randomUUID().version() == 4, "UUID");
    }

    // ---- files ----

    private static void files() throws Exception {
        Path file = directory.resolve("a.txt"), other = directory.resolve("ü – b.txt"), folder = directory.resolve("x/y/z");
        Files.writeString(file, "first\n");
        Files.writeString(file, "second\n", StandardOpenOption.APPEND);
        check(Files.readAllLines(file).equals(List.of("first", "second")), "lines");
        check(Files.size(file) == 13, "size");
        Files.createDirectories(folder);
        Files.copy(file, other);
        expect(FileAlreadyExistsException.class, () -> Files.copy(file, other));
        expect(FileAlreadyExistsException.class, () -> Files.createDirectory(folder));
        expect(NoSuchFileException.class, () -> Files.delete(directory.resolve("missing")));
        Files.move(other, folder.resolve("c"), StandardCopyOption.ATOMIC_MOVE);
        Files.createSymbolicLink(directory.resolve("link"), Path.of("x/y"));
        check(Files.isDirectory(directory.resolve("link/z")), "symbolic link");
        check(Files.readSymbolicLink(directory.resolve("link")).equals(Path.of("x/y")), "its target");
        Files.createLink(directory.resolve("hard"), file);
        check(Files.isSameFile(file, directory.resolve("hard")), "hard link");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
        check(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)).equals("rw-r-----"), "permissions");
        Instant then = Instant.parse("2020-02-02T02:02:02Z");
        Files.setLastModifiedTime(file, java.nio.file.attribute.FileTime.from(then));
        check(Files.getLastModifiedTime(file).toInstant().equals(then), "time of change");
        Set<String> names = new HashSet<>();
        try (var stream = Files.walk(directory)) {
            stream.forEach(path -> names.add(directory.relativize(path).toString()));
        }
        check(names.equals(Set.of("", "a.txt", "x", "x/y", "x/y/z", "x/y/z/c", "link", "hard")), names);
        check(Files.getFileStore(directory).getTotalSpace() > 0, "file store");
        check(Files.mismatch(file, folder.resolve("c")) == -1, "copies are alike");
        for (String name : List.of("x/y/z/c", "x/y/z", "x/y", "x", "link", "hard", "a.txt")) {
            Files.delete(directory.resolve(name));
        }
    }

    private static void randomAccess() throws Exception {
        Path path = directory.resolve("random");
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw"); FileChannel channel = file.getChannel()) {
            file.setLength(1 << 20);
            Random random = new Random(3);
            for (int i = 0; i < 300; i++) {
                int at = random.nextInt((1 << 17)) * 8;
                file.seek(at);
                file.writeLong(at * 31L);
                file.seek(at);
                check(file.readLong() == at * 31L, "written is read");
            }
            check(channel.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 2 << 20) == 3 && channel.size() == (2 << 20) + 3, "beyond the end");
            channel.force(true);
            channel.truncate(4096);
            check(file.length() == 4096, "truncated");
            ByteBuffer[] parts = {ByteBuffer.allocate(10), ByteBuffer.allocate(20)};
            channel.position(4076);
            check(channel.read(parts) == 20 && channel.read(ByteBuffer.allocate(1)) == -1, "scattering read");
            try (FileLock lock = channel.lock(0, 100, false)) {
                check(lock.isValid(), "lock");
                expect(OverlappingFileLockException.class, () -> channel.tryLock(50, 10, true));
            }
            Path copy = directory.resolve("copy");
            try (FileChannel to = FileChannel.open(copy, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                check(channel.transferTo(0, 4096, to) == 4096, "transferTo");
            }
            check(Files.mismatch(path, copy) == -1, "the copy is alike");
            Files.delete(copy);
        }
        Files.delete(path);
    }

    private static void mappedFiles() throws Exception {
        Path path = directory.resolve("mapped");
        int size = 1 << 20;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            MappedByteBuffer shared = channel.map(FileChannel.MapMode.READ_WRITE, 0, size);
            for (int i = 0; i < size; i += 512) {
                shared.putInt(i, i);
            }
            shared.force();
            shared.load();
            check(shared.isLoaded(), "loaded");
            ByteBuffer read = ByteBuffer.allocate(4);
            channel.read(read, 512 * 77);
            check(read.getInt(0) == 512 * 77, "a mapping's bytes are the file's");
            channel.write(ByteBuffer.wrap(new byte[] {9, 9, 9, 9}), 4096);
            check(shared.getInt(4096) == 0x09090909, "the file's bytes are the mapping's");
            MappedByteBuffer mine = channel.map(FileChannel.MapMode.PRIVATE, 4096, 8192);
            mine.putInt(0, 5);
            check(shared.getInt(4096) == 0x09090909 && mine.getInt(0) == 5, "private");
        }
        Files.delete(path);
    }

    private static void watch() throws Exception {
        try (WatchService service = directory.getFileSystem().newWatchService()) {
            directory.register(service, StandardWatchEventKinds.ENTRY_CREATE, StandardWatchEventKinds.ENTRY_DELETE,
                StandardWatchEventKinds.ENTRY_MODIFY);
            Path file = directory.resolve("watched");
            Files.writeString(file, "x");
            Files.delete(file);
            Set<String> seen = new HashSet<>();
            while (!seen.contains("ENTRY_DELETE")) {
                WatchKey key = service.poll(60, TimeUnit.SECONDS);
                check(key != null, "events come; seen " + seen);
                key.pollEvents().forEach(event -> {
                    check(event.context().toString().equals("watched"), event.context());
                    seen.add(event.kind().name());
                });
                key.reset();
            }
            check(seen.contains("ENTRY_CREATE"), seen);
            check(service.poll(50, TimeUnit.MILLISECONDS) == null, "nothing more");
        }
    }

    // ---- network ----

    private static void interfaces() throws Exception {
        boolean hasLoopback = false;
        for (NetworkInterface one : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            hasLoopback |= one.isLoopback() && one.isUp() && one.getInetAddresses().hasMoreElements();
            check(one.getMTU() > 0 && one.getIndex() > 0, one);
        }
        check(hasLoopback, "loopback interface");
        check(InetAddress.getLocalHost().getHostName().length() > 0, "own name");
        check(InetAddress.getByName("localhost").isLoopbackAddress(), "localhost");
        check(InetAddress.getLoopbackAddress().isReachable(5000), "reachable");
        expect(java.net.UnknownHostException.class, () -> InetAddress.getByName("no-such-host.invalid"));
    }

    private static void sockets() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            int clients = 4, size = 200_000;
            ExecutorService pool = Executors.newCachedThreadPool();
            pool.submit(() -> {
                for (int i = 0; i < clients; i++) {
                    Socket socket = server.accept();
                    pool.submit(() -> {
                        try (socket) {
                            socket.getInputStream().transferTo(socket.getOutputStream());
                        }
                        return null;
                    });
                }
                return null;
            });
            List<Future<Boolean>> results = new ArrayList<>();
            for (int i = 0; i < clients; i++) {
                byte[] sent = new byte[size];
                new Random(i).nextBytes(sent);
                results.add(pool.submit(() -> echo(pool, server.getLocalPort(), sent)));
            }
            for (Future<Boolean> result : results) {
                check(result.get(120, TimeUnit.SECONDS), "echoed bytes are alike");
            }
            pool.shutdown();
            server.setSoTimeout(30);
            expect(SocketTimeoutException.class, server::accept);
        }
        int closed;
        try (ServerSocket server = new ServerSocket(0)) {
            closed = server.getLocalPort();
        }
        expect(java.net.ConnectException.class, () -> new Socket("localhost", closed).close());
    }

    private static boolean echo(ExecutorService pool, int port, byte[] sent) throws Exception {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setTcpNoDelay(true);
            Future<byte[]> received = pool.submit(() -> socket.getInputStream().readAllBytes());
            socket.getOutputStream().write(sent);
            socket.shutdownOutput();
            return Arrays.equals(sent, received.get());
        }
    }

    private static void selector() throws Exception {
        int clients = 5, rounds = 20;
        try (Selector selector = Selector.open(); ServerSocketChannel server = ServerSocketChannel.open()) {
            server.bind(new InetSocketAddress("localhost", 0));
            server.configureBlocking(false);
            server.register(selector, SelectionKey.OP_ACCEPT);
            Thread loop = new Thread(() -> serve(selector, server, clients));
            loop.start();
            List<Thread> all = new ArrayList<>();
            AtomicInteger good = new AtomicInteger();
            int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
            for (int i = 0; i < clients; i++) {
                Thread thread = new Thread(() -> {
                    try (SocketChannel channel = SocketChannel.open(new InetSocketAddress("localhost", port))) {
                        for (int n = 0; n < rounds; n++) {
                            ByteBuffer buffer = ByteBuffer.allocate(8).putLong(0, n);
                            channel.write(buffer);
                            buffer.clear();
                            while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
                            }
                            good.addAndGet(buffer.getLong(0) == n ? 1 : 0);
                        }
                    } catch (IOException e) {
                        e.printStackTrace();
                    }
                });
                all.add(thread);
                thread.start();
            }
            for (Thread thread : all) {
                thread.join();
            }
            check(good.get() == clients * rounds, good);
            loop.join();
            new Thread(selector::wakeup).start();
            selector.select(60_000);
            check(selector.select(10) == 0, "nothing is ready");
        }
    }

    private static void serve(Selector selector, ServerSocketChannel server, int clients) {
        int left = clients;
        try {
            while (left > 0) {
                selector.select();
                var keys = selector.selectedKeys().iterator();
                while (keys.hasNext()) {
                    SelectionKey key = keys.next();
                    keys.remove();
                    if (key.isAcceptable()) {
                        SocketChannel channel = server.accept();
                        if (channel != null) {
                            channel.configureBlocking(false);
                            channel.register(selector, SelectionKey.OP_READ);
                        }
                        continue;
                    }
                    SocketChannel channel = (SocketChannel) key.channel();
                    ByteBuffer buffer = ByteBuffer.allocate(64);
                    if (channel.read(buffer) < 0) {
                        channel.close();
                        left--;
                        continue;
                    }
                    buffer.flip();
                    while (buffer.hasRemaining()) {
                        channel.write(buffer);
                    }
                }
            }
        } catch (IOException e) {
            e.printStackTrace();
        }
    }

    private static void unixSockets() throws Exception {
        Path path = directory.resolve("socket");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(path));
            try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(path)); SocketChannel accepted = server.accept()) {
                client.write(ByteBuffer.wrap("hello".getBytes(StandardCharsets.UTF_8)));
                ByteBuffer buffer = ByteBuffer.allocate(16);
                check(accepted.read(buffer) == 5, "bytes");
            }
        }
        Files.delete(path);
    }

    private static void datagrams() throws Exception {
        try (DatagramSocket a = new DatagramSocket(0, InetAddress.getLoopbackAddress());
             DatagramSocket b = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
            b.setSoTimeout(60_000);
            for (int i = 0; i < 50; i++) {
                byte[] sent = new byte[100 + i * 20];
                Arrays.fill(sent, (byte) i);
                a.send(new DatagramPacket(sent, sent.length, b.getLocalSocketAddress()));
                DatagramPacket got = new DatagramPacket(new byte[4096], 4096);
                b.receive(got);
                check(got.getLength() == sent.length && got.getData()[99] == i && got.getPort() == a.getLocalPort(), i);
            }
            a.setSoTimeout(30);
            expect(SocketTimeoutException.class, () -> a.receive(new DatagramPacket(new byte[1], 1)));
        }
    }

    private static void multicast() throws Exception {
        NetworkInterface loopback = NetworkInterface.getByInetAddress(InetAddress.getByName("127.0.0.1"));
        InetAddress group = InetAddress.getByName("239.1.2.3");
        try (DatagramChannel channel = DatagramChannel.open(StandardProtocolFamily.INET)) {
            channel.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            channel.bind(new InetSocketAddress(0));
            channel.setOption(StandardSocketOptions.IP_MULTICAST_IF, loopback);
            channel.setOption(StandardSocketOptions.IP_MULTICAST_LOOP, true);
            MembershipKey key = channel.join(group, loopback);
            int port = ((InetSocketAddress) channel.getLocalAddress()).getPort();
            channel.send(ByteBuffer.wrap(new byte[] {42}), new InetSocketAddress(group, port));
            ByteBuffer got = ByteBuffer.allocate(8);
            channel.receive(got);
            check(got.position() == 1 && got.get(0) == 42, "own datagram");
            key.drop();
        }
    }

    private static void http() throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("localhost", 0), 0);
        ExecutorService pool = Executors.newFixedThreadPool(4);
        server.setExecutor(pool);
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            byte[] answer = (exchange.getRequestMethod() + " " + body.length).getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, answer.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(answer);
            }
        });
        server.start();
        URI uri = URI.create("http://localhost:" + server.getAddress().getPort() + "/");
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        for (int i = 0; i < 5; i++) {
            HttpRequest request = HttpRequest.newBuilder(uri).POST(HttpRequest.BodyPublishers.ofByteArray(new byte[i * 5000])).build();
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            check(answer.statusCode() == 200 && answer.body().equals("POST " + i * 5000), answer.body());
        }
        List<java.util.concurrent.CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            all.add(client.sendAsync(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString()));
        }
        for (var answer : all) {
            check(answer.get(120, TimeUnit.SECONDS).body().equals("GET 0"), "asynchronous");
        }
        server.stop(0);
        pool.shutdown();
    }

    // ---- the machine as Java sees it ----

    private static void beans() throws Exception {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        check(system.getName().equals("Linux") && system.getArch().equals("amd64"), system.getName());
        check(system.getAvailableProcessors() == Runtime.getRuntime().availableProcessors(), "CPUs");
        check(system.getTotalMemorySize() > 64L << 20 && system.getFreeMemorySize() > 0, "memory");
        check(system.getCommittedVirtualMemorySize() > 0, "virtual memory");
        check(((com.sun.management.UnixOperatingSystemMXBean) system).getOpenFileDescriptorCount() > 2, "descriptors");
        check(system.getSystemLoadAverage() >= 0 && system.getCpuLoad() <= 1, "load");
        long before = threads.getCurrentThreadCpuTime(), process = system.getProcessCpuTime();
        long sum = 0;
        while (threads.getCurrentThreadCpuTime() - before < 20_000_000) {
            for (int i = 0; i < 10_000; i++) {
                sum += i ^ sum;
            }
        }
        check(sum != 42 && system.getProcessCpuTime() > process, "CPU time");
        check(threads.getThreadCount() > 1 && threads.dumpAllThreads(true, true).length > 1, "threads");
        check(ManagementFactory.getRuntimeMXBean().getUptime() > 0, "uptime");
        check(ProcessHandle.current().pid() > 0, "pid");
        check(ProcessHandle.current().info().startInstant().isPresent(), "start of the process");
    }

    private static void deadlock() throws Exception {
        ReentrantLock first = new ReentrantLock(), second = new ReentrantLock();
        CountDownLatch both = new CountDownLatch(2);
        Thread[] pair = new Thread[2];
        for (int i = 0; i < 2; i++) {
            ReentrantLock mine = i == 0 ? first : second, other = i == 0 ? second : first;
            pair[i] = new Thread(() -> {
                mine.lock();
                both.countDown();
                try {
                    both.await();
                    other.lockInterruptibly();
                } catch (InterruptedException e) {
                    mine.unlock();
                }
            });
            pair[i].start();
        }
        long[] found = null;
        for (int i = 0; i < 1000 && found == null; i++) {
            Thread.sleep(10);
            found = ManagementFactory.getThreadMXBean().findDeadlockedThreads();
        }
        check(found != null && found.length == 2, "deadlock");
        for (Thread thread : pair) {
            thread.interrupt();
            thread.join();
        }
    }

    private static void signal() throws Exception {
        CountDownLatch latch = new CountDownLatch(3);
        Signal usr2 = new Signal("USR2");
        var old = Signal.handle(usr2, signal -> latch.countDown());
        for (int i = 0; i < 3; i++) {
            long left = latch.getCount();
            Signal.raise(usr2);
            while (latch.getCount() == left) {
                Thread.sleep(1);
            }
        }
        check(latch.await(60, TimeUnit.SECONDS), "handled");
        Signal.handle(usr2, old);
    }

    /** What the child process does: tries the parent's lock, answers on standard output, ends with 7. */
    private static void child(Path locked) throws Exception {
        try (FileChannel channel = FileChannel.open(locked, StandardOpenOption.WRITE)) {
            FileLock lock = channel.tryLock();
            String line = new BufferedReader(new InputStreamReader(System.in)).readLine();
            System.out.println(line + " " + System.getenv("GREETING") + " " + (lock == null ? "locked" : "free") + " "
                + Path.of("").toAbsolutePath());
        }
        System.exit(7);
    }

    private static void childProcess() throws Exception {
        Path locked = directory.resolve("locked");
        String java = ProcessHandle.current().info().command().orElseThrow();
        try (FileChannel channel = FileChannel.open(locked, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
             FileLock lock = channel.lock()) {
            ProcessBuilder builder = new ProcessBuilder(java, "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx16m",
                "-cp", Path.of(System.getProperty("java.class.path")).toAbsolutePath().toString(), "Load", "child", locked.toString());
            builder.environment().put("GREETING", "hi");
            builder.environment().remove("JDK_JAVA_OPTIONS");
            builder.environment().remove("JAVA_TOOL_OPTIONS");
            builder.directory(directory.toFile()).redirectError(ProcessBuilder.Redirect.INHERIT);
            Process process = builder.start();
            process.getOutputStream().write("line\n".getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            check(process.waitFor() == 7, "status " + process.exitValue());
            check(output.equals("line hi locked " + directory + "\n"), output);
            check(lock.isValid() && !process.isAlive(), "the parent's lock");
        }
        Process sleeper = new ProcessBuilder(java, "-XX:+UseSerialGC", "-version").redirectErrorStream(true).start();
        sleeper.destroyForcibly();
        check(sleeper.waitFor() == 128 + 9, "killed: " + sleeper.exitValue());
        expect(IOException.class, () -> new ProcessBuilder("/no/such/program").start());
        Files.delete(locked);
    }
}
