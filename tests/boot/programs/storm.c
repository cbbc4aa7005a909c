/*
 * Storms of processes, threads, signals and pipes. Each storm checks its own result and is run several times; as the
 * machine's first process the program also holds the kernel to its counters: what the first round left in use, the last
 * one must not exceed. Prints a line a storm.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/sysinfo.h>
#include <unistd.h>

enum { ROUNDS = 4, SLACK_KIB = 768 };
#define CHECK(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))
static void fail(const char *what, int line)
{
    printf("line %d: %s: %s\n", line, what, strerror(errno));
    fflush(stdout);
    kill(0, SIGKILL);
    _exit(1);
}
static pid_t start(void (*work)(void *), void *argument)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid)
        return pid;
    work(argument);
    _exit(0);
}
static int ending_of(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}
static unsigned reap_all(void)
{
    unsigned n = 0;
    while (wait(NULL) > 0)
        n++;
    CHECK(errno == ECHILD);
    return n;
}

/* ---- forks: parents at once, whose children and orphans end at once ---- */

static void orphan(void *argument)
{
    volatile char *memory = argument;
    for (int i = 0; i < 16; i++)
        memory[i * 4096] = 1;
}
static void short_parent(void *argument)
{
    start(orphan, argument);
}
static void parent_of_many(void *argument)
{
    for (int i = 0; i < 25; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (!pid)
            _exit(i);
        int status = ending_of(pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == i);
        ending_of(start(short_parent, argument));
    }
}
static void storm_of_forks(void)
{
    char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 2, 1 << 20);
    for (int i = 0; i < 8; i++)
        start(parent_of_many, memory);
    CHECK(reap_all() == 8 + 8 * 25);
    for (int i = 0; i < 256; i++)
        CHECK(memory[i * 4096] == 2);
    munmap(memory, 1 << 20);
}

/* ---- execs: by fork, by posix_spawn, and by a process with threads ---- */

extern char **environ;
static char *const child_arguments[] = {(char *)"storm", (char *)"child", NULL};
static void become_child(void *argument)
{
    execv("/proc/self/exe", child_arguments);
    CHECK(!"exec");
}
static void *wait_for_ever(void *argument)
{
    pause();
    return NULL;
}
static void become_child_with_threads(void *argument)
{
    for (int i = 0; i < 8; i++) {
        pthread_t thread;
        CHECK(!pthread_create(&thread, NULL, wait_for_ever, NULL));
    }
    become_child(NULL);
}
static void run_children(void *argument)
{
    for (int i = 0; i < 8; i++) {
        pid_t pid;
        CHECK(WEXITSTATUS(ending_of(start(become_child, NULL))) == 33);
        CHECK(WEXITSTATUS(ending_of(start(become_child_with_threads, NULL))) == 33);
        CHECK(!posix_spawn(&pid, "/proc/self/exe", NULL, NULL, child_arguments, environ));
        CHECK(WEXITSTATUS(ending_of(pid)) == 33);
    }
}
static void storm_of_execs(void)
{
    for (int i = 0; i < 4; i++)
        start(run_children, NULL);
    CHECK(reap_all() == 4);
}

/* ---- threads: all there at once, then all gone ---- */

enum { THREADS = 2000 };
static sem_t arrived, leave;
static void *visit(void *argument)
{
    sem_post(&arrived);
    while (sem_wait(&leave))
        ;
    return argument;
}
static void storm_of_threads(void)
{
    static pthread_t threads[THREADS];
    pthread_attr_t attributes;
    sem_init(&arrived, 0, 0);
    sem_init(&leave, 0, 0);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 32768);
    for (long i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], &attributes, visit, (void *)i));
    for (int i = 0; i < THREADS; i++)
        CHECK(!sem_wait(&arrived));
    for (int i = 0; i < THREADS; i++)
        sem_post(&leave);
    for (long i = 0; i < THREADS; i++) {
        void *result;
        CHECK(!pthread_join(threads[i], &result) && result == (void *)i);
    }
    pthread_attr_destroy(&attributes);
}

/* ---- signals: queued ones all arrive, once and in order; each process sends to the next ---- */

enum { SENDERS = 4, QUEUED = 400 };
static void receive_queued(void *argument)
{
    int *ready = argument;
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    CHECK(write(ready[1], "r", 1) == 1);
    for (int i = 0; i < QUEUED; i++) {
        CHECK(sigwaitinfo(&set, &info) == SIGRTMIN && info.si_value.sival_int == i);
        if (i % 50 == 0)
            CHECK(!kill(info.si_pid, SIGUSR1));
    }
}
static volatile sig_atomic_t answers;
static void count_answer(int number)
{
    answers++;
}
static void send_queued(void *argument)
{
    int ready[2];
    char byte;
    signal(SIGUSR1, count_answer);
    CHECK(!pipe(ready));
    pid_t receiver = start(receive_queued, ready);
    CHECK(read(ready[0], &byte, 1) == 1);
    for (int i = 0; i < QUEUED; i++)
        while (sigqueue(receiver, SIGRTMIN, (union sigval){.sival_int = i}))
            CHECK(errno == EAGAIN || errno == EINTR);
    CHECK(!ending_of(receiver));
    CHECK(answers > 0);
}
static void storm_of_signals(void)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, &old);
    pid_t senders[SENDERS];
    for (int i = 0; i < SENDERS; i++)
        senders[i] = start(send_queued, NULL);
    for (int i = 0; i < SENDERS; i++)
        CHECK(!ending_of(senders[i]));
    sigprocmask(SIG_SETMASK, &old, NULL);
}

