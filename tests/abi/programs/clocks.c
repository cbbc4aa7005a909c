/* Clocks, sleeping, interval and POSIX timers. */
#include "show.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t got;
static void note(int number)
{
    got = number;
}

static void clocks(void)
{
    struct timespec time;
    struct timeval day;
    for (int clock = 0; clock < 13; clock++) {
        if (clock == 8 || clock == 9)
            continue; /* need an RTC on Linux */
        SHOW(syscall(SYS_clock_gettime, clock, &time));
        SHOW(syscall(SYS_clock_getres, clock, NULL));
    }
    SHOW(clock_gettime(-1 << 3 | 2, &time));
    SHOW(syscall(SYS_clock_gettime, ~999999 << 3 | 2, &time));
    SHOW(gettimeofday(&day, NULL));
    SHOW(labs(time.tv_sec * 0 + day.tv_sec - (long)syscall(SYS_time, NULL)) <= 1);
    SHOW(times(NULL) > 0);
    SHOW(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &time));
}

static void sleeps(void)
{
    struct timespec short_time = {0, 20000000}, bad = {0, 1000000000}, at;
    double before = now();
    SHOW(nanosleep(&short_time, NULL));
    SHOW(now() - before >= 0.02);
    SHOW(nanosleep(&bad, NULL));
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += 20000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    before = now();
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL));
    SHOW(now() - before >= 0.015);
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL));
    SHOW(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &short_time, NULL));
    SHOW(clock_nanosleep(77, 0, &short_time, NULL));
}

static void intervals(void)
{
    struct itimerval every = {{0, 10000}, {0, 10000}}, off = {{0, 0}, {0, 0}}, left;
    signal(SIGALRM, note);
    signal(SIGVTALRM, note);
    signal(SIGPROF, note);
    int count = 0;
    SHOW(setitimer(ITIMER_REAL, &every, NULL));
    while (count < 3) {
        got = 0;
        pause();
        count += got == SIGALRM;
    }
    SHOW(getitimer(ITIMER_REAL, &left));
    SHOW(left.it_interval.tv_usec);
    SHOW(left.it_value.tv_usec > 0 && left.it_value.tv_usec <= 10000);
    SHOW(setitimer(ITIMER_REAL, &off, &left));
    got = 0;
    SHOW(setitimer(ITIMER_VIRTUAL, &every, NULL));
    while (got != SIGVTALRM)
        ;
    SHOW(setitimer(ITIMER_VIRTUAL, &off, NULL));
    SHOW(setitimer(ITIMER_PROF, &every, NULL));
    while (got != SIGPROF)
        ;
    SHOW(setitimer(ITIMER_PROF, &off, NULL));
    SHOW(setitimer(5, &off, NULL));
    SHOW(alarm(100));
    SHOW(alarm(0));
}

static void posix_timers(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2, .sigev_value.sival_int = 77};
    struct itimerspec every = {{0, 5000000}, {0, 5000000}}, left;
    sigset_t set;
    siginfo_t info;
    timer_t timer;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
    SHOW(timer_settime(timer, 0, &every, NULL));
    usleep(52000);
    SHOW(sigwaitinfo(&set, &info) == SIGRTMIN + 2);
    SHOW(info.si_code);
    SHOW(info.si_value.sival_int);
    SHOW(info.si_overrun >= 5 && info.si_overrun == timer_getoverrun(timer));
    SHOW(timer_gettime(timer, &left));
    SHOW(left.it_interval.tv_nsec);
    SHOW(timer_delete(timer));
    SHOW(syscall(SYS_timer_delete, 12345));
    SHOW(syscall(SYS_timer_gettime, 12345, &left));
    event.sigev_signo = 99;
    SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
    SHOW(syscall(SYS_timer_create, 99, NULL, &timer));
    event.sigev_notify = SIGEV_NONE;
    event.sigev_signo = 0;
    SHOW(timer_create(CLOCK_REALTIME, &event, &timer));
    every.it_interval.tv_nsec = 0;
    SHOW(timer_settime(timer, 0, &every, NULL));
    usleep(20000);
    SHOW(timer_gettime(timer, &left));
    SHOW(left.it_value.tv_nsec);
    SHOW(timer_delete(timer));
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN + 2;
    SHOW(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer));
    SHOW(timer_settime(timer, 0, &every, NULL));
    volatile long n = 0;
    while (sigpending(&set), !sigismember(&set, SIGRTMIN + 2))
        n++;
    SHOW(timer_delete(timer));
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int called;
static void call(union sigval value)
{
    pthread_mutex_lock(&mutex);
    called = value.sival_int;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
}

static void thread_timers(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = call, .sigev_value.sival_int = 5};
    struct itimerspec once = {{0, 0}, {0, 10000000}};
    timer_t timer;
    SHOW(timer_create(CLOCK_MONOTONIC, &event, &timer));
    SHOW(timer_settime(timer, 0, &once, NULL));
    pthread_mutex_lock(&mutex);
    while (!called)
        pthread_cond_wait(&condition, &mutex);
    pthread_mutex_unlock(&mutex);
    SHOW(called);
    SHOW(timer_delete(timer));
}

/* A second of CPU time, then SIGXCPU. */
static void limited(void)
{
    struct rlimit limit = {1, 2};
    signal(SIGXCPU, note);
    SHOW(setrlimit(RLIMIT_CPU, &limit));
    got = 0;
    while (!got)
        ;
    SHOW(got == SIGXCPU);
    while (1)
        ;
}

static void cpu_limit(void)
{
    int status;
    pid_t child = fork();
    if (!child)
        limited();
    waitpid(child, &status, 0);
    SHOW(WTERMSIG(status));
}

int main(void)
{
    clocks();
    sleeps();
    intervals();
    posix_timers();
    thread_timers();
    cpu_limit();
    return 0;
}
