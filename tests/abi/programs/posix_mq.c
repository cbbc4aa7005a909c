/* POSIX message queues: names, attributes, priorities, waiting, poll, notices. */
#include "show.h"
#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[9000];
static mqd_t queue;

static void names(void)
{
    struct mq_attr wrong = {.mq_maxmsg = 0, .mq_msgsize = 10}, huge = {.mq_maxmsg = 70000, .mq_msgsize = 10};
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 20};
    char name[300];
    memset(name, 'a', sizeof name);
    name[0] = '/';
    name[280] = 0;
    mq_unlink("/skiff");
    SHOW(mq_open("/skiff", O_RDWR));
    SHOW(mq_open("/", O_RDWR | O_CREAT, 0600, NULL));
    SHOW(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL));
    SHOW(mq_open("/..", O_RDWR | O_CREAT, 0600, NULL));
    SHOW(mq_open(name, O_RDWR | O_CREAT, 0600, NULL));
    SHOW(syscall(SYS_mq_open, (void *)8, O_RDWR, 0, NULL));
    SHOW(mq_open("/skiff", O_RDWR | O_CREAT, 0600, &wrong));
    SHOW(mq_open("/skiff", O_RDWR | O_CREAT, 0600, &huge));
    SHOW(syscall(SYS_mq_open, "skiff", O_RDWR | O_CREAT, 0600, (void *)8));
    queue = mq_open("/skiff", O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0640, &attr);
    SHOW(queue >= 0);
    SHOW(fcntl(queue, F_GETFD));
    SHOW(fcntl(queue, F_GETFL) & O_NONBLOCK);
    SHOW(mq_open("/skiff", O_RDWR | O_CREAT | O_EXCL, 0640, &attr));
    mqd_t other = mq_open("/skiff", O_RDONLY | O_CREAT, 0640, &wrong);
    SHOW(other >= 0);
    SHOW(mq_send(other, "x", 1, 0));
    SHOW(mq_getattr(other, &attr));
    printf("%ld %ld %ld %ld\n", attr.mq_flags, attr.mq_maxmsg, attr.mq_msgsize, attr.mq_curmsgs);
    SHOW(mq_close(other));
    SHOW(mq_getattr(other, &attr));
    SHOW(mq_getattr(1, &attr));
    mqd_t plain = mq_open("/skiff2", O_WRONLY | O_CREAT, 0600, NULL);
    SHOW(mq_getattr(plain, &attr));
    printf("%ld %ld %ld %ld\n", attr.mq_flags, attr.mq_maxmsg, attr.mq_msgsize, attr.mq_curmsgs);
    SHOW(mq_receive(plain, text, sizeof text, NULL));
    SHOW(mq_unlink("/skiff2"));
    SHOW(mq_unlink("/skiff2"));
    SHOW(mq_send(plain, "still", 5, 0));
    SHOW(mq_close(plain));
}

static void receive(void)
{
    unsigned priority = 99;
    memset(text, 0, sizeof text);
    errno = 0;
    long n = mq_receive(queue, text, sizeof text, &priority);
    printf("mq_receive = %ld %s %u %s\n", n, text, priority, n < 0 ? strerrorname_np(errno) : "");
}

static void order(void)
{
    struct pollfd p = {.fd = queue, .events = POLLIN | POLLOUT};
    struct mq_attr attr = {.mq_flags = O_NONBLOCK};
    receive();
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents);
    SHOW(mq_send(queue, "low", 3, 1));
    SHOW(mq_send(queue, "high", 4, 7));
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents);
    SHOW(mq_send(queue, "low again", 9, 1));
    SHOW(mq_send(queue, "", 0, 32767));
    SHOW(mq_send(queue, "full", 4, 0));
    SHOW(mq_send(queue, "full", 4, 32768));
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents);
    SHOW(mq_getattr(queue, &attr));
    SHOW(attr.mq_curmsgs);
    SHOW(mq_receive(queue, text, 19, NULL));
    for (int i = 0; i < 5; i++)
        receive();
    SHOW(mq_send(queue, text, 21, 0));
    SHOW(syscall(SYS_mq_timedsend, queue, (void *)8, 1, 0, NULL));
    SHOW(mq_send(queue, "lost", 4, 0));
    SHOW(syscall(SYS_mq_timedreceive, queue, (void *)8, 20, NULL, NULL));
    receive();
    attr.mq_flags = 1;
    SHOW(mq_setattr(queue, &attr, NULL));
    attr.mq_flags = 0;
    struct mq_attr old;
    SHOW(mq_setattr(queue, &attr, &old));
    SHOW(old.mq_flags == O_NONBLOCK);
    SHOW(fcntl(queue, F_GETFL) & O_NONBLOCK);
}

