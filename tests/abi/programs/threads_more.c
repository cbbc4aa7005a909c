/* Threads' lists and words (set_tid_address, robust lists, rseq), futex_waitv, signals to threads, pidfd_getfd, exec,
 * restarts, epoll_pwait2. */
#include "show.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void lists(void)
{
    struct robust_list_head *head = NULL;
    size_t len = 0;
    int word = 0;
    SHOW(syscall(SYS_set_tid_address, &word) == syscall(SYS_gettid));
    SHOW(syscall(SYS_get_robust_list, 0, &head, &len));
    SHOW(head != NULL);
    SHOW(len);
    SHOW(syscall(SYS_get_robust_list, 999999, &head, &len));
    SHOW(syscall(SYS_get_robust_list, 0, (void *)8, &len));
    SHOW(syscall(SYS_set_robust_list, head, 23));
    SHOW(syscall(SYS_set_robust_list, head, len));
    SHOW(syscall(SYS_rseq, (void *)8, 32, 0, 0x53053053));
    SHOW(syscall(SYS_rseq, &word, 0, 99, 0));
}

/* A child that dies with a robust mutex held leaves its mark. */
static void robust(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(mutex, &attr);
    if (fork() == 0) {
        pthread_mutex_lock(mutex);
        _exit(0);
    }
    wait(NULL);
    SHOW(pthread_mutex_lock(mutex) == EOWNERDEAD);
    SHOW(pthread_mutex_consistent(mutex));
    SHOW(pthread_mutex_unlock(mutex));
    SHOW(pthread_mutex_lock(mutex));
}

struct waitv {
    unsigned long value, address;
    unsigned flags, reserved;
};
static unsigned words[3];

static void *wake_second(void *unused)
{
    while (syscall(SYS_futex, &words[1], FUTEX_WAKE_PRIVATE, 1) == 0)
        usleep(1000);
    return NULL;
}

static void many(void)
{
    enum { SIZE_32_PRIVATE = 2 | 128 };
    struct waitv wait[3] = {};
    struct timespec past = {0, 1}, bad = {0, 1000000000};
    pthread_t thread;
    for (int i = 0; i < 3; i++)
        wait[i] = (struct waitv){0, (unsigned long)&words[i], SIZE_32_PRIVATE, 0};
    SHOW(syscall(SYS_futex_waitv, wait, 3, 0, &past, CLOCK_MONOTONIC));
    SHOW(syscall(SYS_futex_waitv, wait, 3, 0, &bad, CLOCK_MONOTONIC));
    SHOW(syscall(SYS_futex_waitv, wait, 3, 1, NULL, 0));
    SHOW(syscall(SYS_futex_waitv, wait, 0, 0, NULL, 0));
    SHOW(syscall(SYS_futex_waitv, wait, 129, 0, NULL, 0));
    SHOW(syscall(SYS_futex_waitv, (void *)8, 3, 0, NULL, 0));
    SHOW(syscall(SYS_futex_waitv, wait, 3, 0, &past, 77));
    wait[2].flags = 1;
    SHOW(syscall(SYS_futex_waitv, wait, 3, 0, NULL, 0));
    wait[2].flags = SIZE_32_PRIVATE;
    wait[2].reserved = 1;
    SHOW(syscall(SYS_futex_waitv, wait, 3, 0, NULL, 0));
    wait[2].reserved = 0;
    wait[2].value = 5;
    SHOW(syscall(SYS_futex_waitv, wait, 3, 0, NULL, 0));
    wait[2].value = 0;
    pthread_create(&thread, NULL, wake_second, NULL);
    SHOW(syscall(SYS_futex_waitv, wait, 3, 0, NULL, 0));
    pthread_join(thread, NULL);
}

static volatile int got, got_code, got_value, got_tid;
static void on_signal(int number, siginfo_t *info, void *context)
{
    got_code = info->si_code;
    got_value = info->si_value.sival_int;
    got_tid = (int)syscall(SYS_gettid);
    got++;
}

static void to_threads(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE, .si_value.sival_int = 7};
    int me = (int)syscall(SYS_gettid);
    sigaction(SIGUSR1, &action, NULL);
    SHOW(syscall(SYS_tkill, me, SIGUSR1));
    SHOW(got_code == SI_TKILL && got_tid == me);
    SHOW(syscall(SYS_tkill, me, 65));
    SHOW(syscall(SYS_tkill, -1, SIGUSR1));
    SHOW(syscall(SYS_tkill, 999999, SIGUSR1));
    SHOW(syscall(SYS_tkill, me, 0));
    SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), me, SIGUSR1, &info));
    SHOW(got_code == SI_QUEUE && got_value == 7);
    SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), 999999, SIGUSR1, &info));
    SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), me, SIGUSR1, (void *)8));
    int child = fork();
    if (!child) {
        pause();
        _exit(0);
    }
    info.si_code = 1; /* as only the kernel may say */
    SHOW(syscall(SYS_rt_tgsigqueueinfo, child, child, SIGUSR1, &info));
    kill(child, SIGKILL);
    wait(NULL);
    SHOW(got);
    SHOW(syscall(SYS_restart_syscall));
}

