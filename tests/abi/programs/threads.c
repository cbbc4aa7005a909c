/* Threads and futexes: creation, join, cancellation, robust and PI mutexes, condition variables, futex(2) itself. */
#include "show.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long futex(uint32_t *word, int operation, uint32_t value, const void *timeout, uint32_t *word2, uint32_t value3)
{
    return syscall(SYS_futex, word, operation, value, timeout, word2, value3);
}

static void words(void)
{
    uint32_t word = 5, other = 0;
    struct timespec soon = {0, 10000000}, bad = {0, -1}, past = {1, 0};
    SHOW(futex(&word, FUTEX_WAIT, 4, NULL, NULL, 0));
    SHOW(futex(&word, FUTEX_WAIT_PRIVATE, 5, &soon, NULL, 0));
    SHOW(futex(&word, FUTEX_WAIT_PRIVATE, 5, &bad, NULL, 0));
    SHOW(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 5, &past, NULL, FUTEX_BITSET_MATCH_ANY));
    SHOW(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 5, &past, NULL, FUTEX_BITSET_MATCH_ANY));
    SHOW(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 5, NULL, NULL, 0));
    SHOW(futex((uint32_t *)((char *)&word + 1), FUTEX_WAIT, 5, NULL, NULL, 0));
    SHOW(futex((uint32_t *)8, FUTEX_WAIT, 5, NULL, NULL, 0));
    SHOW(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
    SHOW(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other, 4));
    SHOW(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other, 5));
    SHOW(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &other, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 0)));
    SHOW(other);
    SHOW(futex(&word, 99, 1, NULL, NULL, 0));
    uint32_t lock = 0;
    SHOW(futex(&lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(lock == (uint32_t)syscall(SYS_gettid));
    SHOW(futex(&lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex(&lock, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex(&lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex(&lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long total, turn;

static void *add(void *argument)
{
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(argument);
        total++;
        pthread_mutex_unlock(argument);
    }
    return NULL;
}

static void *take_turns(void *argument)
{
    long mine = (long)argument;
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % 4 != mine)
            pthread_cond_wait(&condition, &mutex);
        turn++;
        pthread_cond_broadcast(&condition);
        pthread_mutex_unlock(&mutex);
    }
    return (void *)(mine + 10);
}

static void all_add(pthread_mutex_t *to)
{
    pthread_t threads[4];
    total = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, add, to);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    SHOW(total);
}

static void mutexes(void)
{
    pthread_t threads[4];
    pthread_mutexattr_t attributes;
    pthread_mutex_t inheriting;
    all_add(&mutex);
    for (long i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, take_turns, (void *)i);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        SHOW((long)result);
    }
    SHOW(turn);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&inheriting, &attributes);
    all_add(&inheriting);
}

static void *lock_and_die(void *argument)
{
    pthread_mutex_lock(argument);
    return NULL;
}

static void robust(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t robust_mutex;
    pthread_t thread;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust_mutex, &attributes);
    pthread_create(&thread, NULL, lock_and_die, &robust_mutex);
    pthread_join(thread, NULL);
    SHOW(pthread_mutex_lock(&robust_mutex) == EOWNERDEAD);
    SHOW(pthread_mutex_consistent(&robust_mutex));
    SHOW(pthread_mutex_unlock(&robust_mutex));
    SHOW(pthread_mutex_lock(&robust_mutex));
}

static void *spin(void *argument)
{
    volatile long n = 0;
    while (!*(volatile int *)argument)
        n++;
    return NULL;
}

static void cpu_clocks(void)
{
    pthread_t thread;
    clockid_t clock;
    struct timespec time;
    int stop = 0;
    pthread_create(&thread, NULL, spin, &stop);
    SHOW(pthread_getcpuclockid(thread, &clock));
    usleep(50000);
    SHOW(clock_gettime(clock, &time));
    SHOW(time.tv_sec > 0 || time.tv_nsec > 5000000);
    SHOW(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time));
    SHOW(time.tv_sec > 0 || time.tv_nsec > 5000000);
    stop = 1;
    pthread_join(thread, NULL);
}

static volatile pid_t handled_in;
static void note_thread(int number)
{
    handled_in = (pid_t)syscall(SYS_gettid);
}

static void *block_and_wait(void *argument)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return spin(argument);
}

/* A signal for the process goes to the one thread that takes it. */
static void directed(void)
{
    pthread_t thread;
    int stop = 0;
    signal(SIGUSR1, note_thread);
    pthread_create(&thread, NULL, block_and_wait, &stop);
    usleep(20000);
    kill(getpid(), SIGUSR1);
    for (int i = 0; i < 100 && !handled_in; i++)
        usleep(1000);
    SHOW(handled_in == getpid());
    SHOW(pthread_kill(thread, 0));
    stop = 1;
    pthread_join(thread, NULL);
}

static void affinity(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    SHOW(sched_setaffinity(0, sizeof set, &set));
    SHOW(sched_getcpu());
    SHOW(sched_getaffinity(0, sizeof set, &set));
    SHOW(CPU_COUNT(&set));
    CPU_ZERO(&set);
    SHOW(sched_setaffinity(0, sizeof set, &set));
    SHOW(syscall(SYS_sched_getaffinity, 0, 4, &set));
    SHOW(sched_yield());
    SHOW(sched_getscheduler(0));
    SHOW(sched_get_priority_max(SCHED_FIFO));
    SHOW(sched_get_priority_min(SCHED_OTHER));
    SHOW(sched_getscheduler(999999));
}

static void *exit_from_thread(void *argument)
{
    usleep(20000);
    exit(12);
}

static void ends(void)
{
    int status;
    pid_t child = fork();
    if (!child) {
        pthread_t thread;
        pthread_create(&thread, NULL, exit_from_thread, NULL);
        syscall(SYS_exit, 0);
    }
    waitpid(child, &status, 0);
    SHOW(WEXITSTATUS(status));
    child = fork();
    if (!child) {
        pthread_t thread;
        int stop = 0;
        for (int i = 0; i < 10; i++)
            pthread_create(&thread, NULL, spin, &stop);
        exit(13);
    }
    waitpid(child, &status, 0);
    SHOW(WEXITSTATUS(status));
}

int main(void)
{
    words();
    mutexes();
    robust();
    cpu_clocks();
    directed();
    affinity();
    ends();
    return 0;
}
