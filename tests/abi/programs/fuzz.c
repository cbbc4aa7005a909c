/*
 * Fuzzing of the system calls from inside: fuzz SECONDS [SEED]. Rounds of a child process with several threads make
 * calls with random and boundary arguments, hostile pointers and descriptors of all kinds, while their buffers change
 * under the kernel's hands. The kernel must survive, each child must end when it is killed, and memory must come back.
 * Only for Skiff: it would do harm elsewhere.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, ROUND_MS = 400, WARM_UP_ROUNDS = 5, LOST_MAX_KIB = 6144, BUFFER = 65536, PAGE = 4096 };

/* ---- the calls, from the kernel's own table ---- */

struct call {
    int number;
    const char *name;
    int count;
    const char *types[6], *arguments[6];
};
#define SYSCALL0(n, name, s)                                 {n, #name, 0, {0}, {0}},
#define SYSCALL1(n, name, s, t1, a1)                         {n, #name, 1, {#t1}, {#a1}},
#define SYSCALL2(n, name, s, t1, a1, t2, a2)                 {n, #name, 2, {#t1, #t2}, {#a1, #a2}},
#define SYSCALL3(n, name, s, t1, a1, t2, a2, t3, a3)         {n, #name, 3, {#t1, #t2, #t3}, {#a1, #a2, #a3}},
#define SYSCALL4(n, name, s, t1, a1, t2, a2, t3, a3, t4, a4) {n, #name, 4, {#t1, #t2, #t3, #t4}, {#a1, #a2, #a3, #a4}},
#define SYSCALL5(n, name, s, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                                                   \
    {n, #name, 5, {#t1, #t2, #t3, #t4, #t5}, {#a1, #a2, #a3, #a4, #a5}},
#define SYSCALL6(n, name, s, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6)                                           \
    {n, #name, 6, {#t1, #t2, #t3, #t4, #t5, #t6}, {#a1, #a2, #a3, #a4, #a5, #a6}},
static const struct call calls[] = {
#include "../../../kernel/linux/include/linux/syscalls.def"
};
enum { CALLS = sizeof calls / sizeof *calls };

/* Those that end or stop the round, and, where the caller may do everything, those that reach process 1. */
static const char *const never[] = {"exit", "exit_group", "reboot", "vfork", "clone", "clone3", "pause"};
static const char *const never_as_root[] = {"kill",
                                            "tkill",
                                            "tgkill",
                                            "rt_sigqueueinfo",
                                            "rt_tgsigqueueinfo",
                                            "pidfd_send_signal",
                                            "setrlimit",
                                            "prlimit64",
                                            "process_vm_writev",
                                            "ptrace",
                                            "pidfd_getfd"};
static char is_allowed[CALLS];
static unsigned long *call_count; /* shared by all rounds */

static int is_in(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(name, list[i]))
            return 1;
    return 0;
}

static void choose_calls(int is_root)
{
    for (int i = 0; i < CALLS; i++) {
        is_allowed[i] = !is_in(calls[i].name, never, sizeof never / sizeof *never);
        if (is_root && is_in(calls[i].name, never_as_root, sizeof never_as_root / sizeof *never_as_root))
            is_allowed[i] = 0;
    }
}

/* ---- chance ---- */

static __thread uint64_t state;
static uint64_t chance(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1dull;
}
static unsigned below(unsigned n)
{
    return (unsigned)((chance() >> 33) % n);
}

/* ---- arguments ---- */

static char *buffers, *read_only, *no_access, *edge; /* edge: the first byte after a writable page */
static int fds[64], fd_count;
static const char *const paths[] = {
    "file",
    "dir",
    "link",
    "fifo",
    "sock",
    "dir/x",
    "new",
    ".",
    "..",
    "",
    "/",
    "/proc",
    "/proc/self/maps",
    "/proc/self/fd/0",
    "/proc/self/exe",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "loop",
    "file/x",
    "/proc/self/status",
    "/sys",
    "/dev/shm/x",
    "/proc/self/fd",
    "/proc/self/task",
    "/nowhere/x",
    "/proc/sysvipc/shm",
    "user.x",
};

static uint64_t number(void)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     3,
                                     4,
                                     7,
                                     8,
                                     16,
                                     63,
                                     64,
                                     100,
                                     127,
                                     128,
                                     255,
                                     256,
                                     511,
                                     1000,
                                     1024,
                                     4095,
                                     4096,
                                     4097,
                                     8192,
                                     65535,
                                     65536,
                                     1u << 20,
                                     0x7fffffff,
                                     0x80000000,
                                     0xffffffff,
                                     1ull << 32,
                                     1ull << 47,
                                     INT64_MAX,
                                     1ull << 63,
                                     UINT64_MAX,
                                     UINT64_MAX - 1,
                                     UINT64_MAX - 4095};
    switch (below(6)) {
    case 0:
        return chance() >> below(64);
    case 1:
        return 1ull << below(64);
    case 2:
        return (1ull << below(32)) | (1ull << below(32));
    case 3:
        return below(32);
    default:
        return edges[below(sizeof edges / sizeof *edges)];
    }
}