/* ---- pipes: a token goes round a ring of processes ---- */

enum { RING = 16, LAPS = 100 };
static int ring[RING][2];
static void pass_token(void *argument)
{
    long me = (long)argument;
    int token;
    for (int i = 0; i < LAPS; i++) {
        CHECK(read(ring[me][0], &token, sizeof token) == sizeof token);
        token++;
        CHECK(write(ring[(me + 1) % RING][1], &token, sizeof token) == sizeof token);
    }
}
static void storm_of_pipes(void)
{
    int token = 0;
    for (int i = 0; i < RING; i++)
        CHECK(!pipe(ring[i]));
    for (long i = 1; i < RING; i++)
        start(pass_token, (void *)i);
    for (int i = 0; i < LAPS; i++) {
        CHECK(write(ring[1][1], &token, sizeof token) == sizeof token);
        CHECK(read(ring[0][0], &token, sizeof token) == sizeof token);
    }
    CHECK(token == LAPS * (RING - 1));
    CHECK(reap_all() == RING - 1);
    for (int i = 0; i < RING; i++)
        close(ring[i][0]), close(ring[i][1]);
}

/* ---- deaths: SIGKILL finds processes in every kind of wait, and in none ---- */

static void wait_somehow(void *argument)
{
    int fds[2];
    CHECK(!pipe(fds));
    struct pollfd poll_entry = {.fd = fds[0], .events = POLLIN};
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    char bytes[65536] = {0};
    switch ((long)argument % 8) {
    case 0: pause(); break;
    case 1: (void)!read(fds[0], bytes, 1); break;
    case 2: poll(&poll_entry, 1, -1); break;
    case 3: pthread_mutex_lock(&mutex), pthread_mutex_lock(&mutex); break;
    case 4: (void)!write(fds[1], bytes, sizeof bytes), (void)!write(fds[1], bytes, sizeof bytes); break;
    case 5: sleep(1000); break;
    case 6: become_child_with_threads(NULL); break;
    case 7: for (;;) getppid();
    }
}
static void storm_of_deaths(void)
{
    pid_t victims[64];
    for (long i = 0; i < 64; i++)
        victims[i] = start(wait_somehow, (void *)i);
    for (int i = 0; i < 64; i++)
        CHECK(!kill(victims[i], i % 2 ? SIGKILL : SIGTERM));
    for (int i = 0; i < 64; i++) {
        int status = ending_of(victims[i]);
        CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 33);
    }
}

/* ---- the kernel's counters ---- */

struct counters {
    long available_kib, slab_kib, page_tables_kib, threads;
};
static long field(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    CHECK(at);
    return strtol(at + strlen(name), NULL, 10);
}
/* A dead space's tables stay until each CPU that ran it last has loaded another one: this program's, here. */
static void visit_all_cpus(void)
{
    cpu_set_t all, one;
    CHECK(!sched_getaffinity(0, sizeof all, &all));
    for (int cpu = 0; cpu < get_nprocs(); cpu++) {
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        CHECK(!sched_setaffinity(0, sizeof one, &one));
    }
    CHECK(!sched_setaffinity(0, sizeof all, &all));
}
static struct counters count(void)
{
    visit_all_cpus();
    static char text[8192];
    struct counters now;
    int fd = open("/proc/meminfo", O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    CHECK(n > 0);
    text[n] = '\0';
    now.available_kib = field(text, "MemAvailable:");
    now.slab_kib = field(text, "Slab:");
    now.page_tables_kib = field(text, "PageTables:");
    fd = open("/proc/loadavg", O_RDONLY);
    n = read(fd, text, sizeof text - 1);
    close(fd);
    CHECK(n > 0);
    text[n] = '\0';
    now.threads = field(text, "/");
    return now;
}
static int compare(const char *name, struct counters first, struct counters last)
{
    if (last.available_kib + SLACK_KIB >= first.available_kib && last.slab_kib <= first.slab_kib + SLACK_KIB &&
        last.page_tables_kib <= first.page_tables_kib + 64 && last.threads <= first.threads)
        return 0;
    printf("%s leaves: available %ld to %ld KiB, slab %ld to %ld KiB, page tables %ld to %ld KiB, threads %ld to %ld\n", name,
           first.available_kib, last.available_kib, first.slab_kib, last.slab_kib, first.page_tables_kib, last.page_tables_kib,
           first.threads, last.threads);
    return 1;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } storms[] = {
        {"forks", storm_of_forks},     {"execs", storm_of_execs}, {"threads", storm_of_threads},
        {"signals", storm_of_signals}, {"pipes", storm_of_pipes}, {"deaths", storm_of_deaths},
    };
    if (argc > 1 && !strcmp(argv[1], "child"))
        return 33;
    int failed = 0;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof storms / sizeof *storms; i++) {
        struct counters first = {0}, last;
        if (argc > 1 && strcmp(argv[1], storms[i].name))
            continue;
        for (int round = 0; round < ROUNDS; round++) {
            storms[i].run();
            usleep(20000); /* what is freed later is freed by then */
            if (!round)
                first = count();
        }
        last = count();
        if (getpid() == 1)
            failed |= compare(storms[i].name, first, last);
        printf("%s passed\n", storms[i].name);
    }
    return failed;
}