static void descriptors_of_others(void)
{
    int p[2], child_pipe[2];
    char c = 0;
    SHOW(pipe(p));
    SHOW(pipe(child_pipe));
    int child = fork();
    if (!child) {
        close(p[0]);
        close(p[1]);
        write(child_pipe[1], "x", 1);
        pause();
    }
    SHOW(read(child_pipe[0], &c, 1));
    int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    int theirs = (int)syscall(SYS_pidfd_getfd, pidfd, child_pipe[1], 0);
    SHOW(theirs >= 0);
    SHOW(fcntl(theirs, F_GETFD));
    SHOW(write(theirs, "y", 1));
    SHOW(read(child_pipe[0], &c, 1));
    SHOW(c == 'y');
    SHOW(syscall(SYS_pidfd_getfd, pidfd, p[0], 0));
    SHOW(syscall(SYS_pidfd_getfd, pidfd, child_pipe[1], 1));
    SHOW(syscall(SYS_pidfd_getfd, 1, 0, 0));
    SHOW(syscall(SYS_pidfd_getfd, 99, 0, 0));
    kill(child, SIGKILL);
    wait(NULL);
    SHOW(syscall(SYS_pidfd_getfd, pidfd, 0, 0));
}

static void executing(void)
{
    char *arguments[] = {"again", "one", NULL}, *environment[] = {"A=1", NULL};
    int status;
    SHOW(execve("/nothing", arguments, environment));
    SHOW(execve("/tmp", arguments, environment));
    SHOW(execve("/proc/self/status", arguments, environment));
    SHOW(syscall(SYS_execve, (void *)8, arguments, environment));
    SHOW(syscall(SYS_execve, "/proc/self/exe", (void *)8, environment));
    fflush(stdout);
    if (fork() == 0) {
        execve("/proc/self/exe", arguments, environment);
        _exit(1);
    }
    wait(&status);
    SHOW(status);
}

static void vectors(void)
{
    char name[] = "/tmp/vectors-XXXXXX", a[4] = "", b[8] = "";
    struct iovec two[2] = {{a, 3}, {b, 5}}, bad[2] = {{a, 3}, {(void *)8, 5}}, odd = {a, -1};
    int fd = mkstemp(name), p[2];
    unlink(name);
    SHOW(pwrite(fd, "0123456789", 10, 0));
    SHOW(readv(fd, two, 2));
    printf("%s %s\n", a, b);
    SHOW(readv(fd, two, 2));
    SHOW(readv(fd, two, 0));
    SHOW(syscall(SYS_readv, fd, two, -1));
    SHOW(syscall(SYS_readv, fd, two, 1025));
    SHOW(readv(fd, &odd, 1));
    SHOW(preadv(fd, two, 2, 4));
    printf("%s %.3s\n", a, b);
    SHOW(preadv(fd, bad, 2, 0));
    SHOW(preadv(fd, two, 2, -1));
    SHOW(preadv2(fd, two, 2, -1, 0));
    SHOW(preadv2(fd, two, 2, 0, 0x1000));
    SHOW(posix_fadvise(fd, 0, 10, POSIX_FADV_WILLNEED));
    SHOW(syscall(SYS_fadvise64, fd, 0, 10, 99));
    SHOW(readahead(fd, 0, 10));
    SHOW(pipe(p));
    SHOW(syscall(SYS_fadvise64, p[0], 0, 10, 0));
    SHOW(readahead(p[0], 0, 10));
    SHOW(preadv(p[0], two, 2, 0));
    memcpy(a, "abc", 3);
    memcpy(b, "defgh", 5);
    SHOW(vmsplice(p[1], two, 2, 0));
    SHOW(read(p[0], name, 10));
    printf("%.8s\n", name);
    SHOW(vmsplice(p[1], bad, 2, 0));
    SHOW(vmsplice(fd, two, 2, 0));
    SHOW(vmsplice(p[1], two, 2, 0x100));
    close(fd);
}

static void waiting(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct timespec soon = {0, 20000000}, bad = {0, -1};
    int fd = epoll_create1(0), p[2];
    SHOW(pipe(p));
    SHOW(epoll_ctl(fd, EPOLL_CTL_ADD, p[0], &event));
    double begin = now();
    SHOW(syscall(SYS_epoll_pwait2, fd, &event, 1, &soon, NULL, 8));
    SHOW(now() - begin >= 0.02);
    SHOW(syscall(SYS_epoll_pwait2, fd, &event, 1, &bad, NULL, 8));
    SHOW(syscall(SYS_epoll_pwait2, fd, &event, 0, &soon, NULL, 8));
    SHOW(syscall(SYS_epoll_pwait2, fd, &event, 1, (void *)8, NULL, 8));
    SHOW(write(p[1], "x", 1));
    SHOW(syscall(SYS_epoll_pwait2, fd, &event, 1, NULL, NULL, 8));
    SHOW(syscall(SYS_epoll_pwait2, p[0], &event, 1, NULL, NULL, 8));
}

int main(int argc, char **argv, char **environment)
{
    if (!strcmp(argv[0], "again")) {
        printf("%d %s %s\n", argc, argv[1], environment[0]);
        return 3;
    }
    lists();
    robust();
    many();
    to_threads();
    descriptors_of_others();
    executing();
    vectors();
    waiting();
}