static uint64_t pointer(void)
{
    static const uint64_t bad[] = {0,
                                   1,
                                   8,
                                   4096,
                                   0x7ffffffff000,
                                   0x7fffffffefff,
                                   0x800000000000,
                                   0xffff7fffffffffff,
                                   0xffff800000000000,
                                   0xffff888000000000,
                                   0xffffffff80000000,
                                   0xffffffff80100000,
                                   0xfffffffffffff000,
                                   UINT64_MAX,
                                   UINT64_MAX - 7};
    switch (below(16)) {
    case 0:
    case 1:
        return bad[below(sizeof bad / sizeof *bad)];
    case 2:
        return (uint64_t)read_only + below(PAGE);
    case 3:
        return (uint64_t)no_access + below(PAGE);
    case 4:
        return (uint64_t)edge - below(64);
    case 5:
        return (uint64_t)edge - below(PAGE);
    case 6:
        return (uint64_t)buffers + below(BUFFER) / PAGE * PAGE;
    default:
        return (uint64_t)buffers + below(BUFFER) / 8 * 8;
    }
}

static uint64_t path(void)
{
    return below(8) ? (uint64_t)paths[below(sizeof paths / sizeof *paths)] : pointer();
}

static uint64_t descriptor(void)
{
    switch (below(10)) {
    case 0:
        return (uint64_t)-1;
    case 1:
        return below(128);
    case 2:
        return (uint64_t)(int64_t)AT_FDCWD;
    case 3:
        return number();
    default:
        return (uint64_t)fds[below((unsigned)fd_count)];
    }
}

static uint64_t process_id(void)
{
    switch (below(5)) {
    case 0:
        return (uint64_t)getpid();
    case 1:
        return (uint64_t)syscall(SYS_gettid);
    case 2:
        return number();
    default:
        return 0;
    }
}

static uint64_t small_size(void)
{
    return below(3) ? below(PAGE * 2) : number();
}

static uint64_t argument(const char *type, const char *name)
{
    if (strstr(type, "user")) {
        if (strstr(name, "path") || !strcmp(name, "name") || !strcmp(name, "target"))
            return path();
        return pointer();
    }
    if (!strcmp(name, "address") || !strcmp(name, "start") || !strcmp(name, "old") || !strcmp(name, "new_address"))
        return pointer();
    if (strstr(name, "fd") || !strcmp(name, "directory") || !strcmp(name, "old_directory") ||
        !strcmp(name, "new_directory") || (!strcmp(name, "target") && !strcmp(type, "int")))
        return descriptor();
    if (!strcmp(name, "pid") || !strcmp(name, "tid") || !strcmp(name, "who"))
        return process_id();
    if (strstr(name, "len") || strstr(name, "size") || strstr(name, "count"))
        return small_size();
    return number();
}

/* ---- io_uring: a ring whose memory changes as the buffers do ---- */

static struct io_uring_params ring_parameters;
static char *ring_memory;
static struct io_uring_sqe *ring_entries;
static int ring_fd;

static void make_ring(void)
{
    enum { ENTRIES = 16 };
    memset(&ring_parameters, 0, sizeof ring_parameters);
    ring_parameters.flags = below(4) ? 0 : IORING_SETUP_SUBMIT_ALL;
    ring_fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &ring_parameters);
    if (ring_fd < 0)
        return;
    int rw = PROT_READ | PROT_WRITE;
    char *memory = mmap(NULL, PAGE, rw, MAP_SHARED, ring_fd, IORING_OFF_SQ_RING);
    void *entries = mmap(NULL, PAGE, rw, MAP_SHARED, ring_fd, IORING_OFF_SQES);
    if (memory == MAP_FAILED || entries == MAP_FAILED)
        return;
    ring_entries = entries;
    ring_memory = memory;
}