static void on_alarm(int number)
{
}

static void waiting(void)
{
    int status;
    struct timespec past = {1, 0}, bad = {1, 1000000000}, soon;
    SHOW(mq_timedreceive(queue, text, sizeof text, NULL, &past));
    SHOW(mq_timedreceive(queue, text, sizeof text, NULL, &bad));
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 30000000;
    if (soon.tv_nsec >= 1000000000)
        soon.tv_sec++, soon.tv_nsec -= 1000000000;
    SHOW(mq_timedreceive(queue, text, sizeof text, NULL, &soon));
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    ualarm(30000, 30000);
    SHOW(mq_receive(queue, text, sizeof text, NULL));
    ualarm(0, 0);
    fflush(stdout);
    if (fork() == 0) {
        receive();
        exit(0);
    }
    usleep(30000);
    int sent = mq_send(queue, "to the child", 12, 3);
    wait(&status);
    SHOW(sent);
    for (int i = 0; i < 4; i++)
        mq_send(queue, "filler", 6, 0);
    SHOW(mq_timedsend(queue, "x", 1, 0, &past));
    if (fork() == 0)
        _exit(mq_send(queue, "when there is room", 18, 0) != 0);
    usleep(30000);
    receive();
    wait(&status);
    SHOW(status);
    for (int i = 0; i < 4; i++)
        receive();
}

static volatile int told, told_code, told_value, told_pid;
static void on_notice(int number, siginfo_t *info, void *context)
{
    told++;
    told_code = info->si_code;
    told_value = info->si_value.sival_int;
    told_pid = info->si_pid;
}

static void notices(void)
{
    struct sigaction action = {.sa_sigaction = on_notice, .sa_flags = SA_SIGINFO};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
    int status;
    sigaction(SIGUSR1, &action, NULL);
    SHOW(mq_notify(queue, &event));
    SHOW(mq_notify(queue, &event));
    fflush(stdout);
    if (fork() == 0) {
        SHOW(mq_notify(queue, &event));
        SHOW(mq_notify(queue, NULL));
        SHOW(mq_send(queue, "a", 1, 0));
        exit(0);
    }
    while (wait(&status) < 0)
        ;
    SHOW(told);
    SHOW(told_code);
    SHOW(told_value);
    SHOW(told_pid > 0);
    SHOW(mq_send(queue, "b", 1, 0));
    SHOW(told);
    SHOW(mq_notify(queue, &event));
    SHOW(mq_send(queue, "c", 1, 0)); /* not empty: no notice */
    SHOW(told);
    SHOW(mq_notify(queue, NULL));
    for (int i = 0; i < 3; i++)
        receive();
    SHOW(mq_send(queue, "d", 1, 0));
    SHOW(told);
    receive();
    event.sigev_notify = SIGEV_NONE;
    SHOW(mq_notify(queue, &event));
    SHOW(mq_notify(queue, &event));
    SHOW(mq_send(queue, "e", 1, 0));
    SHOW(mq_notify(queue, &event));
    SHOW(mq_notify(queue, NULL));
    event.sigev_notify = 77;
    SHOW(mq_notify(queue, &event));
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = 65;
    SHOW(mq_notify(queue, &event));
    SHOW(syscall(SYS_mq_notify, queue, (void *)8));
    SHOW(syscall(SYS_mq_notify, 1, NULL));
    SHOW(told);
}

static void rights(void)
{
    struct rlimit limit = {100000, 819200};
    int status;
    fflush(stdout);
    if (fork() == 0) {
        SHOW(setgroups(0, NULL));
        SHOW(setgid(4242));
        SHOW(setuid(4242));
        SHOW(mq_open("/skiff", O_RDONLY));
        SHOW(mq_unlink("/skiff"));
        SHOW(setrlimit(RLIMIT_MSGQUEUE, &limit));
        struct mq_attr attr = {.mq_maxmsg = 11, .mq_msgsize = 10};
        SHOW(mq_open("/skiff2", O_RDWR | O_CREAT, 0600, &attr));
        attr.mq_maxmsg = 10;
        attr.mq_msgsize = 8192;
        SHOW(mq_open("/skiff2", O_RDWR | O_CREAT, 0600, &attr) >= 0);
        SHOW(mq_open("/skiff3", O_RDWR | O_CREAT, 0600, &attr));
        SHOW(mq_unlink("/skiff2"));
        exit(0);
    }
    wait(&status);
    SHOW(mq_unlink("/skiff"));
    SHOW(mq_close(queue));
}

int main(void)
{
    umask(0);
    names();
    order();
    waiting();
    notices();
    rights();
}