static void scribble_ring(void)
{
    if (!ring_memory)
        return;
    unsigned *tail = (unsigned *)(ring_memory + ring_parameters.sq_off.tail);
    unsigned *array = (unsigned *)(ring_memory + ring_parameters.sq_off.array);
    for (unsigned i = below(6); i > 0; i--) {
        struct io_uring_sqe *sqe = &ring_entries[below(16)];
        sqe->opcode = (unsigned char)below(50);
        sqe->flags = below(2) ? 0 : (unsigned char)(chance() & (below(4) ? 0x5c : 0xff));
        sqe->ioprio = 0;
        sqe->fd = (int)descriptor();
        sqe->off = below(2) ? 0 : below(2) ? pointer() : number();
        sqe->addr = below(3) ? pointer() : path();
        sqe->len = below(3) ? below(64) : (unsigned)number();
        sqe->rw_flags = below(3) ? 0 : (int)number();
        sqe->user_data = below(8);
        sqe->buf_index = below(8) ? 0 : (unsigned short)below(4);
        sqe->personality = 0;
        sqe->file_index = below(16) ? 0 : (unsigned)number();
        array[below(16)] = below(20);
        if (below(2))
            __atomic_fetch_add(tail, below(30) ? 1 : (unsigned)number(), __ATOMIC_RELEASE);
    }
    unsigned *words = (unsigned *)ring_memory;
    if (!below(10))
        words[below(PAGE / 4)] = (unsigned)number();
    *(unsigned *)(ring_memory + ring_parameters.cq_off.head) = *(unsigned *)(ring_memory + ring_parameters.cq_off.tail);
}

static void enter_ring(void)
{
    scribble_ring();
    syscall(SYS_io_uring_enter, ring_fd, below(8), below(3), below(2), NULL, 8);
}

/* Something that looks like addresses, lengths and numbers, at a random place of the buffers. */
static void scribble(void)
{
    uint64_t *words = (uint64_t *)buffers;
    for (unsigned i = below(16); i > 0; i--) {
        unsigned at = below(BUFFER / 8);
        words[at] = below(3) ? number() : below(2) ? pointer() : (descriptor() & 0xffffffff) | number() << 32;
    }
}

/* Not what would only stop the round: signals that end or stop it, handlers of those that keep it going. */
static int is_useful(const struct call *call, const uint64_t *a)
{
    for (int i = 0; i < call->count; i++) {
        if (strcmp(call->arguments[i], "number"))
            continue;
        if (!strcmp(call->name, "rt_sigaction"))
            return a[i] != SIGUSR1 && a[i] != SIGSEGV && a[i] != SIGBUS;
        return a[i] == 0 || a[i] > 32 || a[i] == SIGUSR2 || !below(200);
    }
    return 1;
}

static void unblock(void)
{
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static void call_once(void)
{
    unsigned which = below(CALLS);
    uint64_t a[6] = {0};
    if (!is_allowed[which])
        return;
    const struct call *call = &calls[which];
    if (!strcmp(call->name, "rt_sigreturn") && below(50))
        return;
    for (int i = 0; i < call->count; i++)
        a[i] = argument(call->types[i], call->arguments[i]);
    if (!is_useful(call, a))
        return;
    if (!below(4))
        scribble();
    __atomic_fetch_add(call_count, 1, __ATOMIC_RELAXED);
    long result = syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (!strcmp(call->name, "fork") && result == 0)
        _exit(0);
    if (strstr(call->name, "sig"))
        unblock();
    int is_opener = result > 2 && result < 256 &&
                    (strstr(call->name, "open") || strstr(call->name, "create") || strstr(call->name, "socket") ||
                     strstr(call->name, "accept") || strstr(call->name, "fd") || strstr(call->name, "setup"));
    if (is_opener)
        fds[below((unsigned)fd_count)] = (int)result;
}

/* ---- a round ---- */

static void add_fd(int fd)
{
    if (fd >= 0 && fd_count < 64)
        fds[fd_count++] = fd;
}

static void add_sockets(void)
{
    static const int kinds[][2] = {{AF_INET, SOCK_STREAM},    {AF_INET, SOCK_DGRAM},  {AF_INET6, SOCK_STREAM},
                                   {AF_INET6, SOCK_DGRAM},    {AF_UNIX, SOCK_STREAM}, {AF_UNIX, SOCK_DGRAM},
                                   {AF_UNIX, SOCK_SEQPACKET}, {AF_NETLINK, SOCK_RAW}};
    int pair[2];
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        add_fd(socket(kinds[i][0], kinds[i][1] | SOCK_NONBLOCK, 0));
    for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++)
        if (!socketpair(AF_UNIX, type, 0, pair)) {
            add_fd(pair[0]);
            add_fd(pair[1]);
        }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&address, len);
    listen(listener, 4);
    getsockname(listener, (struct sockaddr *)&address, &len);
    if (!connect(client, (struct sockaddr *)&address, len))
        add_fd(accept(listener, NULL, NULL));
    add_fd(listener);
    add_fd(client);
}

static void make_descriptors(void)
{
    int p[2];
    sigset_t set;
    sigfillset(&set);
    fd_count = 0;
    add_fd(open("file", O_RDWR | O_CREAT, 0666));
    add_fd(open("file", O_RDONLY));
    add_fd(open("dir", O_RDONLY | O_DIRECTORY));
    add_fd(open("file", O_PATH));
    add_fd(open("/proc/self/status", O_RDONLY));
    add_fd(open("/proc/self/fd", O_RDONLY));
    add_fd(open("/dev/zero", O_RDWR));
    add_fd(open("/dev/urandom", O_RDONLY));
    for (int i = 0; i < 2; i++)
        if (!pipe2(p, i ? O_NONBLOCK : 0)) {
            add_fd(p[0]);
            add_fd(p[1]);
        }
    add_fd(eventfd(1, 0));
    add_fd(timerfd_create(CLOCK_MONOTONIC, 0));
    add_fd(signalfd(-1, &set, 0));
    add_fd(inotify_init1(IN_NONBLOCK));
    add_fd(memfd_create("m", MFD_ALLOW_SEALING));
    add_fd(epoll_create1(0));
    add_fd(epoll_create1(0));
    add_fd((int)syscall(SYS_pidfd_open, getpid(), 0));
    add_fd((int)syscall(SYS_mq_open, "queue", O_RDWR | O_CREAT, 0600, NULL));
    add_sockets();
    make_ring();
    add_fd(ring_fd);
}

static void make_files(void)
{
    mkdir("dir", 0777);
    symlink("file", "link");
    symlink("loop", "loop");
    mkfifo("fifo", 0666);
    int fd = open("file", O_RDWR | O_CREAT, 0666);
    if (write(fd, buffers, 10000) < 0)
        _exit(1);
    close(fd);
}

static void make_memory(void)
{
    enum { GAP = 16 * PAGE };
    int rw = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    no_access = mmap(NULL, 4 * GAP + BUFFER, PROT_NONE, flags, -1, 0);
    buffers = no_access + GAP;
    read_only = buffers + BUFFER + GAP;
    edge = read_only + GAP;
    mprotect(buffers, BUFFER, rw);
    mprotect(read_only, PAGE, PROT_READ);
    mprotect(edge - PAGE, PAGE, rw);
}

static void limit(int what, rlim_t value)
{
    struct rlimit l = {value, value};
    setrlimit(what, &l);
}

static void on_signal(int number)
{
}

/* Puts the buffers back that a call took away. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    char *at = info->si_addr;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    if (at < buffers || at >= buffers + BUFFER ||
        mmap(buffers, BUFFER, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED)
        _exit(1);
}

static pid_t tids[THREADS];
static uint64_t round_seed;
static void *run_thread(void *index)
{
    tids[(long)index] = (pid_t)syscall(SYS_gettid);
    state = (round_seed + 1) * 0x9e3779b97f4a7c15ull + (uint64_t)(long)index * 0xbf58476d1ce4e5b9ull;
    for (;;) {
        call_once();
        if (!below(16))
            enter_ring();
    }
    return NULL;
}

/* Never returns: is killed. Pokes the threads, so that none sleeps for long. */
static void run_round(uint64_t seed)
{
    static const int poked[] = {SIGUSR1, SIGUSR2,   SIGALRM, SIGPIPE, SIGXFSZ,
                                SIGIO,   SIGVTALRM, SIGPROF, SIGCHLD, SIGHUP};
    round_seed = state = seed;
    int is_root = below(2);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    make_memory();
    make_files();
    limit(RLIMIT_FSIZE, 1 << 20);
    limit(RLIMIT_AS, 160 << 20);
    limit(RLIMIT_NOFILE, 128);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_MSGQUEUE, 1 << 18);
    if (!is_root) {
        limit(RLIMIT_NPROC, 64);
        if (chown(".", 4242, 4242) || setgid(4242) || setuid(4242))
            _exit(1);
    }
    choose_calls(is_root);
    for (unsigned i = 0; i < sizeof poked / sizeof *poked; i++)
        signal(poked[i], on_signal);
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct sigaction poke = {.sa_handler = on_signal}; /* no SA_RESTART */
    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGBUS, &fault, NULL);
    sigaction(SIGUSR1, &poke, NULL);
    for (long i = 0; i < THREADS; i++) {
        pthread_t thread;
        if (i == 0)
            make_descriptors();
        pthread_create(&thread, NULL, run_thread, (void *)i);
    }
    for (;;) {
        usleep(2000);
        scribble();
        for (int i = 0; i < THREADS; i++)
            syscall(SYS_tgkill, getpid(), tids[i], SIGUSR1);
        if (!below(20))
            make_descriptors();
    }
}

/* ---- the rounds ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
    remove(name);
    return 0;
}

static void remove_ipc(void)
{
    struct shmid_ds shm;
    struct semid_ds sem;
    struct msqid_ds msg;
    union {
        struct shm_info shm;
        struct seminfo sem;
        struct msginfo msg;
    } info;
    for (int i = shmctl(0, SHM_INFO, (void *)&info.shm); i >= 0; i--)
        shmctl(shmctl(i, SHM_STAT, &shm), IPC_RMID, NULL);
    for (int i = semctl(0, 0, SEM_INFO, &info.sem); i >= 0; i--)
        semctl(semctl(i, 0, SEM_STAT, &sem), 0, IPC_RMID);
    for (int i = msgctl(0, MSG_INFO, (void *)&info.msg); i >= 0; i--)
        msgctl(msgctl(i, MSG_STAT, &msg), IPC_RMID, NULL);
    syscall(SYS_mq_unlink, "queue");
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
        syscall(SYS_mq_unlink, paths[i]);
}

/* Ends all other processes of the machine; 0 when one would not go. */
static int end_all(void)
{
    double deadline = now() + 20;
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD) {
        if (now() > deadline)
            return 0;
        usleep(1000);
        kill(-1, SIGKILL);
    }
    return 1;
}

static int round_of(uint64_t seed)
{
    mkdir("/tmp/fuzz", 0777);
    chmod("/tmp/fuzz", 0777);
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        printf("round %llu: fork: %s\n", (unsigned long long)seed, strerrorname_np(errno));
        return 0;
    }
    if (!child) {
        if (chdir("/tmp/fuzz"))
            _exit(1);
        run_round(seed);
    }
    double end = now() + ROUND_MS / 1e3;
    while (now() < end && waitpid(child, NULL, WNOHANG) != child)
        usleep(5000);
    if (!end_all()) {
        printf("round %llu: a process does not end when it is killed\n", (unsigned long long)seed);
        return 0;
    }
    nftw("/tmp/fuzz", remove_one, 16, FTW_DEPTH | FTW_PHYS);
    unlink("/dev/shm/x");
    remove_ipc();
    return 1;
}

/* What /proc/meminfo says, in KiB. */
static long memory(const char *what)
{
    char line[128], name[32];
    long kib = 0;
    FILE *info = fopen("/proc/meminfo", "r");
    while (info && fgets(line, sizeof line, info))
        if (sscanf(line, "%31[^:]: %ld", name, &kib) == 2 && !strcmp(name, what))
            break;
    if (info)
        fclose(info);
    return kib;
}

static void show_memory(const char *when)
{
    static const char *const what[] = {"MemFree", "Cached", "AnonPages", "Slab", "PageTables"};
    printf("%s:", when);
    for (unsigned i = 0; i < sizeof what / sizeof *what; i++)
        printf(" %s %ld", what[i], memory(what[i]));
    puts(" KiB");
}

/* Once through nearly all of memory, so that what the kernel keeps about each page is there before it is measured. */
static void touch_memory(void)
{
    enum { LEFT_KIB = 65536 };
    size_t size = (size_t)(memory("MemFree") - LEFT_KIB) << 10;
    fflush(stdout);
    if (fork() == 0) {
        char *all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        _exit(all == MAP_FAILED);
    }
    wait(NULL);
}

int main(int argc, char **argv)
{
    struct utsname system;
    uname(&system);
    if (argc < 2 || !strstr(system.release, "skiff"))
        return 2;
    double end = now() + atof(argv[1]);
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL) * 1000;
    printf("seed %llu\n", (unsigned long long)seed);
    call_count = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    touch_memory();
    long before = 0;
    unsigned rounds = 0;
    for (; now() < end || rounds <= WARM_UP_ROUNDS; rounds++) {
        if (!round_of(seed + rounds))
            return 1;
        if (rounds == WARM_UP_ROUNDS) {
            before = memory("MemAvailable");
            show_memory("before");
        }
    }
    long lost = before - memory("MemAvailable");
    show_memory("after");
    printf("%u rounds, %lu calls, %ld KiB of memory not returned\n", rounds, *call_count, lost > 0 ? lost : 0);
    return lost > LOST_MAX_KIB;
}
